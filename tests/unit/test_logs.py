"""Logs: one JSON object a line, positions of rejected lines and never their content, secrets masked."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from commands import logs
from commands.logs import JsonFormatter, RejectedLog, configure, secrets_of
from schemas.errors import ConfigError, StoreError
from schemas.settings import Settings, load

SECRET = 'p@ss "word"/1'


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    found = logging.getLogger()
    before = found.handlers[:], found.level
    yield found
    found.handlers[:], found.level = before


def written(monkeypatch: pytest.MonkeyPatch, root: logging.Logger, **settings: Any) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logs.sys, "stderr", stream)
    configure(Settings(**settings))
    return stream


def test_json_has_one_object_a_line_with_the_position(monkeypatch: pytest.MonkeyPatch, root: logging.Logger) -> None:
    stream = written(monkeypatch, root, log_format="json")
    logging.getLogger("a.b").warning(
        "something %s\nhappened", "坏", extra={"event_id": "e1", "topic": "t", "partition": 0, "offset": 7}
    )
    (line,) = stream.getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {"level": "WARNING", "logger": "a.b", "message": "something 坏\nhappened",
                     "event_id": "e1", "topic": "t", "partition": 0, "offset": 7}  # fmt: skip


def test_json_errors_keep_what_where_and_hint_apart(monkeypatch: pytest.MonkeyPatch, root: logging.Logger) -> None:
    stream = written(monkeypatch, root, log_format="json")
    try:
        raise StoreError("refused", where="ClickHouse", hint="look")
    except StoreError:
        logging.getLogger().exception("failed")
    (line,) = stream.getvalue().splitlines()
    error = json.loads(line)["error"]
    assert {k: error[k] for k in ("type", "what", "where", "hint")} == {
        "type": "StoreError", "what": "refused", "where": "ClickHouse", "hint": "look"}  # fmt: skip
    assert "Traceback" in error["traceback"]


def test_text_has_the_position_behind_the_message(monkeypatch: pytest.MonkeyPatch, root: logging.Logger) -> None:
    stream = written(monkeypatch, root)
    logging.getLogger().error("bad", extra={"reason": "invalid", "offset": 3})
    assert stream.getvalue().endswith("ERROR root bad offset=3 reason=invalid\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_never_appear(monkeypatch: pytest.MonkeyPatch, root: logging.Logger, form: str) -> None:
    settings: dict[str, Any] = {"kafka_password": SECRET, "clickhouse_password": "other-secret", "log_format": form}
    stream = written(monkeypatch, root, log_level="DEBUG", **settings)
    log = logging.getLogger("driver")
    log.warning("connecting to http://u:p%%40ss%%20%%22word%%22%%2F1@host")
    log.info("args %r", {"password": SECRET})
    log.error("settings %r", Settings(**settings))
    log.error("reason", extra={"reason": f"refused for {SECRET}"})
    try:
        raise OSError(f"cannot log in with {SECRET} or other-secret")
    except OSError:
        log.exception("failed")
    text = stream.getvalue()
    assert text.count(logs.MASK) >= 4
    for shape in (SECRET, "other-secret", "p%40ss", 'p@ss \\"word'):
        assert shape not in text


def test_every_secret_setting_is_known_to_the_mask() -> None:
    given = {name: f"<{name}>" for name in ("kafka_password", "clickhouse_password")}
    assert set(given.values()) <= set(secrets_of(Settings(**given)))  # type: ignore[arg-type]
    assert secrets_of(Settings()) == []


def test_rejected_lines_are_logged_by_position_only(caplog: pytest.LogCaptureFixture) -> None:
    row = {"topic": "t", "partition": 1, "offset": 5, "line": 0, "event_id": "", "reason": "malformed",
           "raw": b"private", "member_id": "m-private", "detail": "private"}  # fmt: skip
    with caplog.at_level(logging.WARNING):
        RejectedLog().tell([row])
    (record,) = caplog.records
    line = json.loads(JsonFormatter().format(record))
    assert {k: line[k] for k in ("topic", "partition", "offset", "line", "reason")} == {
        "topic": "t", "partition": 1, "offset": 5, "line": 0, "reason": "malformed"}  # fmt: skip
    assert "private" not in json.dumps(line)


def test_a_flood_of_rejected_lines_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    told = RejectedLog(lambda: now[0])
    flood = [{"topic": "t", "partition": 0, "offset": n, "line": 0, "reason": "invalid"} for n in range(500)]
    with caplog.at_level(logging.WARNING):
        told.tell(flood)
        assert len(caplog.records) == logs.LINES_A_MINUTE
        told.tell([flood[0] | {"reason": "conflict"}])
        now[0] = 61
        told.tell(flood[:1])
    said = [r.getMessage() for r in caplog.records]
    assert said[logs.LINES_A_MINUTE + 1] == f"{500 - logs.LINES_A_MINUTE} more lines were rejected in that minute"
    assert len(said) == logs.LINES_A_MINUTE + 3


@pytest.mark.parametrize(
    ("text", "rule"), [("1.2", "at most 1"), ("-0.1", "at least 0"), ("nan", "a number"), ("half", "a number")]
)
def test_a_share_outside_0_to_1_is_refused(text: str, rule: str, tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match=f"pass_share must be {rule}"):
        load({"XUEJING_PASS_SHARE": text}, tmp_path)
    (tmp_path / "xuejing.toml").write_text("pass_share = 0.75\npartitions = 7\n", "utf-8")
    found, origin = load({}, tmp_path)
    assert (found.pass_share, found.partitions) == (0.75, 7)
    assert load({"XUEJING_PASS_SHARE": "0.8"}, tmp_path)[0].pass_share == 0.8
    assert origin["pass_share"].endswith("xuejing.toml")


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "LOUD"), ("KAFKA_SECURITY_PROTOCOL", "TLS")]
)
def test_settings_that_are_none_of_the_choices_are_refused(name: str, value: str, tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="must be one of") as told:
        load({f"XUEJING_{name}": value}, tmp_path)
    assert told.value.where == f"XUEJING_{name}"
