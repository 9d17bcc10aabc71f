"""``xuejing schedule``: reports that are made and delivered by themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from reports.schedule.config import MailPlace, RobotPlace, S3Place, Schedule, Secret
from reports.schedule.due import due_times, next_times
from reports.schedule.manifest import Manifest
from reports.schedule.periods import resolve
from reports.schedule.read import read
from schemas.errors import ConfigError, InputError, StoreError, XuejingError
from sinks.clickhouse import ClickHouseSink
from sinks.reference import current_reference

from . import context as contexts
from . import schedule_metrics
from .connect import connected
from .context import Context
from .dying import watch_stdin
from .messages import sentence
from .schedule_checking import Places, missing_folders, unknown
from .schedule_daemon import Daemon
from .schedule_making import making
from .schedule_running import Result, Runner, Status
from .schedule_state import ScheduleBusy, StateFolder

app = typer.Typer(
    no_args_is_help=True,
    help="定时制作与送达报告 · Reports that are made on time and delivered (docs/how-to/schedule.md).",
)

File = Annotated[Path | None, typer.Option("--file", help="日程文件；默认见设置 schedule_file · file of schedules")]
Textfile = Annotated[
    Path | None,
    typer.Option("--textfile", help="写出 Prometheus 指标文件 · metrics for node_exporter's textfile collector"),
]


@app.command("check")
def check(
    ctx: typer.Context,
    file: File = None,
    secrets: Annotated[
        bool, typer.Option("--secrets/--no-secrets", help="也检查密钥是否可读 · also look whether secrets can be read")
    ] = True,
    here: Annotated[
        bool,
        typer.Option(
            "--here/--no-here", help="也检查本机文件夹，并对照名册 · also look for folders here, and in the roster"
        ),
    ] = True,
) -> None:
    """检查日程文件 · Check the file of schedules: every mistake with its line, key and what to do. Exits 1 if any."""
    context = contexts.of(ctx)
    schedule = read(_path(context, file), context.settings.timezone)
    problems = [*schedule.problems, *(_secrets(schedule) if secrets else ())]
    # Jobs with mistakes are left out of what was read: lines are counted only when there are none.
    if here and not schedule.problems:
        problems += _around(context, schedule, _path(context, file))
    for problem in problems:
        _complain(context, problem)
    if not problems and not schedule.jobs:
        context.say("文件中没有任务（[[job]]）", "the file has no [[job]]")
        raise typer.Exit(Status.NOTHING)
    if problems:
        raise typer.Exit(1)
    jobs, places = len(schedule.jobs), len(schedule.destinations)
    context.say(
        f"日程文件无误：任务 {jobs} 个，去处 {places} 个", f"the file is good: {jobs} jobs, {places} destinations"
    )


@app.command("list")
def list_jobs(ctx: typer.Context, file: File = None) -> None:
    """列出任务及最近一次的情况 · The jobs, and how the newest run of each stands."""
    context = contexts.of(ctx)
    schedule, state = _open(context, file)
    zh = context.settings.language == "zh"
    table = Table(*(("任务", "时间", "报告", "时段", "去处", "最近一次", "状态") if zh else
                    ("job", "when", "report", "period", "destinations", "newest run", "state")))  # fmt: skip
    for job in schedule.jobs:
        runs = state.manifests(job.name)
        newest = f"{runs[-1].due.astimezone(job.zone):%Y-%m-%d %H:%M}" if runs else "–"
        period = job.period if isinstance(job.period, str) else f"{job.period.first} – {job.period.last}"
        table.add_row(
            job.name, f"{job.cron} {job.zone}", job.report, period, ", ".join(job.destinations), newest,
            _standing(runs[-1], zh) if runs else "–",
        )  # fmt: skip
    _console(table)


@app.command("next")
def next_runs(
    ctx: typer.Context,
    count: Annotated[int, typer.Option("-n", help="每个任务列出几次 · how many of each job", min=1, max=100)] = 3,
    file: File = None,
) -> None:
    """接下来何时制作哪个时段 · What is due next, and which period it will be about. Missed runs come first."""
    context = contexts.of(ctx)
    schedule, state = _open(context, file)
    now = datetime.now(UTC)
    zh = context.settings.language == "zh"
    table = Table(*(("任务", "时间", "时段", "") if zh else ("job", "due", "period", "")))
    late, comma = ("待补", "，") if zh else ("overdue", ", ")
    same = "同一学期再次：请补写 [[term]]" if zh else "the same term again: add the next [[term]]"
    told: dict[str, str] = {}
    rows = []
    for job in schedule.jobs:
        overdue = due_times(job, now, state.manifests(job.name))
        rows += [(due, job, late) for due in overdue] + [(due, job, "") for due in next_times(job, now, count)]
    for due, job, note in sorted(rows, key=lambda row: (row[0], row[1].name)):
        local = due.astimezone(job.zone)
        try:
            period = resolve(job.period, local.date(), schedule.terms).period
            words = f"{period.first} – {period.last}"
        except XuejingError as error:
            words = sentence(error, context.settings.language)
        if job.period == "last-term" and words == told.get(job.name):
            note = f"{note}{comma}{same}" if note else same
        told[job.name] = words
        table.add_row(job.name, f"{local:%Y-%m-%d %H:%M %Z}", words, note)
    _console(table)


@app.command("run")
def run(
    ctx: typer.Context,
    jobs: Annotated[list[str] | None, typer.Argument(help="任务名；默认全部 · names of jobs, by default all")] = None,
    due: Annotated[
        bool, typer.Option("--due", help="到期的都做，含补做 · everything that is due, missed runs too")
    ] = False,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", help="当作此时到期 · as if due at this local time", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
        ),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="失败的立即重试 · try again at once what has failed")] = False,
    wait: Annotated[float, typer.Option(help="等待另一进程几秒 · seconds to wait for another process", min=0)] = 0.0,
    textfile: Textfile = None,
    file: File = None,
) -> None:
    """制作并送达 · Make and deliver. Repeating it makes and sends nothing twice; a crash resumes.

    [bold]xuejing schedule run --due[/bold] from cron, a systemd timer or a CronJob;
    [bold]run JOB --at 2026-10-01[/bold] makes one run for a time of your choice.

    Exit status: 0 everything done; 3 something failed, something worked; 4 everything failed; 5 there is no job;
    6 another process is at it; 1 and 2 as everywhere. What failed is tried again by the next calls, later and later,
    for retry_days.
    """
    context = contexts.of(ctx)
    if due == (at is not None):
        raise InputError("say what to run", where="--due, --at", hint="--due, or JOB --at 2026-10-01")
    if at is not None and not jobs:
        raise InputError("--at needs the name of a job", where="--at", hint="xuejing schedule list shows them")
    schedule, state = _open(context, file)
    chosen = [schedule.job(name) for name in jobs] if jobs else list(schedule.jobs)
    try:
        with state.lock(wait), making(context) as maker:
            runner = Runner(schedule, state, maker, tell=context.say, pause=_pause)
            if at is None:
                runner.due(chosen, at_once=now)
            else:
                for job in chosen:
                    runner.one(job, at.replace(tzinfo=job.zone).astimezone(UTC), at_once=now)
            if textfile is not None:
                schedule_metrics.write(textfile, schedule, state, datetime.now(UTC))
    except ScheduleBusy as error:
        _complain(context, error)
        raise typer.Exit(Status.BUSY) from None
    _conclude(context, runner.result)
    if runner.result.status:
        raise typer.Exit(runner.result.status)


@app.command("daemon")
def daemon(
    ctx: typer.Context,
    textfile: Textfile = None,
    file: File = None,
    die_with_parent: Annotated[
        bool, typer.Option("--die-with-parent", help="标准输入关闭时停止 · stop when stdin closes")
    ] = False,
) -> None:
    """常驻前台，到时即做 · Stay in the foreground and work when something is due, until SIGTERM.

    /live, /ready and /metrics are answered on metrics_host and metrics_port, when the port is set. An edited file
    counts from the next minute; while it is wrong, the last good one stays in force and /ready fails. `up` keeps
    schedules too.
    """
    context = contexts.of(ctx)
    if die_with_parent:
        threading.Thread(target=watch_stdin, daemon=True).start()
    path = _path(context, file)
    first, state = _open(context, file)

    def work(schedule: Schedule) -> Result:
        with state.lock(), making(context) as maker:
            runner = Runner(
                schedule, state, maker, tell=context.say, pause=keeper.pause, stopping=keeper.stopped.is_set
            )
            result = runner.due(schedule.jobs)
        if textfile is not None:
            schedule_metrics.write(textfile, schedule, state, datetime.now(UTC))
        if result.runs:
            _conclude(context, result)
        return result

    keeper = Daemon(lambda: _good(context, path), state, work, lambda error: _complain(context, error))
    with ExitStack() as exits:
        if port := context.settings.metrics_port:
            exits.callback(keeper.serve(context.settings.metrics_host, port))
        context.say(f"日程已启动：任务 {len(first.jobs)} 个", f"schedules are kept: {len(first.jobs)} jobs")
        keeper.run()
    context.say("日程已停止", "schedules are no longer kept")


def _around(context: Context, schedule: Schedule, path: Path) -> Iterator[ConfigError]:
    """What the file names and is not there. Without a roster that is said, and is no mistake."""
    places = Places(path)
    yield from missing_folders(schedule, places)
    try:
        with connected(context.settings) as store:
            found = current_reference(ClickHouseSink(store))
    except StoreError as error:
        _complain(context, error)
        found = None
    if found is None or not found.organisations:
        context.say("没有名册可对照：未检查组织与成员", "there is no roster: organisations and members are not checked")
        return
    yield from unknown(schedule, places, {o.org_id for o in found.organisations}, {m.member_id for m in found.members})


def _path(context: Context, file: Path | None) -> Path:
    return file or Path(context.settings.schedule_file).expanduser()


def _good(context: Context, path: Path) -> Schedule:
    """The schedule of the file. Raises ConfigError for the first mistake in it."""
    schedule = read(path, context.settings.timezone)
    if schedule.problems:
        raise schedule.problems[0]
    return schedule


def _open(context: Context, file: Path | None) -> tuple[Schedule, StateFolder]:
    path = _path(context, file)
    schedule = read(path, context.settings.timezone)
    for problem in schedule.problems:
        _complain(context, problem)
    if schedule.problems:
        raise typer.Exit(1)
    if not schedule.jobs:
        context.say(f"{path} 中没有任务（[[job]]）", f"{path} has no [[job]]")
        raise typer.Exit(Status.NOTHING)
    return schedule, StateFolder(schedule.state or context.settings.folder / "schedule")


def _secrets(schedule: Schedule) -> Iterator[ConfigError]:
    for place in schedule.destinations.values():
        found: Sequence[Secret | None] = ()
        if isinstance(place, S3Place):
            found = (place.access_key, place.secret_key)
        elif isinstance(place, MailPlace):
            found = (place.password,)
        elif isinstance(place, RobotPlace):
            found = (place.webhook, place.sign)
        for secret in found:
            try:
                if secret is not None:
                    secret.read(f"destination.{place.name}")
            except ConfigError as error:
                yield error


def _pause(seconds: float) -> bool:
    time.sleep(seconds)
    return not contexts.asked_to_stop()


def _conclude(context: Context, result: Result) -> None:
    for where, error in result.troubles:
        contexts.messages.print(
            f"{where}: {sentence(error, context.settings.language)}", style="red", markup=False, soft_wrap=True
        )
    if not result.runs and not result.failed:
        context.say("没有到期的任务", "nothing is due")
        return
    kept, kept_en = (f"，按名单范围未送 {n} 项", f", {n} withheld") if (n := result.withheld) else ("", "")
    context.say(
        f"运行 {result.runs} 次：新制作 {result.made} 次（文件 {result.files} 个），送达 {result.delivered} 项，"
        f"失败 {result.failed} 项{kept}",
        f"{result.runs} runs: {result.made} made ({result.files} files), {result.delivered} deliveries, "
        f"{result.failed} failures{kept_en}",
    )


def _complain(context: Context, error: XuejingError) -> None:
    contexts.messages.print(sentence(error, context.settings.language), style="red", markup=False, soft_wrap=True)


def _standing(manifest: Manifest, zh: bool) -> str:
    """In a few words."""
    if manifest.broken:
        return "制作失败" if zh else "not made"
    if manifest.failed:
        return f"{len(manifest.failed)} 项未送达" if zh else f"{len(manifest.failed)} not delivered"
    words = {"planned": ("待制作", "planned"), "made": ("待送达", "made"), "done": ("完成", "done")}
    return words[manifest.state][0 if zh else 1]


def _console(table: Table) -> None:
    console = Console()
    if not console.is_terminal:
        # A file or pipe has no width, though rich takes 80 for it and would fold what is wider.
        console.width = max(80, Measurement.get(console, console.options.update(max_width=10_000), table).maximum)
    console.print(table)
