"""Every declared family on the real engine: rows, rebuild, reconcile, retention, and who may see what. No family is
named here, so that the next one is covered."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from commands.rebuild import fill
from commands.reconcile import run as reconcile
from commands.retention import drop
from reports import withholding
from reports.analytics.computed import COMPUTED
from reports.asking import ALL, frames
from reports.context.activities import ActivityLine
from reports.context.group import Groups
from reports.context.quality import Deliveries
from reports.data import EVERYTHING as EVERYTHING_ABOUT
from reports.data import Policy
from reports.families import figure
from reports.load import load as load_reports
from reports.population import Populations
from schemas.credit import CreditPolicy
from schemas.envelope import ORGANISATION
from schemas.errors import XuejingError
from schemas.families import FAMILIES, Family
from schemas.metrics import METRICS
from schemas.reference import Member, Organisation, ReferenceTables
from schemas.settings import Settings
from schemas.tables import TABLES
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.policy import row_filter
from sinks.read import Filters, QueryError, Reader, Scope
from sinks.read.families import all_rows
from sinks.read.generations import GenerationInfo, active_generation, set_state
from tests.support.compare import family_differences
from tests.support.engine import rows
from tests.support.family_events import in_name_of, random_body
from tests.support.harness import event, uid
from tests.support.loaded import load as put
from tests.support.oracle import Result, compute
from web.dashboard.asking import Asked
from web.dashboard.gather import Gatherer
from web.dashboard.viewers import OPERATOR, Viewer

ZONE = "Asia/Shanghai"
FIRST, DAYS = datetime(2026, 5, 20, tzinfo=UTC), 60
MEMBERS = [f"m{n:02}" for n in range(16)]
HOME = {m: "b1" if n < 7 else "b2" if n < 14 else "b3" for n, m in enumerate(MEMBERS)}
NAMES = [*MEMBERS, *(ORGANISATION + org for org in ("b1", "b2", "b3"))]
EVERYTHING = Scope.everything()
OF_PERSONS = pytest.mark.parametrize("family", [f for f in FAMILIES.values() if not f.anonymous], ids=lambda f: f.name)
ALL_FAMILIES = pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.name)
MADE = pytest.mark.parametrize("family", [f for f in FAMILIES.values() if f.rows], ids=lambda f: f.name)


def lines(seed: int = 1) -> list[bytes]:
    """Two months of every family, with repetitions, conflicts, withdrawals and replacements."""
    chance = random.Random(seed)
    found: list[bytes] = []
    for n in range(1, 300 * len(FAMILIES)):
        at = FIRST + timedelta(minutes=chance.randrange(DAYS * 1440))
        member, name = chance.choice(MEMBERS), chance.choice(sorted(FAMILIES))
        body = random_body(name, chance) | in_name_of(name, member, HOME[member], at)
        member, moment = body.pop("member_id"), body.pop("occurred_at")
        if chance.random() < 0.08 and n > 10:
            body["replaces"] = uid(chance.randrange(1, n))
        made = event(n, name, moment, member, body.pop("course_id", ""), **body)
        found.append(made)
        if chance.random() < 0.06:
            found.append(event(n + 50_000, "withdraw", moment, member, target_event_id=uid(n), reason="r"))
        if chance.random() < 0.05:
            found.append(json.dumps(json.loads(made) | {"source": "again"}).encode())
    return [*found, *chance.sample(found, 40), *quiz()]


def quiz() -> list[bytes]:
    """A contest on 10 June, 9:00 local time, and its answers, by hand. ``m00`` thinks again about a question and does
    all of it once more; ``m01`` takes too long and does not ask again to be on the board; ``m07`` does not finish;
    ``m08`` answers without having entered."""
    found: list[bytes] = []

    def at(minute: int) -> str:
        return f"2026-06-10T01:{minute:02}:00Z"

    def step(member: str, minute: int, **fields: Any) -> None:
        about = {"contest_id": "quiz", "questions": 3, "limit_ms": 600_000}
        found.append(event(60_000 + len(found), "contest", at(minute), member, "", **about, **fields))

    def answer(member: str, minute: int, question: str, score: float, most: float, attempt: int = 1) -> None:
        about = {"question_id": question, "exam_id": "quiz", "attempt": attempt, "correct": score == most}
        made = event(60_000 + len(found), "answer", at(minute), member, **about, score=score, max_score=most)
        found.append(made)

    step("m00", 0, step="entered", board=True)
    answer("m00", 1, "q1", 2, 2)
    answer("m00", 2, "q2", 2, 2)
    answer("m00", 3, "q2", 0.5, 2)
    answer("m00", 4, "q3", 3, 3)
    step("m00", 5, step="finished", board=True)
    answer("m00", 20, "q1", 0, 2, attempt=2)
    step("m01", 0, step="entered", board=True)
    answer("m01", 11, "q1", 0, 2)
    step("m01", 12, step="finished")
    step("m07", 0, step="entered", board=True)
    answer("m08", 1, "q1", 2, 2)
    return found


def reference() -> ReferenceTables:
    return ReferenceTables(
        organisations=(Organisation(org_id="top"), *(Organisation(org_id=f"b{n}", parent_id="top") for n in (1, 2, 3))),
        members=tuple(Member(member_id=m, org_id=org) for m, org in HOME.items()),
        present=frozenset({"organisations", "members"}),
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
    put(engine_store, random.Random(2).sample(events, len(events)), reference(), ZONE)
    return engine_store


def stored(store: Store, generation: int | None = None) -> dict[str, list[dict[str, Any]]]:
    number = generation or active_generation(store).number
    return {f.table.name: [r for r in rows(store, f.table) if r["generation"] == number] for f in FAMILIES.values()}


def test_rows_equal_a_plain_computation(loaded: Store, expected: Result) -> None:
    assert all(len(found) > 20 for found in expected.families.values())
    assert list(family_differences(stored(loaded), expected)) == []


@ALL_FAMILIES
def test_reconcile_agrees_and_sees_a_row_that_is_gone(loaded: Store, family: Family) -> None:
    assert reconcile(loaded).differences == []
    first = next(r for r in rows(loaded, family.table) if r[family.contents[0].name])
    subject = family.table.columns[3].name
    loaded.command(
        f"ALTER TABLE {family.table.name} DELETE WHERE member_id = {{m:String}} AND day = {{d:Date}} "
        f"AND `{subject}` = {{s:String}} SETTINGS mutations_sync = 2",
        {"m": first["member_id"], "d": str(first["day"]), "s": first[subject]},
    )
    found = reconcile(loaded).differences
    assert {d.table for d in found} == {family.table.name}
    assert {d.key for d in found} == {(first["member_id"], str(first["day"]), first[subject])}
    fill(ClickHouseSink(loaded, patience=5), active_generation(loaded), [first["member_id"]], lambda _: None)
    assert reconcile(loaded).differences == []


def test_a_rebuilt_generation_has_the_same_rows(loaded: Store) -> None:
    old = active_generation(loaded)
    info = GenerationInfo(old.number + 1, old.timezone, old.rules)
    fill(ClickHouseSink(loaded, patience=5), info, NAMES, lambda _: None)
    for name, again in stored(loaded, info.number).items():
        assert [r | {"generation": old.number} for r in again] == stored(loaded)[name]
        loaded.command(
            f"ALTER TABLE {name} DELETE WHERE generation = {{g:UInt16}} SETTINGS mutations_sync = 2", {"g": info.number}
        )


def asked(store: Store, name: str, scope: Scope, **filters: Any) -> pl.DataFrame:
    return pl.concat(list(frames(Reader(store), ALL[name], scope, Filters(**filters), Settings())))


@MADE
def test_rows_are_for_those_whom_the_family_names(loaded: Store, expected: Result, family: Family) -> None:
    assert family.rows
    name, keys = family.rows.name, expected.families[family.name].keys()
    subject = family.table.columns[3].name

    def seen(scope: Scope, **filters: Any) -> set[Any]:
        frame = asked(loaded, name, scope, **filters)
        return set(frame.select("member_id", "day", subject).iter_rows())

    def of(*orgs: str) -> set[Any]:
        return {key for key in keys if HOME[key[0]] in orgs}

    assert seen(Scope.own("m03")) == {key for key in keys if key[0] == "m03"}
    with pytest.raises(XuejingError):
        asked(loaded, name, Scope("top", "aggregate"))
    if family.audience == "self":
        for scope in (EVERYTHING, Scope("b1", "named")):
            with pytest.raises(XuejingError, match="named"):
                asked(loaded, name, scope)
        return
    narrow = family.audience == "branch"
    assert seen(Scope("b1", "named")) == of("b1")
    assert seen(Scope("top", "named")) == (set() if narrow else of("b1", "b2", "b3"))
    assert seen(EVERYTHING) == (set() if narrow else of("b1", "b2", "b3"))
    assert seen(EVERYTHING, org="b2") == of("b2")
    assert seen(Scope("top", "named"), org="b2") == (set() if narrow else of("b2"))


@OF_PERSONS
def test_events_are_for_those_whom_the_family_names(loaded: Store, family: Family) -> None:
    def members(scope: Scope, **filters: Any) -> set[str]:
        found = asked(loaded, "events", scope, **filters).filter(event_type=family.name)
        return {HOME[m] for m in found["member_id"]}

    everybody = {"b1", "b2", "b3"}
    wide = {"named": everybody, "branch": set(), "self": set()}[family.audience]
    assert members(Scope.own("m03")) == {"b1"}
    assert members(EVERYTHING) == members(Scope("top", "named")) == wide
    assert members(Scope("b2", "named")) == ({"b2"} if family.audience != "self" else set())


@OF_PERSONS
def test_sql_gives_the_same_rows_to_the_same_people(loaded: Store, family: Family) -> None:
    def seen(scope: Scope) -> set[str]:
        condition = row_filter(family.table.name, scope) or "1"
        return {
            HOME[m] for (m,) in loaded.rows(f"SELECT DISTINCT member_id FROM {family.table.name} WHERE {condition}")
        }

    everybody: set[str] = {"b1", "b2", "b3"}
    wide = everybody if family.audience == "named" else set()
    assert seen(Scope.own("m03")) == {"b1"}
    assert seen(EVERYTHING) == seen(Scope("top", "named")) == wide
    assert seen(Scope("b2", "named")) == ({"b2"} if family.audience != "self" else set())
    assert seen(Scope("top", "aggregate")) == set()


VIEWED = pytest.mark.parametrize("family", [f for f in FAMILIES.values() if f.view], ids=lambda f: f.name)


@VIEWED
def test_a_view_has_the_rows_that_count(loaded: Store, expected: Result, family: Family) -> None:
    subject = family.table.columns[3].name
    found = loaded.rows(f"SELECT member_id, day, `{subject}`, org_id FROM {family.view}")
    assert sorted(found) == sorted((*key, HOME[key[0]]) for key in expected.families[family.name])


COUNTED = [f for f in FAMILIES.values() if f.counts and f.counts.upward]
QUARTER = {"first": date(2026, 4, 1), "last": date(2026, 6, 30)}


@pytest.mark.parametrize("family", COUNTED, ids=lambda f: f.name)
def test_figures_of_organisations_are_those_of_their_rows(loaded: Store, family: Family) -> None:
    assert family.counts
    name, subject = family.counts.name, family.table.columns[3].name
    found = asked(loaded, name, Scope("top", "aggregate"), **QUARTER)
    assert found.equals(asked(loaded, name, Scope("top", "named"), **QUARTER))
    reader = Reader(loaded)
    everything = reader.frame(all_rows(family), EVERYTHING, Filters(**QUARTER))
    assert set(found["org_id"]) == {"b1", "b2", "b3"}
    for row in found.iter_rows(named=True):
        rows_of = everything.filter(org_id=row["org_id"])
        if family.counts.by_subject:
            rows_of = rows_of.filter(pl.col(subject) == row[subject])
        if row["withheld"]:
            assert row["participants"] is None
            assert all(row[m.metric] is None for m in family.measures)
        else:
            assert row["participants"] == rows_of["member_id"].n_unique() >= 5
            for measure in family.measures:
                value = figure(measure, rows_of).value
                assert row[measure.metric] == (value if value is None else pytest.approx(value))
    assert all(found.filter(org_id="b3")["withheld"])
    assert not all(found["withheld"])
    # What nobody sees the rows of is asked by whole quarters and of the whole scope, by everybody.
    month = {"first": date(2026, 6, 1), "last": date(2026, 6, 30)}
    if family.audience == "self":
        assert withholding.always(name)
        with pytest.raises(XuejingError, match="quarter"):
            asked(loaded, name, EVERYTHING, **month)
    else:
        assert asked(loaded, name, EVERYTHING, **month).height
        with pytest.raises(XuejingError, match="quarter"):
            asked(loaded, name, Scope("top", "aggregate"), **month)
    with pytest.raises(XuejingError):
        COMPUTED[name].frame(reader, Scope.own("m01"))


@pytest.mark.parametrize("family", [f for f in FAMILIES.values() if f.anonymous], ids=lambda f: f.name)
def test_nobody_sees_a_row_of_an_anonymous_family(loaded: Store, family: Family) -> None:
    for scope in (Scope.own("m03"), EVERYTHING, Scope("b1", "named")):
        assert row_filter(family.table.name, scope) == "0"
        assert asked(loaded, "events", scope).filter(event_type=family.name).is_empty()
    assert not family.rows
    kept = {str(m) for (m,) in loaded.rows(f"SELECT DISTINCT member_id FROM {family.table.name}")}
    assert kept == {ORGANISATION + org for org in ("b1", "b2", "b3")}
    assert not {m for (m,) in loaded.rows("SELECT DISTINCT member_id FROM events WHERE event_type = {f:String}",
                                          {"f": family.name})} & set(MEMBERS)  # fmt: skip


def test_answers_of_a_survey_are_counted_as_a_whole(loaded: Store, expected: Result) -> None:
    def counted(*orgs: str) -> Counter[Any]:
        found: Counter[Any] = Counter()
        for (name, day, item), row in expected.families["survey"].items():
            if name.removeprefix(ORGANISATION) in orgs and day <= QUARTER["last"]:
                for choice, n in zip(row["choices"], row["answers"], strict=True):
                    found[row["survey_id"], item, choice] += n
        return found

    def sums(*orgs: str) -> dict[Any, int]:
        found = counted(*orgs)
        totals: Counter[Any] = Counter()
        for key, n in found.items():
            totals[key[:2]] += n
        return {key: n for key, n in found.items() if totals[key[:2]] >= 5}

    def shown(scope: Scope, **filters: Any) -> dict[Any, int]:
        rows_of = asked(loaded, "survey-answers", scope, **(QUARTER | filters))
        return {tuple(key): n for *key, n in rows_of.select("survey_id", "item_id", "choice", "answers").iter_rows()}

    found, own = shown(Scope("b1", "named")), sums("b1")
    assert found == shown(Scope("b1", "aggregate"))
    assert found
    assert found.items() < own.items()
    for item in {key[:2] for key in own.keys() - found.keys()}:
        # Left out is what would give away, with the sum of all, how few answered elsewhere.
        beside = [sum(n for key, n in counted(org).items() if key[:2] == item) for org in ("b2", "b3")]
        assert any(0 < n < 5 for n in beside), item
    assert shown(EVERYTHING) == sums("b1", "b2", "b3")
    month = {"first": date(2026, 6, 1), "last": date(2026, 6, 30)}
    for wrong in ({"org": "b2"}, month):
        with pytest.raises(XuejingError):
            asked(loaded, "survey-answers", EVERYTHING, **(QUARTER | wrong))


def test_reports_have_results_of_surveys_by_quarter(loaded: Store, expected: Result) -> None:
    """The second quarter, in a report of June as in one of the quarter; equal for every scope; nothing by day."""
    sums: Counter[Any] = Counter()
    for (name, day, item), row in expected.families["survey"].items():
        if day <= QUARTER["last"]:
            for choice, n in zip(row["choices"], row["answers"], strict=True):
                sums[name.removeprefix(ORGANISATION), row["survey_id"], item, choice] += n
    credit = CreditPolicy.of("", tuple(FAMILIES))
    moment = datetime(2026, 7, 1, 4, tzinfo=UTC)

    def found(scope: Scope = EVERYTHING, at: datetime = moment, policy: CreditPolicy = credit, **days: Any) -> Any:
        data = load_reports(Reader(loaded), scope, as_of=at, credit=policy, **(QUARTER | days))
        return data, {tuple(row[:-1]): row[-1] for row in data.surveys.drop("quarter", strict=False).iter_rows()}

    data, rows_of = found()
    assert rows_of == sums
    assert data.surveys["quarter"].unique().to_list() == [QUARTER["first"]]
    assert "member_id" not in data.surveys.columns
    assert found(first=date(2026, 6, 1))[1] == found(Scope("b1", "named"))[1] == sums
    for nothing in (
        found(at=datetime(2026, 6, 30, 4, tzinfo=UTC)),
        found(policy=CreditPolicy.of("", ("contest",))),
        found(last=date(2026, 6, 29)),
        found(member="m03"),
        found(Scope.own("m03")),
    ):
        assert nothing[1] == {}
    groups = Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING_ABOUT, Policy())
    for org, below in (("b1", {"b1"}), ("top", {"b1", "b2", "b3"})):
        shown = {}
        surveys = groups.report(org).surveys
        assert surveys is not None
        for line in surveys.lines:
            if not line.answers.hidden:
                shown[line.survey_id, line.item_id, line.choice] = line.chosen.x
                total = sum(
                    n for (o, s, i, _), n in sums.items() if o in below and (s, i) == (line.survey_id, line.item_id)
                )
                assert line.answers.value == total
        assert shown == {
            key: sum(n for (o, *rest), n in sums.items() if o in below and tuple(rest) == key) for key in shown
        }
        assert len(shown) > 5


def test_results_of_a_contest_are_those_of_its_first_attempt_and_the_board_is_by_consent(loaded: Store) -> None:
    day = {"first": date(2026, 6, 10), "last": date(2026, 6, 10)}
    columns = ("finished", "duration_ms", "questions", "answers", "correct", "score", "max_score")

    def results(member: str) -> list[tuple[Any, ...]]:
        found = asked(loaded, "contest-results", Scope.own(member), **day).filter(contest_id="quiz")
        return found.select("member_id", "org_id", "day", *columns, "board").rows()

    def board(scope: Scope, **filters: Any) -> list[tuple[Any, ...]]:
        found = asked(loaded, "contest-board", scope, **(day | filters)).filter(contest_id="quiz")
        return found.select("member_id", "org_id", *columns).rows()

    on = day["first"]
    # Of three questions two right, 2 + 0.5 + 3 of 7 points; the second thought counts, the second attempt does not.
    assert results("m00") == [("m00", "b1", on, True, 300_000, 3, 3, 2, 5.5, 7.0, True)]
    assert results("m01") == [("m01", "b1", on, True, 600_000, 3, 1, 0, 0.0, 2.0, False)]
    assert results("m07") == [("m07", "b2", on, False, None, 3, 0, 0, 0.0, 0.0, True)]
    assert results("m08") == []
    first = ("m00", "b1", True, 300_000, 3, 3, 2, 5.5, 7.0)
    second = ("m07", "b2", False, None, 3, 0, 0, 0.0, 0.0)
    assert board(EVERYTHING) == board(Scope("top", "named")) == [first, second]
    assert board(Scope("b1", "named")) == board(EVERYTHING, org="b1") == [first]
    for scope, name in ((EVERYTHING, "contest-results"), (Scope("top", "aggregate"), "contest-board")):
        with pytest.raises(XuejingError):
            asked(loaded, name, scope, **day)


def test_programs_read_what_no_question_reaches(loaded: Store) -> None:
    for family in COUNTED:
        assert all_rows(family) not in ALL
        assert Reader(loaded).frame(all_rows(family), EVERYTHING).height
        with pytest.raises(QueryError, match="no filter"):
            Reader(loaded).frame(all_rows(family), EVERYTHING, Filters(exam="e"))


def test_reports_read_the_families_that_are_shown(loaded: Store) -> None:
    shown = load_reports(Reader(loaded), EVERYTHING, credit=CreditPolicy.of("", tuple(FAMILIES)))
    assert shown.families.frames.keys() == {f.name for f in FAMILIES.values() if f.measures}
    off = load_reports(Reader(loaded), EVERYTHING, credit=CreditPolicy.of("", ()))
    assert not off.families.frames
    for family in FAMILIES.values():
        for measure in family.measures:
            columns = {c.name for c in family.contents}
            assert {measure.column, *([measure.per] if measure.per else [])} <= columns
            assert (METRICS[measure.metric].unit == "share") == bool(measure.per)


def test_the_dashboard_shows_what_the_families_allow(loaded: Store) -> None:
    """Of what the member alone sees, groups have figures of quarters that are over; nobody else sees a row."""
    gatherer = Gatherer(
        loaded, CreditPolicy.of("", tuple(FAMILIES)), clock=lambda: datetime(2026, 7, 20, 4, tzinfo=UTC)
    )
    titles = {f.title: f.audience for f in FAMILIES.values()}

    def shown(found: Sequence[ActivityLine]) -> set[str]:
        return {titles[line.family] for line in found}

    secretary = Viewer(Scope("b1", "named"), "branch_secretary", OPERATOR.label)
    quarter = Asked("branch", "b1", "days", date(2026, 4, 1), date(2026, 6, 30))
    assert shown(gatherer.branch(secretary, quarter).report.activities) == {"named", "branch", "self"}
    month = replace(quarter, first=date(2026, 6, 1))
    assert shown(gatherer.branch(secretary, month).report.activities) == {"named", "branch"}
    analyst = Viewer(Scope("top", "aggregate"), "committee_analyst", OPERATOR.label)
    above = gatherer.committee(analyst, Asked("committee", "top")).report.activities
    assert shown(above) == {"named", "self"} | {
        f.audience for f in FAMILIES.values() if f.measures and f.counts and f.counts.upward
    }
    own, page = Viewer(Scope.own("m03"), "member", OPERATOR.label), Asked("member", "m03")
    assert shown(gatherer.member(own, page).report.activities) == {"named", "branch", "self"}
    assert shown(gatherer.member(secretary, page).report.activities) == {"named", "branch"}
    assert "self" not in shown(gatherer.member(OPERATOR, page).report.activities)
    assert gatherer.branch(secretary, quarter).report.surveys is None, "no page shows them"
    off = Gatherer(loaded, CreditPolicy.of("", ()), clock=gatherer.clock)
    assert off.branch(secretary, quarter).report.activities == ()


def test_retention_keeps_what_open_days_depend_on(loaded: Store, events: list[bytes]) -> None:
    """Of a subject with events on both sides of the cut everything stays; figures of open days do not change."""
    cut = datetime(2026, 6, 1, tzinfo=UTC)
    before = {n: [r for r in found if r["day"] >= date(2026, 6, 2)] for n, found in stored(loaded).items()}
    drop(loaded, "202605", cut)
    left = {str(r[0]) for r in loaded.rows("SELECT DISTINCT event_id FROM events")}
    assert len(left) < len({json.loads(line)["event_id"] for line in events})
    info = GenerationInfo(9, ZONE, active_generation(loaded).rules)
    fill(ClickHouseSink(loaded, patience=5), info, NAMES, lambda _: None)
    for name, again in stored(loaded, 9).items():
        assert [r | {"generation": 1} for r in again if r["day"] >= date(2026, 6, 2)] == before[name]
    set_state(loaded, 9, info, "retired")
