"""What xAPI 1.0.3 asks of a statement, as far as it can be told from the statement alone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
MAILBOX = re.compile(r"mailto:[^@\s]+@[^@\s]+")
SHA1 = re.compile(r"[0-9a-f]{40}")
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
DURATION = re.compile(
    r"P(?=.)(?:(\d+)W|(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?)"
)
VERSION = re.compile(r"1\.0(\.\d+)?")
STATEMENT = frozenset("id actor verb object result context timestamp stored authority version attachments".split())
OBJECTS = frozenset({"Activity", "Agent", "Group", "StatementRef", "SubStatement"})
RESULT = frozenset("score success completion response duration extensions".split())
CONTEXT = frozenset(
    "registration instructor team contextActivities revision platform language statement extensions".split()
)


class Invalid(ValueError):
    """A statement breaks a rule; says which."""


def check(statement: Any, *, inner: bool = False) -> None:
    """Raises Invalid with the property and the rule."""
    _object(statement, "statement", STATEMENT | ({"objectType"} if inner else set()))
    _no_null(statement, "statement")
    if not inner and "id" in statement:
        _match(UUID_TEXT, statement["id"], "id", "a UUID")
    for name in ("actor", "verb", "object"):
        if name not in statement:
            raise Invalid(f"{name} is missing")
    agent(statement["actor"], "actor")
    _object(statement["verb"], "verb", {"id", "display"})
    _match(IRI, statement["verb"].get("id"), "verb.id", "an IRI")
    _languages(statement["verb"].get("display"), "verb.display")
    _target(statement["object"], inner)
    _result(statement.get("result"))
    _context(statement.get("context"), statement["object"])
    for name in ("timestamp", "stored"):
        if name in statement:
            moment(statement[name], name)
    if "authority" in statement:
        agent(statement["authority"], "authority")
    if "version" in statement:
        _match(VERSION, statement["version"], "version", "1.0.x")
    if inner and (extra := statement.keys() & {"id", "stored", "version", "authority"}):
        raise Invalid(f"object.{min(extra)}: not in a SubStatement")
    if "attachments" in statement and not isinstance(statement["attachments"], list):
        raise Invalid("attachments: must be an array")


def agent(found: Any, where: str) -> None:
    """An Agent, or a Group. Raises Invalid."""
    _object(found, where, {"objectType", "name", "mbox", "mbox_sha1sum", "openid", "account", "member"})
    kind = found.get("objectType", "Agent")
    if kind not in ("Agent", "Group"):
        raise Invalid(f"{where}.objectType: must be Agent or Group")
    if "name" in found and not isinstance(found["name"], str):
        raise Invalid(f"{where}.name: must be text")
    ids = found.keys() & {"mbox", "mbox_sha1sum", "openid", "account"}
    anonymous = kind == "Group" and "member" in found
    if len(ids) > 1 or (not ids and not anonymous):
        raise Invalid(f"{where}: must have exactly one of mbox, mbox_sha1sum, openid, account")
    if "mbox" in ids:
        _match(MAILBOX, found["mbox"], f"{where}.mbox", "mailto: and an address")
    if "mbox_sha1sum" in ids:
        _match(SHA1, found["mbox_sha1sum"], f"{where}.mbox_sha1sum", "40 hexadecimal digits")
    if "openid" in ids:
        _match(IRI, found["openid"], f"{where}.openid", "a URI")
    if "account" in ids:
        _object(found["account"], f"{where}.account", {"homePage", "name"})
        _match(IRI, found["account"].get("homePage"), f"{where}.account.homePage", "an IRI")
        if not isinstance(found["account"].get("name"), str):
            raise Invalid(f"{where}.account.name: must be text")
    if "member" in found:
        if kind != "Group" or not isinstance(found["member"], list):
            raise Invalid(f"{where}.member: an array, in a Group only")
        for i, one in enumerate(found["member"]):
            agent(one, f"{where}.member[{i}]")
            if one.get("objectType", "Agent") != "Agent":
                raise Invalid(f"{where}.member[{i}]: a Group holds no Groups")


def moment(text: Any, where: str) -> datetime:
    """A timestamp with its offset. Raises Invalid; -00:00 is none, says the specification."""
    try:
        found = msgspec.convert(text, datetime)
    except (msgspec.ValidationError, ValueError):
        raise Invalid(f"{where}: must be ISO 8601 with date, time and offset") from None
    if found.tzinfo is None or re.search(r"-00(:?00)?$", text):
        raise Invalid(f"{where}: must have an offset from UTC, not -00:00")
    return found


def milliseconds(duration: str) -> int | None:
    """Length of an ISO 8601 duration; None where it names months or years, whose length is not known."""
    found = DURATION.fullmatch(duration)
    if found is None or found[2] or found[3]:
        return None
    weeks, _, _, days, hours, minutes, seconds = (float(x or 0) for x in found.groups())
    return round(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * (days + 7 * weeks)))))


def _target(found: Any, inner: bool) -> None:
    if not isinstance(found, dict):
        raise Invalid("object: must be an object")
    kind = found.get("objectType", "Activity")
    if kind not in OBJECTS or (inner and kind == "SubStatement"):
        raise Invalid("object.objectType: must be Activity, Agent, Group, StatementRef or SubStatement")
    if kind == "Activity":
        _activity(found, "object")
    elif kind in ("Agent", "Group"):
        agent(found, "object")
    elif kind == "StatementRef":
        _object(found, "object", {"objectType", "id"})
        _match(UUID_TEXT, found.get("id"), "object.id", "a UUID")
    else:
        check(found, inner=True)


def _activity(found: Any, where: str) -> None:
    _object(found, where, {"objectType", "id", "definition"})
    _match(IRI, found.get("id"), f"{where}.id", "an IRI")
    if "definition" in found and not isinstance(found["definition"], dict):
        raise Invalid(f"{where}.definition: must be an object")
    for name in ("name", "description"):
        _languages(found.get("definition", {}).get(name), f"{where}.definition.{name}")


def _result(found: Any) -> None:
    if found is None:
        return
    _object(found, "result", RESULT)
    for name, kind in (("success", bool), ("completion", bool), ("response", str)):
        if name in found and not isinstance(found[name], kind):
            raise Invalid(f"result.{name}: must be {'text' if kind is str else 'true or false'}")
    if "duration" in found:
        _match(DURATION, found["duration"], "result.duration", "an ISO 8601 duration")
    _extensions(found, "result")
    score = found.get("score", {})
    _object(score, "result.score", {"scaled", "raw", "min", "max"})
    for name, value in score.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Invalid(f"result.score.{name}: must be a number")
    if not -1 <= score.get("scaled", 0) <= 1:
        raise Invalid("result.score.scaled: must lie in -1 to 1")
    low, high = score.get("min", float("-inf")), score.get("max", float("inf"))
    if low >= high or not low <= score.get("raw", low if low > float("-inf") else high) <= high:
        raise Invalid("result.score: min < max, and raw between them")


def _context(found: Any, target: Any) -> None:
    if found is None:
        return
    _object(found, "context", CONTEXT)
    if "registration" in found:
        _match(UUID_TEXT, found["registration"], "context.registration", "a UUID")
    for name in ("instructor", "team"):
        if name in found:
            agent(found[name], f"context.{name}")
    if "team" in found and found["team"].get("objectType") != "Group":
        raise Invalid("context.team: must be a Group")
    if "language" in found:
        _match(LANGUAGE, found["language"], "context.language", "a language tag")
    for name in ("revision", "platform"):
        if name in found and target.get("objectType", "Activity") != "Activity":
            raise Invalid(f"context.{name}: only where the object is an Activity")
        if name in found and not isinstance(found[name], str):
            raise Invalid(f"context.{name}: must be text")
    if "statement" in found:
        _object(found["statement"], "context.statement", {"objectType", "id"})
        _match(UUID_TEXT, found["statement"].get("id"), "context.statement.id", "a UUID")
    _extensions(found, "context")
    activities = found.get("contextActivities", {})
    _object(activities, "context.contextActivities", {"parent", "grouping", "category", "other"})
    for name, several in activities.items():
        for one in several if isinstance(several, list) else [several]:
            _activity(one, f"context.contextActivities.{name}")


def _extensions(found: dict[str, Any], where: str) -> None:
    extensions = found.get("extensions", {})
    if not isinstance(extensions, dict):
        raise Invalid(f"{where}.extensions: must be an object")
    for name in extensions:
        _match(IRI, name, f"{where}.extensions", "keyed by IRIs")


def _object(found: Any, where: str, known: frozenset[str] | set[str]) -> None:
    if not isinstance(found, dict):
        raise Invalid(f"{where}: must be an object")
    if unknown := sorted(found.keys() - known):
        raise Invalid(f"{where}.{unknown[0]}: no property of this object")


def _no_null(found: Any, where: str) -> None:
    """Null is allowed in extensions only."""
    for name, value in found.items() if isinstance(found, dict) else ():
        if value is None:
            raise Invalid(f"{where}.{name}: must not be null")
        if name != "extensions":
            for one in value if isinstance(value, list) else [value]:
                _no_null(one, f"{where}.{name}")


def _languages(found: Any, where: str) -> None:
    if found is None:
        return
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise Invalid(f"{where}: must be a map of languages to text")
    for tag in found:
        _match(LANGUAGE, tag, where, "keyed by language tags")


def _match(pattern: re.Pattern[str], value: Any, where: str, what: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid(f"{where}: must be {what}")


def id_of(statement: dict[str, Any]) -> UUID | None:
    """Its id, where it has one."""
    return UUID(statement["id"]) if "id" in statement else None
