"""Commands that run things: up, worker, engine, migrate."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from typing import Annotated

import typer

from schemas.errors import XuejingError
from sinks.client import Store
from sinks.embedded.process import EngineProcess

from . import context as contexts
from . import logs
from .collecting import can_collect, collector_of, course_page_of, first_key
from .connect import announce, connected, endpoint, retract, store_folder
from .dashboard import link_of
from .dying import watch_stdin
from .stack import collector_process, dashboard_process, prepare, stack
from .worker import run_worker, topics


class CollectorStopped(XuejingError):
    """The collector ended although it was not asked to."""


def up(
    ctx: typer.Context,
    seconds: Annotated[float | None, typer.Option(help="运行多久，默认直到 Ctrl-C · how long to run")] = None,
    collector: Annotated[
        bool, typer.Option("--collector/--no-collector", help="接收客户端事件 · take events over HTTP")
    ] = True,
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="启动实时看板 · start the dashboard too")
    ] = True,
) -> None:
    """在本机启动引擎、消息服务、流处理、采集与看板 · Start engine, broker, worker, collector, dashboard; until Ctrl-C.

    Data stays in the folder given by --data. Other commands (`emit`, `import`, `query`, `report`) find what runs
    here by the same --data.
    """
    context = contexts.of(ctx)
    context.settings.folder.mkdir(parents=True, exist_ok=True)
    if collector and not can_collect():
        collector = False
        context.say(
            "未安装采集所需的包：pip install 'xuejing[web]'",
            "no collector, because its packages are not installed: pip install 'xuejing[web]'",
        )
    with stack(context.settings) as running:
        context.say(
            f"已启动。事件：{running.settings.kafka_bootstrap} 主题 {running.settings.events_topic}；"
            f"存储：{running.settings.clickhouse_url}（密码在 {store_folder(context.settings) / 'engine.json'}）。"
            "按 Ctrl-C 停止",
            f"running. events: {running.settings.kafka_bootstrap} topic {running.settings.events_topic}; "
            f"store: {running.settings.clickhouse_url} (password in {store_folder(context.settings) / 'engine.json'}). "
            "Ctrl-C stops",
        )
        end = time.monotonic() + seconds if seconds is not None else float("inf")
        key = first_key(context.settings) if collector else None
        with (
            collector_process(running.settings) if collector else nullcontext() as door,
            dashboard_process(running.settings) if dashboard else nullcontext() as screen,
        ):
            told = False
            try:
                while time.monotonic() < end:
                    running.check()
                    if door and door.poll() is not None:
                        raise CollectorStopped(
                            f"the collector ended with status {door.returncode}",
                            where=str(context.settings.folder / "collector.log"),
                        )
                    if door and not told and (url := collector_of(context.settings, door.pid)):
                        told = True
                        context.say(f"采集：{url}/v1/events", f"collector: {url}/v1/events")
                        if page := course_page_of(context.settings, door.pid):
                            context.say(f"示例课程页：{page}", f"demo course page: {page}")
                        if key:
                            context.say(f"本机应用密钥（local）：{key}", f"app key for this machine (local): {key}")
                    if screen and (link := link_of(context.settings.folder, screen.pid)):
                        context.say(f"看板（链接只能用一次）：{link}", f"dashboard (the link works once): {link}")
                        screen = None
                    time.sleep(0.5)
            except KeyboardInterrupt:
                pass
        context.say("正在处理剩余事件…", "processing what is left…")
        # The embedded broker keeps events in memory only: they must be archived before it ends.
        running.wait_until_processed()


def worker(
    ctx: typer.Context,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="短超时 · short timeouts, for the embedded broker")
    ] = False,
    die_with_parent: Annotated[
        bool, typer.Option("--die-with-parent", help="标准输入关闭时停止 · stop when stdin closes")
    ] = False,
) -> None:
    """流处理进程（运维） · The stream processor: Kafka to ClickHouse. Start as many as there are partitions.

    Stops in good order on SIGTERM. Exits non-zero when it cannot go on without losing something: start it again
    (systemd, compose and Kubernetes do).
    """
    settings = contexts.of(ctx).settings
    logs.configure(settings)
    if die_with_parent:
        threading.Thread(target=watch_stdin, daemon=True).start()
    with connected(settings) as store:
        prepare(settings, store)
        topics(settings)
        code = run_worker(settings, store, embedded=embedded)
    raise typer.Exit(code)


def engine(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(help="端口，0 为自动 · 0 lets the system choose")] = 0,
) -> None:
    """嵌入式引擎（运维） · Serve the embedded engine of --data on loopback, until Ctrl-C."""
    context = contexts.of(ctx)
    folder = store_folder(context.settings)
    process = EngineProcess(folder, port=port)
    process.start()
    try:
        announce(folder, process)
        context.say(
            f"引擎：{process.url}，用户 {process.user}，密码在 {folder / 'engine.json'}",
            f"engine: {process.url}, user {process.user}, password in {folder / 'engine.json'}",
        )
        while process.pid is not None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    finally:
        retract(folder)
        process.stop()


def migrate(ctx: typer.Context) -> None:
    """更新存储结构（运维） · Apply pending migrations; applying twice is a no-op."""
    context = contexts.of(ctx)
    settings = context.settings
    if settings.embedded_store:
        store_folder(settings).mkdir(parents=True, exist_ok=True)
        with connected(settings) as store:
            done = prepare(settings, store)
    else:
        store = Store(endpoint(settings))
        done = prepare(settings, store)
        store.close()
    for m in done:
        context.say(f"已应用 {m.number:04d} {m.name}", f"applied {m.number:04d} {m.name}")
    if not done:
        context.say("结构已是最新", "nothing to apply")
