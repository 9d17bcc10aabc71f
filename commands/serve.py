"""Commands that run things: up, worker, engine, migrate."""

from __future__ import annotations

import threading
import time
from typing import Annotated

import typer

from sinks.client import Store
from sinks.embedded.process import EngineProcess

from . import context as contexts
from . import logs
from .collecting import can_collect
from .connect import announce, connected, endpoint, retract, store_folder
from .dying import watch_stdin
from .living import Parts, living
from .stack import prepare, stack
from .worker import run_worker, topics


def up(
    ctx: typer.Context,
    seconds: Annotated[float | None, typer.Option(help="运行多久，默认直到 Ctrl-C · how long to run")] = None,
    collector: Annotated[
        bool, typer.Option("--collector/--no-collector", help="接收客户端事件 · take events over HTTP")
    ] = True,
    dashboard: Annotated[
        bool, typer.Option("--dashboard/--no-dashboard", help="启动实时看板 · start the dashboard too")
    ] = True,
    schedules: Annotated[
        bool,
        typer.Option("--schedules/--no-schedules", help="按日程制作与送达报告 · keep schedules (up_schedules)"),
    ] = True,
) -> None:
    """在本机启动全部，含采集、看板、定时 · Start engine, broker, worker, collector, dashboard and schedules.

    Runs until Ctrl-C and prints all addresses once everything answers. Data stays in the folder given by --data. Other
    commands (`emit`, `import`, `query`, `report`) find what runs here by the same --data.
    """
    context = contexts.of(ctx)
    context.settings.folder.mkdir(parents=True, exist_ok=True)
    if collector and not can_collect():
        collector = False
        context.say(
            "未安装采集所需的包：pip install 'xuejing[web]'",
            "no collector, because its packages are not installed: pip install 'xuejing[web]'",
        )
    parts = Parts(collector, dashboard, schedules and context.settings.up_schedules == "on")
    with stack(context.settings) as running:
        end = time.monotonic() + seconds if seconds is not None else float("inf")
        with living(context, running, parts) as beside:
            try:
                while time.monotonic() < end:
                    beside.look()
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
