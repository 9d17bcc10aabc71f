"""``xuejing replay``: events from the archive to Kafka again, with their first time of receipt."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from schemas.days import LocalDays
from schemas.decode import SKEW_HEADER
from schemas.errors import InputError
from sinks.client import Store
from sinks.read.generations import active_generation

from . import context as contexts
from .connect import connected
from .stack import with_broker
from .worker import event_producer

EVENTS_A_STEP = 20_000


def _page(store: Store, where: dict[str, Any], after: tuple[str, int, str]) -> list[tuple[Any, ...]]:
    sql = """
        SELECT member_id, toUnixTimestamp64Milli(at) AS ms, toString(event_id) AS id, body_hash, skew_ms,
               toUnixTimestamp64Milli(received_at) AS received, base64Encode(raw) AS raw
        FROM events FINAL
        WHERE raw != ''
          AND at >= fromUnixTimestamp64Milli({first:Int64}) AND at < fromUnixTimestamp64Milli({last:Int64})
          AND ({member:String} = '' OR member_id = {member:String})
          AND ({course:String} = '' OR course_id = {course:String})
          AND (member_id, toUnixTimestamp64Milli(at), toString(event_id)) > ({m:String}, {t:Int64}, {i:String})
        ORDER BY member_id, ms, id
        LIMIT {n:UInt32} WITH TIES"""  # ties: other bodies of the last id, which the next page would leave out
    m, t, i = after
    return store.rows(sql, where | {"m": m, "t": t, "i": i, "n": EVENTS_A_STEP})


def replay(
    ctx: typer.Context,
    first: Annotated[str, typer.Option("--from", help="首日 · first local day, YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="末日 · last local day, included")],
    member: Annotated[str, typer.Option(help="只重放该成员 · only this member")] = "",
    course: Annotated[str, typer.Option(help="只重放该课程 · only this course")] = "",
    restart: Annotated[bool, typer.Option("--restart", help="从头开始 · ignore an interrupted run")] = False,
) -> None:
    """从存档重放事件 · Send archived events to Kafka again. Figures do not change: an event counts once.

    Interrupted, the same command goes on where it stopped.
    """
    context = contexts.of(ctx)
    days = contexts.day(first, "--from"), contexts.day(last, "--to")
    if days[1] < days[0]:
        raise InputError(f"the period ends ({last}) before it begins ({first})", where="--from/--to")
    settings = with_broker(context.settings)
    with connected(context.settings) as store, event_producer(settings) as producer:
        span = LocalDays(active_generation(store).timezone).span(*days)
        where = {"first": span[0], "last": span[1], "member": member, "course": course}
        mark = context.settings.folder / "replay.json"
        after, sent = ("", 0, ""), 0
        if not restart:
            after, sent = _resume(mark, where)
        with Progress(console=contexts.messages, transient=True) as bar:
            task = bar.add_task("重放 replay", total=None, completed=sent)
            while page := _page(store, where, after):
                for member_id, ms, event_id, _, skew, received, raw in page:
                    headers = ((SKEW_HEADER, str(skew).encode()),) if skew else ()
                    producer.send(member_id, [base64.b64decode(raw)], received_at_ms=received, headers=headers)
                    after = member_id, ms, event_id
                producer.flush()
                sent += len(page)
                _checkpoint(mark, where, after, sent)
                bar.update(task, completed=sent)
        mark.unlink(missing_ok=True)
    context.say(f"重放了 {sent} 个事件", f"{sent} events replayed")


def _resume(mark: Path, where: dict[str, Any]) -> tuple[tuple[str, int, str], int]:
    try:
        kept = json.loads(mark.read_text("utf-8"))
    except (OSError, ValueError):
        return ("", 0, ""), 0
    if kept["where"] != where:
        return ("", 0, ""), 0
    m, t, i = kept["after"]
    return (m, t, i), kept["sent"]


def _checkpoint(mark: Path, where: dict[str, Any], after: tuple[str, int, str], sent: int) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    temporary = mark.with_suffix(".tmp")
    temporary.write_text(json.dumps({"where": where, "after": after, "sent": sent}), "utf-8")
    temporary.replace(mark)
