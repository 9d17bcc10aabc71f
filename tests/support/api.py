"""The query API as it runs: uvicorn on a free port of loopback, over a store; tokens that were really made."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from commands.api import listening, server
from schemas.settings import Settings
from sinks.client import Store

DEADLINE = 120.0


@dataclass
class Answer:
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass
class Api:
    """A running API. ``app`` is the application that answers, ``token`` what requests carry unless told."""

    url: str
    app: Any
    token: str = ""
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=DEADLINE))

    def get(
        self, path: str, token: str | None = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Answer:
        """GET; ``first`` and ``last`` stand for the parameters from and to."""
        named = {{"first": "from", "last": "to"}.get(k, k): v for k, v in query.items()}
        return self.request("GET", f"{quote(path)}?{urlencode(named)}" if named else path, token, headers)

    def post(self, path: str, content: Any, token: str | None = None) -> Answer:
        """POST of JSON."""
        return self.request("POST", path, token, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def request(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Any request. ``token`` '' sends none."""
        sent = dict(headers or {})
        if used := self.token if token is None else token:
            sent["Authorization"] = f"Bearer {used}"
        response = self.http.request(method, self.url + path, headers=sent, body=body)
        return Answer(response.status, response.headers, response.data)

    def rows(self, name: str, token: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """All rows of a query, page by page. Fails unless every page is answered."""
        answer = self.get(f"/v1/queries/{name}", token, **query)
        found = []
        while True:
            assert answer.status == 200, answer.body
            found += answer.json()
            link = answer.headers.get("Link")
            if link is None:
                return found
            answer = self.request("GET", link[1 : link.index(">")], token)

    def finished(self, job: Mapping[str, Any], token: str | None = None) -> dict[str, Any]:
        """A job when it is done or has failed."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found: dict[str, Any] = self.get(f"/v1/jobs/{job['id']}", token).json()
            if found["state"] in ("done", "failed"):
                return found
            time.sleep(0.1)
        raise AssertionError(f"job {job['id']} did not end")


@contextmanager
def running(settings: Settings, store: Store, **more: Any) -> Iterator[Api]:
    """An API for the time of the block. ``more``: of uvicorn's configuration."""
    with listening(settings) as sock:
        served = server(settings, store, **more)
        failed: list[BaseException] = []

        def run() -> None:
            try:
                served.run(sockets=[sock])
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run, name="api", daemon=True)
        thread.start()
        scheme = "https" if settings.api_tls_cert else "http"
        api = Api(f"{scheme}://{settings.api_host}:{sock.getsockname()[1]}", served.config.app)
        end = time.monotonic() + DEADLINE
        while not served.started:
            assert not failed, failed
            assert time.monotonic() < end, "the API did not start"
            time.sleep(0.02)
        try:
            yield api
        finally:
            api.http.clear()
            served.should_exit = True
            thread.join(DEADLINE)
            assert not thread.is_alive()
