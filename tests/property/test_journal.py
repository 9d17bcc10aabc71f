"""The journal under cuts and crashes: what was acknowledged is read again, and nothing that was never written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producers.journal import HEAD, MAGIC, Journal, JournalFailed, JournalFull, behind, framed, records
from tests.support.disk import Disk, Power

Batches = st.lists(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4), min_size=1, max_size=8)


def everything(disk: Disk) -> list[bytes]:
    journal = Journal(disk)  # type: ignore[arg-type]
    return [r for n in journal.segments() for r in journal.read(n)]


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8), st.data())
def test_a_segment_cut_at_any_byte_gives_its_whole_records(given_: list[bytes], data: st.DataObject) -> None:
    whole = MAGIC + b"".join(map(framed, given_))
    cut = data.draw(st.integers(0, len(whole)))
    found = list(records(whole[:cut]))
    assert found == given_[: len(found)]
    ends = [len(MAGIC) + sum(len(framed(r)) for r in given_[: i + 1]) for i in range(len(given_))]
    assert len(found) == sum(end <= cut for end in ends)
    if cut:
        broken = bytearray(whole)
        at = data.draw(st.integers(0, len(whole) - 1))
        broken[at] ^= 1 << data.draw(st.integers(0, 7))
        found = list(records(bytes(broken)))
        assert found == given_[: len(found)]
        assert len(found) == (sum(end <= at for end in ends) if at >= len(MAGIC) else 0)


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8), st.data())
def test_records_behind_a_damaged_one_are_read_and_the_segment_is_kept(
    given_: list[bytes], data: st.DataObject
) -> None:
    disk = Disk()
    Journal(disk).append(given_)  # type: ignore[arg-type]
    (name,) = disk.names()
    bad = data.draw(st.integers(0, len(given_) - 1))
    start = len(MAGIC) + sum(len(framed(r)) for r in given_[:bad])
    disk.now[name][start + HEAD.size + data.draw(st.integers(0, len(given_[bad]) - 1))] ^= 1
    journal = Journal(disk)  # type: ignore[arg-type]
    (segment,) = journal.segments()
    assert journal.read(segment) == given_[:bad] + given_[bad + 1 :]
    journal.drop([segment])
    assert journal.segments() == []
    # The last record may as well have been cut off: nobody was told that it is safe.
    assert [n.endswith(".damaged") for n in disk.names()] == ([True] if bad < len(given_) - 1 else [])
    assert everything(disk) == []


def test_zeros_at_the_end_are_no_records() -> None:
    segment = MAGIC + framed(b"a") + bytes(64)
    assert list(records(segment)) == [b"a"]
    assert behind(segment) == []


@given(Batches, st.integers(0, 40), st.floats(0, 1), st.integers(20, 200))
def test_whenever_the_power_fails_what_was_acknowledged_is_there(
    batches: list[list[bytes]], fuel: int, keep: float, segment: int
) -> None:
    disk = Disk(fuel)
    acknowledged: list[bytes] = []
    try:
        journal = Journal(disk, segment_bytes=segment)  # type: ignore[arg-type]
        for batch in batches:
            journal.append(batch)
            acknowledged += batch
    except Power:
        pass
    found = everything(disk.after_power_cut(keep))
    written = [r for batch in batches for r in batch]
    assert found[: len(acknowledged)] == acknowledged
    assert found == written[: len(found)]


@given(Batches, st.integers(1, 30), st.integers(20, 200))
def test_a_write_that_failed_hides_nothing_that_comes_later(
    batches: list[list[bytes]], fail_at: int, segment: int
) -> None:
    disk = Disk(fail_at=fail_at)
    journal = Journal(disk, segment_bytes=segment)  # type: ignore[arg-type]
    acknowledged: list[bytes] = []
    for batch in batches:
        try:
            journal.append(batch)
            acknowledged += batch
        except JournalFailed:
            continue
    found = everything(disk.after_power_cut(0.0))
    left = iter(found)
    assert all(r in left for r in acknowledged), "in their order"


def test_one_sync_for_a_batch_and_segments_go_when_they_are_told() -> None:
    disk = Disk()
    journal = Journal(disk, segment_bytes=64)  # type: ignore[arg-type]
    journal.append([b"a", b"b", b"c"])
    assert disk.syncs == 1
    first = journal.append([b"x" * 60])
    second = journal.append([b"y"])
    assert second > first
    journal.drop([first, second])
    assert everything(disk.after_power_cut(0)) == [b"y"], "the current segment stays"
    assert Journal(disk).append([b"z"]) > second  # type: ignore[arg-type]


def test_it_is_bounded() -> None:
    journal = Journal(Disk(), max_bytes=100)  # type: ignore[arg-type]
    journal.append([b"a" * 40])
    try:
        journal.append([b"b" * 80])
    except JournalFull:
        assert journal.size < 100
    else:
        raise AssertionError("a full journal took more")
