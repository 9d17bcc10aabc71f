"""``xuejing rejected`` and ``xuejing withdraw``: what did not count, and what no longer shall."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from producers.kafka_client import EventProducer
from schemas.decode import REASONS, SKEW_HEADER
from schemas.errors import InputError
from schemas.tables import REJECTED
from sinks.clickhouse import ClickHouseSink

from . import context as contexts
from .auditing import looked
from .connect import connected
from .producing import event_producer
from .stack import with_broker

app = typer.Typer(no_args_is_help=True, help="查看、重试或丢弃被拒记录 · Rejected lines: look, retry, discard")

NAMESPACE = uuid.UUID("5a7e1f0c-5f0e-5a43-9d7e-6b1f6a3f2c11")

ReasonOption = Annotated[str, typer.Option(help="原因 · reason, e.g. unknown_member")]


def retry(producer: EventProducer, sink: ClickHouseSink, rows: list[dict[str, Any]]) -> int:
    """Send rejected lines again as they were received first (time and clock error); mark them once acknowledged.

    Interrupted in between, they are sent again: the same event twice is a duplicate, not a second event.
    """
    for row in rows:
        received = round(row["received_at"].timestamp() * 1000)
        headers = ((SKEW_HEADER, str(row["skew_ms"]).encode()),) if row["skew_ms"] else ()
        producer.send(row["member_id"], [row["raw"]], received_at_ms=received, headers=headers)
    producer.flush()
    decide(sink, rows, "retried")
    return len(rows)


def decide(sink: ClickHouseSink, rows: list[dict[str, Any]], status: str) -> None:
    """Record what was decided about rejected lines."""
    if rows:
        sink.insert(REJECTED, REJECTED.rows([r | {"status": status, "version": r["version"] + 1} for r in rows]))


def _pages(sink: ClickHouseSink, reason: str) -> Iterator[list[dict[str, Any]]]:
    if reason and reason not in REASONS:
        raise InputError(f"there is no reason {reason!r}", hint=f"there are {', '.join(REASONS)}")
    return sink.rejected(reason)


@app.command("list")
def listing(ctx: typer.Context) -> None:
    """按原因汇总 · How many lines wait, by reason, and whether a retry can help."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found = store.rows(
            "SELECT reason, count(), min(received_at), max(received_at), any(detail) FROM rejected_events FINAL "
            "WHERE status = 'open' GROUP BY reason ORDER BY count() DESC, reason"
        )
    zh = context.settings.language == "zh"
    table = Table(*(("原因", "行数", "最早", "最晚", "可重试", "例") if zh else
                    ("reason", "lines", "first", "last", "retry helps", "example")))  # fmt: skip
    table.columns[0].no_wrap = True  # the reason is what --reason wants: never cut
    for reason, count, first, last, detail in found:
        texts = REASONS.get(reason, (reason, reason, False))
        helps = ("是" if zh else "yes") if texts[2] else ("否" if zh else "no")
        table.add_row(
            f"{reason}\n{texts[0 if zh else 1]}", str(count), f"{first:%F %T}", f"{last:%F %T}", helps, detail
        )
    contexts.messages.print(table)


@app.command("show")
def show(
    ctx: typer.Context,
    reason: ReasonOption = "",
    limit: Annotated[int, typer.Option(help="最多显示几条 · most to show")] = 20,
) -> None:
    """逐行显示 · The lines themselves, as NDJSON, with reason, detail and position."""
    settings = contexts.of(ctx).settings
    with connected(settings) as store:
        rows = list(islice(chain.from_iterable(_pages(ClickHouseSink(store, patience=10), reason)), limit))
        looked(settings, store, "rejected show", {r["member_id"] for r in rows} - {""}, len(rows))
        for row in rows:
            shown = row | {"raw": row["raw"].decode("utf-8", "backslashreplace")}
            typer.echo(msgspec.json.encode(shown).decode())


@app.command("retry")
def retry_command(ctx: typer.Context, reason: ReasonOption = "") -> None:
    """重新发送 · Send lines again, after an import of the roster, an update of the program, or a repair."""
    context = contexts.of(ctx)
    settings = with_broker(context.settings)
    with connected(context.settings) as store, event_producer(settings) as producer:
        sink = ClickHouseSink(store, patience=30)
        done = 0
        for page in _pages(sink, reason):
            done += retry(producer, sink, [r for r in page if REASONS.get(r["reason"], ("", "", False))[2]])
    context.say(f"重新发送了 {done} 行", f"{done} lines sent again")


@app.command("discard")
def discard(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option(help="原因 · reason; required, so that nothing is lost by accident")],
) -> None:
    """标记为不再处理 · Decide that lines stay rejected. They are kept, and no longer listed."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        sink = ClickHouseSink(store, patience=30)
        done = 0
        for page in _pages(sink, reason):
            decide(sink, page, "discarded")
            done += len(page)
    context.say(f"丢弃了 {done} 行", f"{done} lines discarded")


def withdrawal(event_id: uuid.UUID, member_id: str, course_id: str, reason: str, now: datetime) -> bytes:
    """The event that takes an event back; the same call gives the same id."""
    return msgspec.json.encode(
        {
            "event_id": str(uuid.uuid5(NAMESPACE, f"withdraw:{member_id}:{event_id}")),
            "event_type": "withdraw",
            "member_id": member_id,
            "course_id": course_id,
            "occurred_at": now.isoformat(timespec="milliseconds"),
            "target_event_id": str(event_id),
            "reason": reason,
            "source": "xuejing-cli",
        }
    )


def withdraw(
    ctx: typer.Context,
    event_id: Annotated[str, typer.Argument(help="要撤回的事件 · the event to take back")],
    reason: Annotated[str, typer.Option(help="理由 · why; kept with the event")],
    member: Annotated[
        str, typer.Option(help="成员，事件尚未到达时需要 · needed if the event has not arrived yet")
    ] = "",
) -> None:
    """撤回一个事件 · Take an event back: it is gone from every figure. Itself an event, kept in the archive."""
    context = contexts.of(ctx)
    try:
        target = uuid.UUID(event_id)
    except ValueError:
        raise InputError(f"{event_id!r} is not a UUID") from None
    if not reason.strip():
        raise InputError("a withdrawal needs a reason", hint="--reason TEXT")
    settings = with_broker(context.settings)
    with connected(context.settings) as store:
        found = store.rows(
            "SELECT DISTINCT member_id, any(course_id) FROM events WHERE event_id = {id:UUID} "
            "AND ({m:String} = '' OR member_id = {m:String}) GROUP BY member_id",
            {"id": str(target), "m": member},
        )
    if not found and not member:
        raise InputError("no such event in the archive", where=event_id, hint="if it is still to come, add --member")
    if len(found) > 1:
        raise InputError("several members have an event of this id", where=event_id, hint="add --member")
    member_id, course_id = found[0] if found else (member, "-")
    with event_producer(settings) as producer:
        producer.send(member_id, [withdrawal(target, member_id, course_id, reason, datetime.now(UTC))])
    context.say(f"已撤回 {target}", f"withdrawn: {target}")
