"""Results of contests on the real engine: for the member, for nobody else by name, and counted where answers are."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from reports.analytics.inputs import Inputs
from reports.asking import ALL, frames
from reports.attempts import of_exams
from reports.context.group import Groups
from reports.context.quality import Deliveries
from reports.context.secretary import Secretaries
from reports.data import EVERYTHING as ALL_CONTENT
from reports.data import Content, Period, Policy, ReportData
from reports.errors import ReportError
from reports.issued.source import asked as call_of
from reports.load import check_content, load, recorded
from reports.population import Populations
from reports.site import Site
from schemas.reference import Course, Exam, Member, Organisation, Question, ReferenceTables, Text
from schemas.settings import Settings
from schemas.tables import TABLES
from sinks.client import Store
from sinks.policy import row_filter
from sinks.read import Filters, Reader, Scope
from tests.support.harness import event, uid
from tests.support.loaded import load as put
from web.dashboard.asking import Asked
from web.dashboard.gather import Gatherer
from web.dashboard.viewers import Viewer

ZONE = "Asia/Shanghai"
ON = date(2026, 3, 4)
QUARTER = {"first": date(2026, 1, 1), "last": date(2026, 3, 31)}
MEMBERS = [f"m{n}" for n in range(6)]
OPERATOR, OFFICER, SECRETARY = Scope.everything(), Scope("top", "named"), Scope("b1", "named")
OTHERS = pytest.mark.parametrize("scope", [OPERATOR, OFFICER, SECRETARY], ids=["operator", "officer", "secretary"])
M0 = Scope.own("m0")


def reference() -> ReferenceTables:
    return ReferenceTables(
        organisations=(Organisation(org_id="top"), Organisation(org_id="b1", parent_id="top")),
        members=tuple(Member(member_id=m, org_id="b1", name=m) for m in MEMBERS),
        courses=(Course(course_id="c1", title="c1"),),
        exams=tuple(Exam(exam_id=e, course_id="c1", title=e) for e in ("final", "mistaken")),
        questions=tuple(
            Question(question_id=f"q{n}", course_id="c1", exam_ids=("final",), text="?", kind="single", answer_key="A")
            for n in range(4)
        ),
        present=frozenset({"organisations", "members", "courses", "exams", "questions"}),
    )


def lines() -> list[bytes]:
    """Everybody but ``m5`` answers four questions in the contest ``quiz``, of which the last enters it without saying
    so; all of them in the exam ``final``, and at home. An app calls the exam ``mistaken`` a contest, and calls ``taken
    back`` one for a while."""
    found: list[bytes] = []

    def at(minute: int) -> str:
        return f"2026-03-04T{10 + minute // 60}:{minute % 60:02}:00+08:00"

    def enter(member: str, contest: str, **fields: Any) -> int:
        found.append(event(len(found), "contest", at(0), member, "", contest_id=contest, step="entered", **fields))
        return len(found) - 1

    def answer(member: str, minute: int, question: int, right: bool, exam: str = "", **fields: Any) -> int:
        given = {"exam_id": exam, "attempt": 1} if exam else {}
        given |= {"question_id": f"q{question}", "correct": right, "response": "A" if right else "B"}
        found.append(event(len(found), "answer", at(minute), member, **given, duration_ms=9_000, **fields))
        return len(found) - 1

    for member in MEMBERS[:4]:
        enter(member, "quiz", board=member == "m1")
    first = [answer(member, 2 + n, n, n != 2, "quiz") for member in MEMBERS[:5] for n in range(4)]
    for member in MEMBERS:
        for n in range(4):
            answer(member, 60 + n, n, n > 0, "final")
            answer(member, 90 + n, n, True)
        answer(member, 120, 0, True, "mistaken")
        answer(member, 121, 0, True, "taken back")
    enter("m0", "mistaken")
    gone = enter("m0", "taken back")
    about = {"target_event_id": uid(gone), "reason": "an error"}
    found.append(event(900, "withdraw", at(125), "m0", "", **about))
    # What is said of the answers of m0 later: one was wrong after all, by its id and by what it was; one was none.
    about = {"question_id": "q3", "response": "A", "expected": "B"}
    found.append(event(901, "error", at(130), "m0", answer_id=uid(first[3]), **about))
    found.append(event(902, "error", at(131), "m0", exam_id="quiz", **about))
    found.append(event(903, "withdraw", at(132), "m0", target_event_id=uid(first[0]), reason="an error"))
    return found


@pytest.fixture(scope="module")
def loaded(engine_store: Store) -> Store:
    for table in TABLES.values():
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    sent = lines()
    put(engine_store, random.Random(4).sample(sent, len(sent)), reference(), ZONE)
    return engine_store


def asked(store: Store, name: str, scope: Scope, **filters: Any) -> list[dict[str, Any]]:
    reader = Reader(store)
    return [
        row
        for frame in frames(reader, ALL[name], scope, Filters(**filters), Settings())
        for row in frame.iter_rows(named=True)
    ]


def exams_in(rows: list[dict[str, Any]]) -> set[str]:
    return {row["exam_id"] for row in rows} - {""}


@OTHERS
@pytest.mark.parametrize("name", ["answers", "exams", "events", "effort"])
def test_others_are_told_of_exams_and_not_of_contests(loaded: Store, name: str, scope: Scope) -> None:
    """What the catalogue lists is an exam whatever an event says, and what is no contest any more is none."""
    found = asked(loaded, name, scope)
    assert exams_in(found) == {"final", "mistaken", "taken back"}
    assert {row["member_id"] for row in found} == set(MEMBERS)
    assert asked(loaded, name, scope, exam="quiz") == []
    assert asked(loaded, name, scope, member="m0", exam="quiz") == []
    assert len(asked(loaded, name, scope, exam="final")) >= len(MEMBERS)


@pytest.mark.parametrize("name", ["answers", "exams", "events", "effort"])
def test_the_member_is_told_of_them(loaded: Store, name: str) -> None:
    found = asked(loaded, name, M0)
    assert exams_in(found) == {"quiz", "final", "mistaken", "taken back"}
    assert {row["member_id"] for row in found} == {"m0"}
    assert exams_in(asked(loaded, name, Scope.own("m4"))) == {"quiz", "final", "mistaken", "taken back"}


def test_a_row_says_that_it_is_of_a_contest(loaded: Store) -> None:
    found = {(row["exam_id"], row["contest"]) for row in asked(loaded, "answers", M0)}
    assert found == {("", False), ("final", False), ("mistaken", False), ("taken back", False), ("quiz", True)}
    rows = Reader(loaded).frame("all answers", OPERATOR)
    assert set(rows.filter(contest=True)["exam_id"]) == {"quiz"}
    assert set(rows.filter(contest=True)["member_id"]) == set(MEMBERS[:5])


@OTHERS
def test_what_is_said_of_an_answer_later_is_told_with_it(loaded: Store, scope: Scope) -> None:
    later = {uid(n) for n in (901, 902, 903)}
    assert not later & {row["event_id"] for row in asked(loaded, "events", scope)}
    assert uid(900) in {row["event_id"] for row in asked(loaded, "events", scope)}
    assert later < {row["event_id"] for row in asked(loaded, "events", M0)}


@OTHERS
def test_what_was_wrong_in_a_contest_is_in_nobody_elses_list(loaded: Store, scope: Scope) -> None:
    """q0 was wrong in the exam, q2 in the contest, and q3 of m0 there too."""
    for name in ("wrong-questions", "wrong-book"):
        of_others = {(row["member_id"], row["question_id"]) for row in asked(loaded, name, scope)}
        assert of_others == {(m, "q0") for m in MEMBERS}, name
        assert {row["question_id"] for row in asked(loaded, name, M0)} == {"q0", "q2", "q3"}, name


@OTHERS
def test_figures_over_answers_count_them(loaded: Store, scope: Scope) -> None:
    def answers(**filters: Any) -> dict[str, int]:
        return {row["question_id"]: row["answers"] for row in asked(loaded, "questions", scope, **filters)}

    # Five in the contest, one of which was taken back; six each in the exam and at home; for q0 two exams more.
    assert answers() == {"q0": 4 + 24, "q1": 5 + 12, "q2": 5 + 12, "q3": 5 + 12}
    assert answers(exam="quiz") == {}
    assert answers(member="m1") == {"q0": 4, "q1": 2, "q2": 2, "q3": 2}
    (day,) = asked(loaded, "branch-day", scope, course="")
    assert day["answers"] == 19 + 60
    assert {row["answers"] for row in asked(loaded, "member-day", scope, course="", member="m1")} == {4 + 10}


def test_figures_of_a_group_count_them_for_a_scope_of_aggregates(loaded: Store) -> None:
    scope = Scope("top", "aggregate")
    found = {row["question_id"]: row["answers"] for row in asked(loaded, "questions", scope, **QUARTER)}
    assert found == {"q0": 28, "q1": 17, "q2": 17, "q3": 17}
    wrong = {row["question_id"]: row["members"] for row in asked(loaded, "wrong-questions", scope, **QUARTER)}
    assert wrong == {"q0": 6, "q2": 5}, "q3 was wrong for one only"


@OTHERS
def test_branches_are_not_compared_by_contests(loaded: Store, scope: Scope) -> None:
    found = {row["exam_id"]: row for row in asked(loaded, "branches", scope, **QUARTER)}
    assert found.keys() == {"", "final", "mistaken", "taken back"}
    inputs = Inputs(Reader(loaded), scope, Filters(**QUARTER))
    assert (inputs.answers.height, inputs.counted.height) == (60, 60 + 19), "over answers the contest counts"
    for one in ({"exam": "quiz"}, {"member": "m1", "exam": "quiz"}):
        assert Inputs(Reader(loaded), scope, Filters(**one)).counted.is_empty()
    for name in ("items", "tests"):
        assert exams_in(asked(loaded, name, scope)) == {"final", "mistaken", "taken back"}
    assert asked(loaded, "branches", scope, **QUARTER, exam="final")
    assert asked(loaded, "branches", scope, **QUARTER, exam="quiz") == [], "not that nobody took part"


def test_the_board_has_who_asked(loaded: Store) -> None:
    (row,) = asked(loaded, "contest-board", SECRETARY)
    assert (row["member_id"], row["answers"], row["correct"]) == ("m1", 4, 3)
    (own,) = [row for row in asked(loaded, "contest-results", M0) if row["contest_id"] == "quiz"]
    assert (own["answers"], own["correct"]) == (3, 1)


def test_by_sql_exams_of_the_catalogue_are_seen(loaded: Store) -> None:
    def seen(scope: Scope) -> set[tuple[str, str]]:
        condition = row_filter("answers", scope) or "1"
        return set(loaded.rows(f"SELECT DISTINCT member_id, exam_id FROM answers FINAL WHERE {condition} AND counted"))

    listed = {(m, e) for m in MEMBERS for e in ("", "final", "mistaken")}
    assert seen(OPERATOR) == seen(OFFICER) == seen(SECRETARY) == listed
    assert seen(M0) == {("m0", e) for e in ("", "final", "mistaken", "taken back", "quiz")}
    assert seen(Scope("top", "aggregate")) == set()


def data(store: Store, scope: Scope, member: str | None = None) -> ReportData:
    return load(Reader(store), scope, **QUARTER, member=member)  # type: ignore[arg-type]


def shown(of: ReportData) -> dict[str, Any]:
    site = Site(of, Scope.own("m0"), Path("/nowhere"))
    return dict(site.member_reports(["m0"]))


def test_a_members_page_tells_the_member_and_nobody_else(loaded: Store) -> None:
    own = shown(data(loaded, M0, "m0"))["m0"]
    made = shown(data(loaded, OPERATOR, "m0"))["m0"]
    assert replace(made, head=own.head) == own, "the operator makes each member's own page"
    assert [e.exam_id for e in own.exams] == ["final", "mistaken", "quiz", "taken back"]
    assert own.effect.answers.value == 3 + 10
    for scope in (SECRETARY, OFFICER):
        told = shown(data(loaded, scope, "m0"))["m0"]
        assert [e.exam_id for e in told.exams] == ["final", "mistaken", "taken back"]
        assert told.effect.answers.value == 10
        assert told.effect.wrong_questions.value == 1
        assert [line.answers.value for line in told.days] == [10]


@pytest.mark.parametrize(("scope", "member"), [(M0, None), (M0, "m0"), (OPERATOR, "m0")])
def test_of_one_member_nobody_elses_row_of_the_roster_is_kept(loaded: Store, scope: Scope, member: str | None) -> None:
    period = Period(QUARTER["first"], QUARTER["last"])
    _, kept = recorded(Reader(loaded), scope, period, member=member, as_of=datetime(2026, 4, 1, tzinfo=UTC))
    assert kept.frames[call_of("reference/members")]["member_id"].to_list() == ["m0"]
    assert kept.members() == {"m0"}


@pytest.mark.parametrize(
    ("scope", "exams"), [(M0, 4), (OPERATOR, 3), (SECRETARY, 3)], ids=["member", "operator", "secretary"]
)
def test_the_dashboards_page_on_a_member_tells_the_member_alone(loaded: Store, scope: Scope, exams: int) -> None:
    page = Asked("member", "m0", "days", QUARTER["first"], QUARTER["last"])
    found = Gatherer(loaded).member(Viewer(scope, "-", Text("-", "-")), page)
    assert len(found.report.exams) == exams


@OTHERS
def test_reports_of_groups_count_answers_and_list_no_contest(loaded: Store, scope: Scope) -> None:
    read = data(loaded, scope)
    populations = Populations(read.roster, read.period)
    report = Groups(read, populations, Deliveries(read), ALL_CONTENT, Policy(k=5)).report("b1")
    assert [e.exam_id for e in report.exams] == ["final", "mistaken", "taken back"]
    assert report.effect is not None
    assert report.effect.answers.value == 19 + 60
    annex = Secretaries(read, populations, 5).report("b1")
    assert {line.exams.value for line in annex.ledger} == {3}
    assert {line.open.value for line in annex.ledger} == {1}
    site = Site(read, scope, Path("/nowhere"))
    assert {c.id for c in site.contents if c.kind == "exam"} == {"final", "mistaken", "taken back"}
    assert "quiz" in set(read.answers["exam_id"])
    assert "quiz" not in set(of_exams(read.answers)["exam_id"])
    with pytest.raises(ReportError):
        check_content(read, Content("exam", "quiz"))
    check_content(read, Content("exam", "taken back"))
