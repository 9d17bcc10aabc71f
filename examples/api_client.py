"""Asks the query API with nothing but the standard library: all pages of a query, then a report.

XUEJING_API_TOKEN=xj_… python examples/api_client.py https://xuejing.example.org branch-day org=b1 from=2026-03-01
XUEJING_API_TOKEN=xj_… python examples/api_client.py https://xuejing.example.org report group b1 b1.zip
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin


class Refused(Exception):
    """The API did not give what was asked for; the message is its problem document's."""


class Api:
    """One API and one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def request(self, method: str, path: str, content: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """A response with headers and body. Waits when it is told to come again. Raises Refused."""
        body = None if content is None else json.dumps(content).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        for _ in range(10):
            asked = urllib.request.Request(urljoin(self.url, path), body, sent, method=method)
            try:
                with urllib.request.urlopen(asked, timeout=600) as response:
                    return response.status, response.headers, response.read()
            except urllib.error.HTTPError as error:
                if error.code == 304:
                    return error.code, error.headers, b""
                if error.code not in (429, 503):
                    told = json.loads(error.read() or b"{}")
                    raise Refused(f"{error.code} {told.get('title', '')} {told.get('detail', '')}".strip()) from error
                time.sleep(int(error.headers.get("Retry-After", "5")))
        raise Refused("still too many requests, or the store is away")

    def rows(self, query: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """Every row of a query, page after page."""
        path = f"/v1/queries/{query}?{urlencode(parameters)}"
        while path:
            _, headers, body = self.request("GET", path, headers={"Accept": "application/json"})
            yield from json.loads(body)
            link = headers.get("Link", "")
            path = link[1 : link.index(">")] if 'rel="next"' in link else ""

    def report(self, kind: str, subject: str, **more: Any) -> bytes:
        """A report as a ZIP archive; waits until it is made."""
        _, headers, _ = self.request("POST", "/v1/reports", {"kind": kind, "subject": subject, **more})
        while True:
            job = json.loads(self.request("GET", headers["Location"])[2])
            if job["state"] == "failed":
                raise Refused(job["problem"] or "the report could not be made")
            if job["state"] == "done":
                return bytes(self.request("GET", job["download"])[2])
            time.sleep(2)


def main(arguments: list[str]) -> None:
    """Print a query as CSV, or write a report."""
    url, name, *rest = arguments
    api = Api(url, os.environ["XUEJING_API_TOKEN"])
    if name == "report":
        kind, subject, target = rest
        with open(target, "wb") as file:
            file.write(api.report(kind, subject, purpose="example"))
        return
    rows = api.rows(name, **dict(pair.split("=", 1) for pair in rest))
    first = next(rows, None)
    if first is not None:
        writer = csv.DictWriter(sys.stdout, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
