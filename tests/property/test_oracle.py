"""Every figure equals what a plain computation over whole lives gives, in zones with and without summer time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.simulate import scaled_scenario, simulate
from schemas.decode import Arrival, Position, decode_line
from schemas.envelope import ORGANISATION
from tests.chaos.people import roster_of
from tests.fuzz.corpus import EVENTS
from tests.property.test_sets_of_facts import lines
from tests.support.compare import branch_differences, differences, family_differences
from tests.support.harness import RECEIVED, Harness
from tests.support.harness import event as line
from tests.support.oracle import Result, branch_days, compute, digest

ZONES = {
    "Asia/Shanghai": datetime(2026, 3, 1, 15, 0, tzinfo=UTC),
    "Europe/Rome": datetime(2026, 3, 28, 22, 30, tzinfo=UTC),  # 23 hours
    "America/New_York": datetime(2025, 11, 2, 3, 30, tzinfo=UTC),  # 25 hours
    "America/Santiago": datetime(2025, 9, 7, 3, 0, tzinfo=UTC),  # midnight does not exist
    "America/Havana": datetime(2025, 11, 2, 3, 30, tzinfo=UTC),  # midnight comes twice
    "Australia/Lord_Howe": datetime(2026, 4, 4, 12, 30, tzinfo=UTC),  # half an hour
    "Asia/Kathmandu": datetime(2026, 3, 1, 17, 0, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 30, 9, 0, tzinfo=UTC),  # a day that did not exist
}
"""A zone and an hour or so before something happens to its days."""


@st.composite
def placed(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """A zone, and lines around its edge."""
    zone = draw(st.sampled_from(sorted(ZONES)))
    shift = ZONES[zone] - ZONES["Asia/Shanghai"]

    def move(line: bytes) -> bytes:
        body = json.loads(line)
        moment = datetime.fromisoformat(body["occurred_at"]) + shift
        return json.dumps(body | {"occurred_at": moment.isoformat()}).encode()

    return zone, [move(line) for line in draw(st.lists(lines(), min_size=1, max_size=16))]


def check(h: Harness, expected: Result) -> None:
    figures = h.figures()
    assert list(differences(figures["member_day"], figures["answers"], expected)) == []
    assert list(family_differences(figures, expected)) == []
    memberships = [(m.member_id, m.org_id, m.valid_from, m.valid_to) for m in h.rosters.current()[1].members]
    rolled_up = branch_days(expected.member_days, memberships)
    assert list(branch_differences(figures["branch_day"], rolled_up)) == []


@settings(max_examples=250, deadline=None)
@given(placed())
def test_figures_equal_a_plain_computation(case: tuple[str, list[bytes]]) -> None:
    zone, events = case
    h = Harness(zone=zone)
    for e in events:
        h.send([e])
    check(h, compute(events, zone))


def test_nothing_is_on_a_day_that_the_zone_left_out() -> None:
    """An interval and a heartbeat reach over the day that Samoa had not; what is before and after counts."""
    h = Harness(zone="Pacific/Apia")
    of_device = {"device_id": "d", "session_id": "s"}
    events = [
        line(1, "study", "2011-12-30T10:30:00Z", duration_ms=3_600_000),
        line(2, "study", "2011-12-30T09:59:00Z", member="m2", beat_ms=120_000, **of_device),
    ]
    for e in events:
        h.send([e])
    check(h, compute(events, "Pacific/Apia"))
    left_out = [r for r in h.member_days() if r["day"].isoformat() == "2011-12-30"]
    assert all(r["events"] == r["study_ms"] == 0 and r["first_at"] is r["last_at"] is None for r in left_out)
    assert [h.day(d)["study_ms"] for d in ("2011-12-29", "2011-12-31")] == [1_800_000, 1_800_000]


@settings(max_examples=100, deadline=None)
@given(placed())
def test_a_day_never_exceeds_its_length_and_hours_sum_to_it(case: tuple[str, list[bytes]]) -> None:
    zone, events = case
    h = Harness(zone=zone)
    h.send(events)
    for row in h.member_days():
        start, end = h.generation.days.bounds((row["day"] - datetime(1970, 1, 1).date()).days)
        assert row["study_ms"] <= end - start
        assert sum(row["hour_ms"]) == row["study_ms"]


def test_a_simulated_term_equals_a_plain_computation_in_any_order() -> None:
    """Withdrawals, replacements, conflicts, late corrections, heartbeats and strangers as the simulator makes them."""
    scenario = scaled_scenario(12, 3, 14, seed=5, life=True)
    rosters = roster_of(scenario)
    h = Harness(rosters=rosters)
    known = rosters.current()[1].admits
    flushes = list(simulate(scenario))
    valid: list[bytes] = []
    for flush in flushes:
        bad = {n for n, cause in flush.spoiled if cause != "conflict"}
        valid += [line for n, line in enumerate(flush.lines) if n not in bad]
    for part in range(3):  # not in their order: two of three come much later
        for flush in flushes[part::3]:
            h.send(flush.lines)
    assert len(valid) > 1000
    check(h, compute(valid, "Asia/Shanghai", lambda e: known(e["member_id"])))


def test_the_order_of_bodies_is_that_of_the_documented_hash() -> None:
    for event in EVENTS.values():
        variants: list[dict[str, Any]] = [
            event,
            event | {"schema_version": 1, "sent_at": "2026-03-01T10:10:00Z", "x_a": 1},
            event | {"occurred_at": "2026-03-01T02:30:00.000Z"},
            event | {"event_id": "ABCDEF00-0000-0000-0000-000000000001", "source": "应用"},
        ]
        if not event["member_id"].startswith(ORGANISATION):
            variants += [event | {"occurred_at": "2026-03-01T02:10:00.000Z"}, event | {"device_id": "设备"}]
        for variant in variants:
            found = decode_line(json.dumps(variant).encode(), Position("c", "t", 0, 0, 0), RECEIVED)
            assert isinstance(found, Arrival), found
            assert digest(variant) == found.body_hash


def test_the_oracle_sees_a_difference_of_one() -> None:
    h = Harness()
    line = json.dumps(EVENTS["study"]).encode()
    h.send([line])
    expected = compute([line], "Asia/Shanghai")
    assert len(expected.member_days) == 2
    for name in ("study_ms", "sessions", "events", "first_at"):
        key = next(iter(expected.member_days))
        expected.member_days[key][name] += 1
        assert len(list(differences(h.member_days(), [], expected))) == 1
        expected.member_days[key][name] -= 1
    assert list(differences(h.member_days(), [], expected)) == []
    moved = line.replace(b"10:10", b"10:11")
    assert list(differences(h.member_days(), [], compute([moved], "Asia/Shanghai"))) != []
    assert timedelta(milliseconds=expected.member_days[key]["study_ms"]) == timedelta(minutes=1)
