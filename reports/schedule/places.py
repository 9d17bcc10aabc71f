"""Destinations from their tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from reports.schedule.config import (
    EVERYWHERE,
    Destination,
    FolderPlace,
    MailPlace,
    RobotPlace,
    S3Place,
    Secret,
)
from reports.schedule.table import Table
from schemas.errors import ConfigError

KINDS = ("folder", "s3", "email", "wecom", "dingtalk")


def destination(name: str, table: Table) -> Destination | None:
    """The destination, None when something is wrong with it (noted in the table's problems)."""
    before = len(table.problems)
    kind = table.text("kind", None, KINDS)
    shared: dict[str, Any] = {
        "name": name,
        "named_scope": table.texts("named_scope", ()),
        "attempts": int(table.number("attempts", 3, 1, 20)),
        "timeout": table.number("timeout_seconds", 30.0, 0.1, 3600.0, whole=False),
    }
    makers = {"folder": _folder, "s3": _s3, "email": _mail}
    found = makers[kind](table, shared) if kind in makers else _robot(table, kind, shared)
    table.done()
    return found if len(table.problems) == before else None


def _folder(table: Table, shared: dict[str, Any]) -> Destination:
    path = Path(table.text("path")).expanduser()
    if not path.is_absolute():
        table.add("path", ConfigError(f"{str(path)!r} is not an absolute path", hint="begin it with / or ~"))
    return FolderPlace(path=path, **shared)


def _s3(table: Table, shared: dict[str, Any]) -> Destination:
    endpoint = table.text("endpoint", "")
    if endpoint:
        _address(table, "endpoint", endpoint)
    return S3Place(
        bucket=table.text("bucket"),
        prefix=table.text("prefix", "").strip("/"),
        endpoint=endpoint,
        region=table.text("region", "us-east-1"),
        access_key=_secret(table, "access_key", needed=False),
        secret_key=_secret(table, "secret_key", needed=table.given("access_key_env") or table.given("access_key_file")),
        ca_file=table.text("ca_file", ""),
        path_style=table.flag("path_style", True),
        **shared,
    )


def _mail(table: Table, shared: dict[str, Any]) -> Destination:
    tls = table.text("tls", "starttls", ("starttls", "implicit"))
    user = table.text("user", "")
    sender = table.text("from")
    _mailbox(table, "from", sender)
    return MailPlace(
        host=table.text("host"),
        port=int(table.number("port", 465 if tls == "implicit" else 587, 1, 65535)),
        tls="implicit" if tls == "implicit" else "starttls",
        sender=sender,
        to=_recipients(table),
        user=user,
        password=_secret(table, "password", needed=bool(user)),
        ca_file=table.text("ca_file", ""),
        most_bytes=int(table.number("most_megabytes", 20, 1, 200)) * 1_000_000,
        **shared,
    )


def _robot(table: Table, kind: str, shared: dict[str, Any]) -> Destination:
    link = table.text("link", "")
    if link:
        _address(table, "link", link)
    if shared["named_scope"]:
        table.add("named_scope", ConfigError("a robot never gets names", hint="remove named_scope"))
    return RobotPlace(
        kind="dingtalk" if kind == "dingtalk" else "wecom",
        webhook=_secret(table, "webhook", needed=True) or Secret(),
        sign=_secret(table, "sign", needed=False) if kind == "dingtalk" else None,
        link=link,
        **shared,
    )


def _secret(table: Table, key: str, *, needed: bool) -> Secret | None:
    variable, file = table.text(f"{key}_env", ""), table.text(f"{key}_file", "")
    if variable and file:
        table.add(f"{key}_env", ConfigError(f"{key} is named twice", hint=f"keep {key}_env or {key}_file"))
    if not variable and not file:
        if needed:
            table.add(f"{key}_env", ConfigError(f"{key} is missing", hint=f"name it with {key}_env or {key}_file"))
        return None
    return Secret(variable, "" if variable else file)


def _recipients(table: Table) -> Mapping[str, tuple[str, ...]]:
    value = table.take("to")
    if isinstance(value, (str, list)):
        value = {EVERYWHERE: value}
    if not isinstance(value, dict) or not value:
        table.add("to", ConfigError("to is missing", hint='to = ["a@example.org"], or a table of organisations'))
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for organisation, listed in value.items():
        addresses = [listed] if isinstance(listed, str) else listed
        if not isinstance(addresses, list) or not all(isinstance(a, str) for a in addresses):
            table.add("to", ConfigError(f"the addresses of {organisation!r} must be a list of texts"))
            continue
        for address in addresses:
            _mailbox(table, "to", address)
        found[organisation] = tuple(dict.fromkeys(cast("list[str]", addresses)))
    return found


def _mailbox(table: Table, key: str, address: str) -> None:
    local, _, domain = address.rpartition("@")
    if not local or not domain or any(c.isspace() or c in "<>,;" or not c.isprintable() for c in address):
        table.add(key, ConfigError(f"{address!r} is no address of mail", hint="write name@example.org"))


def _address(table: Table, key: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        table.add(
            key, ConfigError(f"{key} is no address of the web", hint="write https://host/path, without a password")
        )
