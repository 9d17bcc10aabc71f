"""Results of anonymous surveys in reports of groups: whose sums, from how many answers on, what is withheld."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from reports.context.group import GroupReport, Groups
from reports.context.quality import Deliveries
from reports.context.surveys import told
from reports.data import EVERYTHING, Content, Policy, ReportData
from reports.errors import ReportError
from reports.formats.from_page import read_page
from reports.formats.parquet import to_parquet
from reports.formats.tables import sheets
from reports.formats.typed import WITHHELD, typed
from reports.issued.source import Recorded, Snapshot, asked
from reports.plain import to_json
from reports.population import Populations
from reports.render import Page, Renderer
from reports.surveys import load_surveys, quarters
from reports.text import LANGUAGES
from schemas.reference import Organisation
from sinks.read import Filters, Scope
from sinks.read.families import SURVEY_QUARTERS
from sinks.read.generations import GenerationInfo
from tests.support.small_reports import DEEP, FIRST, answers_to_survey, make, members, study

Q1, Q2 = date(2026, 1, 1), date(2026, 4, 1)


def surveyed(*rows: tuple[str, str, str, int], quarter: date = Q1, **more: Any) -> ReportData:
    """Organisation, question, option and how often it was chosen; six members of each of two branches studied."""
    people = [*members("b1", 6), *members("b2", 6)]
    data = make(people, [study(m.member_id) for m in people], **more)
    return replace(data, surveys=answers_to_survey(*rows, quarter=quarter))


def report(data: ReportData, node: str, content: Content = EVERYTHING, k: int = 5) -> GroupReport:
    groups = Groups(data, Populations(data.roster, data.period), Deliveries(data), content, Policy(k=k))
    return groups.report(node)


def results(data: ReportData, node: str, k: int = 5) -> dict[tuple[str, str], tuple[Any, Any] | None]:
    """(question, option) → (chosen, answers); None where it is withheld."""
    surveys = report(data, node, k=k).surveys
    return {
        (line.item_id, line.choice): None if line.answers.hidden else (line.chosen.x, line.answers.value)
        for line in (surveys.lines if surveys else ())
    }


@pytest.mark.parametrize(
    ("first", "last", "today", "found"),
    [
        (date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 1), [Q1]),
        (date(2026, 1, 1), date(2026, 3, 31), date(2026, 3, 31), []),  # not over yet
        (date(2026, 3, 1), date(2026, 3, 31), date(2026, 5, 1), [Q1]),  # ends in the month
        (date(2026, 4, 1), date(2026, 6, 29), date(2026, 9, 1), []),
        (date(2026, 3, 31), date(2026, 6, 30), date(2026, 6, 30), [Q1]),
        (date(2025, 12, 31), date(2026, 6, 30), date(2026, 7, 1), [date(2025, 10, 1), Q1, Q2]),
    ],
)
def test_quarters_that_end_in_the_period_and_are_over(first: date, last: date, today: date, found: list[date]) -> None:
    assert [start for start, _ in quarters(first, last, today)] == found


def test_a_branch_has_its_own_results_and_what_is_above_their_sum() -> None:
    data = surveyed(("b1", "i2", "A", 4), ("b1", "i2", "B", 2), ("b2", "i2", "A", 5), ("b2", "i10", "A", 7))
    assert results(data, "b1") == {("i2", "A"): (4, 6), ("i2", "B"): (2, 6)}
    assert list(results(data, "top").items()) == [
        (("i2", "A"), (9, 11)),
        (("i2", "B"), (2, 11)),
        (("i10", "A"), (7, 7)),
    ]
    assert report(data, "b3").surveys is None
    (first, *_) = report(data, "b1").surveys.lines  # type: ignore[union-attr]
    assert (first.quarter.en, first.survey_id, first.chosen.value) == ("2026 Q1", "s1", pytest.approx(4 / 6))
    assert first.quarter.zh == "2026年第一季度"


def test_the_query_tells_of_a_branch_what_its_report_does() -> None:
    """Seven of eleven answers are many enough, and would give away the other four; of i2 nobody else answered."""
    data = surveyed(("b1", "i1", "A", 7), ("b2", "i1", "A", 4), ("b1", "i2", "A", 6))
    columns = ("survey_id", "item_id", "choice", "answers")
    rows = data.surveys.filter(org_id="b1").select(columns)
    found = told(rows, data.surveys, data.roster, "b1", 5)
    assert set(found["item_id"]) == {i for (i, _), shown in results(data, "b1").items() if shown} == {"i2"}
    whole = told(rows, data.surveys, data.roster, "top", 5)
    assert set(whole["item_id"]) == {i for (i, _), shown in results(data, "top").items() if shown} == {"i1", "i2"}
    assert told(rows.clear(), data.surveys, data.roster, "b1", 5).is_empty()


@pytest.mark.parametrize("k", [1, 5])
def test_fewer_than_five_answers_are_withheld_and_said(k: int) -> None:
    data = surveyed(("b1", "i1", "A", 3), ("b1", "i1", "B", 1), ("b1", "i2", "A", 5))
    assert results(data, "b1", k) == {("i1", ""): None, ("i2", "A"): (5, 5)}
    assert results(data, "top", k)[("i1", "")] is None, "the sum is the same four answers"
    page = Renderer("en").report("group", report(data, "b1", k=k), Page())
    assert "* Fewer than 5 answers, or withheld" in page
    shown = surveyed(("b1", "i2", "A", 5))
    assert "Fewer than 5 answers" not in Renderer("en").report("group", report(shown, "b1", k=k), Page())


def test_what_would_give_away_a_sibling_is_withheld_with_it() -> None:
    data = surveyed(("b1", "i1", "A", 20), ("b2", "i1", "B", 3), ("b1", "i2", "A", 20), ("b2", "i2", "B", 5))
    assert results(data, "top")[("i1", "A")] == (20, 23)
    assert results(data, "b1") == {("i1", ""): None, ("i2", "A"): (20, 20)}
    assert results(data, "b2") == {("i1", ""): None, ("i2", "B"): (5, 5)}
    # More members are asked for elsewhere too: then five are not enough.
    assert results(data, "b2", k=6)[("i2", "")] is None


def test_results_are_of_the_tree_of_their_quarter_whatever_the_period() -> None:
    moved = [
        *[o for o in DEEP if o.org_id != "b1"],
        Organisation(org_id="b1", parent_id="g1", valid_to=date(2026, 2, 1)),
        Organisation(org_id="b1", parent_id="g2", valid_from=date(2026, 2, 1)),
    ]
    data = surveyed(("b1", "i1", "A", 6), ("b2", "i1", "A", 5), organisations=moved)
    assert results(data, "g2") == {("i1", "A"): (6, 6)}
    assert results(data, "g1") == {("i1", "A"): (5, 5)}
    assert results(data, "top") == {("i1", "A"): (11, 11)}
    later = surveyed(("b1", "i1", "A", 6), quarter=date(2025, 10, 1), organisations=moved)
    assert results(later, "g1") == {("i1", "A"): (6, 6)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_have_a_section_that_explains(language: Any) -> None:
    renderer = Renderer(language)
    data = surveyed(("b1", "i1", "A", 4), ("b1", "i1", "B", 2))
    page = renderer.report("group", report(data, "b1"), Page())
    assert f"{renderer.words('section.surveys')}</h2>" in page
    assert renderer.words("group.surveys_intro", least="5") in page
    assert "66.7% (4/6)" in page or "66.7%（4/6）" in page
    printed = read_page(page, language)
    assert renderer.words("section.surveys") in repr(printed)
    without = replace(data, surveys=pl.DataFrame())
    never = renderer.report("group", report(without, "b1"), Page())
    assert renderer.words("section.surveys") not in never
    emptied = replace(data, surveys=data.surveys.clear())
    assert renderer.report("group", report(emptied, "b1"), Page()) == never


def test_tables_and_data_have_them_too() -> None:
    found = report(surveyed(("b1", "i1", "A", 4), ("b1", "i1", "B", 2), ("b1", "i2", "A", 1)), "b1")
    (sheet,) = (typed(s) for s in sheets(found) if s.id == "surveys_lines")
    assert (sheet.zh, sheet.en) == ("匿名问卷", "Anonymous surveys")
    named = {c.id: i for i, c in enumerate(sheet.columns)}
    rows = [
        [r[named[n]] for n in ("quarter", "survey_id", "item_id", "choice", "answers", "chosen")] for r in sheet.rows
    ]
    assert rows == [
        ["2026年第一季度", "s1", "i1", "A", 6, pytest.approx(4 / 6)],
        ["2026年第一季度", "s1", "i1", "B", 6, pytest.approx(2 / 6)],
        ["2026年第一季度", "s1", "i2", "", WITHHELD, WITHHELD],
    ]
    assert all(c.zh != c.id for c in sheet.columns)
    read = pq.read_table(io.BytesIO(to_parquet(found)))
    lines = [r for r in read.to_pylist() if r["part"] == "surveys_lines" and r["field"] == "chosen"]
    assert [(json.loads(r["item"])["choice"], r["x"], r["n"], r["withheld"]) for r in lines] == [
        ("A", 4, 6, False),
        ("B", 2, 6, False),
        ("", None, None, True),
    ]
    plain = json.loads(to_json(found, Renderer("en").words))["report"]["surveys"]
    assert plain["least"] == "5"
    assert plain["lines"][0]["chosen"]["text"] == "66.7% (4/6)"


def test_a_report_about_one_course_has_none() -> None:
    data = surveyed(("b1", "i1", "A", 9))
    assert report(data, "b1", Content("course", "c1")).surveys is None


def test_a_report_that_was_issued_before_there_were_surveys_in_it_has_none() -> None:
    info = GenerationInfo(1, "Asia/Shanghai", "{}")
    days = Filters(first=Q1, last=date(2026, 3, 31))

    def loaded(kept: dict[str, pl.DataFrame]) -> pl.DataFrame:
        source = Recorded(Snapshot(info, {}, kept))
        return load_surveys(source, Scope.everything(), Q1, date(2026, 3, 31), date(2026, 5, 1), {"survey"})

    before = loaded({})
    assert before.is_empty()
    kept = answers_to_survey(("b1", "i1", "A", 9))
    assert before.schema == kept.schema
    assert loaded({asked(SURVEY_QUARTERS, Scope.everything(), days): kept}).equals(kept)
    with pytest.raises(ReportError, match="issued report was made without"):
        loaded({asked(SURVEY_QUARTERS, Scope.everything(), replace(days, last=date(2026, 6, 30))): kept})


def test_nothing_is_asked_where_nothing_is_shown() -> None:
    source = Recorded(Snapshot(GenerationInfo(1, "Asia/Shanghai", "{}"), {}))
    for scope, last, shown in (
        (Scope.everything(), date(2026, 3, 31), {"contest"}),
        (Scope.everything(), date(2026, 3, 30), {"survey"}),
        (Scope.own("m1"), date(2026, 3, 31), {"survey"}),
    ):
        assert load_surveys(source, scope, FIRST, last, date(2026, 5, 1), shown).columns == []
