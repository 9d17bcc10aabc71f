"""Reports of exams: figures worked out on paper, what is withheld, and what they suggest."""

from __future__ import annotations

from typing import Any

import pytest

from reports.context.exam import ExamReport, Exams
from reports.context.exam_scores import bands
from reports.data import ReportData
from reports.figures import Figure
from reports.plain import plain
from reports.population import Populations
from reports.text import Words
from schemas.reference import Organisation
from tests.support.small_reports import ORGANISATIONS, answer, make, members


def report(data: ReportData, exam: str = "e1", k: int = 5) -> ExamReport:
    populations = Populations(data.roster, data.period)
    nodes = [n for n in populations.nodes() if populations.has_own_members(n)]
    return Exams(data, populations, nodes, k).report(exam, "top")


def sat(member: str, first: bool, second: bool, **more: Any) -> list[dict[str, Any]]:
    """An attempt at both questions of the paper; the first gives two points."""
    choice = {"response": "B" if first else "A"} | more
    return [
        answer(member, first, "q1", exam="e1", score=2.0 * first, max_score=2.0, **choice),
        answer(member, second, "q2", exam="e1", **more),
    ]


def everybody(sizes: dict[str, int], **more: Any) -> ReportData:
    people = [m for org, n in sizes.items() for m in members(org, n)]
    rows = [row for i, m in enumerate(people) for row in sat(m.member_id, i % 2 == 0, i % 3 > 0)]
    return make(people, [], rows, **more)


def test_figures_are_those_of_first_attempts() -> None:
    data = everybody({"b1": 12, "b2": 12})
    again = [row for m in ("b1-m1", "b1-m2") for row in sat(m, True, True, attempt=2)]
    found = report(make([*members("b1", 12), *members("b2", 12)], [], [*data.answers.to_dicts(), *again]))
    assert found.participants.value == 24
    assert found.repeated_by.hidden, "two members"
    assert found.questions.value == 2
    first, second = found.items
    assert first.facility.value == 0.5
    assert second.facility.value == pytest.approx(2 / 3)
    assert first.members.value == 24
    assert found.scores is not None
    # Two points of q1 and one of q2, of the ten points that the catalogue gives the paper.
    assert found.scores.mean.value == pytest.approx((0.5 * 2 + 2 / 3) / 10)
    assert sum(b.members.value or 0 for b in found.scores.bands) == 24


def test_an_exam_of_few_shows_nothing() -> None:
    found = report(everybody({"b1": 4}))
    assert found.withheld
    assert found.participants.hidden
    assert (found.items, found.scores, found.comparison, found.advice) == ((), None, None, ())


def test_an_exam_that_nobody_took_says_so() -> None:
    found = report(make(members("b1", 6)))
    assert found.empty
    assert not found.withheld
    assert found.items == ()


def test_a_wrong_key_is_to_be_repaired_with_its_reason_and_what_to_do() -> None:
    people = [*members("b1", 20), *members("b2", 20)]
    rows = []
    for i, m in enumerate(people):
        able = i % 2 == 0
        # Those who know the rest choose the "wrong" option of q1.
        rows += sat(m.member_id, not able, able)
        rows.append(answer(m.member_id, able, "q3", exam="e1"))
    found = report(make(people, [], rows))
    (repair,) = [r for r in found.repairs if r.item.question.question_id == "q1"]
    assert repair.because[0].action == "repair.check_key"
    assert "−" not in repair.because[0].reasons[0].en
    assert found.advice[0].key == "exam_advice.repair"
    assert "1" in str(plain(found.advice[0], Words("en")))


def test_few_members_suggest_no_repairs_and_say_why() -> None:
    found = report(everybody({"b1": 12}))
    assert found.few_members
    assert found.repairs == ()
    assert "exam_advice.few" in [n.key for n in found.advice]


def test_options_that_few_chose_have_no_figures_and_can_not_be_worked_out() -> None:
    people = members("b1", 12)
    rows = [row for i, m in enumerate(people) for row in sat(m.member_id, i > 1, i % 2 == 0)]
    options = {o.letter: o for o in report(make(people, [], rows)).items[0].options}
    assert options["A"].hidden, "two chose it"
    assert sum(o.hidden for o in options.values()) >= 2
    assert options["A"].share == Figure("option_share", None, hidden=True)


def test_branches_with_few_who_took_it_are_left_out_with_one_more() -> None:
    more = [Organisation(org_id=o, parent_id="top", name=o, kind="branch") for o in ("b4", "b5")]
    data = everybody({"b1": 9, "b2": 12, "b3": 3, "b4": 20, "b5": 16}, organisations=[*ORGANISATIONS, *more])
    found = report(data).comparison
    assert found is not None
    assert [line.title.zh for line in found.lines] == ["Branch two", "b4", "b5"]
    assert all(line.coverage.value == 1 for line in found.lines)


def test_nobody_is_named() -> None:
    text = str(plain(report(everybody({"b1": 30})), Words("en")))
    assert "Name b1" not in text
    assert "b1-m" not in text


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.05] * 5 + [0.95] * 5, [(0, 0.1, 5), *((i / 10, (i + 1) / 10, 0) for i in range(1, 9)), (0.9, 1, 5)]),
        ([0.05] * 3 + [0.15] * 2, [(0, 0.2, 5), *((i / 10, (i + 1) / 10, 0) for i in range(2, 10))]),
        ([0.45] * 6 + [1.0] * 2, [*((i / 10, (i + 1) / 10, 0) for i in range(4)), (0.4, 1, 8)]),
        ([], [(i / 10, (i + 1) / 10, 0) for i in range(10)]),
    ],
)
def test_bands_have_k_members_or_none(shares: list[float], expected: list[tuple[float, float, int]]) -> None:
    found = [(b.low.value, b.high.value, b.members.value) for b in bands(shares, 5)]
    assert found == [pytest.approx(e) for e in expected]
