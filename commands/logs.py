"""Logs of workers: text for people or one JSON object a line, secrets masked, one line for each rejected event."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from schemas.errors import XuejingError
from schemas.ports import Refused
from schemas.settings import Settings
from schemas.tables import REJECTED, Table
from sinks.clickhouse import ClickHouseSink

log = logging.getLogger("xuejing.rejected")

MASK = "********"
FIELDS = ("event_id", "topic", "partition", "offset", "line", "reason")
"""What a record may carry beside its message (``extra``), in this order."""
LINES_A_MINUTE = 60
"""Rejected lines that are logged one by one for each reason; the others of that minute are counted."""


def secrets_of(settings: Settings) -> list[str]:
    """The values that no log may hold, longest first, also as they look inside an address."""
    found = {str(getattr(settings, f.name)) for f in fields(Settings) if f.metadata["secret"]} - {""}
    return sorted(found | {quote(s, safe="") for s in found} | {json.dumps(s)[1:-1] for s in found}, key=len)[::-1]


class _Masked(logging.Formatter):
    """Replaces secrets in whatever the line would say, tracebacks of other people's code included."""

    def __init__(self, text: str | None = None, *, secrets: Sequence[str] = ()) -> None:
        super().__init__(text)
        self._secrets = secrets

    def _mask(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        found = {k: v for k in FIELDS if (v := getattr(record, k, None)) is not None}
        text = super().format(record)
        if found:
            first, *rest = text.split("\n")
            text = "\n".join([f"{first} {' '.join(f'{k}={v}' for k, v in found.items())}", *rest])
        return self._mask(text)


class JsonFormatter(_Masked):
    """One JSON object a line: time (UTC), level, logger, message, the fields of ``FIELDS`` where known, and for an
    error its type, what, where, hint and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        shown: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        shown |= {k: v for k in FIELDS if (v := getattr(record, k, None)) is not None}
        if record.exc_info and (error := record.exc_info[1]) is not None:
            shown["error"] = _error(error)
        return self._mask(json.dumps(shown, ensure_ascii=False, default=str))


def _error(error: BaseException) -> dict[str, str]:
    found = {"type": type(error).__name__, "what": str(error)}
    if isinstance(error, XuejingError):
        found |= {"what": error.what, "where": error.where, "hint": error.hint}
    return found | {"traceback": "".join(traceback.format_exception(error))}


def configure(settings: Settings) -> None:
    """Send logs of this process to stderr, at the level and in the format of the settings."""
    handler = logging.StreamHandler(sys.stderr)
    secrets = secrets_of(settings)
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter(secrets=secrets))
    else:
        handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(name)s %(message)s", secrets=secrets))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)


class RejectedLog:
    """One line for each rejected line of the stream, with its position and never its content: logs outlive an
    erasure, the store's table does not. A flood is counted instead."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: dict[str, float] = {}
        self._said: dict[str, int] = {}

    def tell(self, rows: Iterable[dict[str, Any]]) -> None:
        """Log the rows of ``rejected_events`` that were just written."""
        for row in rows:
            reason = str(row["reason"])
            if self._now() - self._since.get(reason, float("-inf")) >= 60:
                self._close(reason)
            said = self._said[reason] = self._said.get(reason, 0) + 1
            if said <= LINES_A_MINUTE:
                known = {k: row[k] for k in FIELDS if row.get(k) not in (None, "")}
                log.warning("a line was rejected", extra=known)

    def _close(self, reason: str) -> None:
        if (more := self._said.get(reason, 0) - LINES_A_MINUTE) > 0:
            log.warning("%d more lines were rejected in that minute", more, extra={"reason": reason})
        self._since[reason], self._said[reason] = self._now(), 0


class TellingSink(ClickHouseSink):
    """A sink that logs what it writes to ``rejected_events``."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._rejected = RejectedLog()

    def insert(self, table: Table, rows: pa.Table) -> list[Refused]:
        """See ``schemas.ports.Sink``."""
        refused = super().insert(table, rows)
        if table is REJECTED:
            self._rejected.tell(rows.select(list(FIELDS)).to_pylist())
        return refused
