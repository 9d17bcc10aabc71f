"""Asks the query API with nothing but the standard library: all pages of a query, then a report.

XUEJING_API_TOKEN=xj_… python examples/api_client.py https://xuejing.example.org branch-day org=b1 from=2026-03-01
XUEJING_API_TOKEN=xj_… python examples/api_client.py https://xuejing.example.org report group b1 b1.zip \\
    from=2026-03-01 to=2026-03-31 "purpose=三月学习情况"
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
                    raise Refused(_told(error)) from error
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


def _told(error: urllib.error.HTTPError) -> str:
    """What a problem document says, on one line; the status alone where something else answered, such as a proxy."""
    try:
        document = json.loads(error.read())
        parts = [str(document[key]) for key in ("title", "detail") if key in document]
        parts += [f"{wrong['where']}: {wrong['what']}" for wrong in document.get("errors", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        parts = []
    return " ".join([str(error.code), "; ".join(parts)]).strip()


def main(arguments: list[str]) -> None:
    """Print a query as CSV, or write a report."""
    token = os.environ.get("XUEJING_API_TOKEN", "")
    plain = [a for a in arguments if "=" not in a]
    given = dict(a.split("=", 1) for a in arguments if "=" in a)
    if not token or len(plain) < 2 or len(plain) != (5 if plain[1] == "report" else 2):
        raise SystemExit(__doc__)
    api, name = Api(plain[0], token), plain[1]
    if name == "report":
        _, _, kind, subject, target = plain
        content = api.report(kind, subject, **given)
        with open(target, "wb") as file:
            file.write(content)
        return
    rows = api.rows(name, **given)
    first = next(rows, None)
    if first is not None:
        writer = csv.DictWriter(sys.stdout, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Refused, urllib.error.URLError) as refused:
        raise SystemExit(str(refused)) from None
