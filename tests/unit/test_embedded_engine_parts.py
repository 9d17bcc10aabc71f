"""The embedded endpoint's pure parts: statements, codings, Native blocks, error texts, request parameters."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.embedded import compression, native
from sinks.embedded.errors import ServerException, from_engine, http_status
from sinks.embedded.execute import from_spool
from sinks.embedded.lock import DataDirLock
from sinks.embedded.request import authorise, read
from sinks.embedded.results import into_pipe
from sinks.embedded.sql import parse


@pytest.mark.parametrize(
    ("sql", "output"),
    [
        (b"SELECT 1", None),
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"select 1 -- FORMAT CSV\nformat JSON;", "JSON"),
        (b"SELECT 'FORMAT CSV' FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        (b"SELECT format FROM t", None),
        (b"SELECT a AS format SETTINGS max_threads = 1", None),
        (b"SELECT (SELECT 1 FORMAT x) /* FORMAT CSV */", None),
        (b"WITH insert AS (SELECT 1 AS n) SELECT * FROM insert FORMAT Native", "Native"),
        (b"(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV", "TSV"),
        (b"SELECT $x$ FORMAT CSV $x$, `FORMAT CSV` FORMAT JSON", "JSON"),
        (b"SHOW TABLES FORMAT JSON", "JSON"),
    ],
)
def test_format_of_a_result(sql: bytes, output: str | None) -> None:
    statement = parse(sql)
    assert (statement.format, statement.is_read, statement.has_data) == (output, True, False)
    piped = into_pipe(statement, "TSV", 9)
    assert parse(piped.replace(b"INTO OUTFILE '/dev/fd/9' APPEND", b"")).format == (output or "TSV")
    assert b";" not in piped


@pytest.mark.parametrize(
    ("sql", "data_format", "data"),
    [
        (b"INSERT INTO t VALUES (1);", "Values", b" (1);"),
        (b"INSERT INTO t (a, b) FORMAT CSV\n1,2\n", "CSV", b"1,2\n"),
        (b"INSERT INTO t FORMAT Native\r\n\x00;\x01", "Native", b"\x00;\x01"),
        (b"INSERT INTO t FORMAT TSV  \n a", "TSV", b" a"),
        (b"INSERT INTO t FORMAT JSONEachRow {}", "JSONEachRow", b"{}"),
        (b"insert into format.values values (1)", "Values", b" (1)"),
        (b"INSERT INTO TABLE FUNCTION null('a UInt8') VALUES (1)", "Values", b" (1)"),
        (b"INSERT INTO `VALUES` (`FORMAT`) SETTINGS a = 1 FORMAT CSV\nx", "CSV", b"x"),
        (b"INSERT INTO {t:Identifier} VALUES ({a:UInt8})", "Values", b" ({a:UInt8})"),
        (b"WITH 1 AS y INSERT INTO t (s) FORMAT CSV\nz;\n", "CSV", b"z;\n"),
        (b"INSERT INTO t SELECT a FROM input('a UInt8') FORMAT CSV\n1", "CSV", b"1"),
    ],
)
def test_data_of_an_insert(sql: bytes, data_format: str, data: bytes) -> None:
    statement = parse(sql)
    assert (statement.kind, statement.has_data, statement.format) == (b"INSERT", True, data_format)
    assert sql[statement.data_at :] == data
    assert b"/dev/fd/9" in from_spool(statement, "/dev/fd/9")
    assert data.strip() not in from_spool(statement, "/dev/fd/9") or len(data) < 3


@pytest.mark.parametrize("sql", [b"INSERT INTO t SELECT 1", b"INSERT INTO t SELECT values FROM x", b"DROP TABLE t"])
def test_statements_without_data(sql: bytes) -> None:
    assert not parse(sql).has_data
    assert not parse(sql).is_read


def test_settings_of_an_insert_come_after_its_file() -> None:
    made = from_spool(parse(b"INSERT INTO t (a) SETTINGS x = 1 FORMAT CSV\n1"), "/f")
    assert b" ".join(made.split()) == b"INSERT INTO t (a) FROM INFILE '/f' SETTINGS x = 1 FORMAT CSV"


@pytest.mark.parametrize(
    ("sql", "code"),
    [(b"", 62), (b" -- nothing\n", 62), (b"SELECT 1; SELECT 2", 62), (b"SELECT 1 INTO OUTFILE 'x'", 358)],
)
def test_statements_that_are_refused(sql: bytes, code: int) -> None:
    with pytest.raises(ServerException) as caught:
        parse(sql)
    assert caught.value.code == code


@given(st.binary(max_size=60))
def test_parsing_ends_well_on_any_bytes(sql: bytes) -> None:
    try:
        statement = parse(sql)
    except ServerException:
        return
    assert statement.text in sql


@given(
    st.lists(st.binary(max_size=2000), max_size=8),
    st.sampled_from(["", "lz4", "zstd", "gzip", "deflate"]),
    st.integers(1, 500),
)
def test_codings_give_back_what_they_got(chunks: list[bytes], name: str, cut: int) -> None:
    coder = compression.encoder(name)
    packed = b"".join(coder.feed(chunk) for chunk in chunks) + coder.finish()
    decoder = compression.decoder(name)
    parts = [decoder.feed(packed[start : start + cut]) for start in range(0, len(packed), cut)]
    assert b"".join([*parts, decoder.finish()]) == b"".join(chunks)


@pytest.mark.parametrize("name", ["lz4", "zstd", "gzip", "deflate"])
def test_a_cut_body_is_not_the_whole(name: str) -> None:
    coder = compression.encoder(name)
    packed = coder.feed(bytes(range(256)) * 100) + coder.finish()
    decoder = compression.decoder(name)
    decoder.feed(packed[:-5])
    with pytest.raises(ValueError, match="ends early"):
        decoder.finish()


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [("gzip, deflate", "gzip"), ("lz4,zstd,gzip", "lz4"), ("zstd;q=0, gzip;q=0.5", "gzip"), ("identity", ""), ("", "")],
)
def test_choice_of_a_coding(accept: str, chosen: str) -> None:
    assert compression.choose(accept) == chosen


def test_zones_go_to_their_columns() -> None:
    def column(name: str, kind: str, data: bytes) -> bytes:
        return bytes((len(name),)) + name.encode() + bytes((len(kind),)) + kind.encode() + data

    decoy = column("d", "DateTime", b"")
    text = bytes((len(decoy),)) + decoy
    block = (
        b"\x03\x01" + column("s", "String", text) + column("d", "DateTime", b"\1\2\3\4") + column("n", "UInt8", b"\x09")
    )
    patch = native.patcher(lambda: [("s", "String"), ("d", "DateTime('Asia/Tokyo')"), ("n", "UInt8")])
    expected = b"\x03\x01" + column("s", "String", text) + column("d", "DateTime('Asia/Tokyo')", b"\1\2\3\4")
    assert patch(block, 1) == native.BLOCK_INFO + expected + column("n", "UInt8", b"\x09")
    with pytest.raises(ServerException):
        patch(block, 2)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Code: 60. DB::Exception: No x. (UNKNOWN_TABLE)", "Code: 60. DB::Exception: No x. (UNKNOWN_TABLE)"),
        (
            "Streaming query failed: Code: 7. DB::Exception: Code: 7. DB::Exception: a. (A_B) (version 26.9). (A_B)",
            "Code: 7. DB::Exception: a. (A_B)",
        ),
        (
            "Code: 7. DB::Exception: Code: 7. DB::Exception: Code: 7. DB::Exception: a. (A_B) "
            "(version 26.9 (official build)). (A_B) (version 26.9). (A_B)",
            "Code: 7. DB::Exception: a. (A_B)",
        ),
    ],
)
def test_error_texts(raw: str, text: str) -> None:
    error = from_engine(RuntimeError(raw))
    assert str(error) == text
    assert error.body("1.2") == f"{text} (version 1.2)\n".encode()
    assert from_engine(error) is error


def test_statuses() -> None:
    assert [http_status(code) for code in (62, 60, 516, 48, 159, 241)] == [400, 404, 403, 501, 408, 500]


def test_parameters_are_sorted() -> None:
    pairs = [("query", "SELECT 1"), ("param_a", "1"), ("max_threads", "3"), ("ext_format", "CSV"), ("session_id", "s")]
    request = read([*pairs, ("wait_end_of_query", "1"), ("format_schema", "x")], {}, ["ext"])
    assert request.query == b"SELECT 1"
    assert request.params == {"a": "1"}
    assert request.settings == {"max_threads": "3", "format_schema": "x"}
    assert request.external == {"ext": {"format": "CSV"}}
    assert request.session_id == "s"
    assert request.flag("wait_end_of_query")


@pytest.mark.parametrize("name", ["a b", "a=1,b", "1", "a;DROP", "", "a'"])
def test_a_setting_has_a_name(name: str) -> None:
    with pytest.raises(ServerException) as caught:
        read([(name, "1")], {})
    assert caught.value.code == 115


def test_passwords_may_have_any_sign() -> None:
    password = "päss:wörd' \\"
    header = "Basic " + base64.b64encode(f"default:{password}".encode()).decode()
    authorise({"Authorization": header}, {}, "default", password)
    with pytest.raises(ServerException):
        authorise({"Authorization": header}, {}, "default", password + "x")
    with pytest.raises(ServerException):
        authorise({}, {}, "default", password)


def test_the_lock_is_dropped(tmp_path: Path) -> None:
    from sinks.embedded import EngineInUse

    with DataDirLock(tmp_path), pytest.raises(EngineInUse), DataDirLock(tmp_path):
        pass
    with DataDirLock(tmp_path):
        pass
