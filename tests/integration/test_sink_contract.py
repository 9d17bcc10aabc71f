"""One suite over both stores: what ``schemas.ports.Sink`` promises holds on ClickHouse as in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver.binding import format_bind_value

from schemas.errors import StoreError, StoreUnavailable
from schemas.ports import Sink
from schemas.tables import BRANCH_DAY, DUPLICATES, EVENTS, FIGURES, IMPORTS, MEMBER_DAY, REFERENCE, REJECTED, TABLES
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.memory import MemorySink
from tests.property.test_sets_of_facts import START
from tests.support.engine import rows as stored_rows
from tests.support.harness import RECEIVED, Harness, event, small_roster, uid

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 1)


@pytest.fixture(params=["memory", "clickhouse"])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    if request.param == "memory":
        yield MemorySink()
    else:
        yield ClickHouseSink(request.getfixturevalue("store"), patience=0)


def archived(n: int, **fields: Any) -> dict[str, Any]:
    """A row of the archive."""
    empty: dict[str, Any] = {c.name: _empty(c.arrow, c.nullable) for c in EVENTS.columns}
    return empty | {
        "member_id": "m1", "at": AT, "event_id": n.to_bytes(16, "big"), "body_hash": bytes([n] * 16),
        "event_type": "study", "course_id": "c1", "received_at": AT, "archived_at": AT, "duration_ms": 60_000,
        "cluster": "k", "topic": "t", "offset": n, "raw": b"\xff\x00 not text", "keep": 1,
    } | fields  # fmt: skip


def _empty(type_: pa.DataType, nullable: bool) -> Any:
    if nullable:
        return None
    if pa.types.is_list(type_):
        return []
    return "" if pa.types.is_string(type_) else b"" if pa.types.is_binary(type_) else 0


def member_day(day: date = DAY, course: str = "", version: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "generation": 1, "member_id": "m1", "day": day, "course_id": course, **dict.fromkeys(FIGURES, 0), "capped": 0,
        "hour_ms": [0] * 24, "first_at": None, "last_at": None, "version": version,
    } | fields  # fmt: skip


def branch_day(day: date = DAY, version: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "generation": 1, "org_id": "b1", "day": day, "course_id": "", "members": 1, "active_members": 0,
        **dict.fromkeys(FIGURES, 0), "version": version,
    } | fields  # fmt: skip


def organisation(org_id: str, import_id: int, ordinal: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "org_id": org_id, "parent_id": "", "name": "", "kind": "branch", "valid_from": None, "valid_to": None,
        "import_id": import_id, "ordinal": ordinal, "recorded_at": AT,
    } | fields  # fmt: skip


def completed(sink: Sink, import_id: int, kind: str) -> None:
    row = {"import_id": import_id, "kind": kind, "recorded_at": AT, "rows": 1, "published": 0}
    sink.insert(IMPORTS, IMPORTS.rows([row]))


def distinct(table: pa.Table) -> set[tuple[Any, ...]]:
    return {tuple(tuple(v) if isinstance(v, list) else v for v in row.values()) for row in table.to_pylist()}


def test_the_archive_gives_back_what_was_written_and_repetition_adds_nothing(sink: Sink) -> None:
    made = [
        archived(1),
        archived(2, member_id="m2"),
        archived(3, event_type="answer", question_id="q", response=["A", "B"], correct=False, score_micro=500_000,
                 answer_id=bytes(16), target_id=b"\xff" * 16, knowledge_points=["k1", "k2"], skew_ms=-5, attempt=1),
    ]  # fmt: skip
    for _ in range(2):
        sink.insert(EVENTS, EVENTS.rows(made))
    columns = [c for c in EVENTS.arrow.names if c != "raw"]
    found = sink.facts(["m1", "nobody"], columns)
    assert found.column_names == columns
    wanted = EVENTS.rows([r for r in made if r["member_id"] == "m1"]).select(columns)
    assert distinct(found) == distinct(wanted)


def test_the_earliest_row_of_a_body_stays(sink: Sink) -> None:
    sink.insert(EVENTS, EVENTS.rows([archived(1, keep=5, offset=10)]))
    sink.insert(EVENTS, EVENTS.rows([archived(1, keep=4, offset=11)]))
    (line,) = sink.lines_of([("m1", (1).to_bytes(16, "big"))]).to_pylist()
    assert line["offset"] == 10


def test_no_members_no_facts(sink: Sink) -> None:
    found = sink.facts([], ["member_id", "at"])
    assert (found.num_rows, found.column_names) == (0, ["member_id", "at"])


def test_lines_of_events_are_bytes_from_the_archive_and_its_duplicates(sink: Sink) -> None:
    sink.insert(EVENTS, EVENTS.rows([archived(1), archived(1, body_hash=bytes(16), offset=7), archived(2)]))
    again = {
        "member_id": "m1", "event_id": (1).to_bytes(16, "big"), "body_hash": bytes([1] * 16), "cluster": "k",
        "topic": "t", "partition": 0, "offset": 9, "line": 0, "received_at": AT + timedelta(seconds=1),
    }  # fmt: skip
    sink.insert(DUPLICATES, DUPLICATES.rows([again, again | {"member_id": "m2"}]))
    found = sink.lines_of([("m1", (1).to_bytes(16, "big")), ("m9", (2).to_bytes(16, "big"))]).to_pylist()
    assert sorted((r["offset"], r["body_hash"][:1], r["raw"], r["member_id"]) for r in found) == [
        (1, b"\x01", b"\xff\x00 not text", "m1"),
        (7, b"\x00", b"\xff\x00 not text", "m1"),
        (9, b"\x01", b"\xff\x00 not text", "m1"),
    ]
    assert {r["received_at"] for r in found if r["offset"] == 9} == {AT + timedelta(seconds=1)}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_larger_version_stays(sink: Sink, order: tuple[int, int]) -> None:
    for version in order:
        sink.insert(MEMBER_DAY, MEMBER_DAY.rows([member_day(version=version, study_ms=version * 10)]))
        sink.insert(BRANCH_DAY, BRANCH_DAY.rows([branch_day(version=version, study_ms=version * 10)]))
    assert [r["study_ms"] for r in sink.member_days(1, [("m1", DAY)]).to_pylist()] == [20]
    assert [r["study_ms"] for r in sink.branch_days(1, [("b1", DAY)]).to_pylist()] == [20]


def test_days_are_read_by_pair_zero_rows_and_every_course_included(sink: Sink) -> None:
    later = DAY + timedelta(days=40)
    made = [
        member_day(), member_day(course="c1", hour_ms=list(range(24)), first_at=AT), member_day(later, member_id="m2"),
        member_day(member_id="m2"), member_day(generation=2),
    ]  # fmt: skip
    sink.insert(MEMBER_DAY, MEMBER_DAY.rows(made))
    found = sink.member_days(1, [("m1", DAY), ("m2", later), ("m1", later)])
    assert found.schema.field("day").type == pa.date32()
    assert distinct(found.select(MEMBER_DAY.arrow.names)) == distinct(MEMBER_DAY.rows(made[:3]))
    assert sink.member_days(1, []).num_rows == 0
    sink.insert(BRANCH_DAY, BRANCH_DAY.rows([branch_day(), branch_day(later, org_id="b2"), branch_day(org_id="b2")]))
    keys = sink.branch_days(1, [("b2", DAY), ("b1", later)]).to_pylist()
    assert [(r["org_id"], r["day"]) for r in keys] == [("b2", DAY)]


def test_reference_rows_are_those_of_the_latest_complete_import_of_each_id(sink: Sink) -> None:
    table = REFERENCE["organisations"]
    sink.insert(table, table.rows([organisation("a", 1), organisation("b", 1, 1), organisation("b", 1, 2, name="2")]))
    assert sink.reference("organisations").num_rows == 0
    completed(sink, 1, "roster")
    sink.insert(table, table.rows([organisation("b", 2, valid_from=DAY)]))
    completed(sink, 2, "pending")
    assert [(r["org_id"], r["name"]) for r in sink.reference("organisations").to_pylist()] == [
        ("a", ""),
        ("b", ""),
        ("b", "2"),
    ]
    completed(sink, 2, "roster")
    found = sink.reference("organisations").to_pylist()
    assert [(r["org_id"], r["import_id"], r["valid_from"]) for r in found] == [("a", 1, None), ("b", 2, DAY)]
    assert (sink.latest_import("roster"), sink.latest_import("catalogue")) == (2, 0)


def test_a_unit_is_named_by_its_course_and_its_id(sink: Sink) -> None:
    table = REFERENCE["units"]
    unit = {"unit_id": "1", "course_id": "c1", "title": "", "length_ms": None, "quiz_exam_id": "", "title_en": "",
            "import_id": 1, "ordinal": 0, "recorded_at": AT}  # fmt: skip
    sink.insert(table, table.rows([unit]))
    completed(sink, 1, "catalogue")
    sink.insert(table, table.rows([unit | {"course_id": "c2", "import_id": 2}]))
    completed(sink, 2, "catalogue")
    assert [r["course_id"] for r in sink.reference("units").to_pylist()] == ["c1", "c2"]


def test_the_pipeline_writes_the_same_rows_to_both(store: Store) -> None:
    """A few hundred random lines in random batches, with restarts: every table is equal in the end."""
    chance = random.Random(7)
    lines = [_line(chance) for _ in range(250)] + [b"{", b"\xff"]
    lines += chance.sample(lines, 50)
    memory, engine = Harness(rosters=small_roster()), Harness(ClickHouseSink(store), rosters=small_roster())
    while lines:
        messages = [
            [lines.pop() for _ in range(min(chance.randint(1, 4), len(lines)))] for _ in range(chance.randint(1, 9))
        ]
        received = RECEIVED + chance.randint(0, 10**6)
        for h in (memory, engine):
            h.send(*[m for m in messages if m], received=received)
        if chance.random() < 0.2:
            memory.restart()
            engine.restart()
    for table in TABLES.values():
        assert stored_rows(store, table) == memory.sink.rows(table), table.name
    assert len(memory.sink.rows(EVENTS)) > 100
    assert memory.sink.rows(DUPLICATES)
    assert "conflict" in {r["reason"] for r in memory.sink.rows(REJECTED)}


def _line(chance: random.Random) -> bytes:
    at = (START + timedelta(minutes=chance.randrange(3 * 24 * 60))).isoformat()
    n, member, course = chance.randrange(1, 200), chance.choice(["m1", "m2"]), chance.choice(["c1", "c2"])
    question: dict[str, Any] = {"question_id": chance.choice(["q1", "q2"]), "exam_id": chance.choice([None, "e1"])}
    match chance.choice(["study", "study", "answer", "answer", "error", "withdraw"]):
        case "study":
            return event(n, "study", at, member, course, duration_ms=chance.randrange(0, 3_600_000))
        case "answer":
            return event(n, "answer", at, member, course, correct=chance.choice([True, False, None]),
                         response=chance.choice([None, "A", ["A", "C"]]), score=chance.choice([None, 0.1, 0.7]),
                         **question)  # fmt: skip
        case "error":
            return event(n, "error", at, member, course, **question)
        case _:
            return event(n + 1000, "withdraw", at, member, course, target_event_id=uid(n), reason="r")


class Fussy(Store):
    """A store that refuses some rows for good."""

    def __init__(self, refuse: Any) -> None:
        super().__init__(Endpoint("http://127.0.0.1:1"))
        self.refuse, self.kept = refuse, MemorySink()

    def insert(self, table: str, rows: pa.Table) -> None:
        if any(self.refuse(table, row) for row in rows.to_pylist()):
            raise StoreError("no", code=27)
        self.kept.insert(TABLES[table], rows)


def test_a_refused_event_is_told_and_the_others_are_written() -> None:
    fussy = Fussy(lambda table, row: table == "events" and row["offset"] == 3)
    assert ClickHouseSink(fussy).insert(EVENTS, EVENTS.rows([archived(n) for n in range(1, 8)])) == [(2, "no")]
    assert [r["offset"] for r in fussy.kept.rows(EVENTS)] == [1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("code", [60, 497, 516])
def test_a_missing_table_or_right_is_no_ones_fault_and_stops_the_program(code: int) -> None:
    class Closed(Fussy):
        def insert(self, table: str, rows: pa.Table) -> None:
            raise StoreError("no", code=code)

    with pytest.raises(StoreError, match="no"):
        ClickHouseSink(Closed(None)).insert(EVENTS, EVENTS.rows([archived(1)]))


def test_refused_events_side_by_side_stop_nothing() -> None:
    fussy = Fussy(lambda table, row: table == "events" and 40 <= row["offset"] < 110)
    refused = ClickHouseSink(fussy).insert(EVENTS, EVENTS.rows([archived(n) for n in range(1, 200)]))
    assert [i for i, _ in refused] == list(range(39, 109))
    assert len(fussy.kept.rows(EVENTS)) == 199 - 70


def test_events_of_many_years_fit_one_batch(sink: Sink) -> None:
    made = [archived(n, at=datetime(2005 + n // 12, n % 12 + 1, 3, tzinfo=UTC)) for n in range(150)]
    sink.insert(EVENTS, EVENTS.rows(made))
    sink.insert(MEMBER_DAY, MEMBER_DAY.rows([member_day(r["at"].date()) for r in made]))
    assert sink.facts(["m1"], ["at"]).num_rows == 150
    assert sink.member_days(1, [("m1", r["at"].date()) for r in made]).num_rows == 150


def test_rejected_lines_come_page_by_page_without_those_that_were_added_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.clickhouse.REJECTED_A_PAGE", 7)
    sink = ClickHouseSink(store, patience=0)

    def line(offset: int, number: int = 0, partition: int = 0, reason: str = "unknown_member") -> dict[str, Any]:
        return {
            "cluster": "k", "topic": "t", "partition": partition, "offset": offset, "line": number, "reason": reason,
            "detail": "", "raw": b"\xff", "member_id": "m", "event_id": "", "received_at": AT, "skew_ms": 0,
            "status": "open", "version": 0,
        }  # fmt: skip

    made = [line(o, n, p) for p in (0, 1) for o in range(5) for n in range(4)] + [line(9, reason="invalid")]
    sink.insert(REJECTED, REJECTED.rows(made))
    sink.insert(REJECTED, REJECTED.rows([line(2, 1) | {"status": "discarded", "version": 1}]))
    pages = []
    for page in sink.rejected("unknown_member"):
        pages.append(page)
        # What a retry does that is refused again.
        sink.insert(REJECTED, REJECTED.rows([r | {"offset": r["offset"] + 100} for r in page]))
    found = [(r["partition"], r["offset"], r["line"]) for page in pages for r in page]
    assert found == [(r["partition"], r["offset"], r["line"]) for r in made[:9] + made[10:40]]
    assert max(len(page) for page in pages) == 7
    assert sum(len(page) for page in sink.rejected("invalid")) == 1


def test_no_list_of_keys_is_larger_than_a_server_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """ClickHouse's ``http_max_field_value_size``, 128 KiB, which the embedded engine does not know."""
    sent: list[int] = []
    ask = store.client.query_arrow

    def watched(sql: str, parameters: dict[str, Any], settings: dict[str, Any]) -> pa.Table:
        sent.extend(len(str(format_bind_value(v)).encode()) for v in parameters.values())
        return ask(sql, parameters=parameters, settings=settings)

    monkeypatch.setattr(store.client, "query_arrow", watched)
    sink = ClickHouseSink(store, patience=0)
    sink.insert(EVENTS, EVENTS.rows([archived(n % 250, member_id=f"m{n}") for n in range(1, 6000)]))
    names = [f"m{n}" for n in range(6000)] + ["成员" * 32 + str(n) for n in range(600)] + ["'\\" * 30] * 300
    assert sink.facts(names, ["member_id"]).num_rows == 5999
    events = [(f"m{n}", (n % 250).to_bytes(16, "big")) for n in range(1, 6000)]
    assert sink.lines_of(events).num_rows == 5999
    assert sink.member_days(1, [(m, DAY) for m in names]).num_rows == 0
    assert sink.reference("members", names).num_rows == 0
    assert max(sent) < 128 << 10


def test_a_table_that_refuses_everything_stops_the_program() -> None:
    fussy = Fussy(lambda table, row: True)
    with pytest.raises(StoreError, match="no"):
        ClickHouseSink(fussy).insert(EVENTS, EVENTS.rows([archived(n) for n in range(1, 40)]))


def test_a_refused_figure_stops_the_program() -> None:
    fussy = Fussy(lambda table, row: table == "member_day")
    with pytest.raises(StoreError, match="no"):
        ClickHouseSink(fussy).insert(MEMBER_DAY, MEMBER_DAY.rows([member_day()]))


def test_a_store_that_is_away_is_waited_for() -> None:
    pauses: list[float] = []
    sink = ClickHouseSink(Store(Endpoint("http://127.0.0.1:1")), sleep=pauses.append, patience=1.0)
    with pytest.raises(StoreUnavailable):
        sink.latest_import("roster")
    assert pauses == [0.1, 0.2, 0.4, 0.8]
