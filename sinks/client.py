"""The one place that talks to ClickHouse: a thin layer over clickhouse-connect's HTTP client.

The embedded engine answers the same protocol, so that this is the only client there is. Parameters are
bound by the server, never pasted into SQL; they travel in the body, so that long lists fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from urllib3.exceptions import HTTPError

from schemas.errors import ConfigError, StoreError, StoreUnavailable

TEMPORARY = frozenset({159, 164, 202, 209, 210, 236, 241, 242, 243, 252, 279, 285, 319, 394, 425, 439, 473, 999, 1000})
"""ClickHouse codes after which the same call may succeed later: time-outs, too many queries or parts, memory, disk,
read-only replicas, network, Keeper, quorum. Everything else is refused for good."""
_BETWEEN = re.compile(r"HTTP status (429|502|503|504)\b")
"""What something between us and ClickHouse answers when it can't reach it."""
_ANY_MONTHS = {"max_partitions_per_insert_block": 0}
"""Events of one batch may lie in any number of months. By default a server refuses more than 100, as error 252, which
is also that of too many parts: it would be waited for, for ever."""


QUORUM: dict[str, Any] = {"insert_quorum": "auto", "insert_quorum_parallel": 0, "select_sequential_consistency": 1}
"""On replicated tables a reader must see what was acknowledged, whichever replica answers: a set of facts that lags
behind would give rows of the same version with other figures."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a ClickHouse answers. ``password`` never appears in repr or logs."""

    url: str
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "default"
    cluster: str = ""
    """ClickHouse cluster name for ON CLUSTER and replicated engines, '' for a single server."""
    settings: Mapping[str, Any] = field(default_factory=dict)


class Store:
    """A connection to one ClickHouse. Safe to use from several threads. Lazy: connects on first use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.cluster = endpoint, endpoint.cluster
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The clickhouse-connect client."""
        if self._client is None:
            parts = urlsplit(self.endpoint.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ConfigError(f"{self.endpoint.url!r} is not an address of ClickHouse", hint="use http://host:8123")
            if parts.password:
                # It would show wherever the address is shown.
                raise ConfigError("the address of ClickHouse holds a password", hint="set clickhouse_password instead")
            with self._errors("connect"):
                self._client = clickhouse_connect.get_client(
                    host=parts.hostname,
                    port=parts.port or (8443 if parts.scheme == "https" else 8123),
                    interface=parts.scheme,
                    username=self.endpoint.user,
                    password=self.endpoint.password,
                    database=self.endpoint.database,
                    autogenerate_session_id=False,
                    form_encode_query_params=True,
                    connect_timeout=5,
                    send_receive_timeout=600,
                    settings=(QUORUM if self.cluster else {}) | dict(self.endpoint.settings),
                )
        return self._client

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Turn the driver's errors into the project's, with ClickHouse's code."""
        try:
            yield
        except (ClickHouseError, HTTPError, OSError) as error:
            code = _code(error)
            text = str(error).strip().split("\n")[0][:600]
            lost = isinstance(error, OperationalError) or not isinstance(error, DatabaseError)
            away = code == 0 and (lost or _BETWEEN.search(text) is not None)
            if away and (cause := re.search(r"\[Errno -?\d+\] ([^')\"]+)", text)):
                text = f"{self.endpoint.url} can't be reached: {cause.group(1)}"
            if away or code in TEMPORARY:
                raise StoreUnavailable(
                    text, code=code, where=f"ClickHouse {what}", hint="is it running? see: xuejing doctor"
                ) from error
            raise StoreError(text, code=code, where=f"ClickHouse {what}") from error

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a statement that returns at most one value."""
        with self._errors("statement"):
            return self.client.command(sql, parameters=dict(parameters or {}))

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows as tuples of Python values."""
        with self._errors("query"):
            return list(self.client.query(sql, parameters=dict(parameters or {})).result_rows)

    def arrow(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """Rows as an Arrow table; UUIDs as 16 bytes."""
        with self._errors("query"):
            table = self.client.query_arrow(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))
        return _plain_uuids(table)

    def batches(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> Iterator[pa.Table]:
        """Like ``arrow``, block by block as the server sends them; at least one, empty where there are no rows."""
        with (
            self._errors("query"),
            self.client.query_arrow_stream(sql, parameters=dict(parameters or {}), settings=dict(settings or {})) as s,
        ):
            for batch in s:
                yield _plain_uuids(pa.table(batch))

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert an Arrow table as one block per partition; durable when it returns."""
        with self._errors(f"insert into {table}"):
            self.client.insert_arrow(table, rows, settings=_ANY_MONTHS)

    def version(self) -> str:
        """Version of the server."""
        return str(self.command("SELECT version()"))

    def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _code(error: BaseException) -> int:
    code = getattr(error, "code", None)
    if isinstance(code, int) and code:
        return code
    found = re.search(r"[Cc]ode:?\s*(\d+)", str(error))
    return int(found.group(1)) if found else 0


def _plain_uuids(table: pa.Table) -> pa.Table:
    for i, column in enumerate(table.schema):
        if isinstance(column.type, pa.BaseExtensionType):
            storage = [chunk.storage for chunk in table.column(i).chunks]
            plain = pa.chunked_array(storage, column.type.storage_type)
            table = table.set_column(i, column.name, plain)
    return table
