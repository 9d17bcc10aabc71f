"""Any split, order, repetition and eviction gives the same rows: figures are functions of a set of events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tables import EVENTS
from tests.support.family_events import BODIES, in_name_of
from tests.support.harness import FAMILY_TABLES, Harness, uid

START = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
"""23:00 in Shanghai: an hour before local midnight, so that windows matter."""

IDS = st.integers(1, 12)
MEMBERS = st.sampled_from(["m1", "m2"])
COURSES = st.sampled_from(["c1", "c2"])
KINDS = ["study", "study", "beat", "answer", "answer", "error", "withdraw", "family", "family", "family"]
FAMILY = st.sampled_from(sorted(BODIES))
QUESTIONS = st.sampled_from(["q1", "q2"])
MOMENTS = st.one_of(
    st.integers(0, 7200).map(lambda s: START + timedelta(seconds=s)),
    st.sampled_from([START + timedelta(days=d, minutes=m) for d in (0, 1, 3) for m in (0, 60, 61)]),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A valid wire line; ids are few, so that withdrawals, conflicts and repetitions meet."""
    kind = draw(st.sampled_from(KINDS))
    if kind == "family":
        kind = draw(FAMILY)
    moment = draw(MOMENTS)
    body: dict[str, Any] = {
        "event_id": uid(draw(IDS)),
        "event_type": "study" if kind == "beat" else kind,
        "member_id": draw(MEMBERS),
        "course_id": draw(COURSES),
        "occurred_at": moment.isoformat(),
    }
    if kind == "study":
        body["duration_ms"] = draw(st.sampled_from([0, 1, 60_000, 1_800_000, 5_400_000, 5 * 3_600_000]))
        body["active_ms"] = draw(st.sampled_from([None, 0, 30_000, 10**9]))
    elif kind == "beat":
        body |= {"beat_ms": 30_000, "device_id": "d", "session_id": draw(st.sampled_from(["s1", "s2"]))}
    elif kind in ("answer", "error"):
        body["question_id"] = draw(QUESTIONS)
        body["exam_id"] = draw(st.sampled_from([None, None, "e1"]))
        body["attempt"] = draw(st.integers(1, 2))
        if kind == "answer":
            body["correct"] = draw(st.sampled_from([True, False, None]))
            body["score"] = draw(st.sampled_from([None, 0.1, 0.2, 0.7]))
        else:
            body["answer_id"] = draw(st.one_of(st.none(), IDS.map(uid)))
    elif kind in BODIES:
        body |= {"course_id": None} | draw(BODIES[kind]) | in_name_of(kind, body["member_id"], "b1", moment)
    else:
        target = draw(IDS)
        body |= {"target_event_id": uid(target), "reason": "r"}
        if uid(target) == body["event_id"]:
            body["target_event_id"] = uid(99)
    replaces = draw(st.sampled_from([None, None, None, 3, 4]))
    if replaces and uid(replaces) != body["event_id"] and kind != "withdraw":
        body["replaces"] = uid(replaces)
    return json.dumps({k: v for k, v in body.items() if v is not None or k == "correct"}).encode()


def one_by_one(events: list[bytes]) -> dict[str, Any]:
    """The reference run: every event alone, in the given order."""
    h = Harness()
    for e in events:
        h.send([e])
    return h.figures()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_order_split_repetition_and_eviction_do_not_show(data: st.DataObject) -> None:
    events = data.draw(st.lists(lines(), min_size=1, max_size=14))
    expected = one_by_one(events)
    again = data.draw(st.lists(st.sampled_from(events), max_size=6))
    shuffled = data.draw(st.permutations(events + again))
    h = Harness(max_facts=data.draw(st.sampled_from([1, 10**6])))
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        part, shuffled = shuffled[:size], shuffled[size:]
        batch = h.batch([part[:1], part[1:]])
        h.deliver(batch)
        if data.draw(st.booleans()):
            h.restart()
        if data.draw(st.booleans()):
            h.deliver(batch)
    assert h.figures() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=14))
def test_versions_only_grow_and_change_with_every_change(events: list[bytes]) -> None:
    h = Harness()
    before: dict[Any, Any] = {}
    for e in events:
        h.send([e])
        for name in ("member_day", "answers", "branch_day", *(t.name for t in FAMILY_TABLES)):
            for key, row in h.sink.tables.get(name, {}).items():
                old = before.get((name, key))
                if old is not None:
                    assert row["version"] >= old["version"]
                    if row["version"] == old["version"]:
                        assert row == old
                before[name, key] = row


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=14))
def test_rebuilt_from_the_archive_equals_live(events: list[bytes]) -> None:
    h = Harness()
    for e in events:
        h.send([e])
    live = h.figures()
    archived = sorted(h.sink.rows(EVENTS), key=lambda r: r["raw"])
    fresh = Harness()
    fresh.send([r["raw"] for r in archived])
    assert fresh.figures() == live
