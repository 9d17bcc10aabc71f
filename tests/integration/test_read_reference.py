"""Importing reference data, on both stores: append-only, idempotent, visible only when complete; and what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schemas.errors import ConfigError, StoreError
from schemas.ports import Sink
from schemas.reference import Course, Member, Organisation, Question, ReferenceTables, Roster, Unit
from schemas.reference.moves import moves
from schemas.tables import IMPORTS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.memory import MemorySink
from sinks.read import Reader, Scope
from sinks.read.generations import active_generation, ensure_generation
from sinks.reference import current_reference, touched_branch_days, write_reference
from sinks.rosters import StoreRosters, read_roster
from streams.contributions import again, encode
from streams.records import Record, RecordBatch
from tests.support.engine import EVERY
from tests.support.harness import Harness, event
from tests.support.world import lines, reference

NOW = datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)
MARCH = date(2026, 3, 1)


@pytest.fixture(params=["memory", "clickhouse"])
def sink(request: pytest.FixtureRequest) -> Sink:
    if request.param == "memory":
        return MemorySink()
    return ClickHouseSink(request.getfixturevalue("store"), patience=0)


def tables(**given: Any) -> ReferenceTables:
    return ReferenceTables(**{k: tuple(v) for k, v in given.items()}, present=frozenset(given))


def test_what_is_written_is_read_back(sink: Sink) -> None:
    given = tables(
        organisations=[Organisation(org_id="a", name="甲", valid_from=date(1950, 1, 1), valid_to=date(2200, 1, 1))],
        members=[Member(member_id="m1", org_id="a", name="=1", role="branch_secretary", status="exempt")],
        courses=[Course(course_id="c", title="t", audience=("staff", "a"), due_at=NOW, credit_minutes=30)],
        units=[Unit(unit_id="1", course_id="c", title="u", length_ms=5), Unit(unit_id="1", course_id="d", title="v")],
        questions=[Question(question_id="q", course_id="c", text="?", exam_ids=("e", "f"), max_score=0.1, version=3)],
    )
    result = write_reference(sink, given, NOW)
    assert (result.roster_import, result.catalogue_import) == (1, 2)
    found = current_reference(sink)
    for name in given.present:
        stored = found.rows(name)
        if name == "courses":
            assert stored[0].due_at == NOW.replace(microsecond=123000)
        else:
            assert stored == given.rows(name), name
    again = write_reference(sink, given, NOW + timedelta(days=1))
    assert again.nothing
    assert again.unchanged["units"] == 2
    assert "nothing changed" in again.describe("en")
    assert [r["kind"] for r in _imports(sink)] == ["roster", "catalogue"]


def _imports(sink: Sink) -> list[dict[str, Any]]:
    if isinstance(sink, MemorySink):
        return sink.rows(IMPORTS)
    assert isinstance(sink, ClickHouseSink)
    found = sink.store.rows("SELECT import_id, kind, published FROM imports FINAL ORDER BY import_id")
    return [dict(zip(("import_id", "kind", "published"), row, strict=True)) for row in found]


def test_an_import_replaces_the_ids_that_it_lists_and_no_others(sink: Sink) -> None:
    write_reference(sink, reference(1), NOW)
    before = current_reference(sink)
    given = tables(members=[Member(member_id="m03", org_id="l1"), Member(member_id="new", org_id="r1")])
    result = write_reference(sink, given, NOW)
    after = current_reference(sink)
    assert {m for m in after.members if m.member_id not in ("m03", "new")} == {
        m for m in before.members if m.member_id != "m03"
    }
    assert [m for m in after.members if m.member_id == "m03"] == [given.members[0]]
    assert after.organisations == before.organisations
    assert result.changed == {"members": 2}
    assert {m for m, _ in result.changed_members} == {"m03", "new"}
    expected = moves(Roster(before.organisations, before.members), Roster(after.organisations, after.members))
    assert result.moves == expected
    assert [(r["import_id"], r["kind"], r["published"]) for r in _imports(sink)] == [
        (1, "roster", 0), (2, "catalogue", 0), (3, "roster", 0)]  # fmt: skip


class Interrupted(Exception):
    pass


def test_a_half_written_import_never_shows_and_its_number_is_not_used_again(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reference(sink, reference(1), NOW)
    before, real = current_reference(sink), sink.insert

    def insert(table: Any, rows: Any) -> None:
        if table is IMPORTS and rows["kind"].to_pylist() != ["pending"]:
            raise Interrupted
        real(table, rows)

    monkeypatch.setattr(sink, "insert", insert)
    given = tables(organisations=[Organisation(org_id="l1", parent_id="right")],
                   members=[Member(member_id="m01", org_id="r1")])  # fmt: skip
    with pytest.raises(Interrupted):
        write_reference(sink, given, NOW)
    monkeypatch.undo()
    assert current_reference(sink) == before
    rosters = StoreRosters(sink)
    assert rosters.current()[0] == 1
    other = tables(members=[Member(member_id="m02", org_id="r1")])
    assert write_reference(sink, other, NOW).roster_import == 4
    version, roster = rosters.current()
    assert version == 4
    assert roster.memberships("m02") == [other.members[0]]
    assert roster.memberships("m01") == [m for m in before.members if m.member_id == "m01"]


def test_the_roster_is_read_again_only_after_an_import(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    rosters = StoreRosters(sink)
    assert rosters.current()[0] == 0
    write_reference(sink, reference(1), NOW)
    version, roster = rosters.current()
    assert version == 1
    monkeypatch.setattr(sink, "reference", lambda _: pytest.fail("read again"))
    assert rosters.current() == (1, roster)


def test_the_tree_in_the_store_follows_the_roster(store: Store) -> None:
    write_reference(store, reference(1), NOW)
    changed = tables(organisations=[Organisation(org_id="r1", parent_id="left", valid_from=date(2026, 3, 4))])
    write_reference(store, changed, NOW)
    roster = Reader(store).roster()
    for n in range(25):
        on = MARCH + timedelta(days=n)
        for node in ("top", "left", "right", "r1", "alone"):
            sql = """
                SELECT org_id FROM v_org_closure
                WHERE ancestor_id = {node:String} AND ifNull(valid_from, {on:Date32}) <= {on:Date32}
                  AND (valid_to IS NULL OR {on:Date32} < valid_to)"""
            found = {org for (org,) in store.rows(sql, {"node": node, "on": on})}
            assert found == roster.subtree(node, on), (node, on)


def test_a_back_dated_transfer_reaches_the_live_rows_of_both_branches(store: Store) -> None:
    ensure_generation(store, "Asia/Shanghai", "{}")
    sink = ClickHouseSink(store)
    write_reference(store, reference(5), NOW)
    harness = Harness(sink, StoreRosters(sink))
    sent = lines(5, 200)
    harness.send(*[[line] for line in sent])
    moved = tables(
        members=[
            Member(member_id="m00", org_id="l1", valid_to=date(2026, 3, 6)),
            Member(member_id="m00", org_id="r1", valid_from=date(2026, 3, 6)),
            Member(member_id="m01", org_id="l2", category="student"),
            Member(member_id="m02", org_id="alone"),
        ]
    )
    result = write_reference(store, moved, NOW)
    assert result.moves
    days = touched_branch_days(store, 1, result.moves)
    assert days == sorted(set(days))
    request = again((1, org, (on - date(1970, 1, 1)).days) for org, on in days)
    harness.branches.process([RecordBatch("contributions", 0, [Record(0, 0, b"b", encode(request))])])
    live = store.rows(
        "SELECT org_id, course_id, day, members, active_members, study_ms / 1000, answers, events "
        "FROM branch_day FINAL WHERE events > 0 OR study_ms > 0 ORDER BY org_id, day, course_id"
    )
    frame = Reader(store).frame("branch-day", Scope.everything())
    columns = ("org_id", "course_id", "day", "members", "active_members", "study_seconds", "answers", "events")
    assert frame.select(columns).rows() == live


def test_days_of_a_move_are_those_with_rows(store: Store) -> None:
    ensure_generation(store, "Asia/Shanghai", "{}")
    sink = ClickHouseSink(store)
    write_reference(
        store,
        tables(organisations=[Organisation(org_id="a"), Organisation(org_id="b")],
               members=[Member(member_id="m1", org_id="a"), Member(member_id="m2", org_id="a")]),
        NOW,
    )  # fmt: skip
    harness = Harness(sink, StoreRosters(sink))
    days = (1, 5, 9)
    harness.send(*[[event(n, "study", f"2026-03-{n:02}T10:00:00+08:00", duration_ms=1000)] for n in days])
    everything: set[Any] = {("a", None, None), ("b", None, None)}
    assert touched_branch_days(store, 1, everything) == [("a", date(2026, 3, n)) for n in days]
    assert touched_branch_days(store, 2, everything) == []
    assert touched_branch_days(store, 1, set()) == []
    assert touched_branch_days(store, 1, {("a", date(2026, 3, 2), date(2026, 3, 5))}) == [("a", date(2026, 3, 5))]
    write_reference(store, tables(members=[Member(member_id="m1", org_id="a", valid_to=date(2026, 3, 5)),
                                           Member(member_id="m1", org_id="b", valid_from=date(2026, 3, 5))]),
                    NOW)  # fmt: skip
    assert touched_branch_days(store, 1, {("a", date(2026, 3, 5), None), ("b", date(2026, 3, 5), None)}) == [
        ("a", date(2026, 3, 5)), ("a", date(2026, 3, 9)), ("b", date(2026, 3, 5)), ("b", date(2026, 3, 9))]  # fmt: skip


def test_generations(store: Store) -> None:
    with pytest.raises(StoreError, match="no generation"):
        active_generation(store)
    with pytest.raises(ConfigError, match="not known"):
        ensure_generation(store, "Nowhere/Town", "{}")
    first = ensure_generation(store, "Asia/Shanghai", "{}")
    assert (first.number, first.timezone) == (1, "Asia/Shanghai")
    assert ensure_generation(store, "Asia/Shanghai", "{}") == active_generation(store) == first
    with pytest.raises(ConfigError, match="Asia/Shanghai"):
        ensure_generation(store, "Europe/Rome", "{}")
    with pytest.raises(ConfigError, match="thresholds"):
        ensure_generation(store, "Asia/Shanghai", '{"session_gap":1}')


def test_the_declared_tables_are_those_of_the_migrations(engine_store: Store) -> None:
    for table in EVERY:
        found = engine_store.rows(
            "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String} "
            "ORDER BY position",
            {"t": table.name},
        )
        assert found == [(c.name, c.clickhouse) for c in table.columns], table.name
        ((key,),) = engine_store.rows(
            "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {t:String}",
            {"t": table.name},
        )
        assert tuple(k.strip(" ()") for k in key.split(",")) == table.order_by


def test_two_sets_of_memberships_are_kept(store: Store) -> None:
    write_reference(store, reference(1), NOW)
    for n in range(4):
        write_reference(store, tables(members=[Member(member_id=f"x{n}", org_id="r1")]), NOW)
    found = store.rows("SELECT import_id, count() FROM memberships FINAL GROUP BY import_id ORDER BY import_id")
    members = len(reference(1).members)
    assert found == [(5, members + 3), (6, members + 4)]
    ((current,),) = store.rows("SELECT count() FROM v_memberships")
    assert current == members + 4


def test_of_some_members_only_their_rows_are_read(sink: Sink) -> None:
    """The latest rows of each, as in the whole; none of anybody else."""
    write_reference(sink, reference(1), NOW)
    given = tables(members=[Member(member_id="m03", org_id="l1"), Member(member_id="new", org_id="r1")])
    write_reference(sink, given, NOW)
    wanted = ["m01", "m03", "nobody"]
    whole = sink.reference("members").to_pylist()
    assert sink.reference("members", wanted).to_pylist() == [r for r in whole if r["member_id"] in wanted]
    assert sink.reference("members", []).num_rows == 0
    roster = read_roster(sink, wanted)
    assert {m.member_id for m in roster.members} == {"m01", "m03"}
    assert roster.organisations == read_roster(sink).organisations
