"""The audit on the engine: entries of several writers, and that no kind of tampering goes unnoticed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from schemas.errors import StoreUnavailable
from schemas.keyed import MemberKey
from schemas.tables import AUDIT
from sinks.audit import Auditor, Entry, Head, anchor_hash, heads, retire, verify, what
from sinks.audited import looked_at
from sinks.client import Store

KEY = MemberKey(b"k" * 32)
ROW = dict[str, Any]


def entry(n: int, *members: str) -> Entry:
    return Entry("p1", "query", f"members {n}", "term review", "b1", members, n)


def rows(store: Store) -> list[ROW]:
    names = [c.name for c in AUDIT.columns]
    listed = ", ".join(f"`{n}`" for n in names)
    found = store.rows(f"SELECT {listed} FROM audit FINAL ORDER BY writer, seq, seal")
    return [dict(zip(names, r, strict=True)) for r in found]


def put(store: Store, found: list[ROW]) -> None:
    """Bring the table into a state, as somebody who may write to the store could."""
    store.command("TRUNCATE TABLE audit")
    store.insert(AUDIT.name, AUDIT.rows(found))


@pytest.fixture
def written(store: Store) -> Store:
    """Two chains, the second begun behind the first, of four entries each."""
    for _ in range(2):
        auditor = Auditor(store, KEY)
        for n in range(1, 5):
            auditor.record(entry(n, "m1", f"m{n}"))
    return store


def test_what_is_written_is_vouched_for(written: Store) -> None:
    assert verify(written, KEY) == (8, [])
    assert [h.seq for h in heads(written)] == [4, 4]
    # Somebody who can write but lacks the secret can't make entries.
    _, faults = verify(written, MemberKey(b"x" * 32))
    assert {f.kind for f in faults} >= {"changed"}


def test_who_looked_is_found_by_the_person_and_no_id_is_stored(written: Store) -> None:
    found = looked_at(written, KEY, "m3")
    assert [f["what"] for f in found] == ["members 3", "members 3"]
    assert found[0]["purpose"] == "term review"
    assert len(looked_at(written, KEY, "m1")) == 8
    assert looked_at(written, KEY, "m9") == []
    assert not any("m1" in str(r["member_keys"]) for r in rows(written))
    text = what("member-days", {"member_id": "m1", "first": "2026-03-01", "org": ""}, KEY)
    assert text == f'member-days {{"first":"2026-03-01","member_id":"{KEY.of("m1")}"}}'


def test_writers_at_once(store: Store) -> None:
    shared = Auditor(store, KEY)
    with ThreadPoolExecutor(6) as pool:
        for n in range(12):
            pool.submit(shared.record, entry(n, "m1"), entry(n, "m2"))
            pool.submit(Auditor(store, KEY).record, entry(n, "m3"))
    assert verify(store, KEY) == (36, [])


def test_an_answer_that_was_lost_is_no_tampering(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that were written though the writer heard of an error stay where they are, and are vouched for."""
    auditor, insert = Auditor(store, KEY), store.insert
    auditor.record(entry(1, "m1"))

    def lost(*given: Any) -> None:
        insert(*given)
        raise StoreUnavailable("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(store, "insert", lost)
        with pytest.raises(StoreUnavailable):
            auditor.record(entry(2, "m1"))
    auditor.record(entry(3, "m1"))
    assert verify(store, KEY) == (3, [])
    written = [r for r in rows(store) if r["rows"] != 2]
    put(store, written)
    assert {f.kind for f in verify(store, KEY)[1]} == {"link"}, "the entry behind it vouches for it"


def test_a_chain_that_goes_on_links_the_others_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    long = Auditor(store, KEY)
    long.record(entry(1, "m1"))
    Auditor(store, KEY).record(entry(2, "m2"))
    long.record(entry(3, "m1"))
    assert [r["links"] for r in rows(store) if r["writer"] == long.writer] == [[], []]
    monkeypatch.setattr("sinks.audit.RELINK", -1.0)
    long.record(entry(4, "m1"))
    assert verify(store, KEY) == (4, [])
    put(store, [r for r in rows(store) if r["what"] != "members 2"])
    assert [f.kind for f in verify(store, KEY)[1]] == ["link"]


def changed(found: list[ROW]) -> list[ROW]:
    return [r | ({"purpose": "none"} if i == 2 else {}) for i, r in enumerate(found)]


def with_a_name_less(found: list[ROW]) -> list[ROW]:
    return [r | ({"member_keys": r["member_keys"][:1]} if i == 1 else {}) for i, r in enumerate(found)]


def removed(found: list[ROW]) -> list[ROW]:
    return found[:1] + found[2:]


def without_the_first(found: list[ROW]) -> list[ROW]:
    return found[1:]


def reordered(found: list[ROW]) -> list[ROW]:
    a, b = found[1], found[2]
    return [found[0], b | {"seq": a["seq"]}, a | {"seq": b["seq"]}, *found[3:]]


def inserted(found: list[ROW]) -> list[ROW]:
    """A whole entry with a plain SHA-256 for a seal, between two others."""
    forged = found[1] | {"seq": 3, "what": "nothing"}
    forged["seal"] = hashlib.sha256(repr(forged).encode()).hexdigest()
    return [*found, forged]


def copied(found: list[ROW]) -> list[ROW]:
    """A sound entry once more, at the end."""
    return [*found, found[0] | {"seq": 5}]


@pytest.mark.parametrize("tamper", [changed, with_a_name_less, removed, without_the_first, reordered, inserted, copied])
def test_tampering_is_found(written: Store, tamper: Callable[[list[ROW]], list[ROW]]) -> None:
    found = rows(written)
    put(written, found)
    assert verify(written, KEY) == (8, []), "writing them back as they are is no tampering"
    put(written, tamper(found))
    assert verify(written, KEY)[1]


def test_an_end_cut_off_is_found_by_the_chain_behind_it_or_by_an_anchor(written: Store) -> None:
    anchors, found = heads(written), rows(written)
    first = next(r["writer"] for r in found if r["seq"] == 1 and not r["links"])
    cut = [r for r in found if (r["writer"], r["seq"]) != (first, 4)]
    put(written, cut)
    assert [f.kind for f in verify(written, KEY)[1]] == ["link"]
    put(written, [r for r in found if r["writer"] != first])
    assert [f.kind for f in verify(written, KEY)[1]] == ["link"]
    # The end of the last chain: nobody vouches for it but who kept the heads.
    put(written, [r for r in found if r["writer"] == first or r["seq"] < 4])
    assert verify(written, KEY)[1] == []
    assert [f.kind for f in verify(written, KEY, anchors)[1]] == ["anchor"]
    assert anchor_hash(anchors) != anchor_hash(heads(written))


def test_what_expired_is_no_tampering_and_another_gap_is(written: Store) -> None:
    anchors, found = heads(written), rows(written)
    month = anchors[0].month
    # Entries of a month long ago, sealed as they were then.
    early = MemberKey(b"k" * 32)
    moved = []
    for r in found:
        old = r | {"at": r["at"].replace(year=2020)} if r["seq"] <= 2 else dict(r)
        before = next((m["seal"] for m in moved if (m["writer"], m["seq"]) == (r["writer"], r["seq"] - 1)), "")
        old |= {"previous": before, "links": []}
        moved.append(old | {"seal": early.seal(_content(old))})
    put(written, moved)
    assert verify(written, KEY)[1] == []
    gone = int(f"2020{month % 100:02d}")
    retire(written, Auditor(written, KEY), [gone])
    assert len(rows(written)) == 5
    assert verify(written, KEY, [Head(moved[0]["writer"], 2, moved[1]["seal"], gone)]) == (5, [])
    put(written, [r for r in rows(written) if r["seq"] != 3])
    assert "missing" in {f.kind for f in verify(written, KEY)[1]}


def _content(row: ROW) -> bytes:
    from sinks.audit import content

    return content(row)
