"""Figures of an organisation are the same wherever they are shown, also where members moved in the period."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from reports.analytics.computed import COMPUTED
from reports.context.group import GroupReport, Groups
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Period, Policy, ReportData
from reports.issued.frames import content_hash
from reports.issued.source import Recorded, Snapshot
from reports.load import load, recorded
from reports.population import Populations
from schemas.reference import Competence, ReferenceTables
from sinks.client import Store
from sinks.read import Filters, Reader, Scope
from sinks.reference import write_reference
from tests.support.dashboards import load_world

ALL_OF_IT = Scope.everything()
DAYS = Period(date(2026, 1, 1), date(2026, 3, 31))
QUARTER = Filters(first=DAYS.first, last=DAYS.last)
NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
COMPETENCES = (
    Competence(competence_id="ideology", title="思想道德", course_ids=("c1",), expected=0.8),
    Competence(competence_id="skill", wing="science", title="技能", knowledge_points=("k0", "k1"), expected=0.25),
)
ORGANISATIONS = ("top", "left", "right", "l1", "l2", "r1", "r2", "alone")


@pytest.fixture(scope="module")
def store(engine_store: Store) -> Store:
    load_world(engine_store)
    tables = ReferenceTables(competences=COMPETENCES, present=frozenset({"competences"}))
    write_reference(engine_store, tables, datetime(2026, 9, 2, tzinfo=UTC))
    return engine_store


@pytest.fixture(scope="module")
def reader(store: Store) -> Reader:
    return Reader(store)


def report(data: ReportData, node: str) -> GroupReport:
    populations = Populations(data.roster, data.period)
    return Groups(data, populations, Deliveries(data), EVERYTHING, Policy("named", 1)).report(node)


def loaded(reader: Reader, org: str | None = None) -> ReportData:
    return load(reader, ALL_OF_IT, first=DAYS.first, last=DAYS.last, org=org, as_of=NOW)


def test_a_competence_of_an_organisation_is_that_of_its_report(reader: Reader) -> None:
    found = COMPUTED["competence-branches"].frame(reader, ALL_OF_IT, QUARTER, k=1)
    answers = reader.frame("answers", ALL_OF_IT, QUARTER).filter(pl.col("org_id") != "")
    places = answers.group_by("member_id").agg(pl.col("org_id").n_unique())
    assert (places["org_id"] > 1).any(), "somebody answered in two organisations"
    data, compared = loaded(reader), 0
    for org in ("l1", "l2", "r1", "r2", "alone"):  # nothing is below them
        competence = report(data, org).competence
        lines = {} if competence is None else {line.competence_id: line for line in competence.lines}
        rows = {r["competence_id"]: r for r in found.filter(org_id=org).iter_rows(named=True)}
        assert rows.keys() == {c for c, line in lines.items() if line.share.value is not None}
        for competence_id, row in rows.items():
            line = lines[competence_id]
            assert line.members is not None
            assert row["members"] == line.members.value
            assert [row["mean"], row["low"], row["high"]] == pytest.approx(
                [line.share.value, line.share.low, line.share.high]
            )
            assert row["gap"] == (None if line.gap.value is None else pytest.approx(line.gap.value))
            compared += 1
    assert compared > 8
    there = answers.filter(org_id="l1")["member_id"].n_unique()
    everything = found.filter(org_id="l1", competence_id="science")["members"][0]
    assert everything == there, "whoever answered there counts there, also who moved on"


def test_participation_of_an_organisation_is_that_of_its_report(reader: Reader) -> None:
    found = {r["org_id"]: r for r in COMPUTED["branches"].frame(reader, ALL_OF_IT, QUARTER, k=1).iter_rows(named=True)
             if r["exam_id"] == ""}  # fmt: skip
    data, moved = loaded(reader), 0
    for org in ("l1", "l2", "r1", "r2", "alone"):
        people = report(data, org).people
        assert found[org]["members"] == people.members.value
        assert found[org]["participants"] == people.active.value
        rows = Populations(data.roster, DAYS).of(org).rows(data.answers)
        there = rows.filter(pl.col("max_score") > 0).drop_nulls("correct")
        assert found[org]["scored"] == there["member_id"].n_unique()
        moved += people.members.value != people.at_end.value
    assert moved


def test_quality_is_the_same_whether_an_organisation_is_read_alone_or_with_all(reader: Reader) -> None:
    together = loaded(reader)
    moved = 0
    for org in ORGANISATIONS:
        quality = report(together, org).quality
        assert quality == report(loaded(reader, org), org).quality, org
        ids = Populations(together.roster, DAYS).of(org).ids
        assert together.delivery is not None
        ever = together.delivery.filter(pl.col("member_id").is_in(sorted(ids)))
        moved += quality.late.value != ever["late"].sum()
    assert moved > 3, "members moved, so that their other days count elsewhere"


def test_what_was_issued_before_lines_had_a_place_counts_as_it_did(reader: Reader) -> None:
    data, snapshot = recorded(reader, ALL_OF_IT, DAYS, as_of=NOW)
    kept = Snapshot(snapshot.generation, snapshot.imports, {c: _as_it_was(c, f) for c, f in snapshot.frames.items()})
    again, same = recorded(Recorded(kept), ALL_OF_IT, DAYS, as_of=NOW)
    assert content_hash(same) == content_hash(kept), "it asks for nothing else"
    assert data.delivery is not None
    for org in ORGANISATIONS:
        ids = sorted(Populations(data.roster, DAYS).of(org).ids)
        delivery = data.delivery.filter(pl.col("member_id").is_in(ids))
        rejected = data.rejected.filter(pl.col("member_id").is_in(ids))
        was, now = report(again, org), report(data, org)
        assert was.quality.late.value == delivery["late"].sum()
        assert was.quality.duplicates.value == delivery["duplicates"].sum()
        assert was.quality.rejected.value == rejected.height
        lines = {n: getattr(now.quality, n) for n in ("late", "duplicates", "rejected", "reasons")}
        assert replace(was.quality, **lines) == now.quality


def _as_it_was(call: str, frame: pl.DataFrame) -> pl.DataFrame:
    if call.startswith('["rejected"'):
        return frame.select("member_id", "reason")
    if call.startswith('["delivery"'):
        sums = [pl.col(n).sum() for n in ("events", "late", "duplicates")]
        return frame.group_by("member_id").agg(*sums, pl.col("last_received_at").max()).sort("member_id")
    return frame
