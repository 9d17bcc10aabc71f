"""``xuejing reconcile``: recompute figures from the archive by other code, and list every difference."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import polars as pl
import typer
from rich.progress import track

from schemas.days import day_date
from schemas.errors import XuejingError
from schemas.reference import Roster
from schemas.tables import BRANCH_DAY, EVENTS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.erasing import erasures
from sinks.read.generations import active_generation, written_generations
from sinks.reconcile import Difference, compare, member_days
from sinks.reconcile.recompute import EVENT_COLUMNS, FIGURES, KEY
from sinks.reference import current_reference

from . import context as contexts
from .connect import connected
from .reconciling_families import family_differences
from .worker import generation as as_generation

MEMBERS_A_STEP = 500
FIRST_DAY = -(2**31)
BRANCH_KEY = ["org_id", "day", "course_id"]
SUMMED = [f for f in FIGURES if f != "overlap_ms"]


class Differences(XuejingError):
    """Stored figures are not those that the archive gives."""


@dataclass(slots=True)
class Report:
    """What was compared, and what differs."""

    members: int = 0
    member_rows: int = 0
    branch_rows: int = 0
    lines: int = 0
    differences: list[Difference] = field(default_factory=list)


def _frame(store: Store, sql: str, parameters: dict[str, Any]) -> pl.DataFrame:
    frame = pl.from_arrow(store.arrow(sql, parameters))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _events(store: Store, members: Sequence[str]) -> pl.DataFrame:
    columns = ", ".join("toUnixTimestamp64Milli(at) AS at" if c == "at" else f"`{c}`" for c in EVENT_COLUMNS)
    return _frame(
        store, f"SELECT {columns} FROM {EVENTS.name} WHERE member_id IN {{members:Array(String)}}", {"members": members}
    )


def _member_rows(store: Store, generation: int, members: Sequence[str]) -> pl.DataFrame:
    figures = ", ".join(f"toInt64({f}) AS {f}" for f in FIGURES)
    return _frame(
        store,
        f"""SELECT member_id, toDate32(day) AS day, course_id, {figures} FROM member_day FINAL
            WHERE generation = {{g:UInt16}} AND member_id IN {{members:Array(String)}}""",
        {"g": generation, "members": members},
    )


def _branch_rows(store: Store, generation: int) -> pl.DataFrame:
    figures = ", ".join(f"toInt64({f}) AS {f}" for f in ("members", "active_members", *SUMMED))
    return _frame(
        store,
        f"""SELECT org_id, toDate32(day) AS day, course_id, {figures} FROM {BRANCH_DAY.name} FINAL
            WHERE generation = {{g:UInt16}}""",
        {"g": generation},
    )


def roll_up(days: pl.DataFrame, roster: Roster) -> pl.DataFrame:
    """Branch days from member days and the dated roster."""
    with_org = days.with_columns(
        org_id=pl.struct("member_id", "day").map_elements(
            lambda r: roster.org_of(r["member_id"], r["day"]) or "", return_dtype=pl.String
        )
    ).filter(pl.col("org_id") != "")
    rolled = with_org.group_by(BRANCH_KEY).agg(
        *[pl.col(f).sum() for f in SUMMED],
        active_members=((pl.col("events") > 0) | (pl.col("study_ms") > 0)).sum().cast(pl.Int64),
    )
    return rolled.with_columns(
        members=pl.struct("org_id", "day").map_elements(
            lambda r: len(roster.members_of(r["org_id"], r["day"])), return_dtype=pl.Int64
        )
    )


def _chosen(store: Store, sample: int | None, seed: int) -> list[str]:
    members = [str(r[0]) for r in store.rows("SELECT DISTINCT member_id FROM events ORDER BY member_id")]
    if sample is not None and sample < len(members):
        members = sorted(random.Random(seed).sample(members, sample))  # noqa: S311
    return members


def first_open(store: Store, number: int) -> date:
    """First local day whose raw events are all kept; date.min when none was dropped."""
    (found,) = (as_generation(g) for g in written_generations(store) if g.number == number)
    return day_date(found.first_open) if found.first_open > FIRST_DAY else date.min


def run(
    store: Store, *, day: date | None = None, sample: int | None = None, seed: int = 0, quiet: bool = True
) -> Report:
    """Compare member days (all members or a sample), branch days (when all members are compared) and the ledger."""
    generation = active_generation(store)
    first = first_open(store, generation.number)
    report = Report()
    members = _chosen(store, sample, seed)
    steps = range(0, len(members), MEMBERS_A_STEP)
    all_days = []
    for i in track(steps, "reconcile", console=contexts.messages, transient=True, disable=quiet):
        chunk = members[i : i + MEMBERS_A_STEP]
        recomputed = member_days(_events(store, chunk), generation.timezone)
        stored = _member_rows(store, generation.number, chunk)
        recomputed, stored = (f.filter(pl.col("day") >= first) for f in (recomputed, stored))
        if day is not None:
            recomputed, stored = recomputed.filter(pl.col("day") == day), stored.filter(pl.col("day") == day)
        report.members += len(chunk)
        report.member_rows += recomputed.height
        report.differences += compare("member_day", recomputed, stored, KEY, FIGURES)
        all_days.append(recomputed)
        report.differences += family_differences(store, generation, chunk, first, day)
    if sample is None and all_days:
        report.branch_rows, found = _branches(store, generation.number, pl.concat(all_days), day, first)
        report.differences += found
        if first == date.min:
            # What has expired can't be counted any more.
            report.differences += _ledger(store, report)
    return report


def _branches(
    store: Store, generation: int, days: pl.DataFrame, day: date | None, first: date
) -> tuple[int, list[Difference]]:
    reference = current_reference(ClickHouseSink(store, patience=30))
    expected = roll_up(days, Roster(reference.organisations, reference.members))
    stored = _branch_rows(store, generation).filter(pl.col("day") >= first)
    if day is not None:
        stored = stored.filter(pl.col("day") == day)
    # Rows that stand at zero carry the number of members only: there is nothing to roll up behind them.
    stored = stored.filter(pl.any_horizontal(pl.col(f) != 0 for f in ("active_members", *SUMMED)))
    expected = expected.filter(pl.any_horizontal(pl.col(f) != 0 for f in ("active_members", *SUMMED)))
    found = compare("branch_day", expected, stored, BRANCH_KEY, ["members", "active_members", *SUMMED])
    return expected.height, list(found)


def _ledger(store: Store, report: Report) -> Iterator[Difference]:
    ((lines, valid, rejected, forwarded),) = store.rows(
        "SELECT sum(lines), sum(valid), sum(rejected), sum(forwarded) FROM ledger FINAL"
    )
    report.lines = int(lines)
    ((archived,),) = store.rows("SELECT uniqExact(member_id, event_id) FROM events")
    ((repeated,),) = store.rows("SELECT count() FROM duplicates FINAL")
    ((bodies,),) = store.rows("SELECT uniqExact(member_id, event_id, body_hash, skew_ms) FROM events")
    # The ledger has counted lines of members who were erased since.
    erased = sum(e.plan.lines for e in erasures(store))
    yield from _unequal("ledger", "lines", int(valid + rejected + forwarded), int(lines))
    # Every valid line is the first of its body, or a repetition of one.
    yield from _unequal("ledger", "valid", int(bodies + repeated) + erased, int(valid))
    if archived > bodies:
        yield Difference("events", (), "events", int(bodies), int(archived))


def _unequal(table: str, figure: str, recomputed: int, stored: int) -> Iterator[Difference]:
    if recomputed != stored:
        yield Difference(table, (), figure, recomputed, stored)


def reconcile(
    ctx: typer.Context,
    day: Annotated[str | None, typer.Option(help="只比对这一天 · only this local day, YYYY-MM-DD")] = None,
    sample: Annotated[int | None, typer.Option(help="随机抽取的成员数 · compare this many members", min=1)] = None,
    seed: Annotated[int, typer.Option(help="抽样种子 · seed of the sample")] = 0,
) -> None:
    """用另一套代码从存档重算并比对 · Recompute figures from the archive by other code, and compare.

    Lists every difference and exits 1 if there is any. Run it when the stream has caught up (`xuejing doctor`).
    """
    context = contexts.of(ctx)
    chosen = contexts.day(day, "--day") if day else None
    with connected(context.settings) as store:
        report = run(store, day=chosen, sample=sample, seed=seed, quiet=False)
    for d in report.differences:
        typer.echo(f"{d.table} {' '.join(d.key)} {d.figure}: recomputed {d.recomputed}, stored {d.stored}")
    context.say(
        f"比对了 {report.members} 名成员的 {report.member_rows} 行、{report.branch_rows} 个支部日、"
        f"{report.lines} 行台账；差异 {len(report.differences)} 处",
        f"compared {report.member_rows} rows of {report.members} members, {report.branch_rows} branch days, "
        f"{report.lines} ledger lines; {len(report.differences)} differences",
    )
    if report.differences:
        raise Differences(f"{len(report.differences)} differences", hint="see docs/operations.md, reconcile")
