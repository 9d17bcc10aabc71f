"""The embedded engine for its own tests: one process a run, and plain HTTP to it."""

from __future__ import annotations

import base64
import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from sinks.embedded import EngineOptions, EngineProcess

# Waiting for the disk is what one test of its own is about; the others need not.
OPTIONS = EngineOptions(fsync=False)


@dataclass
class Answer:
    """A plain HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """ClickHouse's exception code."""
        return self.headers.get("X-ClickHouse-Exception-Code")


def connect(engine: EngineProcess, **options: Any) -> Client:
    """A stock client, as any program would make it."""
    return clickhouse_connect.get_client(
        host=engine.host, port=engine.port, username=engine.user, password=engine.password, **options
    )


def authorisation(engine: EngineProcess) -> str:
    """Value of the Authorization header."""
    return "Basic " + base64.b64encode(f"{engine.user}:{engine.password}".encode()).decode()


def ask(
    engine: EngineProcess,
    sql: str | bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    method: str = "POST",
    path: str = "/",
    login: bool = True,
    **params: str,
) -> Answer:
    """One request; ``sql`` is the body."""
    connection = http.client.HTTPConnection(engine.host, engine.port, timeout=60)
    sent = {**({"Authorization": authorisation(engine)} if login else {}), **(headers or {})}
    body = sql.encode() if isinstance(sql, str) else sql
    connection.request(method, f"{path}?{urlencode(params)}", body if method == "POST" else None, sent)
    response = connection.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read())
    connection.close()
    return answer


def open_request(engine: EngineProcess, sql: bytes, *, length: int = 0, **params: str) -> socket.socket:
    """A socket on which a request was sent and whose answer nobody has read; ``length`` promises more body."""
    found = socket.create_connection((engine.host, engine.port), timeout=60)
    head = f"POST /?{urlencode(params)} HTTP/1.1\r\nHost: engine\r\nAuthorization: {authorisation(engine)}\r\n"
    found.sendall(f"{head}Content-Length: {max(length, len(sql))}\r\n\r\n".encode() + sql)
    return found


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine that all tests of the run share; each makes databases and tables of its own."""
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    with EngineProcess(tmp_path_factory.mktemp("embedded"), options=OPTIONS) as process:
        yield process


@pytest.fixture
def client(engine: EngineProcess, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A stock client in a database of the test's own."""
    name = "".join(char if char.isalnum() else "_" for char in request.node.name)
    maker = connect(engine)
    maker.command(f"CREATE DATABASE {name}")
    found = connect(engine, database=name)
    yield found
    found.close()
    maker.command(f"DROP DATABASE {name}")
    maker.close()
