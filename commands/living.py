"""What runs beside the stack – collector, dashboard, schedules – and the one place where all addresses are told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from schemas.errors import XuejingError

from .collecting import collector_of, course_page_of, first_key
from .connect import store_folder
from .context import Context
from .dashboard import link_of
from .stack import Stack, collector_process, dashboard_process, schedule_process

Process = subprocess.Popen[bytes]


class CollectorStopped(XuejingError):
    """The collector ended although it was not asked to."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is started."""

    collector: bool = True
    dashboard: bool = True
    schedules: bool = True


@dataclass
class Living:
    """Whatever was started; ``look`` is called every so often.

    ``link`` of the dashboard, address of the ``collector``: '' until they are there. ``key``: of an app, where it was
    made just now.
    """

    context: Context
    running: Stack
    parts: Parts
    _exits: ExitStack
    link: str = ""
    collector: str = ""
    _door: Process | None = None
    _screen: Process | None = None
    _clock: Process | None = None
    key: str = ""
    _read: int = 0
    _told: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start the parts that stay for as long as the block does."""
        settings = self.running.settings
        if self.parts.collector:
            self.key = first_key(self.context.settings) or ""
            self._door = self._exits.enter_context(collector_process(settings))
        if self.parts.dashboard:
            self._screen = self._exits.enter_context(dashboard_process(settings))
        self._keep_schedules()

    def look(self) -> None:
        """See whether all is well, and tell the addresses once they are known. Raises CollectorStopped, and
        WorkerStopped as the stack does."""
        self.running.check()
        folder = self.context.settings.folder
        if self._door and self._door.poll() is not None:
            raise CollectorStopped(
                f"the collector ended with status {self._door.returncode}", where=str(folder / "collector.log")
            )
        self._keep_schedules()
        if self._told:
            return
        if self._door and not self.collector:
            self.collector = collector_of(self.context.settings, self._door.pid) or ""
        if self._screen and not self.link:
            self.link = link_of(folder, self._screen.pid)
        if self._waiting(self._door, self.collector) or self._waiting(self._screen, self.link):
            return
        self._told = True
        self._tell()

    @property
    def told(self) -> bool:
        """Whether the addresses were told."""
        return self._told

    @staticmethod
    def _waiting(process: Process | None, found: str) -> bool:
        return process is not None and not found and process.poll() is None

    @property
    def schedule_file(self) -> Path:
        """The file of schedules."""
        return Path(self.context.settings.schedule_file).expanduser()

    def _keep_schedules(self) -> None:
        """Start the schedules when there is a file of them; after a mistake in it, once it was edited."""
        if not self.parts.schedules:
            return
        if self._clock is not None:
            if self._clock.poll() is None:
                return
            log = self.context.settings.folder / "schedule.log"
            self._clock = None
            self.context.say(
                f"定时任务未运行，见 {log}；改好 {self.schedule_file} 后自动重新启动",
                f"no schedules are kept, see {log}; they start again when {self.schedule_file} was edited",
            )
        try:
            changed = self.schedule_file.stat().st_mtime_ns
        except OSError:
            return
        if changed == self._read:
            return
        self._read = changed
        # The worker has the port of metrics.
        settings = replace(self.running.settings, metrics_port=0)
        self._clock = self._exits.enter_context(schedule_process(settings))

    def _tell(self) -> None:
        context, running = self.context, self.running.settings
        context.say("已启动，按 Ctrl-C 停止。", "running; Ctrl-C stops.")
        if self._screen:
            log = context.settings.folder / "dashboard.log"
            missing, missing_en = f"未启动，见 {log}", f"did not start, see {log}"
            once, once_en = f"{self.link}（链接只能用一次）", f"{self.link} (the link works once)"
            context.say(
                f"  看板    {once if self.link else missing}", f"  dashboard  {once_en if self.link else missing_en}"
            )
        if self._door:
            context.say(f"  采集    {self.collector}/v1/events", f"  collector  {self.collector}/v1/events")
            if page := course_page_of(context.settings, self._door.pid):
                context.say(f"  课程页  {page}（示例）", f"  course     {page} (a demo page)")
            if self.key:
                context.say(f"  密钥    {self.key}（本机应用 local）", f"  app key    {self.key} (local, this machine)")
        if self.parts.schedules:
            file = self.schedule_file
            none, none_en = f"没有 {file}，出现后自动启动", f"no {file} yet; they start when there is one"
            kept, kept_en = f"按 {file} 制作与送达", f"made and delivered by {file}"
            context.say(
                f"  定时    {kept if self._clock else none}", f"  schedules  {kept_en if self._clock else none_en}"
            )
        context.say(
            f"  事件    {running.kafka_bootstrap} 主题 {running.events_topic}",
            f"  events     {running.kafka_bootstrap} topic {running.events_topic}",
        )
        note = store_folder(context.settings) / "engine.json"
        context.say(
            f"  存储    {running.clickhouse_url}（密码在 {note}）",
            f"  store      {running.clickhouse_url} (password in {note})",
        )
        context.say(f"  数据    {context.settings.folder}", f"  data       {context.settings.folder}")


@contextmanager
def living(context: Context, running: Stack, parts: Parts) -> Iterator[Living]:
    """The parts for the time of the block. They stop in the opposite order of their start."""
    with ExitStack() as exits:
        found = Living(context, running, parts, exits)
        found.start()
        yield found
