"""A stock clickhouse-connect client on the embedded engine: types, every way in and out, contexts, async."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import io
import ipaddress
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import clickhouse_connect
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from sinks.embedded import EngineProcess
from tests.integration.embedded_engine import client, connect, engine  # noqa: F401

# ruff: noqa: F811
pytestmark = pytest.mark.io

SHANGHAI = ZoneInfo("Asia/Shanghai")
VALUES: list[tuple[str, list[Any]]] = [
    ("UUID", [uuid.UUID(int=0), uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")]),
    ("FixedString(4)", [b"abcd", b"\x00\xff\x00\x01"]),
    ("String", ["", "学镜 📚", "a\tb\n'\\"]),
    ("LowCardinality(String)", ["a", "b", "a"]),
    ("LowCardinality(Nullable(String))", ["a", None]),
    ("Nullable(Int32)", [None, -1, 2]),
    ("Array(String)", [[], ["a", "b"]]),
    ("Array(Array(Nullable(UInt8)))", [[[1, None]], []]),
    ("Tuple(a Int8, b String)", [{"a": 1, "b": "x"}]),
    ("Map(String, Array(UInt16))", [{}, {"k": [1, 2]}]),
    ("Decimal(18, 4)", [decimal.Decimal("-12345.6789"), decimal.Decimal(0)]),
    ("Decimal(76, 10)", [decimal.Decimal("1" * 60 + ".0123456789")]),
    ("DateTime64(3, 'UTC')", [dt.datetime(2024, 2, 29, 23, 59, 59, 999000)]),
    ("DateTime64(6, 'Asia/Shanghai')", [dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=SHANGHAI)]),
    ("DateTime('Asia/Shanghai')", [dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=SHANGHAI)]),
    ("DateTime", [dt.datetime(2024, 2, 29, 1, 2, 3)]),
    ("Date", [dt.date(1970, 1, 1), dt.date(2149, 6, 6)]),
    ("Date32", [dt.date(1900, 1, 1), dt.date(2299, 12, 31)]),
    ("Enum8('study' = 1, 'answer' = -2)", ["study", "answer"]),
    ("Bool", [True, False]),
    ("IPv4", [ipaddress.IPv4Address("127.0.0.1")]),
    ("IPv6", [ipaddress.IPv6Address("2001:db8::1")]),
    ("Int128", [-(2**127), 2**127 - 1]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float64", [0.1, float("inf"), -0.0]),
    ("JSON", [{"a": {"b": 1}, "list": [1, 2]}]),
    ("Variant(UInt64, String)", [7, "seven"]),
]


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=[kind for kind, _ in VALUES])
def test_types_go_in_and_out(client: Client, kind: str, values: list[Any]) -> None:
    client.command(f"CREATE TABLE t (n UInt8, v {kind}) ENGINE = MergeTree ORDER BY n")
    client.insert("t", list(enumerate(values)), column_names=["n", "v"])
    result = client.query("SELECT v FROM t ORDER BY n")
    assert [row[0] for row in result.result_rows] == values
    if kind.startswith("DateTime"):
        assert result.column_types[0].name == kind


def test_zones_of_several_columns(client: Client) -> None:
    """The text looks like the head of a zoned column on purpose."""
    sql = "SELECT toDateTime(0, 'Asia/Tokyo') AS d, '\\x01d\\x08DateTime' AS s, toDateTime(0, 'Asia/Shanghai') AS e"
    rows = client.query(f"{sql} FROM numbers(3)").result_rows
    assert len(rows) == 3
    first, text, second = rows[2]
    assert (str(first), text, str(second)) == (
        "1970-01-01 09:00:00+09:00",
        "\x01d\x08DateTime",
        "1970-01-01 08:00:00+08:00",
    )


def test_zones_in_temporary_and_external_tables(client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE here (d DateTime('Asia/Tokyo'))")
    client.command("INSERT INTO here VALUES (0)")
    assert str(client.query("SELECT d FROM here").first_row[0]) == "1970-01-01 09:00:00+09:00"
    extra = ExternalData(
        file_name="there", data=b"1970-01-01 08:00:00\n", fmt="CSV", structure=["d DateTime('Asia/Shanghai')"]
    )
    found = client.query("SELECT d FROM there", external_data=extra).first_row
    assert str(found[0]) == "1970-01-01 08:00:00+08:00"


@pytest.fixture
def filled(client: Client) -> Client:
    """A client whose database has a table ``n`` of 100,000 rows (a UInt64, s String)."""
    client.command("CREATE TABLE n (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    client.command("INSERT INTO n SELECT number, toString(number) FROM numbers(100000)")
    return client


def test_ways_to_read(filled: Client) -> None:
    sql = "SELECT a, s FROM n ORDER BY a"
    assert filled.query(sql).row_count == 100000
    assert filled.query_df(sql).shape == (100000, 2)
    assert filled.query_np("SELECT a FROM n ORDER BY a")[:3].tolist() == [[0], [1], [2]]
    assert filled.query_arrow(sql).num_rows == 100000
    assert pl.DataFrame(filled.query_arrow(sql))["a"].sum() == sum(range(100000))
    assert filled.query_df_arrow(sql).shape == (100000, 2)
    assert filled.raw_query("SELECT count() FROM n", fmt="TabSeparated") == b"100000\n"
    with filled.query_row_block_stream(sql) as stream:
        assert sum(len(block) for block in stream) == 100000
    with filled.query_column_block_stream(sql) as stream:
        assert sum(len(block[0]) for block in stream) == 100000
    with filled.query_rows_stream(sql) as stream:
        assert sum(1 for _ in stream) == 100000
    with filled.query_arrow_stream(sql) as stream:
        assert sum(batch.num_rows for batch in stream) == 100000
    with filled.query_df_stream(sql) as stream:
        assert sum(len(frame) for frame in stream) == 100000
    with filled.raw_stream(sql, fmt="CSV") as raw:
        assert raw.read().count(b"\n") == 100000
    assert filled.query("SELECT a, s FROM n LIMIT 0").column_names == ("a", "s")
    assert filled.query("SELECT a, s FROM n WHERE a > 1000000").result_rows == []


def test_ways_to_write(client: Client) -> None:
    client.command(
        "CREATE TABLE w (a UInt32, s LowCardinality(String), d Nullable(Float64)) ENGINE = MergeTree ORDER BY a"
    )
    names = ["a", "s", "d"]
    assert client.insert("w", [[1, "x", None]], column_names=names).written_rows == 1
    client.insert("w", [[2, 3], ["x", "y"], [0.5, None]], column_names=names, column_oriented=True)
    client.insert_df("w", pd.DataFrame({"a": [4], "s": ["z"], "d": [1.5]}))
    table = pa.table({"a": pa.array([5, 6], pa.uint32()), "s": ["x", "x"], "d": [None, 2.5]})
    assert client.insert_arrow("w", table).written_rows == 2
    client.raw_insert("w", names, b"7,x,\\N\n", fmt="CSV")
    client.raw_insert("w", names, b'{"a":8,"s":"j","d":1}\n', fmt="JSONEachRow")
    client.raw_insert("w", names, (part for part in (b"9\tx", b"\t1.5\n")), fmt="TabSeparated")
    parquet = io.BytesIO()
    pq.write_table(table.set_column(0, "a", pa.array([10, 11], pa.uint32())), parquet)
    client.raw_insert("w", names, parquet.getvalue(), fmt="Parquet")
    client.raw_insert("w", ["a", "s", "d"], b"\x0c\x00\x00\x00\x01r\x01", fmt="RowBinary")
    context = client.create_insert_context("w", column_names=names)
    context.data = [[13, "c", None]]
    client.insert(context=context)
    client.command("INSERT INTO w VALUES", data="(14, 'v', 1), (15, 'v', NULL)")
    client.insert("w", [[16, "x", 1.0]], column_names=names, settings={"async_insert": 1, "wait_for_async_insert": 0})
    assert client.query_np("SELECT a FROM w ORDER BY a").ravel().tolist() == list(range(1, 17))


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_compression_both_ways(engine: EngineProcess, filled: Client, compress: str | bool) -> None:
    packed = connect(engine, database=filled.database, compress=compress)
    packed.command("CREATE TABLE copy AS n")
    packed.insert("copy", packed.query("SELECT a, s FROM n").result_rows, column_names=["a", "s"])
    assert packed.command("SELECT count() = uniqExact(a, s) AND count() = 100000 FROM copy") == 1
    packed.close()


def test_a_bad_insert_leaves_nothing(client: Client) -> None:
    client.command("CREATE TABLE b (a UInt32) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(DatabaseError) as caught:
        client.raw_insert("b", ["a"], b"1\n" * 200000 + b"x\n", fmt="CSV")
    assert caught.value.code in (27, 117)
    assert "/dev/fd" not in str(caught.value)
    with pytest.raises(DatabaseError) as caught:
        client.insert_arrow("b", pa.table({"a": ["x"]}))
    assert caught.value.code in (6, 27, 53)
    with pytest.raises(DatabaseError):
        client.insert_arrow("b", pa.table({"nosuch": [1]}))
    assert client.command("SELECT count() FROM b") == 0
    client.insert("b", [[1]], column_names=["a"])
    assert client.command("SELECT count() FROM b") == 1


def test_parameters_settings_and_contexts(filled: Client) -> None:
    given = {"low": 10, "names": ["11", "12"], "at": dt.datetime(2024, 1, 2, 3, 4, 5)}
    sql = "SELECT s, {at:DateTime} FROM n WHERE a > {low:UInt32} AND s IN {names:Array(String)} ORDER BY a"
    assert filled.query(sql, parameters=given).result_rows == [("11", given["at"]), ("12", given["at"])]
    assert filled.query("SELECT %(x)s", parameters={"x": "it's"}).first_row == ("it's",)
    filled.set_client_setting("max_result_rows", 5)
    with pytest.raises(DatabaseError) as caught:
        filled.query("SELECT a FROM n")
    assert (caught.value.code, caught.value.name) == (396, "TOO_MANY_ROWS_OR_BYTES")
    assert filled.query("SELECT a FROM n LIMIT 6", settings={"max_result_rows": 6}).row_count == 6
    context = filled.create_query_context("SELECT a FROM n ORDER BY a LIMIT {k:UInt8}", parameters={"k": 2})
    assert filled.query(context=context).result_rows == [(0,), (1,)]
    assert filled.query(context=context, parameters={"k": 1}).result_rows == [(0,)]


def test_external_data(filled: Client) -> None:
    extra = ExternalData(file_name="wanted", data=b"3\n5\n", fmt="CSV", structure=["a UInt64"])
    extra.add_file(file_name="names", data=b"5,five\n", fmt="CSV", structure="a UInt64, name String")
    sql = "SELECT n.a, name FROM n LEFT JOIN names USING (a) WHERE a IN (SELECT a FROM wanted) ORDER BY a"
    assert filled.query(sql, external_data=extra).result_rows == [(3, ""), (5, "five")]


def test_streams_that_fail(filled: Client) -> None:
    sql = "SELECT throwIf(number = 3000000, 'half-way') FROM numbers(5000000)"
    with pytest.raises(DatabaseError, match="half-way"):
        filled.query(sql)
    with pytest.raises(StreamFailureError, match="half-way"), filled.query_row_block_stream(sql) as stream:
        for _ in stream:
            pass
    assert filled.command("SELECT 1") == 1


def test_what_a_client_asks_of_a_server(engine: EngineProcess, client: Client) -> None:
    assert client.ping()
    assert client.server_version == client.command("SELECT version()")
    assert client.protocol_version == 54405
    assert client.min_version("24.3")
    offset = client.server_tz.utcoffset(dt.datetime(2024, 7, 1))
    assert offset is not None
    assert offset.total_seconds() == client.command("SELECT timezoneOffset(toDateTime('2024-07-01 00:00:00'))")
    result = client.query("SELECT 1", settings={"query_id": "mine"})
    assert (result.query_id, result.summary["read_rows"]) == ("mine", "1")
    assert client.command("SELECT 1 WHERE 0") == ""
    with pytest.raises(DatabaseError) as caught:
        clickhouse_connect.get_client(host=engine.host, port=engine.port, username="default", password="no")
    assert caught.value.code == 516


def test_async_client(engine: EngineProcess, filled: Client) -> None:
    async def use() -> list[int]:
        many = await clickhouse_connect.get_async_client(
            host=engine.host, port=engine.port, username="default", password=engine.password,
            database=filled.database, autogenerate_session_id=False,
        )  # fmt: skip
        await many.command("CREATE TABLE c (a UInt32) ENGINE = MergeTree ORDER BY a")
        await asyncio.gather(*(many.insert("c", [[number]], column_names=["a"]) for number in range(8)))
        counts = await asyncio.gather(
            *(many.query("SELECT count() FROM n WHERE a >= {low:UInt8}", parameters={"low": low}) for low in range(8))
        )
        async with await many.query_row_block_stream("SELECT a FROM n") as stream:
            streamed = [len(block) async for block in stream]
        found = (await many.query_np("SELECT a FROM c ORDER BY a")).ravel().tolist()
        await many.close()
        assert [result.first_row[0] for result in counts] == [100000 - low for low in range(8)]
        assert sum(streamed) == 100000
        return [int(number) for number in found]

    assert asyncio.run(use()) == list(range(8))


def test_numpy_blocks(filled: Client) -> None:
    with filled.query_np_stream("SELECT a FROM n") as stream:
        assert np.concatenate([block.ravel() for block in stream]).sum() == sum(range(100000))
