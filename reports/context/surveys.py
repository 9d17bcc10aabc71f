"""Results of anonymous surveys in a group's report: how an organisation and what is below it answered, by quarter.

Nobody knows whose an answer is. A question is shown from five answers on, and not where the sums above and beside it
would give away those of an organisation with fewer. Nothing is compared or ranked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import polars as pl

from reports.context.beside import Beside
from reports.context.meetings import period_name
from reports.data import Period, ReportData
from reports.figures import Figure, withheld
from reports.measures.suppression import DEFAULT_K
from reports.meetings import label, whole
from reports.order import natural
from reports.population import Populations
from schemas.reference import Roster, Text

ANSWERS, SHARE = "survey_answers", "survey_share"


@dataclass(frozen=True, slots=True)
class SurveyLine:
    """One option of a question in one quarter; of a question that is withheld one line without an option. ``answers``:
    to the question; ``chosen``: the share of them that are this option."""

    quarter: Text
    survey_id: str
    item_id: str
    answers: Figure
    choice: str
    chosen: Figure


@dataclass(frozen=True, slots=True)
class Surveys:
    """Lines by quarter, survey, question and option, in order of their ids. ``least``: answers from which on a question
    is shown."""

    lines: tuple[SurveyLine, ...]
    least: str

    @property
    def has_withheld(self) -> bool:
        """Whether a question is withheld."""
        return any(line.answers.hidden for line in self.lines)


class _Item(NamedTuple):
    """A question in a quarter. ``by_org``: option → answers, of each organisation itself; ``shown``: of every node."""

    quarter: date
    survey_id: str
    item_id: str
    by_org: Mapping[str, Mapping[str, int]]
    shown: Mapping[str, bool]


def told(answers: pl.DataFrame, surveys: pl.DataFrame, roster: Roster, node: str, k: int) -> pl.DataFrame:
    """Rows of the query ``survey-answers`` about a node and one quarter, of the questions that its report shows.
    ``surveys``: as of ``load_surveys``."""
    items = SurveyItems(surveys, roster, k).items
    shown = {(item.survey_id, item.item_id) for item in items if item.shown.get(node, False)}
    keep = [key in shown for key in answers.select("survey_id", "item_id").iter_rows()]
    return answers.filter(pl.Series(keep, dtype=pl.Boolean))


class GroupSurveys:
    """Results of every node; what may be shown is found once. ``k``: as of all figures, here five at least."""

    def __init__(self, data: ReportData, k: int) -> None:
        self._known = SurveyItems(data.surveys, data.roster, k)
        self.least = self._known.least

    def report(self, node: str) -> Surveys | None:
        """The results of a node and what is below it; None where nobody answered."""
        lines = tuple(line for item in self._known.items for line in self._lines(item, node))
        return Surveys(lines, str(self.least)) if lines else None

    def _lines(self, item: _Item, node: str) -> Iterator[SurveyLine]:
        counts: dict[str, int] = {}
        for org in self._known.trees[item.quarter].within(node) & item.by_org.keys():
            for choice, n in item.by_org[org].items():
                counts[choice] = counts.get(choice, 0) + n
        total = sum(counts.values())
        if not total:
            return
        place = period_name(label("quarter", item.quarter)), item.survey_id, item.item_id
        if not item.shown.get(node, False):
            yield SurveyLine(*place, withheld(ANSWERS), "", withheld(SHARE))
            return
        for choice in sorted(counts, key=natural):
            # Everybody who answered is in it: there is no sample whose chance an interval could tell.
            share = Figure(SHARE, counts[choice] / total, counts[choice], total)
            yield SurveyLine(*place, Figure(ANSWERS, total), choice, share)


class SurveyItems:
    """The questions of some quarters, and of which organisations each may be shown: found over the whole tree, so that
    it does not depend on who asks."""

    def __init__(self, surveys: pl.DataFrame, roster: Roster, k: int) -> None:
        self._surveys, self._roster, self.least = surveys, roster, max(k, DEFAULT_K)

    @cached_property
    def trees(self) -> Mapping[date, Beside]:
        """By quarter, whatever the period of the report is: so that every report of a quarter withholds the same."""
        spans = (next(whole("quarter", first, date.max)) for first in self._surveys["quarter"].unique().sort())
        return {span[0]: Beside(Populations(self._roster, Period(*span)), self.least) for span in spans}

    @cached_property
    def items(self) -> tuple[_Item, ...]:
        if self._surveys.is_empty():
            return ()
        found: dict[tuple[date, str, str], dict[str, dict[str, int]]] = {}
        columns = ("quarter", "survey_id", "item_id", "org_id", "choice", "answers")
        for *key, org, choice, n in self._surveys.select(columns).iter_rows():
            found.setdefault((key[0], key[1], key[2]), {}).setdefault(org, {})[choice] = n
        return tuple(
            _Item(*key, by_org, self._shown(key[0], by_org))
            for key, by_org in sorted(found.items(), key=lambda one: (one[0][0], *map(natural, one[0][1:])))
        )

    def _shown(self, quarter: date, by_org: Mapping[str, Mapping[str, int]]) -> Mapping[str, bool]:
        return self.trees[quarter].may_stand({org: sum(counts.values()) for org, counts in by_org.items()})
