"""Emitting files: nothing lost by an interruption, nothing dropped in silence, errors that name the place."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from producers import emit
from producers.emit import Emitter, key_of, open_lines
from producers.tables import TableError
from schemas.decode import MAX_LINE_BYTES, SIZE_HEADER
from schemas.errors import DeliveryError, InputError

ZONE = "Asia/Shanghai"


class Broker:
    """Keeps what was acknowledged: what was sent before a ``flush`` that returned. Dies as it is told."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.acknowledged: list[tuple[str, list[bytes], Any]] = []
        self.pending: list[tuple[str, list[bytes], Any]] = []
        self.dies_at, self.refuses = dies_at, False

    def send(self, member_id: str, lines: Sequence[bytes], *, headers: Any = ()) -> None:
        if self.dies_at is not None and len(self.lines) + sum(len(p[1]) for p in self.pending) >= self.dies_at:
            raise KeyboardInterrupt
        self.pending.append((member_id, list(lines), headers))

    def flush(self, timeout: float | None = None) -> None:
        if self.refuses:
            raise DeliveryError("3 messages were not delivered", where="broker t")
        self.acknowledged += self.pending
        self.pending = []

    @property
    def lines(self) -> list[bytes]:
        return [line for _, lines, _ in self.acknowledged for line in lines]


def line(n: int, member: str = "m1") -> bytes:
    return json.dumps({"event_id": n, "member_id": member}).encode()


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit, "LINES_A_CHECKPOINT", 10)
    monkeypatch.setattr(emit, "LINES_A_MESSAGE", 4)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join(line(n, f"m{n // 3}") for n in range(57)) + b"\n")
    return path


def run(broker: Broker, path: Path | str, folder: Path | None = None, **more: Any) -> Emitter:
    found = Emitter(broker, checkpoints=folder, **more)
    found.emit(str(path), ZONE)
    return found


def test_lines_of_a_member_travel_together_and_in_order(file: Path) -> None:
    broker = Broker()
    result = run(broker, file).result
    assert broker.lines == file.read_bytes().splitlines()
    assert (result.lines, result.sent, result.skipped) == (57, 57, 0)
    for member, lines, _ in broker.acknowledged:
        assert 1 <= len(lines) <= 4
        assert {key_of(x) for x in lines} == {member}


@pytest.mark.parametrize("dies_at", range(0, 54, 7))
def test_killed_in_the_middle_the_same_call_goes_on_and_loses_nothing(file: Path, tmp_path: Path, dies_at: int) -> None:
    first = Broker(dies_at)
    with pytest.raises(KeyboardInterrupt):
        run(first, file, tmp_path / "marks")
    # Only what was acknowledged is certain: what was on its way is lost with the process.
    second = Broker()
    result = run(second, file, tmp_path / "marks").result
    assert set(first.lines) | set(second.lines) == set(file.read_bytes().splitlines())
    assert result.skipped == len(first.lines)
    assert set(first.lines).isdisjoint(second.lines)
    assert list((tmp_path / "marks").glob("*")) == []
    assert len(run(third := Broker(), file, tmp_path / "marks").result.errors) == 0
    assert len(third.lines) == 57, "what ended well begins anew"


def test_changed_file_or_unreadable_mark_is_sent_from_the_beginning(file: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    for spoil in (
        lambda mark: os.utime(file, (1, 1)),
        lambda mark: file.write_bytes(file.read_bytes() + line(99) + b"\n"),
        lambda mark: mark.write_text("{", "utf-8"),
        lambda mark: mark.write_text("{}", "utf-8"),
    ):
        with pytest.raises(KeyboardInterrupt):
            run(Broker(30), file, marks)
        (mark,) = marks.glob("*.json")
        spoil(mark)
        broker = Broker()
        assert run(broker, file, marks).result.skipped == 0
        assert broker.lines == file.read_bytes().splitlines()


def test_restart_ignores_the_mark(file: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Broker(30), file, tmp_path / "marks")
    broker = Broker()
    Emitter(broker, checkpoints=tmp_path / "marks").emit(str(file), ZONE, resume=False)
    assert len(broker.lines) == 57


def test_no_checkpoint_before_the_acknowledgement(file: Path, tmp_path: Path) -> None:
    broker = Broker()
    broker.refuses = True
    with pytest.raises(DeliveryError):
        run(broker, file, tmp_path / "marks")
    assert not (tmp_path / "marks").exists()


def test_stdin_is_read_and_never_resumed(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(file.read_bytes())

        @staticmethod
        def fileno() -> int:
            raise io.UnsupportedOperation

    monkeypatch.setattr(emit.sys, "stdin", Stdin)
    broker = Broker()
    run(broker, "-", tmp_path / "marks")
    assert broker.lines == file.read_bytes().splitlines()
    assert not (tmp_path / "marks").exists()


def test_line_ends_blanks_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "e.ndjson"
    path.write_bytes(b"\xef\xbb\xbf" + line(1) + b"\r\n\r\n   \n" + line(2) + b"\n" + line(3))
    broker = Broker()
    run(broker, path)
    assert broker.lines == [line(1), line(2), line(3)]


def test_lines_that_are_no_events_are_sent_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "e.ndjson"
    bad = [b"not json", b'{"member_id": 5}', b'{"member_id": "' + b"x" * 65 + b'"}', b"[" * 5000, b"\xff\xfe", b"{}"]
    path.write_bytes(b"\n".join(bad))
    broker = Broker()
    run(broker, path)
    assert broker.lines == bad
    assert {m for m, _, _ in broker.acknowledged} == {""}


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed_files_also_of_several_parts(tmp_path: Path, ending: str) -> None:
    lines = [line(n) for n in range(25)]
    path = tmp_path / f"e.ndjson{ending}"
    cut = b"\n".join(lines)[:300], b"\n".join(lines)[300:]
    path.write_bytes(b"".join(COMPRESS[ending](part) for part in cut))
    broker = Broker()
    run(broker, path)
    assert broker.lines == lines


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("damage", ["cut", "flip", "garbage"])
def test_damaged_compressed_file_is_an_error_and_goes_on_where_it_stopped(
    tmp_path: Path, ending: str, damage: str
) -> None:
    chance = random.Random(3)
    lines = [line(n, f"m{chance.getrandbits(60)}") for n in range(20_000)]
    whole = COMPRESS[ending](b"\n".join(lines) + b"\n")
    path = tmp_path / f"e.ndjson{ending}"
    if damage == "cut":
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif damage == "flip":
        path.write_bytes(whole[: len(whole) // 2] + bytes(50) + whole[len(whole) // 2 + 50 :])
    else:
        path.write_bytes(b"these are no compressed bytes")
    broker = Broker()
    with pytest.raises(InputError, match="can't be decompressed or read") as told:
        run(broker, path, tmp_path / "marks")
    assert told.value.where == str(path)
    sent = broker.lines
    if damage == "cut":
        assert 0 < len(sent) < 20_000
    path.write_bytes(whole)
    run(broker, path, tmp_path / "marks")
    assert set(broker.lines) >= set(lines)


@given(st.lists(st.binary(max_size=300), max_size=6), st.randoms(use_true_random=False))
def test_any_frames_in_any_pieces_give_their_bytes(parts: list[bytes], chance: random.Random) -> None:
    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(chance.randint(1, 40))

    packed = b"".join(zstandard.ZstdCompressor().compress(p) for p in parts)
    assert io.BufferedReader(emit._Zstandard(Pieces(packed))).read() == b"".join(parts)
    if packed:
        with pytest.raises((EOFError, zstandard.ZstdError)):
            io.BufferedReader(emit._Zstandard(Pieces(packed[:-1]))).read()


@pytest.mark.parametrize("size", [MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 5 * MAX_LINE_BYTES])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_huge_line_is_sent_as_its_beginning_with_its_size(tmp_path: Path, size: int, end: bytes) -> None:
    path = tmp_path / "e.ndjson"
    huge = b"x" * size
    path.write_bytes(line(1) + b"\n" + huge + end + (line(2) if end else b""))
    broker = Broker()
    run(broker, path)
    _, (sent,), headers = broker.acknowledged[1]
    if size <= MAX_LINE_BYTES:
        assert (sent, headers) == (huge, ())
    else:
        assert sent == huge[: emit.KEPT_OF_A_HUGE_LINE]
        assert dict(headers) == {SIZE_HEADER: str(size).encode()}
    assert broker.lines[-1] == (line(2) if end else sent)


def test_bad_rows_of_tables_are_told_with_their_lines_and_the_others_sent(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text(
        "成员编号,课程编号,开始时间,结束时间\n"
        "m1,c1,2026-03-02 10:00,2026-03-02 10:30\n"
        "m2,c1,yesterday,2026-03-02 10:30\n"
        "m3,c1,2026-03-02 10:00,2026-03-02 10:30\n",
        "utf-8",
    )
    broker = Broker()
    result = run(broker, path).result
    assert sorted(m for m, _, _ in broker.acknowledged) == ["m1", "m3"]
    (error,) = result.errors
    assert isinstance(error, TableError)
    assert "3" in str(error)
    assert (result.lines, result.sent) == (3, 2)


def test_asked_to_stop_it_stops_also_when_the_exception_was_swallowed(file: Path, tmp_path: Path) -> None:
    broker = Broker()
    with pytest.raises(KeyboardInterrupt):
        run(broker, file, tmp_path / "marks", stopping=lambda: len(broker.lines) >= 20)
    assert len(broker.lines) == 20
    assert set(broker.lines) | set(_again(file, tmp_path).lines) == set(file.read_bytes().splitlines())


def _again(file: Path, tmp_path: Path) -> Broker:
    run(found := Broker(), file, tmp_path / "marks")
    return found


def test_progress_grows_to_the_number_of_lines(file: Path) -> None:
    seen: list[int] = []
    run(Broker(), file, progress=seen.append)
    assert seen == [10, 20, 30, 40, 50, 57]


@pytest.mark.parametrize("name", ["missing.ndjson", "missing.ndjson.gz", "missing.csv", "."])
def test_files_that_can_not_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as told:
        run(Broker(), tmp_path / name)
    assert str(tmp_path) in str(told.value)


def test_open_lines_closes_what_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "e.zst"
    path.write_bytes(COMPRESS[".zst"](b"a\n"))
    with open_lines(str(path)) as source:
        assert list(source) == [b"a\n"]
    assert source.closed
