"""Attendance and credit hours on the real engine: queries, rebuild, reconcile and retention against other code."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from commands.rebuild import carry_over, fill
from commands.reconcile import run as reconcile
from commands.retention import drop
from reports.analytics.computed import COMPUTED
from reports.analytics.of_credit import balance_row
from reports.credit import member_credit
from reports.load import load as load_reports
from reports.meetings import rhythm
from schemas.credit import CreditPolicy, load
from schemas.days import LocalDays
from schemas.errors import XuejingError
from schemas.reference import Exemption, Member, Organisation, QuotaRow, ReferenceTables
from schemas.tables import TABLES
from sinks.client import Store
from sinks.read import Filters, Reader, Scope
from sinks.read.generations import GenerationInfo, active_generation, set_state
from streams.rules import Generation
from tests.support.compare import family_differences
from tests.support.engine import rows
from tests.support.harness import Harness, event, uid
from tests.support.loaded import load as put
from tests.support.oracle import Result, compute

ZONE = "Asia/Shanghai"
FIRST, DAYS = date(2026, 5, 20), 60
MEMBERS = [f"m{n:02}" for n in range(14)]
ATTENDANCE = TABLES["attendance"]
EVERYTHING = Scope.everything()


def lines(seed: int = 1) -> list[bytes]:
    """Study and attendance of two months, with repetitions, conflicts, withdrawals and replacements."""
    chance = random.Random(seed)
    found: list[bytes] = []
    for n in range(1, 900):
        at = datetime(2026, 5, 20, tzinfo=UTC) + timedelta(minutes=chance.randrange(DAYS * 1440))
        member, moment = chance.choice(MEMBERS), at.isoformat()
        if chance.random() < 0.5:
            minutes = chance.choice([5, 40, 100, 200])
            made = event(n, "study", moment, member, chance.choice(["c1", "c2"]), duration_ms=minutes * 60_000)
        else:
            body: dict[str, Any] = {"session_id": f"s{at.day % 9}", "meeting": chance.choice(["training", "theme_day"])}
            if chance.random() < 0.8:
                body |= {
                    "duration_ms": chance.choice([30, 90, 300]) * 60_000,
                    "method": chance.choice(["card", "hand"]),
                }
            if chance.random() < 0.1 and n > 10:
                body["replaces"] = uid(chance.randrange(1, n))
            made = event(n, "attendance", moment, member, "", **body)
        found.append(made)
        if chance.random() < 0.08:
            found.append(event(n + 5000, "withdraw", moment, member, target_event_id=uid(n), reason="r"))
        if chance.random() < 0.05:
            found.append(json.dumps(json.loads(made) | {"source": "again"}).encode())
    return [*found, *chance.sample(found, 40)]


def reference() -> ReferenceTables:
    """Two branches and a small one; a transfer with an office, an exemption, an imported quota."""
    middle = FIRST + timedelta(days=DAYS // 2)
    people = [Member(member_id=m, org_id="b1" if n < 6 else "b2" if n < 12 else "b3") for n, m in enumerate(MEMBERS)]
    people[0] = Member(member_id="m00", org_id="b1", valid_to=middle)
    people.append(Member(member_id="m00", org_id="b2", valid_from=middle, role="branch_secretary"))
    people[1] = Member(member_id="m01", org_id="b1", status="exempt")
    return ReferenceTables(
        organisations=(Organisation(org_id="top"), *(Organisation(org_id=f"b{n}", parent_id="top") for n in (1, 2, 3))),
        members=tuple(people),
        exemptions=(Exemption(member_id="m02", valid_from=date(2026, 7, 2)),),
        quotas=(QuotaRow(quota_id="q1", kind="self_study", hours=200.0, role="member"),),
        present=frozenset({"organisations", "members", "exemptions", "quotas"}),
    )


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    return lines()


@pytest.fixture(scope="module")
def expected(events: list[bytes]) -> Result:
    return compute(events, ZONE)


@pytest.fixture(scope="module")
def loaded(engine_store: Store, events: list[bytes]) -> Store:
    for table in TABLES.values():
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    shuffled = random.Random(2).sample(events, len(events))
    put(engine_store, shuffled, reference(), ZONE)
    return engine_store


def test_rows_equal_a_plain_computation_and_the_twin_in_memory(
    loaded: Store, events: list[bytes], expected: Result
) -> None:
    stored = rows(loaded, ATTENDANCE)
    assert len(expected.attendance) > 200
    assert list(family_differences({"attendance": stored}, expected)) == []
    from tests.support.harness import small_roster

    twin = Harness(rosters=small_roster(MEMBERS))
    twin.send(events)
    assert stored == [dict(r) for r in twin.sink.rows(ATTENDANCE)]


def test_reconcile_agrees_and_sees_a_changed_row(loaded: Store) -> None:
    assert reconcile(loaded).differences == []
    change = "SELECT * REPLACE (duration_ms + 1 AS duration_ms, version + 1 AS version) FROM attendance FINAL"
    loaded.command(f"INSERT INTO attendance {change} WHERE attended AND isNotNull(duration_ms) LIMIT 1")
    (found,) = reconcile(loaded).differences
    assert (found.table, found.figure, found.stored - found.recomputed) == ("attendance", "duration_ms", 1)
    # Made good as a rebuild would.
    member, day, session = found.key
    loaded.command(
        "ALTER TABLE attendance DELETE WHERE member_id = {m:String} AND day = {d:Date} AND session_id = {s:String} "
        "SETTINGS mutations_sync = 2",
        {"m": member, "d": day, "s": session},
    )
    from sinks.clickhouse import ClickHouseSink

    fill(ClickHouseSink(loaded, patience=5), active_generation(loaded), [member], lambda _: None)
    assert reconcile(loaded).differences == []


def test_a_rebuilt_generation_has_the_same_rows(loaded: Store) -> None:
    from sinks.clickhouse import ClickHouseSink

    old = active_generation(loaded)
    info = GenerationInfo(old.number + 1, old.timezone, old.rules)
    fill(ClickHouseSink(loaded, patience=5), info, MEMBERS, lambda _: None)

    def of(number: int) -> list[dict[str, Any]]:
        return [r | {"generation": 0} for r in rows(loaded, ATTENDANCE) if r["generation"] == number]

    assert of(info.number) == of(old.number)
    loaded.command("ALTER TABLE attendance DELETE WHERE generation = {g:UInt16} SETTINGS mutations_sync = 2",
                   {"g": info.number})  # fmt: skip
    # Figures of closed days go along as they stand.
    new = Generation(info.number, LocalDays(ZONE), first_open=(date(2026, 6, 10) - date(1970, 1, 1)).days)
    carry_over(loaded, old, new)
    closed = [r for r in of(old.number) if r["day"] < date(2026, 6, 10)]
    assert closed
    assert of(info.number) == closed
    loaded.command("ALTER TABLE attendance DELETE WHERE generation = {g:UInt16} SETTINGS mutations_sync = 2",
                   {"g": info.number})  # fmt: skip


def test_the_query_gives_what_counts(loaded: Store, expected: Result) -> None:
    frame = Reader(loaded).frame("attendance", EVERYTHING)
    found = {(r["member_id"], r["day"], r["session_id"]): r for r in frame.to_dicts()}
    assert found.keys() == expected.attendance.keys()
    for key, row in found.items():
        want = expected.attendance[key]
        assert (row["duration_ms"], row["meeting"], row["methods"], sorted(row["event_ids"])) == (
            want["duration_ms"], want["meeting"], want["methods"], want["event_ids"],
        )  # fmt: skip
        assert row["org_id"] == ("b2" if key[0] == "m00" and key[1] >= date(2026, 6, 19) else frame_org(key[0]))
    own = Reader(loaded).frame("attendance", Scope.own("m03"))
    assert set(own["member_id"]) == {"m03"}
    below = Reader(loaded).frame("attendance", Scope("b3", "named"))
    assert set(below["member_id"]) == {"m12", "m13"}
    with pytest.raises(XuejingError, match="aggregate"):
        Reader(loaded).frame("attendance", Scope(None, "aggregate"))


def frame_org(member: str) -> str:
    n = int(member[1:])
    return "b1" if n < 6 else "b2" if n < 12 else "b3"


def test_meetings_count_who_was_there_of_how_many(loaded: Store) -> None:
    attended = Reader(loaded).frame("attendance", EVERYTHING)
    by = ["org_id", "day", "session_id"]
    want = attended.group_by(by).agg(pl.col("member_id").n_unique().alias("attended")).sort(by)
    found = Reader(loaded).frame("meetings", EVERYTHING)
    assert found.select(*by, "attended").rows() == want.rows()
    late = found.filter(pl.col("day") >= date(2026, 6, 19))
    assert dict(late.select("org_id", "members").unique().rows()) == {"b1": 5, "b2": 7, "b3": 2}
    whole = Reader(loaded).frame("meetings", EVERYTHING, Filters(org="top"))
    assert set(whole["org_id"]) == {"top"}
    assert set(whole["members"]) == {14}


CAP, HOUR = 480 * 60_000, 45 * 60_000


def ledger_in_polars(reader: Reader) -> pl.DataFrame:
    """The default rules as windows over frames: the cap runs along the day, in order of time or course."""
    sessions = (
        reader.frame("attendance", EVERYTHING)
        .sort("member_id", "day", "at", "session_id")
        .select("member_id", "day", pl.lit("organised").alias("credit_kind"), pl.col("session_id").alias("source"),
                pl.col("duration_ms").fill_null(0).alias("recorded_ms"))
        .with_columns(before=pl.col("recorded_ms").cum_sum().over("member_id", "day") - pl.col("recorded_ms"))
        .with_columns(room=(CAP - pl.col("before")).clip(0))
    )  # fmt: skip
    days = reader.frame("member-day", EVERYTHING).with_columns(ms=(pl.col("study_seconds") * 1000).round().cast(int))
    union = days.filter(pl.col("course_id") == "").select("member_id", "day", union="ms")
    study = (
        days.filter((pl.col("course_id") != "") & (pl.col("ms") > 0))
        .join(union, on=["member_id", "day"])
        .sort("member_id", "day", "course_id")
        .select("member_id", "day", pl.lit("self_study").alias("credit_kind"), pl.col("course_id").alias("source"),
                pl.col("ms").alias("recorded_ms"), "union")
        .with_columns(before=pl.col("recorded_ms").cum_sum().over("member_id", "day") - pl.col("recorded_ms"))
        .with_columns(room=pl.min_horizontal((pl.col("union") - pl.col("before")).clip(0),
                                             (CAP - pl.col("before")).clip(0)))
    )  # fmt: skip
    names = ["member_id", "day", "credit_kind", "source", "recorded_ms", "credited_ms"]
    both = pl.concat(
        f.with_columns(credited_ms=pl.min_horizontal("recorded_ms", "room")).select(names) for f in (sessions, study)
    )
    return both.with_columns(micro=pl.col("credited_ms") * 1_000_000 // HOUR).sort(names[:4])


def test_the_ledger_equals_a_computation_in_polars(loaded: Store) -> None:
    reader = Reader(loaded)
    want = ledger_in_polars(reader)
    found = COMPUTED["credit-ledger"].frame(reader, EVERYTHING, credit=CreditPolicy(load()))
    found = found.sort("member_id", "day", "credit_kind", "source")
    assert found.height > 400
    assert found.select(want.columns[:6]).rows() == want.select(want.columns[:6]).rows()
    assert [round(h * 1_000_000) for h in found["hours"]] == want["micro"].to_list()
    assert {"", "capped", "overlap", "length_unknown"} <= set(found["reason"])
    assert set(found["rule"]) == {"default-1"}


def test_balances_are_sums_of_the_ledger_against_quotas_by_day(loaded: Store) -> None:
    reader = Reader(loaded)
    policy = CreditPolicy(load())
    want = ledger_in_polars(reader).group_by("member_id", "credit_kind").agg(pl.col("micro").sum())
    earned = {(m, k): micro for m, k, micro in want.iter_rows()}
    found = COMPUTED["credit"].frame(reader, EVERYTHING, credit=policy)
    assert found.height == 2 * len(MEMBERS)
    for row in found.iter_rows(named=True):
        assert round(row["earned_hours"] * 1_000_000) == earned.get((row["member_id"], row["credit_kind"]), 0)
    quotas = {(r["member_id"], r["credit_kind"]): r["quota_hours"] for r in found.iter_rows(named=True)}
    assert quotas["m03", "organised"] == 32
    # Until 18 June (169 days) as a member, then 196 days in office; the imported quota is for members only.
    assert quotas["m00", "organised"] == pytest.approx((169 * 32 + 196 * 56) / 365, abs=1e-6)
    assert quotas["m00", "self_study"] == pytest.approx(169 * 200 / 365, abs=1e-6)
    # Exempt from 2 July: 182 days are owed.
    assert quotas["m02", "organised"] == pytest.approx(182 * 32 / 365, abs=1e-6)
    states = {(r["member_id"], r["credit_kind"]): r["state"] for r in found.iter_rows(named=True)}
    assert states["m01", "organised"] == "exempt"
    assert {s for (m, _), s in states.items() if m != "m01"} == {"done", "open"}
    one = COMPUTED["credit"].frame(reader, EVERYTHING, Filters(org="b2"), credit=policy)
    # What was earned in the branch before is still the member's.
    assert one.filter(member_id="m00").rows() == found.filter(member_id="m00").rows()
    own = COMPUTED["credit"].frame(reader, Scope.own("m00"), credit=policy)
    assert own.rows() == found.filter(member_id="m00").rows()
    lines_of_own = COMPUTED["credit-ledger"].frame(reader, Scope.own("m00"), credit=policy)
    assert set(lines_of_own["member_id"]) == {"m00"}


def test_reports_are_loaded_with_the_same_figures(loaded: Store) -> None:
    """What contexts are given equals what the queries say."""
    reader, policy = Reader(loaded), CreditPolicy(load())
    data = load_reports(reader, EVERYTHING, first=FIRST, last=FIRST + timedelta(days=DAYS), credit=policy)
    period = Filters(first=FIRST, last=FIRST + timedelta(days=DAYS))
    found = COMPUTED["credit"].frame(reader, EVERYTHING, period, credit=policy)
    assert data.credit is not None
    assert [balance_row(b) for b in data.credit.balances] == found.to_dicts()
    assert load_reports(reader, EVERYTHING, first=FIRST, last=FIRST).credit is None
    (mine,) = (b for b in member_credit(data.credit, "m03").balances if b.kind == "organised")  # type: ignore[union-attr]
    assert mine.earned == sum(n.micro for n in data.credit.lines_by_member["m03"] if n.kind == "organised")
    held = COMPUTED["rhythm"].frame(reader, EVERYTHING, period, credit=policy).filter(org_id="b1", meeting="theme_day")
    (kind,) = (k for k in rhythm(data.credit, ["b1"]) if k.meeting == "theme_day")
    assert held.select("held", "attended", "periods").rows() == [(kind.held, kind.attended, 1)]


def test_branches_are_withheld_where_small_and_earn_where_members_belonged(loaded: Store) -> None:
    reader = Reader(loaded)
    policy = CreditPolicy(load())
    found = COMPUTED["credit-branches"].frame(reader, Scope(None, "aggregate"), credit=policy)
    by_org = {(r["org_id"], r["credit_kind"]): r for r in found.iter_rows(named=True)}
    assert by_org["b3", "organised"]["withheld"]
    assert by_org["b3", "organised"]["done"] is None
    # Its sibling of five would give it away, with the sum over all.
    assert by_org["b1", "organised"]["withheld"]
    row = by_org["b2", "organised"]
    assert (row["members"], row["exempt"], row["owing"], row["withheld"]) == (7, 0, 7, False)
    ledger = COMPUTED["credit-ledger"].frame(reader, EVERYTHING, credit=policy)
    here = ledger.filter((pl.col("org_id") == "b2") & (pl.col("credit_kind") == "organised"))["hours"].sum()
    assert row["hours_here"] == pytest.approx(here)
    mine = ledger.filter(pl.col("member_id").is_in([*MEMBERS[6:12], "m00"]), credit_kind="organised")["hours"].sum()
    assert row["earned_hours"] == pytest.approx(mine)
    assert row["earned_hours"] > row["hours_here"]
    # Where the one who moved is now, and how much of theirs is there, is not told to the branch that they left.
    for detail in ("aggregate", "named"):
        within = COMPUTED["credit-branches"].frame(reader, Scope("b1", detail), credit=policy)  # type: ignore[arg-type]
        assert set(within["org_id"]) == {"b1"}


def test_without_the_family_nothing_of_it_shows(loaded: Store) -> None:
    policy = CreditPolicy(load(), attendance=False)
    for name in ("credit", "credit-ledger", "credit-branches"):
        frame = COMPUTED[name].frame(Reader(loaded), EVERYTHING, credit=policy)
        assert set(frame["credit_kind"]) == {"self_study"}


def test_retention_keeps_what_open_days_depend_on(loaded: Store, events: list[bytes]) -> None:
    """Of a session with records on both sides of the cut everything stays; figures of open days do not change."""
    before = [r for r in rows(loaded, ATTENDANCE) if r["day"] >= date(2026, 6, 2)]
    cut = datetime(2026, 6, 1, tzinfo=UTC)
    drop(loaded, "202605", cut)
    left = {str(r[0]) for r in loaded.rows("SELECT DISTINCT event_id FROM events")}
    assert len(left) < len({json.loads(line)["event_id"] for line in events})
    from sinks.clickhouse import ClickHouseSink

    info = GenerationInfo(9, ZONE, active_generation(loaded).rules)
    fill(ClickHouseSink(loaded, patience=5), info, MEMBERS, lambda _: None)
    again = [r for r in rows(loaded, ATTENDANCE) if r["generation"] == 9 and r["day"] >= date(2026, 6, 2)]
    assert [r | {"generation": 1} for r in again] == before
    set_state(loaded, 9, info, "retired")
