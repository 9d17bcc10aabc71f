"""Rows of many members, some members at a time, so that what is made of them is never there for all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import polars as pl

from reports.analytics.calibrations import Calibrations, with_rapid
from reports.analytics.competence import Cells
from reports.analytics.practice import PointMastery, point_masteries, practice_sequences
from reports.catalogue import Catalogue
from reports.context.competence import period_cells
from reports.data import ReportData
from reports.rows import AnswerRow, DayRow, answer_rows, answers_by_member, day_rows, days_by_member

PART = 256
"""Members whose rows are sorted and whose mastery is computed at a time: few enough that it is little memory, enough
that what each part costs is little beside its reports."""


class MemberRows(NamedTuple):
    """One member's rows: ``days`` of the period (all courses), ``answers`` up to its end, both in order of time and
    of every content; ``earlier``: days of the period before; ``masteries``: from all practice up to its end;
    ``competence``: what was answered in the period, by competence."""

    days: Sequence[DayRow] = ()
    answers: Sequence[AnswerRow] = ()
    earlier: Sequence[DayRow] = ()
    masteries: Sequence[PointMastery] = ()
    competence: Mapping[str, Cells] = {}


class Runs:
    """Where the rows of each member stand in a frame, in whatever order it is."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        runs = frame["member_id"].rle().struct.unnest()
        starts = (runs["len"].cum_sum() - runs["len"]).to_list()
        self._runs: dict[str, list[tuple[int, int]]] = {}
        for member, start, length in zip(runs["value"], starts, runs["len"], strict=True):
            self._runs.setdefault(member, []).append((start, length))

    def of(self, members: Iterable[str]) -> pl.DataFrame:
        """The rows of these members."""
        found = [self._frame.slice(*run) for member in members for run in self._runs.get(member, ())]
        return pl.concat(found) if found else self._frame.clear()


def rows_of(data: ReportData, members: Iterable[str], size: int = PART) -> Iterator[tuple[str, MemberRows]]:
    """Each of these members with its rows, in the order given; of ``size`` members at a time."""
    days, answers = Runs(data.days), Runs(data.told)
    ago = Runs(data.before.days) if data.before else None
    none = pl.DataFrame()
    left = iter(members)
    while some := tuple(islice(left, size)):
        of_part = answers.of(some)
        own_days, own_answers = days_by_member(days.of(some)), answers_by_member(of_part)
        own_ago = days_by_member(ago.of(some)) if ago else {}
        known = masteries(of_part, data.calibrations, data.catalogue)
        shown = period_cells(data, of_part)
        for member in some:
            yield (
                member,
                MemberRows(
                    day_rows(own_days.get(member, none)),
                    answer_rows(own_answers.get(member, none)),
                    day_rows(own_ago.get(member, none)),
                    known.get(member, ()),
                    shown.of(member),
                ),
            )


def masteries(
    answers: pl.DataFrame, calibrations: Calibrations, catalogue: Catalogue
) -> Mapping[str, Sequence[PointMastery]]:
    """Mastery by member. That of one member depends on no other's answers."""
    found: dict[str, list[PointMastery]] = {}
    sequences = practice_sequences(with_rapid(answers, calibrations), catalogue)
    for one in point_masteries(sequences, calibrations):
        found.setdefault(one.member_id, []).append(one)
    return found
