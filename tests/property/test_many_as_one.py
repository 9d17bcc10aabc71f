"""Members folded all at once give the rows that each gives when it is folded alone, to the last column.

``rows``, ``fold_study`` and ``fold_answers`` are the definition; ``rows_many`` and its neighbours must equal them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.simulate import scaled_scenario, simulate
from schemas.days import LocalDays
from streams import cache, merge, pack
from streams.member import MemberFacts
from streams.rules import Generation, Rules
from tests.chaos.people import roster_of
from tests.property.test_oracle import placed
from tests.property.test_sets_of_facts import lines
from tests.support.harness import Harness, event, uid


@contextmanager
def one_by_one() -> Iterator[None]:
    """As if no fact could be packed: every member goes the way of those whose facts are not plain."""

    def unpackable(way: Any) -> Any:
        def packed(*given: Any) -> Any:
            records, fits = way(*given)
            fits[:] = False
            return records, fits

        return packed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "pack_arrivals", unpackable(pack.pack_arrivals))
        patch.setattr(cache, "pack_archive", unpackable(pack.pack_archive))
        yield


def numbered(events: Sequence[bytes]) -> list[bytes]:
    """The same with ids of their own, so that nothing contradicts anything; each third comes twice."""
    found = [json.dumps(json.loads(line) | {"event_id": uid(n)}).encode() for n, line in enumerate(events, 1)]
    return [*found, *found[::3]]


def compare(batches: Sequence[Sequence[bytes]], many: Harness, one: Harness) -> None:
    """Send the same to both, and look for a difference after each batch."""
    for batch in batches:
        many.send(batch)
        with one_by_one():
            one.send(batch)
        assert many.figures() == one.figures()


def loose(h: Harness) -> bool:
    """Whether a member is in memory whose facts are not packed."""
    return any(isinstance(state, MemberFacts) for state in h.cache._members.values())


@settings(max_examples=300, deadline=None)
@given(placed(), st.integers(1, 5))
def test_rows_are_equal_in_every_zone(case: tuple[str, list[bytes]], size: int) -> None:
    zone, events = case
    batches = [events[i : i + size] for i in range(0, len(events), size)]
    compare(batches, Harness(zone=zone), Harness(zone=zone))


@settings(max_examples=300, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=40), st.integers(1, 20), st.booleans())
def test_rows_are_equal_where_no_id_has_two_bodies(events: list[bytes], size: int, cold: bool) -> None:
    """Also when memory holds nothing: what is read from the archive is packed as what arrives."""
    limit, events = 1 if cold else 10**6, numbered(events)
    batches = [events[i : i + size] for i in range(0, len(events), size)]
    many = Harness(max_facts=limit)
    compare(batches, many, Harness(max_facts=limit))
    assert not loose(many)


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=20), st.integers(1, 200), st.integers(1, 6))
def test_rows_are_equal_under_other_rules_and_in_two_generations(events: list[bytes], gap: int, longest: int) -> None:
    rules = Rules(session_gap=gap * 20_000, beat_gap=gap * 1_000, longest_interval=longest * 600_000)
    events = numbered(events)
    both = Generation(1, LocalDays("Asia/Shanghai")), Generation(2, LocalDays("America/New_York"), rules, 20_513)
    many, one = Harness(), Harness()
    for h in (many, one):
        h.generations.all = both
    compare([events[:7], events[7:]], many, one)


def test_a_simulated_term_is_packed_and_equal() -> None:
    scenario = scaled_scenario(12, 3, 14, seed=11)
    rosters = roster_of(scenario)
    sent = [line for flush in simulate(scenario) for line in flush.lines]
    many, one = Harness(rosters=rosters), Harness(rosters=rosters)
    compare([sent[i : i + 400] for i in range(0, len(sent), 400)], many, one)
    packed = [s for s in many.cache._members.values() if isinstance(s, bytes)]
    assert len(packed) > 8, "most members must have gone the fast way"


def test_plain_members_stay_packed_and_others_do_not() -> None:
    h = Harness()
    at = "2026-03-01T10:10:00+08:00"
    h.send([event(1, "study", at, duration_ms=60_000), event(2, "answer", at, question_id="q", correct=True)])
    h.send([event(1, "study", at, duration_ms=60_000)])
    assert not loose(h)
    h.send([event(1, "study", at, duration_ms=90_000)])
    assert loose(h)


@pytest.mark.parametrize("field", ["duration_ms", "active_ms"])
def test_numbers_too_wide_for_a_record_count_all_the_same(field: str) -> None:
    at = "2026-03-01T10:10:00+08:00"
    wide = {"duration_ms": 60_000, "active_ms": 30_000} | {field: 2**32 + 5}
    many, one = Harness(), Harness()
    compare([[event(1, "study", at, **wide)], [event(2, "study", at, duration_ms=60_000)]], many, one)
    assert loose(many)
