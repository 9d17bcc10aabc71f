"""The reports that are compared with the files here: one of each kind, in both languages, as page and as data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from producers.simulate import default_scenario
from reports.context.exam import Exams
from reports.context.group import Groups
from reports.context.quality import Deliveries
from reports.context.secretary import Secretaries
from reports.data import EVERYTHING, Period, Policy, ReportData
from reports.plain import to_json
from reports.population import Populations
from reports.render import Page, Renderer
from reports.site import Site
from reports.text import LANGUAGES
from schemas.metrics import METRICS_VERSION
from sinks.read import Scope
from tests.support.report_frames import scenario_data

FOLDER = Path(__file__).resolve().parent
EXAM, BRANCH, COMMITTEE = "x-ethics-final", "o-engineering", "o-college"
FIRST, LAST = date(2026, 4, 1), date(2026, 4, 30)


@lru_cache(maxsize=1)
def april() -> ReportData:
    """April of the default scenario, with March before it."""
    whole = scenario_data(default_scenario(days=62))
    period = Period(FIRST, LAST)
    inside = pl.col("day").is_between(period.first, period.last)
    earlier = pl.col("day") < period.first
    data = replace(
        whole,
        period=period,
        as_of=datetime(2026, 5, 6, 1, tzinfo=UTC),
        days=whole.days.filter(inside),
        answers=whole.answers.filter(pl.col("day") <= period.last),
        rejected=whole.rejected.with_columns(pl.lit(period.last).alias("day")),
    )
    return data.with_before(whole.days.filter(earlier))


def contexts() -> Iterator[tuple[str, str, Any]]:
    """(name, template, context) of one report of each kind."""
    data, policy = april(), Policy()
    populations, deliveries = Populations(data.roster, data.period), Deliveries(data)
    site = Site(data, Scope.everything(), FOLDER)
    member = next(m for m, org in site.members if org == BRANCH)
    yield "member", "member", dict(site.member_reports([member]))[member]
    groups = Groups(data, populations, deliveries, EVERYTHING, policy)
    yield "branch", "group", groups.report(BRANCH)
    yield "committee", "group", groups.report(COMMITTEE)
    branches = [n for n in site.nodes if populations.has_own_members(n)]
    yield "exam", "exam", Exams(data, populations, branches, policy.k).report(EXAM, COMMITTEE)
    yield "secretary", "secretary", Secretaries(data, populations, policy.k).report(BRANCH)


def files() -> Iterator[tuple[str, str]]:
    """(name of the file, what it should hold). The style sheet, the definitions of metrics and their version are left
    out: they change with everything, and are tested elsewhere."""
    for name, template, context in contexts():
        for language in LANGUAGES:
            renderer = Renderer(language)
            page = renderer.report(template, context, Page())
            page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
            page = re.sub(r'<dl class="defs">.*?</dl>', '<dl class="defs"></dl>', page, flags=re.DOTALL)
            data = json.loads(to_json(context, renderer.words))
            del data["definitions"]
            yield f"{name}.{language}.html", _still(page)
            yield f"{name}.{language}.json", _still(json.dumps(data, ensure_ascii=False, indent=1)) + "\n"


def _still(text: str) -> str:
    return text.replace(METRICS_VERSION, "DEFINITIONS")
