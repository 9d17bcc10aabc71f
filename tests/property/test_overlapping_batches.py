"""A batch is begun while the one before is written: whichever is faster, and whatever fails, rows are the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ports import Refused
from schemas.tables import DUPLICATES, EVENTS, LEDGER, Table
from streams.pipeline import Begun, MemberPipeline
from streams.records import RecordBatch
from tests.property.test_sets_of_facts import lines, one_by_one
from tests.support.harness import Harness, event
from tests.support.interleave import Crash, SharedSink

LINES = st.lists(lines(), min_size=2, max_size=14)
DELAYS = st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.004]), min_size=1, max_size=24)


class Picky(SharedSink):
    """A store that refuses some events, may be slow at any call, and may be the last thing that the process does."""

    def __init__(self, refuses: Callable[[dict[str, Any]], bool] = lambda _: False) -> None:
        super().__init__()
        self.refuses = refuses

    def insert(self, table: Table, rows: pa.Table) -> Sequence[Refused]:
        bad = [i for i, r in enumerate(rows.to_pylist()) if table is EVENTS and self.refuses(r)]
        super().insert(table, rows.filter(pa.array([i not in bad for i in range(rows.num_rows)], pa.bool_())))
        return [(i, "Code: 27. Cannot parse") for i in bad]


def cut(h: Harness, events: Sequence[bytes], sizes: Sequence[int]) -> list[RecordBatch]:
    """The events as batches of these sizes, the last size again and again."""
    batches, left, sizes = [], list(events), list(sizes)
    while left:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        batches.append(h.batch([[e] for e in left[:size]]))
        left = left[size:]
    return batches


def overlapped(pipeline: MemberPipeline, batches: Sequence[RecordBatch]) -> int:
    """Process the batches as the shell does; how many are durable when it has to stop, all of them or fewer."""
    done, errors = 0, list[BaseException]()

    def finish(begun: Begun) -> None:
        nonlocal done
        try:
            pipeline.finish(begun)
            done += 1
        except BaseException as error:
            errors.append(error)

    rest: threading.Thread | None = None
    for batch in batches:
        try:
            begun = pipeline.begin([batch])
        except BaseException as error:
            errors.append(error)
        if rest is not None:
            rest.join(30)
            assert not rest.is_alive(), "one waits for the other"
        if errors:
            break
        rest = threading.Thread(target=finish, args=[begun], daemon=True)
        rest.start()
    if rest is not None:
        rest.join(30)
        assert not rest.is_alive(), "one waits for the other"
    assert all(isinstance(e, Crash) for e in errors), errors
    return done


def delayed(delays: Sequence[float]) -> Callable[[], None]:
    """A pause at each call of the store, the same ones again and again."""
    calls = iter(range(10**9))
    return lambda: time.sleep(delays[next(calls) % len(delays)])


@settings(max_examples=80, deadline=None)
@given(LINES, st.lists(st.integers(1, 5), min_size=1), DELAYS, st.sampled_from([1, 4, 10**6]))
def test_overlapping_batches_give_the_rows_of_single_events(
    events: list[bytes], sizes: list[int], delays: list[float], max_facts: int
) -> None:
    h = Harness(Picky(), max_facts=max_facts)
    with ThreadPoolExecutor(3) as pool:
        h.members.pool = pool
        batches = cut(h, events, sizes)
        h.sink.on_call = delayed(delays)
        assert overlapped(h.members, batches) == len(batches)
    h.sink.on_call = lambda: None
    assert member_rows(h) == member_rows_of(one_by_one(events))
    valid = sum(r["valid"] for r in h.sink.rows(LEDGER))
    assert valid == len(events) == len(h.sink.rows(EVENTS)) + len(h.sink.rows(DUPLICATES))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_what_the_store_refuses_is_in_no_row_of_a_later_batch(data: st.DataObject) -> None:
    events = data.draw(LINES)
    bad = set(data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=2)))
    h = Harness(Picky(lambda row: row["raw"] in bad), max_facts=data.draw(st.sampled_from([1, 10**6])))
    batches = cut(h, events, data.draw(st.lists(st.integers(1, 5), min_size=1)))
    h.sink.on_call = delayed(data.draw(DELAYS))
    assert overlapped(h.members, batches) == len(batches)
    h.sink.on_call = lambda: None
    rebuilt = Harness()
    for row in h.sink.rows(EVENTS):
        rebuilt.send([row["raw"]])
    assert member_rows(h) == member_rows(rebuilt)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_crash_at_any_effect_of_two_batches_does_not_show(data: st.DataObject) -> None:
    events = data.draw(LINES)
    h = Harness(Picky())
    batches = cut(h, events, data.draw(st.lists(st.integers(1, 4), min_size=1)))
    delays = data.draw(DELAYS)
    for calls in data.draw(st.lists(st.integers(0, 40), max_size=4)):
        slow, left = delayed(delays), iter(range(calls))

        def on_call(slow: Callable[[], None] = slow, left: Any = left) -> None:
            slow()
            if next(left, None) is None:
                raise Crash

        h.sink.on_call = on_call
        batches = batches[overlapped(h.members, batches) :]
        h.restart()
    h.sink.on_call = lambda: None
    assert overlapped(h.members, batches) == len(batches)
    assert member_rows(h) == member_rows_of(one_by_one(events))


def member_rows(h: Harness) -> dict[str, Any]:
    """The rows that the member pipeline writes; branches are told, and have tests of their own."""
    return member_rows_of(h.figures())


def member_rows_of(figures: dict[str, Any]) -> dict[str, Any]:
    """Without those of branches."""
    return {name: rows for name, rows in figures.items() if "branch" not in name}


def begun_beside(h: Harness, first: Begun, second: RecordBatch) -> None:
    """Begin the second batch while the first is not written: it must wait for it."""
    found = list[Begun]()
    beginning = threading.Thread(target=lambda: found.append(h.members.begin([second])), daemon=True)
    beginning.start()
    beginning.join(0.2)
    assert beginning.is_alive()
    h.members.finish(first)
    beginning.join(30)
    h.members.finish(found[0])


def study(n: int, member: str = "m1") -> bytes:
    return event(n, "study", f"2026-03-01T1{n}:00:00+08:00", member, duration_ms=60_000)


def test_who_was_forgotten_while_its_facts_were_on_the_way_is_read_behind_them() -> None:
    h = Harness()
    first, second = h.batch([[study(1)]]), h.batch([[study(2)]])
    begun = h.members.begin([first])
    h.cache.clear()  # as for lack of memory, or for another generation
    begun_beside(h, begun, second)
    assert (h.day("2026-03-01")["study_ms"], h.day("2026-03-01")["version"]) == (120_000, 2)


def test_a_batch_that_is_folded_in_parts_is_not_overtaken() -> None:
    h = Harness(max_facts=1)
    first, second = h.batch([[study(1)], [study(2, "m2")]]), h.batch([[study(3)]])
    begun_beside(h, h.members.begin([first]), second)
    assert h.day("2026-03-01")["study_ms"] == 120_000


def test_a_batch_that_was_folded_on_refused_events_is_folded_again() -> None:
    h = Harness(Picky(lambda row: row["raw"] == study(1)))
    begun = [h.members.begin([batch]) for batch in (h.batch([[study(1)]]), h.batch([[study(2)]]))]
    for each in begun:
        h.members.finish(each)
    assert (h.day("2026-03-01")["study_ms"], h.day("2026-03-01")["version"]) == (60_000, 1)
