"""A client of the query API: the same rows as from the store, page by page."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import urllib3

from schemas.errors import ConfigError, InputError, StoreError, StoreUnavailable

ARROW = "application/vnd.apache.arrow.stream"
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


class ApiClient:
    """Asks one API with one token. The token appears in no repr and is sent to that address alone."""

    def __init__(self, url: str, token: str, language: str = "zh") -> None:
        """Raises ConfigError for an address that is none, or over which the token could be read."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{url!r} is not an address of an API", where="api_url", hint="https://host")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise ConfigError("the token would cross the network in the clear", where="api_url", hint="use https://")
        if not token:
            raise ConfigError("there is no token for the API", where="api_token", hint="set XUEJING_API_TOKEN")
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._http = urllib3.PoolManager(
            retries=urllib3.Retry(
                4, status_forcelist=(429, 503), redirect=0, backoff_factor=0.5, raise_on_status=False
            ),
            timeout=urllib3.Timeout(connect=10, read=600),
        )

    def pages(
        self, name: str, parameters: Mapping[str, Any], limit: int | None = None
    ) -> Iterator[tuple[pl.DataFrame, ZoneInfo]]:
        """The rows of a query in pages, at least one, and the zone of its local days. ``limit``: rows in all.

        Raises InputError for what may not be asked, StoreUnavailable when the API does not answer.
        """
        left = limit
        given = {k: v for k, v in parameters.items() if v is not None} | {"format": "arrow"}
        path = f"/v1/queries/{name}?{urlencode(given)}"
        while path:
            response = self._get(path)
            frame = pl.from_arrow(pa.ipc.open_stream(io.BytesIO(response.data)).read_all())
            assert isinstance(frame, pl.DataFrame)
            yield frame if left is None else frame.head(left), ZoneInfo(response.headers["Xuejing-Timezone"])
            left = None if left is None else max(0, left - frame.height)
            path = "" if left == 0 else _next(response.headers.get("Link", ""))

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        address = urljoin(self.url + "/", path.lstrip("/"))
        try:
            response = self._http.request("GET", address, headers=self._headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(
                f"the API can't be reached: {_cause(error)}", where=self.url, hint="is the address right?"
            ) from error
        if response.status != 200:
            raise _refused(response, self.url)
        return response


def _cause(error: BaseException) -> str:
    """What the system says about a connection that failed, such as 'Connection refused'; else the kind of error."""
    told: BaseException | None = getattr(error, "reason", None) or error
    kind = type(told).__name__
    while told is not None:
        if isinstance(told, OSError) and told.strerror:
            return told.strerror
        told = told.__cause__ or told.__context__
    return kind


def _next(link: str) -> str:
    """The path of the next page, '' on the last."""
    target, _, rest = link.partition(">")
    return target.lstrip("< ") if 'rel="next"' in rest else ""


def _refused(response: urllib3.BaseHTTPResponse, url: str) -> StoreError | InputError:
    try:
        document = json.loads(response.data)
        colon = ": " if response.headers.get("Content-Language") == "en" else "："
        text = colon.join(str(found) for found in (document["title"], document.get("detail")) if found)
        for wrong in document.get("errors", ()):
            text += f"; {wrong['where']}: {wrong['what']}"
    except (ValueError, KeyError, TypeError):  # something else answers, such as a proxy
        text = f"HTTP {response.status}"
    if response.status in (429, 502, 503, 504):
        return StoreUnavailable(text, where=url)
    return InputError(text, where=url) if response.status < 500 else StoreError(text, where=url)
