"""The ledger: committed offsets follow an unbroken chain of finished runs, whatever happens in between."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.faust_shell.ledger import Admission, HoleError, Ledger, Run
from streams.records import Record

PLACE = ("t", 0)


def run(*offsets: int, partition: int = 0) -> Run:
    records = [Record(o, 0, b"k", b"v") for o in offsets]
    return Run("t", partition, records, len(records))


def admitted(ledger: Ledger, *offsets: int) -> Run:
    one = run(*offsets)
    assert ledger.admit(one) is Admission.TAKE
    return one


def test_nothing_is_committed_before_it_is_finished() -> None:
    ledger = Ledger()
    ledger.restart({PLACE: 10})
    first, second = admitted(ledger, 10, 11), admitted(ledger, 12)
    assert ledger.to_commit() == {}
    assert ledger.finished(first)
    assert ledger.to_commit() == {PLACE: 12}
    assert ledger.finished(second)
    assert ledger.to_commit() == {PLACE: 13}
    ledger.committed(ledger.epoch, {PLACE: 13})
    assert ledger.to_commit() == {}


def test_a_failed_commit_stays_to_be_done() -> None:
    ledger = Ledger()
    ledger.restart({PLACE: 0})
    ledger.finished(admitted(ledger, 0, 1, 2))
    assert ledger.to_commit() == {PLACE: 3}
    assert ledger.to_commit() == {PLACE: 3}


def test_a_run_that_was_lost_on_the_way_cannot_be_jumped_over() -> None:
    ledger = Ledger()
    ledger.restart({PLACE: 0})
    admitted(ledger, 0, 1)  # lost: never finished
    later = admitted(ledger, 2, 3)
    with pytest.raises(HoleError, match="durable up to 0"):
        ledger.finished(later)
    assert ledger.to_commit() == {}


def test_runs_of_an_earlier_epoch_change_nothing() -> None:
    ledger = Ledger()
    ledger.restart({PLACE: 0})
    old = admitted(ledger, 0, 1)
    epoch = ledger.epoch
    ledger.revoke()
    assert not ledger.finished(old)
    ledger.restart({PLACE: 0})
    assert not ledger.finished(old)
    ledger.committed(epoch, {PLACE: 99})
    assert ledger.to_commit() == {}
    assert ledger.finished(admitted(ledger, 0))
    assert ledger.to_commit() == {PLACE: 1}


def test_a_gap_is_fetched_again_once_and_then_believed() -> None:
    ledger = Ledger()
    ledger.restart({PLACE: 0})
    assert ledger.admit(run(5, 6)) is Admission.GAP
    assert ledger.expected(PLACE) == 0
    again = admitted(ledger, 5, 6)
    assert (again.start, again.end) == (0, 7)
    assert ledger.finished(again)
    assert ledger.to_commit() == {PLACE: 7}
    assert ledger.admit(run(9)) is Admission.GAP


def test_what_was_handed_over_before_is_cut_off() -> None:
    ledger = Ledger()
    ledger.restart({PLACE: 0})
    admitted(ledger, 0, 1, 2)
    assert ledger.admit(run(0, 1)) is Admission.STALE
    overlap = run(1, 2, 3, 4)
    assert ledger.admit(overlap) is Admission.TAKE
    assert [r.offset for r in overlap.records] == [3, 4]
    assert ledger.admit(run(0, partition=7)) is Admission.STALE


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["poll", "poll", "skip", "drop", "finish", "finish", "commit", "reseek", "again"]),
        st.integers(1, 5),
    ),
    max_size=80,
)


@settings(max_examples=500, deadline=None)
@given(STEPS)
def test_only_what_is_stored_is_committed(steps: list[tuple[str, int]]) -> None:
    """One partition whose log has every offset. Polls may skip records (the client lost them) unless they are the
    second try from the same place, runs may be dropped before they are handled, positions may be sought again."""
    ledger = Ledger()
    ledger.restart({PLACE: 0})
    position = committed = 0
    sought = -1
    queue: list[Run] = []
    stored: set[int] = set()
    for step, n in steps:
        if step == "skip" and ledger.expected(PLACE) != sought:
            position += n
        elif step in ("poll", "again"):
            first = max(0, position - n) if step == "again" else position
            one = run(*range(first, position + n))
            position += n
            admission = ledger.admit(one)
            if admission is Admission.TAKE:
                queue.append(one)
            elif admission is Admission.GAP:
                position = sought = ledger.expected(PLACE) or 0
        elif step == "drop" and queue:
            queue.pop(n % len(queue))
        elif step == "finish" and queue:
            one = queue.pop(0)
            stored.update(r.offset for r in one.records)
            try:
                ledger.finished(one)
            except HoleError:
                break  # the process stops here
        elif step == "commit":
            offsets = ledger.to_commit()
            ledger.committed(ledger.epoch, offsets)
            committed = max([committed, *offsets.values()])
        elif step == "reseek":
            ledger.restart({PLACE: committed})
            position, sought = committed, -1
        assert set(range(committed)) <= stored
        assert set(range(ledger.to_commit().get(PLACE, 0))) <= stored
