"""The HTTP interface as clients other than clickhouse-connect see it."""

from __future__ import annotations

import gzip
import json
import threading
import time
import uuid
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import zstandard

from sinks.embedded import EngineProcess
from tests.integration.embedded_engine import Answer, ask, engine, open_request  # noqa: F401

# ruff: noqa: F811
pytestmark = pytest.mark.io
FOREVER = b"SELECT count() FROM numbers(100000000000) WHERE number % 3 = 1"


def running(engine: EngineProcess, like: str) -> int:
    """Statements in the engine whose text has ``like``."""
    asked = "SELECT count() FROM system.processes WHERE position(query, {like:String}) AND query NOT LIKE '%processes%'"
    return int(ask(engine, asked, param_like=like).body)


def until(check: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether ``check`` comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {}),
        ({"Authorization": "Basic ZGVmYXVsdDp3cm9uZw=="}, {}),
        ({"Authorization": "Bearer x"}, {}),
        ({"Authorization": "Basic ???"}, {}),
        ({"X-ClickHouse-User": "default", "X-ClickHouse-Key": "wrong"}, {}),
        ({}, {"user": "default", "password": "wrong"}),
        ({}, {"user": "nobody", "password": "wrong"}),
    ],
)
def test_wrong_credentials(engine: EngineProcess, headers: dict[str, str], params: dict[str, str]) -> None:
    answer = ask(engine, "SELECT 1", headers, login=False, **params)
    assert (answer.status, answer.code) == (403, "516")
    assert b"(AUTHENTICATION_FAILED)" in answer.body


def test_every_way_to_log_in(engine: EngineProcess) -> None:
    keyed = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": engine.password}
    assert ask(engine, "SELECT 1", keyed, login=False).body == b"1\n"
    assert ask(engine, "SELECT 1", login=False, user="default", password=engine.password).body == b"1\n"
    assert ask(engine, "SELECT 1", keyed).code == "516", "two ways at once"


@pytest.mark.parametrize(
    ("sql", "status", "code", "name"),
    [
        ("SELECT * FROM nosuch", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT FROM WHERE", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
        ("SELECT nosuch(1)", 404, 46, "UNKNOWN_FUNCTION"),
        ("SELECT nosuch", 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT 1 SETTINGS nosuch = 1", 404, 115, "UNKNOWN_SETTING"),
        ("SELECT toUInt8('x')", 400, 6, "CANNOT_PARSE_TEXT"),
        ("SELECT 1 FORMAT Nosuch", 404, 73, "UNKNOWN_FORMAT"),
        ("USE nosuch", 404, 81, "UNKNOWN_DATABASE"),
        ("SELECT throwIf(1)", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("INSERT INTO nosuch FORMAT CSV\n1", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 358, "INTO_OUTFILE_NOT_ALLOWED"),
        ("SELECT {p:UInt8}", 500, 456, "UNKNOWN_QUERY_PARAMETER"),
    ],
)
def test_errors_have_their_codes(engine: EngineProcess, sql: str, status: int, code: int, name: str) -> None:
    answer = ask(engine, sql)
    assert (answer.status, answer.code) == (status, str(code))
    text = answer.body.decode()
    assert text.startswith(f"Code: {code}. DB::")
    assert text.count("Code: ") == 1
    assert text.count("(version ") == 1
    assert f"({name}) (version" in text


def test_query_in_the_url_the_body_and_both(engine: EngineProcess) -> None:
    assert ask(engine, method="GET", query="SELECT 1").body == b"1\n"
    assert ask(engine, "SELECT 1").body == b"1\n"
    assert ask(engine, "1 + 1", query="SELECT").body == b"2\n"
    assert ask(engine, method="GET").body == b"Ok.\n"
    assert ask(engine, method="GET", query="DROP TABLE nosuch").code == "164"
    assert ask(engine, path="/nosuch").status == 404


def test_headers_of_an_answer(engine: EngineProcess) -> None:
    name = str(uuid.uuid4())
    answer = ask(engine, "SELECT number FROM numbers(10)", query_id=name, default_format="JSONEachRow")
    assert answer.headers["X-ClickHouse-Query-Id"] == name
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert answer.headers["X-ClickHouse-Timezone"]
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "10"
    zoned = ask(engine, "SELECT 1", session_timezone="Asia/Tokyo")
    assert zoned.headers["X-ClickHouse-Timezone"] == "Asia/Tokyo"


def test_settings_and_databases_in_the_url(engine: EngineProcess) -> None:
    assert ask(engine, "SELECT getSetting('max_block_size')", max_block_size="99").body == b"99\n"
    assert ask(engine, "SELECT getSetting('max_block_size') = 99").body == b"0\n"
    assert ask(engine, "SELECT currentDatabase()", database="system").body == b"system\n"
    assert ask(engine, "SELECT 1", nosuch="1").code == "115"
    assert ask(engine, "SELECT 1", database="nosuch").code == "81"
    assert ask(engine, "SELECT 1", **{"max_threads = 1, readonly": "1"}).code == "115"
    known = {"wait_end_of_query": "1", "send_progress_in_http_headers": "1", "buffer_size": "1", "compress": "0"}
    assert ask(engine, "SELECT 1", **known).body == b"1\n"
    assert ask(engine, "SELECT 1", compress="1").status == 501


@pytest.mark.parametrize(
    ("kind", "sent", "shown"),
    [
        ("String", "a\\tb'c", "a\\tb\\'c"),
        ("Array(String)", "['x','y\\'z']", "['x','y\\'z']"),
        ("Nullable(Int8)", "\\N", "\\N"),
        ("Map(String, UInt8)", "{'k': 1}", "{'k':1}"),
        ("DateTime64(3, 'UTC')", "2024-01-02 03:04:05.678", "2024-01-02 03:04:05.678"),
        ("Identifier", "system", "1"),
    ],
)
def test_parameters(engine: EngineProcess, kind: str, sent: str, shown: str) -> None:
    sql = "SELECT count() > 0 FROM {p:Identifier}.one" if kind == "Identifier" else f"SELECT {{p:{kind}}}"
    assert ask(engine, sql, param_p=sent).body.decode() == shown + "\n"
    assert ask(engine, f"{sql} FORMAT JSONCompact", param_p=sent).status == 200


def test_parameters_of_inserts(engine: EngineProcess) -> None:
    ask(engine, "CREATE TABLE by_parameter (a String, n UInt8) ENGINE = Memory")
    sql = "INSERT INTO {t:Identifier} VALUES ({a:String}, {n:UInt8})"
    assert ask(engine, sql, param_t="by_parameter", param_a="x\\ty", param_n="3").status == 200
    assert ask(engine, "INSERT INTO {t:Identifier} FORMAT CSV\nz,4", param_t="by_parameter").status == 200
    assert ask(engine, "SELECT * FROM by_parameter ORDER BY n").body == b"x\\ty\t3\nz\t4\n"
    ask(engine, "DROP TABLE by_parameter")


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.compress),
        ("lz4", lz4.frame.compress),
        ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    ],
)
def test_compressed_bodies(engine: EngineProcess, coding: str, pack: Callable[[bytes], bytes]) -> None:
    answer = ask(engine, pack(b"SELECT 1 + 1 AS two"), {"Content-Encoding": coding})
    assert answer.body == b"2\n"
    assert ask(engine, pack(b"SELECT 1 + 1 AS two")[:-3], {"Content-Encoding": coding}).status >= 400


@pytest.mark.parametrize(
    ("coding", "unpack"),
    [
        ("gzip", gzip.decompress),
        ("deflate", zlib.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("lz4", lz4.frame.decompress),
    ],
)
def test_compressed_answers(engine: EngineProcess, coding: str, unpack: Callable[[bytes], bytes]) -> None:
    sql = "SELECT toString(number) FROM numbers({n:UInt32})"
    for rows in ("1000", "300000"):  # answered at once; streamed
        plain = ask(engine, sql, param_n=rows)
        packed = ask(engine, sql, {"Accept-Encoding": coding}, enable_http_compression="1", param_n=rows)
        assert packed.headers["Content-Encoding"] == coding
        assert unpack(packed.body) == plain.body
        assert rows == "1000" or len(packed.body) < len(plain.body)
    assert "Content-Encoding" not in ask(engine, sql, {"Accept-Encoding": coding}, param_n="1000").headers
    assert ask(engine, b"x", {"Content-Encoding": "nosuch"}).code == "89"


@pytest.mark.parametrize(
    "output", ["JSON", "CSVWithNames", "Arrow", "Parquet", "CustomSeparatedWithNames", "TabSeparated"]
)
def test_a_large_answer_is_one_document(engine: EngineProcess, output: str) -> None:
    sql = f"SELECT number AS n, toString(number) AS s FROM numbers(200000) FORMAT {output}"
    streamed, waited = ask(engine, sql), ask(engine, sql, wait_end_of_query="1")
    assert streamed.headers["Transfer-Encoding"] == "chunked"
    assert int(waited.headers["Content-Length"]) == len(waited.body)
    if output == "JSON":
        assert json.loads(streamed.body)["rows"] == json.loads(waited.body)["rows"] == 200000
    else:
        assert streamed.body == waited.body


def test_totals_are_kept(engine: EngineProcess) -> None:
    sql = "SELECT number % 2 AS a, count() FROM numbers(10) GROUP BY a WITH TOTALS ORDER BY a"
    assert ask(engine, sql).body == b"0\t5\n1\t5\n\n0\t10\n"


def test_a_failure_in_mid_stream_is_in_the_body(engine: EngineProcess) -> None:
    sql = "SELECT throwIf(number = 3000000), number FROM numbers(5000000)"
    found = open_request(engine, sql.encode())
    body = b""
    while part := found.recv(1 << 20):
        body += part
    found.close()
    assert body.startswith(b"HTTP/1.1 200")
    tag = body.split(b"X-ClickHouse-Exception-Tag: ")[1].split(b"\r\n")[0]
    assert b"__exception__\r\n" + tag + b"\r\nCode: 395." in body
    assert not body.endswith(b"0\r\n\r\n"), "the stream must not look complete"
    assert ask(engine, sql, wait_end_of_query="1").status == 500


def test_sessions_keep_their_state(engine: EngineProcess) -> None:
    name = str(uuid.uuid4())

    def say(sql: str, **params: str) -> Answer:
        return ask(engine, sql, session_id=name, **params)

    say("CREATE TEMPORARY TABLE mine (a UInt8)")
    say("INSERT INTO mine VALUES (7)")
    assert say("SELECT a FROM mine").body == b"7\n"
    assert ask(engine, "SELECT a FROM mine").code == "60"
    say("SET max_block_size = 777")
    assert say("SELECT getSetting('max_block_size')", max_block_size="99").body == b"99\n"
    assert say("SELECT getSetting('max_block_size')").body == b"777\n"
    say("USE system")
    assert say("SELECT currentDatabase()", database="default").body == b"default\n"
    assert say("SELECT currentDatabase()").body == b"system\n"
    assert say("SELECT 1", nosuch="1", max_block_size="5").code == "115"
    assert say("SELECT getSetting('max_block_size'), a FROM mine").body == b"777\t7\n"
    assert ask(engine, "SELECT 1", session_id=str(uuid.uuid4()), session_check="1").code == "372"
    assert ask(engine, "SELECT 1", session_id=name, session_timeout="999999").code == "374"


def test_a_busy_session_is_locked_and_an_old_one_forgotten(engine: EngineProcess) -> None:
    name, sql = str(uuid.uuid4()), FOREVER + b" AND number % 5 = 2"
    busy = open_request(
        engine, sql, session_id=name, session_timeout="1", cancel_http_readonly_queries_on_client_close="1"
    )
    assert until(lambda: running(engine, sql.decode()) == 1)
    assert ask(engine, "SELECT 1", session_id=name).code == "373"
    busy.close()
    assert until(lambda: running(engine, sql.decode()) == 0)
    time.sleep(1.1)
    assert ask(engine, "SELECT 1", session_id=name, session_check="1").code == "372"


def test_a_session_that_is_about_to_be_free_is_waited_for(engine: EngineProcess) -> None:
    name = str(uuid.uuid4())
    with open_request(engine, b"SELECT sleep(1), 'waited for'", session_id=name):
        assert until(lambda: running(engine, "SELECT sleep(1), 'waited for'") == 1)
        assert ask(engine, "SELECT 2", session_id=name).body == b"2\n"


def test_kill_query_by_the_id_that_the_client_gave(engine: EngineProcess) -> None:
    name, answers = str(uuid.uuid4()), list[Answer]()
    waiting = threading.Thread(target=lambda: answers.append(ask(engine, FOREVER, query_id=name)))
    waiting.start()
    assert until(lambda: running(engine, FOREVER.decode()) == 1)
    assert ask(engine, "SELECT 1", query_id=name).code == "216"
    assert ask(engine, f"KILL QUERY WHERE query_id = '{name}' SYNC").body.startswith(b"finished")
    waiting.join(10)
    assert answers[0].code == "394"


def test_a_query_that_nobody_waits_for_is_killed(engine: EngineProcess) -> None:
    sql = FOREVER + b" AND number % 5 = 1"
    gone = open_request(engine, sql, cancel_http_readonly_queries_on_client_close="1")
    assert until(lambda: running(engine, sql.decode()) == 1)
    gone.close()
    assert until(lambda: running(engine, sql.decode()) == 0)


@pytest.mark.parametrize("output", ["Native", "JSON"])
def test_a_stream_that_nobody_reads_is_ended(engine: EngineProcess, output: str) -> None:
    sql = f"SELECT number AS {output}_n FROM numbers(100000000000) FORMAT {output}".encode()
    gone = open_request(engine, sql)
    gone.recv(1000)
    assert running(engine, f"{output}_n") == 1
    gone.close()
    assert until(lambda: running(engine, f"{output}_n") == 0)


def test_an_insert_whose_client_goes_away_leaves_nothing(engine: EngineProcess) -> None:
    ask(engine, "CREATE TABLE broken_off (a UInt32) ENGINE = MergeTree ORDER BY a")
    rows = b"1\n" * 3_000_000  # more than is read before the engine gets any
    gone = open_request(engine, rows, length=1 << 30, query="INSERT INTO broken_off FORMAT CSV")
    time.sleep(0.2)
    gone.close()
    time.sleep(0.2)
    assert ask(engine, "SELECT count() FROM broken_off").body == b"0\n"
    ask(engine, "DROP TABLE broken_off")


def test_slow_readers_hold_up_nobody(engine: EngineProcess) -> None:
    ask(engine, "CREATE TABLE beside (a UInt32) ENGINE = MergeTree ORDER BY a")
    slow = [open_request(engine, b"SELECT number, 'held' FROM numbers(100000000000)") for _ in range(40)]
    for one in slow:
        one.recv(1000)
    for number in range(5):
        assert ask(engine, f"INSERT INTO beside VALUES ({number})").status == 200
    assert ask(engine, "SELECT count() FROM beside").body == b"5\n"
    for one in slow:
        one.close()
    assert until(lambda: running(engine, "held") == 0)
    ask(engine, "DROP TABLE beside")


def test_external_tables_by_form(engine: EngineProcess) -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="query"\r\n\r\n'
        b"SELECT a, b FROM ext ORDER BY a\r\n"
        b'--cut\r\nContent-Disposition: form-data; name="ext"; filename="ext"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n2,y\n1,x\n\r\n--cut--\r\n"
    )
    form = {"Content-Type": "multipart/form-data; boundary=cut"}
    answer = ask(engine, body, form, ext_structure="a UInt8, b String", ext_format="CSV")
    assert answer.body == b"1\tx\n2\ty\n"
    assert ask(engine, "SELECT * FROM ext").code == "60"


def test_the_log_has_codes_and_no_values(engine: EngineProcess) -> None:
    ask(engine, "SELECT toUInt8({secret:String})", param_secret="hunter2-secret")
    log = (engine.data_dir / "engine.log").read_text()
    assert "kind=SELECT 6 CANNOT_PARSE_TEXT" in log
    assert "hunter2-secret" not in log
