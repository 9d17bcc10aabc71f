"""Named queries on the real engine, compared with answers computed in Python from the in-memory store."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from schemas.errors import InputError
from schemas.reference import Roster
from schemas.tables import EVENTS, LEDGER, REJECTED
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.memory import MemorySink
from sinks.read import QUERIES, Filters, Query, QueryError, Reader, Scope, ScopeError
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.engine import EVERY
from tests.support.harness import RECEIVED, Harness
from tests.support.world import BRANCHES, CATEGORIES, COURSES, DAYS, World, day, lines, reference

NOW = datetime(2026, 9, 1, tzinfo=UTC)
EVERYTHING = Scope.everything()


@pytest.fixture(scope="module")
def world(engine_store: Store) -> World:
    """The same events and reference data in the engine and in memory."""
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    ensure_generation(engine_store, "Asia/Shanghai", "{}")
    memory = MemorySink()
    sent = lines(3, 700)
    for sink in (memory, ClickHouseSink(engine_store)):
        write_reference(sink, reference(3), NOW)
        harness = Harness(sink, StoreRosters(sink))
        for start in range(0, len(sent), 100):
            harness.send(*[[line] for line in sent[start : start + 100]], received=RECEIVED + start)
        harness.send([b"{", b"\xff", *sent[:9]])
    tables = reference(3)
    return World(memory, Roster(tables.organisations, tables.members))


@pytest.fixture
def reader(engine_store: Store, world: World) -> Reader:
    return Reader(engine_store)


def scopes(chance: random.Random) -> Scope:
    return chance.choice([
        EVERYTHING, EVERYTHING, Scope("top", "named"), Scope("left", "named"), Scope("right", "named"),
        Scope(chance.choice(BRANCHES), "named"), Scope.own(f"m{chance.randrange(24):02}"),
    ])  # fmt: skip


def asked(chance: random.Random, query: Query, scope: Scope) -> Filters:
    """Random filters that the query has and the scope may use: members name no organisation but their own."""
    possible: dict[str, Any] = {
        "first": day(chance.randrange(DAYS // 2)), "last": day(chance.randrange(DAYS // 2, DAYS)),
        "org": scope.node or chance.choice([*BRANCHES, "top", "right"]), "member": f"m{chance.randrange(22):02}",
        "category": chance.choice(CATEGORIES), "course": chance.choice(["", *COURSES]), "exam": "e1",
    }  # fmt: skip
    names = sorted(query.filters - ({"org"} if scope.member_id is not None else set()))
    some = chance.sample(names, min(len(names), chance.choice([0, 1, 1, 2, 3, 9])))
    return Filters(**{name: possible[name] for name in some})


def questions(name: str, count: int = 10) -> Iterator[tuple[Scope, Filters]]:
    """The query for everything, then for random scopes and filters."""
    chance, query = random.Random(name), QUERIES[name]
    yield EVERYTHING, Filters()
    while count := count - 1:
        scope = scopes(chance)
        if scope.detail in query.details:
            yield scope, asked(chance, query, scope)


def test_member_days(reader: Reader, world: World) -> None:
    rows = 0
    for scope, filters in questions("member-day", 16):
        found = reader.frame("member-day", scope, filters)
        expected = world.member_days(scope, filters)
        assert found.select("member_id", "day", "course_id").rows() == [
            (r["member_id"], r["day"], r["course_id"]) for r in expected
        ], (scope, filters)
        for got, row in zip(found.iter_rows(named=True), expected, strict=True):
            same = ("org_id", "category", "sessions", "answers", "graded", "correct", "response_ms", "timed_answers",
                    "wrong_questions", "events", "capped", "version", "first_at", "last_at")  # fmt: skip
            assert {n: got[n] for n in same} == {n: row[n] for n in same}
            assert (got["study_seconds"], got["score"]) == (row["study_ms"] / 1000, row["score_micro"] / 1_000_000)
            assert got["hour_seconds"] == [ms / 1000 for ms in row["hour_ms"]]
        rows += found.height
    assert rows > 400


def test_branch_days(reader: Reader, world: World) -> None:
    rolled = 0
    for scope, filters in questions("branch-day", 16):
        found = reader.frame("branch-day", scope, filters)
        expected = world.branch_days(scope, filters)
        got = {(r["org_id"], r["course_id"], r["day"]): r for r in found.iter_rows(named=True)}
        assert got.keys() == expected.keys(), (scope, filters)
        for key, row in expected.items():
            assert {n: got[key][n] for n in row} == row, (scope, filters, key)
        assert list(got) == sorted(got, key=lambda k: (k[0], k[2], k[1]))
        rolled += any(r["active_members"] > 3 for r in expected.values())
    assert rolled > 5


def test_recorded_days_are_those_of_member_days(reader: Reader) -> None:
    found_none, unplaced = 0, 0
    for scope, filters in questions("recorded-days", 24):
        days = reader.frame("member-day", scope, filters)
        placed = days.filter(pl.col("org_id") != "")
        expected = (days["day"].min(), days["day"].max(), placed["day"].min(), placed["day"].max())
        assert reader.frame("recorded-days", scope, filters).rows() == [expected], (scope, filters)
        found_none += expected[0] is None
        unplaced += days.height > placed.height
    assert found_none
    assert unplaced
    branches = reader.frame("branch-day", Scope(None, "aggregate"))["day"]
    (row,) = reader.frame("recorded-days", Scope(None, "aggregate")).rows()
    assert row[2:] == (branches.min(), branches.max())


def test_a_node_sums_its_parts_and_only_them(reader: Reader) -> None:
    parts = reader.frame("branch-day", Scope("right", "named"), Filters(course=""))
    whole = reader.frame("branch-day", EVERYTHING, Filters(org="right", course=""))
    for name in ("study_seconds", "answers", "members", "active_members"):
        # Head counts add up only over branches that were active, so the whole is at least their sum.
        by_day = parts.group_by("day").agg(pl.col(name).sum())
        joined = whole.join(by_day, on="day", suffix="_parts")
        assert joined.height == whole.height
        if name == "members":
            assert (joined[name] >= joined[f"{name}_parts"]).all()
        else:
            assert joined[name].to_list() == pytest.approx(joined[f"{name}_parts"].to_list())


def test_live_branch_rows_equal_the_query(reader: Reader, engine_store: Store) -> None:
    live = engine_store.rows(
        "SELECT org_id, course_id, day, members, active_members, study_ms / 1000, answers, events, version "
        "FROM branch_day FINAL WHERE events > 0 OR study_ms > 0 ORDER BY org_id, day, course_id"
    )
    frame = reader.frame("branch-day", EVERYTHING)
    columns = ("org_id", "course_id", "day", "members", "active_members", "study_seconds", "answers", "events")
    assert frame.select(columns).rows() == [row[:-1] for row in live]
    whole = frame["course_id"] == ""
    assert [v for v, w in zip(frame["version"], whole, strict=True) if w] == [r[-1] for r in live if r[1] == ""]


def test_answers(reader: Reader, world: World) -> None:
    points = {f"q{n}": [f"k{n % 2}"] for n in range(12)}
    for scope, filters in questions("answers"):
        found = reader.frame("answers", scope, filters).rows(named=True)
        expected = sorted(world.answers(scope, filters), key=lambda r: (r["member_id"], r["at"], r["event_id"]))
        assert [UUID(r["event_id"]).bytes for r in found] == [r["event_id"] for r in expected], (scope, filters)
        for got, row in zip(found, expected, strict=True):
            same = ("member_id", "org_id", "category", "course_id", "question_id", "exam_id", "attempt", "day", "at",
                    "correct", "response_ms", "response", "from_error")  # fmt: skip
            assert {n: got[n] for n in same} == {n: row[n] for n in same}
            assert (got["score"], got["max_score"]) == (row["score_micro"] / 1e6, row["max_micro"] / 1e6)
            assert got["knowledge_points"] == points[got["question_id"]]


def test_wrong_questions(reader: Reader, world: World) -> None:
    for scope, filters in questions("wrong-questions"):
        by_key: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in world.answers(scope, filters):
            by_key[row["member_id"], row["course_id"], row["question_id"]].append(row)
        expected = {}
        for key, group in by_key.items():
            group.sort(key=lambda r: (r["at"], r["event_id"]))
            wrong = [i for i, r in enumerate(group) if r["correct"] is False]
            if wrong:
                last = group[wrong[-1]]
                later = any(r["correct"] for r in group[wrong[-1] :])
                expected[key] = (len(wrong), len(group), last["at"], last["response"], int(later), group[-1]["org_id"])
        found = reader.frame("wrong-questions", scope, filters).rows(named=True)
        got = {(r["member_id"], r["course_id"], r["question_id"]): (
            r["wrong_answers"], r["answers"], r["last_wrong_at"], r["last_wrong_response"], r["later_right"],
            r["org_id"]) for r in found}  # fmt: skip
        assert got == expected, (scope, filters)
        assert all(r["text"] == f"question {r['question_id'][1:]}" and r["options"][:2] == ["a", "b"] for r in found)


def test_wrong_questions_of_a_group_name_nobody(reader: Reader, world: World) -> None:
    named = reader.frame("wrong-questions", Scope("right", "named")).rows(named=True)
    found = reader.frame("wrong-questions", Scope("right", "aggregate")).rows(named=True)
    assert {(r["member_id"], r["org_id"], r["category"]) for r in found} == {("", "", "")}
    for row in found:
        group = [r for r in named if (r["course_id"], r["question_id"]) == (row["course_id"], row["question_id"])]
        assert row["members"] == len(group)
        assert row["later_right"] == sum(r["later_right"] for r in group)
        assert row["last_wrong_at"] == max(r["last_wrong_at"] for r in group)
    assert sum(r["members"] for r in found) == len(named)


def test_questions(reader: Reader, world: World) -> None:
    for scope, filters in questions("questions"):
        groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in world.answers(scope, filters):
            groups[row["course_id"], row["question_id"]].append(row)
        found = reader.frame("questions", scope, filters).rows(named=True)
        assert [(r["course_id"], r["question_id"]) for r in found] == sorted(groups), (scope, filters)
        for got in found:
            group = groups[got["course_id"], got["question_id"]]
            graded = [r for r in group if r["correct"] is not None]
            best = sum(r["max_micro"] for r in graded)
            times = [r["response_ms"] for r in group if r["response_ms"] is not None]
            chosen: dict[str, int] = defaultdict(int)
            for r in group:
                if r["correct"] is False and r["response"]:
                    chosen[";".join(sorted(r["response"]))] += 1
            top = min(chosen, key=lambda c: (-chosen[c], c), default="")
            assert (got["answers"], got["graded"], got["correct"]) == (
                len(group), len(graded), sum(bool(r["correct"]) for r in group))  # fmt: skip
            assert got["members"] == len({r["member_id"] for r in group})
            assert got["members_wrong"] == len({r["member_id"] for r in group if r["correct"] is False})
            assert got["facility"] == (sum(r["score_micro"] for r in graded) / best if best else None)
            assert got["mean_response_ms"] == (pytest.approx(sum(times) / len(times)) if times else None)
            assert (got["most_chosen_wrong"], got["most_chosen_wrong_answers"]) == (top, chosen.get(top, 0))


def test_exams(reader: Reader, world: World) -> None:
    points = {"q0": 1.0, "q3": 2.0, "q6": 1.0, "q9": 1.0}
    checked = 0
    for scope, filters in questions("exams"):
        groups: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        without_days = Filters(org=filters.org, member=filters.member, category=filters.category)
        for row in world.answers(scope, without_days):
            if row["exam_id"]:
                groups[row["member_id"], row["attempt"]].append(row)
        expected = {}
        for key, group in groups.items():
            last = max(r["day"] for r in group)
            in_course = filters.course in (None, "c1")
            if in_course and (filters.first or last) <= last <= (filters.last or last):
                answered = {r["question_id"] for r in group}
                most = sum(r["max_micro"] for r in group) / 1e6 + sum(p for q, p in points.items() if q not in answered)
                score = sum(r["score_micro"] for r in group) / 1e6
                expected[key] = (len(answered), pytest.approx(score), pytest.approx(most), last)
        found = reader.frame("exams", scope, filters).rows(named=True)
        got = {(r["member_id"], r["attempt"]): (r["answered"], r["score"], r["max_score"], r["day"]) for r in found}
        assert got == expected, (scope, filters)
        assert all((r["questions"], r["exam_max_score"], r["title"]) == (4, 100.0, "Exam 1") for r in found)
        checked += len(found)
    assert checked > 20


def test_silent(reader: Reader, world: World) -> None:
    for scope, filters in questions("silent", 14):
        silent_members, silent_organisations = world.silent(scope, filters)
        if scope.detail == "own" or filters.member:
            silent_organisations = set()
        found = reader.frame("silent", scope, filters).rows(named=True)
        assert {r["member_id"] for r in found if r["kind"] == "member"} == silent_members, (scope, filters)
        assert {r["org_id"] for r in found if r["kind"] == "organisation"} == silent_organisations, (scope, filters)
    everything = reader.frame("silent", EVERYTHING)
    assert {"m20", "m21", "m22", "m23"} <= set(everything["member_id"])
    assert reader.frame("silent", Scope(None, "aggregate")).filter(kind="member").is_empty()


def test_events_are_those_that_count_marked_when_taken_back(reader: Reader, world: World) -> None:
    bodies: dict[tuple[str, bytes], dict[str, Any]] = {}
    for row in sorted(world.memory.rows(EVENTS), key=lambda r: r["body_hash"], reverse=True):
        bodies[row["member_id"], row["event_id"]] = row
    taken = {(m, r["target_id"]) for (m, _), r in bodies.items() if r["target_id"]}
    assert len(bodies) < len(world.memory.rows(EVENTS)), "the world has conflicts"
    for scope, filters in questions("events"):
        expected = {}
        for (member_id, event_id), row in bodies.items():
            on = (row["at"].astimezone(UTC).timestamp() + 8 * 3600) // 86400
            local = datetime.fromtimestamp(on * 86400, UTC).date()
            if (
                world.sees(scope, filters, member_id, local)
                and filters.course in (None, row["course_id"])
                and filters.exam in (None, row["exam_id"])
            ):
                expected[member_id, str(UUID(bytes=event_id))] = (
                    local, row["event_type"], row["duration_ms"], (member_id, event_id) in taken)  # fmt: skip
        found = reader.frame("events", scope, filters).rows(named=True)
        got = {
            (r["member_id"], r["event_id"]): (r["day"], r["event_type"], r["duration_ms"], r["withdrawn"])
            for r in found
        }
        assert len(found) == len(got)
        assert got == expected, (scope, filters)


def test_rejected_lines_keep_their_bytes(reader: Reader, world: World) -> None:
    found = reader.frame("rejected", EVERYTHING)
    assert found["raw"].to_list() == [r["raw"] for r in world.memory.rows(REJECTED)]
    assert {"malformed", "conflict"} <= set(found["reason"])
    of_branch = reader.frame("rejected", Scope("right", "named"))
    assert 0 < of_branch.height < found.height
    assert "" not in of_branch["member_id"].to_list()
    # What a line holds may be for the member and nobody else by name, such as dues or an answer in a contest.
    assert set(of_branch["raw"]) == {b""}
    assert set(of_branch["detail"]) == {""}
    one = of_branch["member_id"][0]
    own = reader.frame("rejected", Scope.own(one))
    assert own["raw"].to_list() == found.filter(member_id=one)["raw"].to_list()


def test_the_ledger_balances(reader: Reader, world: World) -> None:
    (row,) = reader.frame("ledger", EVERYTHING).to_dicts()
    assert row["lines"] == row["forwarded"] + row["rejected"] + row["duplicates"] + row["archived"]
    assert row["lines"] == sum(r["lines"] for r in world.memory.rows(LEDGER)) == 700 + 11
    assert row["archived"] == len({(r["member_id"], r["event_id"]) for r in world.memory.rows(EVENTS)})
    assert row["rejected"] == len(world.memory.rows(REJECTED)) == row["open"]
    assert row["duplicates"] >= 5
    (later,) = reader.frame("ledger", EVERYTHING, Filters(first=day(365))).to_dicts()
    assert later["lines"] == later["archived"] == 0


def test_delivery(reader: Reader, world: World) -> None:
    found = reader.frame("delivery", EVERYTHING)
    assert not found.select("member_id", "day").is_duplicated().any()
    sums = found.group_by("member_id").agg(pl.col("events").sum(), pl.col("late").sum())
    assert sorted(sums.iter_rows()) == sorted(
        (member_id, n, n) for member_id, n in Counter(r["member_id"] for r in world.memory.rows(EVENTS)).items()
    )
    assert found["duplicates"].sum() == len(world.memory.tables["duplicates"])
    for row in found.iter_rows(named=True):
        assert row["org_id"] == (world.roster.org_of(row["member_id"], row["day"]) or "")
    below = reader.frame("delivery", Scope("right", "named"))
    assert below.height
    pairs = found.select("member_id", "day").iter_rows()
    inside = pl.Series([world.sees(Scope("right", "named"), Filters(), member, on) for member, on in pairs])
    assert below.equals(found.filter(inside))


def test_freshness_and_reference(reader: Reader, world: World) -> None:
    (row,) = reader.frame("freshness", Scope.own("m01")).to_dicts()
    assert (row["timezone"], row["roster_import"], row["catalogue_import"]) == ("Asia/Shanghai", 1, 2)
    assert reader.roster().members == world.roster.members
    assert reader.roster().organisations == world.roster.organisations
    assert reader.reference("questions")["text"].to_list() == [f"question {n}" for n in range(12)]


def test_members_show_the_periods_in_scope_only(reader: Reader, world: World) -> None:
    found = reader.frame("members", EVERYTHING)
    assert found.height == len(world.roster.members)
    below = reader.frame("members", Scope("right", "named")).to_dicts()
    for n in range(-5, DAYS + 5):
        on = day(n)
        listed = {
            r["member_id"]
            for r in below
            if (r["valid_from"] or on) <= on and (r["valid_to"] is None or on < r["valid_to"])
        }
        assert listed == world.roster.members_under("right", on), on
    tree = reader.frame("organisations", Scope("left", "aggregate"))
    assert set(tree["org_id"]) == {"left", "l1", "l2"}


@pytest.mark.parametrize("name", list(QUERIES))
def test_every_query_answers_every_detail_and_filter(reader: Reader, name: str) -> None:
    query = QUERIES[name]
    scopes = {"own": Scope.own("m01"), "named": EVERYTHING, "aggregate": Scope("top", "aggregate")}
    for detail, scope in scopes.items():
        if detail not in query.details:
            with pytest.raises(ScopeError):
                reader.frame(name, scope)
            continue
        filters = asked(random.Random(1), query, scope)
        assert reader.frame(name, scope, Filters(), limit=2).columns == query.names
        assert reader.frame(name, scope, filters if detail == "named" else Filters()).columns == query.names
    if "named" not in query.details:
        return  # nobody but the member
    every = {"first": day(0), "last": day(9), "org": "top", "member": "m01", "category": "staff", "course": "c1",
             "exam": "e1"}  # fmt: skip
    full = Filters(**{n: v for n, v in every.items() if n in query.filters})
    assert reader.frame(name, EVERYTHING, full).columns == query.names
    for extra in every.keys() - query.filters:
        with pytest.raises(QueryError, match="no filter"):
            reader.frame(name, EVERYTHING, Filters(**{extra: every[extra]}))
    whole = reader.frame(name, EVERYTHING)
    blocks = pl.concat(reader.batches(name, EVERYTHING))
    if name != "freshness":
        assert blocks.equals(whole)


def test_an_unknown_or_hidden_organisation_is_an_error(reader: Reader) -> None:
    for scope, org, where in ((EVERYTHING, "nowhere", ""), (Scope("left", "named"), "r1", " or not below left")):
        with pytest.raises(InputError, match=f"{org}' is not in the roster{where}$"):
            reader.frame("member-day", scope, Filters(org=org))


def test_values_are_bound_and_never_part_of_the_sql(reader: Reader) -> None:
    nasty = "'; DROP TABLE events; -- \\ \u0000 {org:String}"
    assert reader.frame("member-day", EVERYTHING, Filters(member=nasty, course=nasty)).is_empty()
    assert reader.frame("events", Scope.own(nasty)).is_empty()
    assert reader.frame("branch-day", Scope(nasty, "named")).is_empty()
    assert not reader.frame("events", EVERYTHING, limit=1).is_empty()


def test_views_for_upper_committees_agree_with_the_queries(reader: Reader, engine_store: Store) -> None:
    days = engine_store.rows(
        "SELECT member_id, org_id, course_id, day, study_seconds FROM v_member_day ORDER BY member_id, day, course_id"
    )
    frame = reader.frame("member-day", EVERYTHING)
    assert frame.select("member_id", "org_id", "course_id", "day", "study_seconds").rows() == days
    branches = engine_store.rows(
        "SELECT org_id, course_id, day, members, active_members, study_seconds, score, events FROM v_branch_day "
        "ORDER BY org_id, day, course_id"
    )
    columns = ("org_id", "course_id", "day", "members", "active_members", "study_seconds", "score", "events")
    assert reader.frame("branch-day", EVERYTHING).select(columns).rows() == branches
    ((answers,),) = engine_store.rows("SELECT count() FROM v_answers")
    assert answers == reader.frame("answers", EVERYTHING).height


def test_results_are_json(reader: Reader) -> None:
    for row in reader.frame("answers", EVERYTHING, limit=3).to_dicts():
        json.dumps(row, default=str, allow_nan=False)
