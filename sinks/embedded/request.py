"""What a request asks for, apart from SQL: who, which database, session, settings and parameters."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sinks.embedded.errors import ServerException, server_exception

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")

# Parameters of the interface itself, never settings.
_RESERVED = frozenset(
    [
        "query",
        "database",
        "user",
        "password",
        "quota_key",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "compress",
        "decompress",
        "default_format",
        "buffer_size",
        "client_protocol_version",
        "stacktrace",
        "role",
    ]
)
# Settings that act on the transport alone; answered here and not handed to the engine. Inserts are always
# synchronous: an acknowledged row is in a part.
_TRANSPORT = frozenset(
    [
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "wait_end_of_query",
        "http_wait_end_of_query",
        "http_response_buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "add_http_cors_header",
        "async_insert",
        "wait_for_async_insert",
        "async_insert_busy_timeout_ms",
        "async_insert_deduplicate",
    ]
)
_EXTERNAL_SUFFIXES = ("_format", "_structure", "_types")
MAX_SESSION_SECONDS = 3600


@dataclass
class Request:
    """Parameters of one HTTP request, sorted by what they are for."""

    query: bytes = b""
    database: str = ""
    query_id: str = ""
    session_id: str = ""
    session_timeout: float = 60.0
    session_check: bool = False
    close_session: bool = False
    default_format: str = "TabSeparated"
    native_block_info: bool = False
    protocol_version: int = 0
    transport: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    external: dict[str, dict[str, str]] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether a transport setting is on."""
        return self.transport.get(name, "0").lower() not in ("", "0", "false")


def authorise(headers: Mapping[str, str], params: Mapping[str, str], user: str, password: str) -> None:
    """Check the credentials of a request, in constant time.

    Raises ServerException 516 when they are missing, mixed or wrong.
    """
    header = headers.get("Authorization", "")
    keyed = "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers
    in_url = "user" in params or "password" in params
    if (bool(header) + keyed + in_url) > 1:
        raise _refused("Invalid authentication: it is not allowed to use several authentication methods at once")
    given_user, given_password = "default", ""
    if header:
        given_user, given_password = _basic(header)
    elif keyed:
        given_user = headers.get("X-ClickHouse-User", "") or "default"
        given_password = headers.get("X-ClickHouse-Key", "")
    elif in_url:
        given_user, given_password = params.get("user", "") or "default", params.get("password", "")
    right_user = hmac.compare_digest(given_user.encode("utf-8", "replace"), user.encode())
    right_password = hmac.compare_digest(given_password.encode("utf-8", "replace"), password.encode())
    if not (right_user and right_password):
        raise _refused(
            f"{_printable(given_user)}: Authentication failed: password is incorrect, "
            "or there is no user with such name."
        )


def _basic(header: str) -> tuple[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        raise _refused(f"Invalid authentication: '{_printable(scheme)}' HTTP Authorization scheme is not supported")
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise _refused("Invalid authentication: the credentials are not Base64") from None
    name, _, password = text.partition(":")
    return name, password


def _printable(text: str) -> str:
    return "".join(char for char in text[:64] if char.isprintable())


def _refused(message: str) -> ServerException:
    return server_exception(516, "AUTHENTICATION_FAILED", message)


def read(pairs: Iterable[tuple[str, str]], headers: Mapping[str, str], tables: Iterable[str] = ()) -> Request:
    """Sort URL and form parameters; ``tables`` names the external tables that the form carries.

    Raises ServerException for values that are not what the interface expects.
    """
    request = Request(
        query_id=headers.get("X-ClickHouse-Query-Id", ""),
        database=headers.get("X-ClickHouse-Database", ""),
        default_format=headers.get("X-ClickHouse-Format", "") or "TabSeparated",
    )
    external = {name: dict[str, str]() for name in tables}
    for name, value in pairs:
        if name.startswith("param_"):
            request.params[name[6:]] = value
        elif (table := _external_table(name, external)) is not None:
            external[table][name[len(table) + 1 :]] = value
        elif name in _RESERVED:
            _reserved(request, name, value)
        elif name in _TRANSPORT:
            request.transport[name] = value
        elif not _NAME.match(name):
            raise server_exception(115, "UNKNOWN_SETTING", f"Unknown setting '{_printable(name)}'")
        else:
            request.settings[name] = value
    request.external = external
    return request


def _external_table(name: str, external: Mapping[str, object]) -> str | None:
    for suffix in _EXTERNAL_SUFFIXES:
        if name.endswith(suffix) and name[: -len(suffix)] in external:
            return name[: -len(suffix)]
    return None


def _reserved(request: Request, name: str, value: str) -> None:
    if name == "query":
        request.query = value.encode("utf-8", "surrogateescape")
    elif name in ("database", "query_id", "session_id"):
        setattr(request, name, value or getattr(request, name))
    elif name == "default_format":
        request.default_format = value or request.default_format
    elif name == "session_timeout":
        request.session_timeout = _session_timeout(value)
    elif name in ("session_check", "close_session"):
        setattr(request, name, value == "1")
    elif name == "client_protocol_version":
        request.protocol_version = int(value) if value.isdigit() else 0
    elif name in ("compress", "decompress") and value not in ("", "0"):
        raise server_exception(
            48,
            "NOT_IMPLEMENTED",
            f"{name}=1 (ClickHouse's own block compression) is not served by the embedded engine; "
            "use Content-Encoding and enable_http_compression=1",
        )
    elif name == "role" and value:
        raise server_exception(511, "UNKNOWN_ROLE", f"Role {_printable(value)} should be granted to set as a current")


def _session_timeout(value: str) -> float:
    if not value.isdigit() or int(value) > MAX_SESSION_SECONDS:
        raise server_exception(
            374,
            "INVALID_SESSION_TIMEOUT",
            f"Invalid session timeout: '{_printable(value)}' (at most {MAX_SESSION_SECONDS})",
        )
    return float(value)
