"""Results of anonymous surveys as a run of reports reads them: by organisation and quarter, never by day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from reports.issued.source import Source
from reports.meetings import whole
from sinks.read import Filters, Scope
from sinks.read.families import SURVEY_QUARTERS

FAMILY = "survey"


def quarters(first: date, last: date, today: date) -> list[tuple[date, date]]:
    """First and last local days of the calendar quarters that end from ``first`` to ``last`` and are over on ``today``.

    So a quarter stands in the report of its last month too, and whatever is asked for, quarters never overlap.
    """
    begun = date(first.year, (first.month - 1) // 3 * 3 + 1, 1)
    return list(whole("quarter", begun, min(last, today - timedelta(days=1))))


def load_surveys(
    reader: Source, scope: Scope, first: date, last: date, today: date, shown: Collection[str]
) -> pl.DataFrame:
    """org_id, quarter (its first day), survey_id, item_id, choice, answers, of every organisation itself; without any
    columns where nothing is to be shown.

    Of all organisations whatever the scope: what has to be withheld must not depend on who asks.
    """
    found = quarters(first, last, today)
    if FAMILY not in shown or scope.detail == "own" or not found:
        return pl.DataFrame()
    return reader.frame(SURVEY_QUARTERS, Scope.everything(), Filters(first=found[0][0], last=found[-1][1]))
