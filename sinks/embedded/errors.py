"""Errors of the embedded engine, and ClickHouse's exceptions as its HTTP interface tells them.

The mapping from exception code to HTTP status follows the published behaviour of the server's HTTP interface
(ClickHouse documentation, "HTTP interface", and its table of error codes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from schemas.errors import XuejingError


class EngineInUse(XuejingError):
    """Another process has this data directory open."""


class EngineFailed(XuejingError):
    """The engine process did not start, or died."""


_BAD_REQUEST = frozenset(
    (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676)
)
_NOT_FOUND = frozenset((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511))
_FORBIDDEN = frozenset((192, 193, 497, 512, 516))
_STATUS = {
    48: HTTPStatus.NOT_IMPLEMENTED,
    76: HTTPStatus.SERVICE_UNAVAILABLE,
    159: HTTPStatus.REQUEST_TIMEOUT,
    194: HTTPStatus.UNAUTHORIZED,
    209: HTTPStatus.SERVICE_UNAVAILABLE,
    229: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    381: HTTPStatus.LENGTH_REQUIRED,
    439: HTTPStatus.SERVICE_UNAVAILABLE,
    779: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
_PREFIX = re.compile(r"^(?:.*?)(Code: \d+\. )", re.DOTALL)
_NESTED = re.compile(r"^Code: (\d+)\. DB::\w+: (?=Code: \1\. )")
_DOUBLE_TAIL = re.compile(r"(\(([A-Z_0-9]+)\)) \(version [^()]*(?:\([^()]*\))?\)\.? \(\2\)\s*$")
_VERSION_TAIL = re.compile(r" \(version [^()]*(?:\([^()]*\))?\)\s*$")
_NAME_TAIL = re.compile(r"\(([A-Z][A-Z_0-9]+)\)\s*$")
_CODE = re.compile(r"Code: (\d+)")


def http_status(code: int) -> int:
    """HTTP status that ClickHouse sends with exception ``code``."""
    if code in _BAD_REQUEST:
        return HTTPStatus.BAD_REQUEST
    if code in _NOT_FOUND:
        return HTTPStatus.NOT_FOUND
    if code in _FORBIDDEN:
        return HTTPStatus.FORBIDDEN
    return _STATUS.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


@dataclass(eq=False)
class ServerException(Exception):
    """A ClickHouse exception: ``text`` is ``Code: N. DB::Exception: … (NAME)``, without the version."""

    code: int
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """Code and symbolic name, for logs."""
        named = _NAME_TAIL.search(self.text)
        return f"{self.code} {named.group(1)}" if named else str(self.code)

    def body(self, version: str) -> bytes:
        """What the HTTP interface writes as the body."""
        return f"{self.text} (version {version})\n".encode("utf-8", "replace")


def server_exception(code: int, name: str, message: str) -> ServerException:
    """An exception made by this endpoint itself, in ClickHouse's form."""
    return ServerException(code, f"Code: {code}. DB::Exception: {message} ({name})")


def from_engine(error: BaseException) -> ServerException:
    """The ClickHouse exception inside an error that chDB raised.

    chDB nests messages (``Code: 60. DB::Exception: Code: 60. …``) and repeats the name and version at the end;
    the innermost one is what a server sends.
    """
    if isinstance(error, ServerException):
        return error
    text = str(error).strip()
    match = _CODE.search(text)
    if match is None:
        return server_exception(1001, "STD_EXCEPTION", text or type(error).__name__)
    text = _PREFIX.sub(r"\1", text, count=1)
    while _NESTED.match(text):
        text = _NESTED.sub("", text, count=1)
    text = _VERSION_TAIL.sub("", text)
    while _DOUBLE_TAIL.search(text):
        text = _DOUBLE_TAIL.sub(r"\1", text)
    return ServerException(int(match.group(1)), text)
