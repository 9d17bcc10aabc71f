"""The recomputation behind ``xuejing reconcile`` agrees with the folds on any set of events, and sees faults."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import EVENTS, MEMBER_DAY
from sinks.reconcile import compare, member_days
from sinks.reconcile.recompute import EVENT_COLUMNS, FIGURES, KEY
from tests.property.test_sets_of_facts import lines
from tests.support.harness import Harness

ZONES = ["Asia/Shanghai", "Europe/Rome", "America/Santiago"]


def recomputed(h: Harness, zone: str) -> pl.DataFrame:
    table = EVENTS.rows(h.sink.rows(EVENTS)).select(EVENT_COLUMNS)
    at = table["at"].cast(pa.int64())
    table = table.set_column(table.schema.get_field_index("at"), "at", at)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return member_days(frame, zone)


def stored(h: Harness) -> pl.DataFrame:
    frame = pl.from_arrow(MEMBER_DAY.rows(h.member_days()))
    assert isinstance(frame, pl.DataFrame)
    return frame.select([*KEY, *[pl.col(f).cast(pl.Int64) for f in FIGURES]])


@settings(max_examples=200, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=16), st.sampled_from(ZONES))
def test_recomputation_agrees_with_the_folds(events: list[bytes], zone: str) -> None:
    h = Harness(zone=zone)
    for e in events:
        h.send([e])
    found = list(compare("member_day", recomputed(h, zone), stored(h), KEY, FIGURES))
    assert found == []


@pytest.mark.parametrize("figure", ["study_ms", "correct", "sessions"])
def test_a_wrong_figure_is_named(figure: str) -> None:
    h = Harness()
    h.send([b'{"event_id":"00000000-0000-0000-0000-000000000001","event_type":"study","member_id":"m1",'
            b'"course_id":"c","occurred_at":"2026-03-01T10:00:00+08:00","duration_ms":60000}'])  # fmt: skip
    broken = stored(h).with_columns(pl.col(figure) + 1)
    found = list(compare("member_day", recomputed(h, "Asia/Shanghai"), broken, KEY, FIGURES))
    assert {d.figure for d in found} == {figure}
    assert {d.key[2] for d in found} == {"", "c"}
