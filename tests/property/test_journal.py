"""The journal under cuts and crashes: what was acknowledged is read again, and nothing that was never written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producers.journal import MAGIC, Journal, JournalFailed, JournalFull, framed, records


class Power(Exception):
    """The machine is off."""


class Disk:
    """A folder in memory that knows what is synced. ``fuel`` counts system calls until the power fails."""

    def __init__(self, fuel: int = 10**9, fail_at: int = -1) -> None:
        self.durable: dict[str, bytes] = {}
        self.now: dict[str, bytearray] = {}
        self.fuel, self.fail_at, self.calls, self.syncs = fuel, fail_at, 0, 0

    def _call(self) -> None:
        self.calls += 1
        if self.calls > self.fuel:
            raise Power
        if self.calls == self.fail_at:
            raise OSError(28, "No space left on device")

    def names(self) -> list[str]:
        return list(self.now)

    def create(self, name: str) -> str:  # type: ignore[override]
        self._call()
        assert name not in self.now
        self.now[name], self.durable[name] = bytearray(), b""
        return name

    def write(self, handle: str, data: bytes) -> None:
        half = len(data) // 2
        self.now[handle] += data[:half]
        self._call()
        self.now[handle] += data[half:]

    def sync(self, handle: str) -> None:
        self._call()
        self.syncs += 1
        self.durable[handle] = bytes(self.now[handle])

    def close(self, handle: str) -> None:
        pass

    def read(self, name: str) -> bytes:
        return bytes(self.now[name])

    def remove(self, name: str) -> None:
        del self.now[name], self.durable[name]

    def after_power_cut(self, keep: float) -> Disk:
        """What is there when the machine comes back: what was synced, and some of what was only written."""
        found = Disk()
        for name, safe in self.durable.items():
            more = bytes(self.now[name])[len(safe) :]
            found.durable[name] = safe + more[: int(len(more) * keep)]
            found.now[name] = bytearray(found.durable[name])
        return found


Batches = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), min_size=1, max_size=8)


def everything(disk: Disk) -> list[bytes]:
    journal = Journal(disk)  # type: ignore[arg-type]
    return [r for n in journal.segments() for r in journal.read(n)]


@given(st.lists(st.binary(max_size=60), max_size=8), st.data())
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
