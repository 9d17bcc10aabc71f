"""``xuejing correct``: a member asks, somebody decides and says why, and what follows is done through events."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import polars as pl
import typer

from reports.issued.register import Issued, Register
from schemas.decode import Arrival, Position, decode_line, epoch_ms
from schemas.errors import InputError
from schemas.settings import Settings
from sinks.audit import Entry
from sinks.client import Store
from sinks.corrections import Correction, correction, corrections, write
from sinks.erasing import left
from sinks.read.generations import active_generation

from . import context as contexts
from .auditing import auditor, operator
from .connect import connected
from .context import Context
from .data import import_tables
from .issuing import Wanted, one_issues, register_version, to_issue
from .printing import FormatOption, OutOption, printed
from .producing import event_producer
from .rebuild import wait_for_workers
from .reissuing import into
from .rejected import withdrawal
from .stack import with_broker

app = typer.Typer(
    no_args_is_help=True,
    help="更正：申请、决定、生效、重新印发 · Corrections: request, decision, effect, reports issued again",
)
NumberArgument = Annotated[str, typer.Argument(help="申请编号 · number of the request")]
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("number", "member_id", "state"), pl.String),
    "asked": pl.Datetime("us", "UTC"),
    "decided": pl.Datetime("us", "UTC"),
    **dict.fromkeys(("request", "reason", "decided_by"), pl.String),
    "events": pl.List(pl.String),
    "reports": pl.List(pl.String),
}
"""Columns of the list of requests."""
WhyOption = Annotated[str, typer.Option("--reason", help="决定的理由 · reason of the decision")]


@app.command("request")
def request(
    ctx: typer.Context,
    member_id: Annotated[str, typer.Argument(help="成员编号 · id of the member")],
    text: Annotated[str, typer.Argument(help="什么有误、应为什么 · what is wrong and what would be right")],
    events: Annotated[
        list[str] | None, typer.Option("--event", help="涉及的事件，可多次 · an event that it is about; repeatable")
    ] = None,
) -> None:
    """记录一项更正申请 · Record a request of a member; prints its number."""
    context = contexts.of(ctx)
    about = tuple(_uuid(e) for e in events or ())
    asked = Correction(secrets.token_hex(4), member_id, text.strip(), operator(), datetime.now(UTC), about)
    if not asked.request:
        raise InputError("a request says what is wrong", where="TEXT")
    with connected(context.settings) as store:
        if not any(left(store, member_id).values()):
            raise InputError(f"nothing is held about {member_id!r}", hint="`xuejing query members` lists who there is")
        write(store, asked)
        _record(context, store, asked, "request")
    typer.echo(asked.correction_id)
    context.say(f"已记录申请 {asked.correction_id}", f"request {asked.correction_id} is recorded")


@app.command("list")
def listing(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="包括已办结的 · also those that are closed")] = False,
    member: Annotated[str, typer.Option("--member", help="只列此成员 · of this member only")] = "",
    format_: FormatOption = None,
    out: OutOption = None,
) -> None:
    """列出待办的申请 · Requests that wait for a decision or for its effect."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        found = [c for c in corrections(store, member) if all_ or c.open]
        zone = ZoneInfo(active_generation(store).timezone)
    rows = [
        {
            "number": c.correction_id, "member_id": c.member_id, "state": c.state, "asked": c.asked_at,
            "decided": c.decided_at, "request": c.request, "reason": c.reason, "decided_by": c.decided_by,
            "events": list(c.event_ids), "reports": list(c.reports),
        }
        for c in found
    ]  # fmt: skip
    printed(context, pl.DataFrame(rows, schema=SCHEMA), zone, format_, out)


@app.command("refuse")
def refuse(ctx: typer.Context, number: NumberArgument, reason: WhyOption) -> None:
    """不予更正，写明理由 · Decide against a request, with the reason."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        asked = _undecided(store, number, reason)
        decided = _decided(store, asked, "refused", reason)
        _record(context, store, decided, "refused")
    context.say(f"申请 {number}：不予更正", f"request {number} is refused")


@app.command("accept")
def accept(
    ctx: typer.Context,
    number: NumberArgument,
    reason: WhyOption,
    withdraw: Annotated[
        list[str] | None, typer.Option("--withdraw", help="撤回的事件，可多次 · an event to take back; repeatable")
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", help="NDJSON：替代（replaces）或补充的事件 · events to send, NDJSON")
    ] = None,
    roster: Annotated[Path | None, typer.Option("--roster", help="更正后的名册 · the corrected roster")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="重新印发的报告 · folder of reports issued again")] = Path(
        "reissued"
    ),
) -> None:
    """予以更正：撤回、替代或更新名册，再重新印发 · Accept a request and do what follows from it.

    Events are taken back or replaced, the roster is imported; when the workers have processed it, every issued report
    whose data are different now is issued again with the reason `correction`. Interrupted, the same command goes on.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        asked = _undecided(store, number, reason)
        lines = _lines(store, asked, withdraw or [], events, reason)
        if not lines and roster is None:
            raise InputError("nothing would be corrected", hint="--withdraw, --events or --roster")
        decided = _decided(store, asked, "accepted", reason, [event_id for event_id, _ in lines])
        if roster is not None:
            import_tables(context, store, roster, frozenset({"organisations", "members"}), "roster")
        _send(context.settings, asked.member_id, [line for _, line in lines], roster is not None)
        issued = reissue(context.settings, store, asked.member_id, out)
        names = tuple(f"{i.series.id}/{i.version}" for i in issued)
        done = replace(decided, state="done", reports=decided.reports + names, version=decided.version + 1)
        write(store, done)
        _record(context, store, done, "accepted")
    context.say(
        f"申请 {number} 已办结：发送 {len(lines)} 个事件，重新印发 {len(issued)} 份报告",
        f"request {number} is done: {len(lines)} events sent, {len(issued)} reports issued again",
    )


def reissue(settings: Settings, store: Store, member_id: str, folder: Path) -> list[Issued]:
    """Issue again, with the reason ``correction``, every report with rows of a member whose data are different now;
    returns the new versions."""
    register, render = Register(store), into(settings, folder)
    found: list[Issued] = []
    with one_issues(settings):
        newest = {i.series.id: i for i, _ in register.containing([member_id]) if not i.erased}
        for last in newest.values():
            options, s = register.snapshot(last).options, last.series
            wanted = Wanted(s.kind, s.subject, s.content, s.period.first, s.period.last, options.get("purpose", ""))
            kept = {k: v for k, v in options.items() if k in ("lang", "formats", "k")}
            made = to_issue(settings, store, wanted, "correction", kept, None)
            assert made.issued is not None
            if made.issued.data_hash != last.data_hash:
                found.append(register_version(store, made, render(made)))
    return found


def _lines(
    store: Store, asked: Correction, taken_back: Sequence[str], events: Path | None, reason: str
) -> list[tuple[str, bytes]]:
    """(event id, line) of everything to send; the same each time the command is repeated."""
    found: list[tuple[str, bytes]] = []
    for text in taken_back:
        rows = store.rows(
            "SELECT any(course_id), count() FROM events WHERE member_id = {m:String} AND event_id = {e:UUID}",
            {"m": asked.member_id, "e": _uuid(text)},
        )
        if not rows or not rows[0][1]:
            raise InputError("no such event in the archive", where=text)
        line = withdrawal(uuid.UUID(text), asked.member_id, str(rows[0][0]), reason, asked.asked_at)
        found.append((_valid(line, asked.member_id), line))
    if events is not None:
        for line in events.read_bytes().splitlines():
            if line.strip():
                found.append((_valid(line, asked.member_id), line))
    return found


def _valid(line: bytes, member_id: str) -> str:
    got = decode_line(line, Position("", "", 0, 0, 0), epoch_ms(datetime.now(UTC)))
    if not isinstance(got, Arrival):
        raise InputError(f"an event would not count: {got.reason}: {got.detail}", where="--events")
    if got.event.member_id != member_id:
        raise InputError("an event is about another member", where="--events")
    return str(got.event.event_id)


def _send(settings: Settings, member_id: str, lines: Sequence[bytes], moved: bool) -> None:
    if not lines and not moved:
        return
    reached = with_broker(settings)
    if lines:
        with event_producer(reached) as producer:
            producer.send(member_id, list(lines))
    for topic in (reached.events_topic, reached.contributions_topic):
        wait_for_workers(reached, topic)


def _undecided(store: Store, number: str, reason: str) -> Correction:
    if not reason.strip():
        raise InputError("a decision needs a reason", hint="--reason TEXT")
    found = correction(store, number)
    if not found.open:
        raise InputError(f"the request is {found.state} already", where=number, hint="xuejing correct list --all")
    return found


def _decided(store: Store, asked: Correction, state: str, reason: str, effects: Sequence[str] = ()) -> Correction:
    decided = replace(
        asked,
        state=state,  # type: ignore[arg-type]
        decided_by=operator(),
        decided_at=datetime.now(UTC),
        reason=reason.strip(),
        effects=tuple(sorted({*asked.effects, *effects})),
        version=asked.version + 1,
    )
    write(store, decided)
    return decided


def _record(context: Context, store: Store, asked: Correction, outcome: str) -> None:
    entry = Entry(
        operator(), "correct", f"correct {asked.correction_id}", "", members=[asked.member_id], outcome=outcome
    )
    auditor(context.settings, store).record(entry)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InputError(f"{text!r} is not a UUID") from None
