"""The competence map: what it says, whose it is, and figures that can be worked out on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.analytics.competence import member_cells, weakest
from reports.attempts import without_contests
from reports.competences import CompetenceMap, Item, competence_map
from reports.context.competence import period_cells
from reports.context.group import GroupReport, Groups
from reports.context.member import MemberReport, member_report
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy, ReportData
from reports.errors import ReportError
from reports.issued.source import Recorded, Snapshot, asked
from reports.measures.competence import gap, mean_interval, profile
from reports.measures.errors import MeasureError
from reports.measures.proportions import Interval, wilson
from reports.parts import rows_of
from reports.population import Populations
from reports.render import Page, Renderer
from schemas.reference import Competence, Course, ReferenceTables, check_reference
from sinks.read import ALL_ANSWERS, Filters, Scope
from sinks.read.generations import GenerationInfo
from tests.support.small_reports import CATALOGUE, COMPETENCES, FIRST, answer, make, mapped, members

DAY = date(2026, 3, 29)


def test_each_item_counts_alike_and_the_interval_knows_it() -> None:
    # 8 of 10 and 20 of 40: (0.8 + 0.5) / 2; n_eff = 2² / (1/10 + 1/40) = 32.
    found = profile([(8, 10), (20, 40), (0, 0)])
    assert found is not None
    assert (found.share, found.items, found.questions) == (0.65, 2, 50)
    assert found.effective == pytest.approx(32)
    assert found.interval == pytest.approx(wilson(20.8, 32))


def test_with_as_many_questions_each_it_is_wilsons_interval() -> None:
    found = profile([(3, 5), (4, 5)])
    assert found is not None
    assert found.interval == pytest.approx(wilson(7, 10))


def test_nothing_answered_is_no_profile_and_nonsense_an_error() -> None:
    assert profile([]) is None
    assert profile([(0, 0)]) is None
    with pytest.raises(MeasureError):
        profile([(3, 2)])


cells = st.lists(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=9)


@given(cells)
def test_a_profile_lies_in_its_interval_and_is_worth_no_more_than_its_questions(given: list[tuple[int, int]]) -> None:
    found = profile(given)
    assert found is not None
    assert 0 <= found.interval.low <= found.share + 1e-12
    assert found.share - 1e-12 <= found.interval.high <= 1
    assert found.effective <= found.questions + 1e-9


def test_a_gap_is_judged_by_its_whole_interval() -> None:
    assert gap(0.6, Interval(0.4, 0.75), None) is None
    verdicts = [gap(0.6, Interval(0.4, 0.75), e) for e in (0.8, 0.7, 0.4)]
    assert [v.verdict for v in verdicts if v] == ["below", "open", "reached"]
    assert verdicts[0] is not None
    assert verdicts[0].interval == pytest.approx((-0.4, -0.05))
    alone = gap(0.9, None, 0.8)
    assert alone is not None
    assert alone.verdict == "open"


def test_of_few_questions_of_one_person_nothing_is_said() -> None:
    """One wrong answer lies, by its interval, below 0.8: and is one answer."""
    one, many = profile([(0, 1)]), profile([(0, 5)])
    assert one is not None
    assert many is not None
    assert one.interval.high < 0.8
    verdicts = [p.gap(0.8) for p in (one, many)]
    assert [v.verdict for v in verdicts if v] == ["open", "below"]
    assert one.gap(None) is None


def test_the_mean_of_members_has_a_t_interval() -> None:
    # Mean 0.5, s = 0.5, n = 3: 0.5 ± 4.302653 · 0.5/√3, cut to 0..1; of 0.4, 0.5, 0.6: s = 0.1.
    assert mean_interval([0.4, 0.5, 0.6]) == pytest.approx((0.251586, 0.748414), abs=1e-6)
    assert mean_interval([0.0, 0.5, 1.0]) == (0.0, 1.0)
    assert mean_interval([0.5]) is None


def the_map(*rows: Competence, day: date = DAY) -> CompetenceMap:
    return competence_map(rows, day)


def row(name: str, wing: str = "", **more: Any) -> Competence:
    return Competence(competence_id=name, wing=wing, title=name, **more)


def test_wings_that_are_there_need_no_row_and_come_first() -> None:
    found = the_map(row("art", knowledge_points=("k9",)), row("space", "science", course_ids=("c1",)))
    assert [(n.id, n.wing) for n in found.nodes] == [("science", ""), ("space", "science"), ("art", "")]
    assert found.nodes[0].title.en == "Science and technology"
    assert found.nodes[0].items == (Item("course", "c1"),)
    assert found.nodes[0].expected is None


def test_a_row_that_gives_a_wing_a_reference_leaves_its_english_title() -> None:
    given: dict[str, Any] = {"competence_id": "ideology", "course_ids": ("c1",), "expected": 0.9}
    (kept,) = the_map(Competence(**given, title="思想道德")).nodes
    assert (kept.title.zh, kept.title.en, kept.expected) == ("思想道德", "Ideology and morality", 0.9)
    (other,) = the_map(Competence(**given, title="理想信念")).nodes
    assert other.title.en == "理想信念"
    (said,) = the_map(Competence(**given, title="思想道德", title_en="Values")).nodes
    assert said.title.en == "Values"


def test_a_wing_has_what_its_competences_have_and_nothing_twice() -> None:
    found = the_map(
        row("w", knowledge_points=("k1",)),
        row("a", "w", knowledge_points=("k1", "k2")),
        row("b", "w", course_ids=("c1",)),
        row("idle", "w"),
    )
    assert found.nodes[0].items == (Item("point", "k1"), Item("point", "k2"), Item("course", "c1"))
    assert [n.id for n in found.nodes] == ["w", "a", "b"]
    assert [n.id for n in found.wings] == ["w"]


def test_a_map_is_that_of_the_day() -> None:
    rows = (
        row("w", course_ids=("c1",), expected=0.5, valid_to=date(2026, 3, 1)),
        row("w", course_ids=("c2",), expected=0.7, valid_from=date(2026, 3, 1)),
    )
    assert the_map(*rows, day=date(2026, 2, 28)).nodes[0].expected == 0.5
    assert the_map(*rows, day=date(2026, 3, 1)).nodes[0].items == (Item("course", "c2"),)
    assert not the_map()


def test_rows_are_checked_against_the_catalogue_and_each_other() -> None:
    tables = ReferenceTables(
        courses=(Course(course_id="c1", title="Course"),),
        competences=(
            row("ideology", course_ids=("c1", "c9")),
            row("a", "science"),
            row("b", "a"),
            row("c", "nowhere"),
            row("d", "d"),
        ),
        present=frozenset({"courses", "competences"}),
    )
    found = {(p.column, p.value) for p in check_reference(tables)}
    assert found == {("course_ids", "c9"), ("wing", "a"), ("wing", "nowhere"), ("wing", "d")}


def cells_of(answers: list[dict[str, Any]], *rows: Competence) -> dict[str, dict[str, dict[Item, tuple[int, int]]]]:
    data = make(members("b1", 2), [], answers)
    catalogue = replace(CATALOGUE, competences=rows or COMPETENCES)
    found = period_cells(replace(data, catalogue=catalogue), data.answers)
    return {m: {c: dict(i) for c, i in by.items()} for m, by in found.cells.items()}


def test_the_latest_answer_to_a_question_counts_and_rapid_ones_do_not() -> None:
    given = [
        answer("b1-m1", False, "q1", hour=9),
        answer("b1-m1", True, "q1", hour=10),
        answer("b1-m1", False, "q1", hour=11, seconds=1),
        answer("b1-m1", None, "q2"),
        answer("b1-m2", False, "q2"),
    ]
    found = cells_of(given)
    point, course = Item("point", "k1"), Item("course", "c1")
    assert found["b1-m1"] == {
        "ideology": {point: (1, 1)},
        "counting": {point: (1, 1)},
        "science": {course: (1, 1)},
    }
    # A question without a knowledge point shows the course alone.
    assert found["b1-m2"] == {"science": {course: (0, 1)}}


def test_a_question_counts_once_for_a_competence() -> None:
    both = row("w", knowledge_points=("k2", "k1"), course_ids=("c1",))
    found = cells_of([answer("b1-m1", True, "q1", knowledge_points=["k1", "k2"])], both)
    assert found["b1-m1"] == {"w": {Item("point", "k1"): (1, 1)}}


def test_no_map_is_no_cells() -> None:
    data = make(members("b1", 1), [], [answer("b1-m1", True)])
    assert not period_cells(data, data.answers).cells
    assert not member_cells(data.answers, CATALOGUE, CompetenceMap()).cells


def test_what_is_next_begins_with_what_was_never_touched() -> None:
    a, b, c, d = (Item("point", x) for x in "abcd")
    assert weakest({a: (1, 2), b: (1, 4), c: (3, 3)}, (a, b, c, d), 3) == [d, b, a]
    assert weakest({c: (3, 3)}, (c,), 3) == []


def own(data: ReportData, member: str) -> MemberReport:
    ((_, rows),) = rows_of(data, [member])
    return member_report(data, Deliveries(data), EVERYTHING, member, rows)


def group(data: ReportData, node: str, k: int = 5) -> GroupReport:
    policy = Policy("named", k)
    return Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING, policy).report(node)


def test_a_members_profile_and_gap() -> None:
    lines = own(mapped(), "b1-m2").competence  # q1 and q2 right
    assert [(x.competence_id, x.is_wing) for x in lines] == [("ideology", True), ("counting", False), ("science", True)]
    counting, science = lines[1], lines[2]
    assert (counting.share.value, counting.gap.value, counting.state) == (1.0, 0.5, "competence.open")
    assert [t.en for t in counting.following] == ["k2"]
    assert (science.questions.value, science.gap.value, science.state) == (2, None, "")


def test_a_groups_profile_is_the_mean_of_its_members() -> None:
    found = group(mapped(), "b1").competence
    assert found is not None
    counting = found.lines[1]
    # Members 2, 3, 5 and 6 of six are right.
    assert counting.share.value == pytest.approx(4 / 6)
    assert counting.members is not None
    assert (counting.members.value, counting.questions.value) == (6, 6)
    assert counting.share.low == pytest.approx(4 / 6 - 2.570582 * 0.516398 / 6**0.5, abs=1e-5)


def test_few_members_are_withheld_and_what_would_give_them_away() -> None:
    data = mapped()
    gone = [f"b1-m{i}" for i in range(1, 4)]
    keep = ~data.answers["member_id"].is_in(gone)
    found = Groups(
        small := replace(data, answers=data.answers.filter(keep)),
        Populations(small.roster, small.period),
        Deliveries(small),
        EVERYTHING,
        Policy("aggregate", 5),
    )
    b1, b2, g1 = (found.report(node).competence for node in ("b1", "b2", "g1"))
    assert b1 is not None
    assert b2 is not None
    assert g1 is not None
    assert b1.lines[1].share.hidden
    assert b1.lines[1].share.value is None
    # Nine of the general branch minus six of the other branch would be the three.
    assert b2.lines[1].share.hidden
    assert not g1.lines[1].share.hidden


def test_organisations_stand_side_by_side_by_id_and_shrunken() -> None:
    found = group(mapped(), "top").competence
    assert found is not None
    assert [c.org_id for c in found.children] == ["b1", "b2", "b3", "b4"]
    assert {f.metric_id for c in found.children for f in c.shares} == {"competence_mean"}
    # All branches are alike, so that nothing tells them apart.
    assert {round(c.shares[0].value or 0, 9) for c in found.children} == {round(2 / 3, 9)}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_map_nothing_shows_that_there_could_be_one(language: Any) -> None:
    data = make(members("b1", 6), [], [answer(f"b1-m{i}", True) for i in range(1, 7)])
    renderer = Renderer(language)
    for template, report in (("member", own(data, "b1-m1")), ("group", group(data, "b1"))):
        page = renderer.report(template, report, Page())
        assert renderer.words("section.competence") not in page
    page = renderer.report("member", own(mapped(), "b1-m1"), Page())
    assert renderer.words("section.competence") in page


def test_a_report_that_was_issued_before_there_were_maps_has_none() -> None:
    kept = Recorded(Snapshot(GenerationInfo(1, "Asia/Shanghai", "{}"), {}))
    assert kept.reference("competences").is_empty()
    with pytest.raises(ReportError):
        kept.reference("courses")


def test_a_report_that_was_issued_before_contests_were_told_apart_has_the_answers_it_had() -> None:
    scope, filters = Scope.everything(), Filters(org="b1")
    answers = make(members("b1", 1), [], [answer("b1-m1", True)]).answers.drop("contest")
    frames = {asked("answers", scope, filters): answers}
    kept = Recorded(Snapshot(GenerationInfo(1, "Asia/Shanghai", "{}"), {}, frames))
    assert kept.frame(ALL_ANSWERS, scope, filters).equals(answers)
    assert without_contests(answers).equals(answers)
    with pytest.raises(ReportError):
        kept.frame(ALL_ANSWERS, scope, Filters(org="b2"))


def test_only_the_period_counts() -> None:
    data = make(members("b1", 1), [], [answer("b1-m1", True, day=date(2026, 2, 1)), answer("b1-m1", False, day=FIRST)])
    catalogue = replace(CATALOGUE, competences=COMPETENCES)
    assert period_cells(replace(data, catalogue=catalogue), data.answers).of("b1-m1")["counting"] == {
        Item("point", "k1"): (0, 1)
    }
