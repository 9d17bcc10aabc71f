"""From a valid statement to an event of the wire contract, by the declared table."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec

from schemas.errors import ConfigError

from .validate import milliseconds

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Rule:
    """What the statements of a verb become."""

    event: str
    exam: str = ""
    beat_ms: int = 0


def rules() -> dict[str, Rule]:
    """The declared table: verb → rule. Raises ConfigError."""
    content = tomllib.loads((files(__package__) / "mapping.toml").read_text("utf-8"))
    found = {verb: Rule(**line) for verb, line in content["verbs"].items()}
    for verb, rule in found.items():
        if rule.event not in ("study", "answer") or rule.exam not in ("", "parent"):
            raise ConfigError(f"no such mapping: {rule}", where=f"mapping.toml {verb}")
    return found


def short(iri: str) -> str:
    """An id of at most 64 characters for an IRI: itself, or the beginning of its SHA-256."""
    return iri if len(iri) <= 64 else f"iri-{hashlib.sha256(iri.encode()).hexdigest()[:48]}"


def member_of(statement: dict[str, Any]) -> str | None:
    """The member id: the name of the actor's account."""
    name = statement["actor"].get("account", {}).get("name")
    return name if isinstance(name, str) and 1 <= len(name) <= 64 else None


def mapped(statement: dict[str, Any], table: dict[str, Rule], moment: datetime) -> bytes | None:
    """The event as a line, None for a statement that is only kept. ``moment``: its timestamp, else when it was stored;
    ``statement`` has its id, which is also the event's."""
    rule = table.get(statement["verb"]["id"])
    member = member_of(statement)
    target = statement["object"]
    if rule is None or member is None or target.get("objectType", "Activity") != "Activity":
        return None
    context, result = statement.get("context", {}), statement.get("result", {})
    parent = _first(context, "parent")
    event: dict[str, Any] = {
        "event_id": statement["id"],
        "event_type": rule.event,
        "member_id": member,
        "course_id": short(_first(context, "grouping") or parent or target["id"]),
        "occurred_at": moment.isoformat(),
        "source": str(context.get("platform", "xapi"))[:200],
    }
    length = milliseconds(result["duration"]) if "duration" in result else None
    if rule.event == "study":
        event["unit_id"] = short(target["id"])
        if length is not None:
            event["duration_ms"] = length
        elif rule.beat_ms:
            event |= {
                "beat_ms": rule.beat_ms,
                "device_id": "xapi",
                "session_id": context.get("registration", short(target["id"])),
            }
        else:
            return None
        return _encode(event)
    if "success" not in result:
        return None
    event |= {"question_id": short(target["id"]), "correct": result["success"]}
    if rule.exam and parent:
        event["exam_id"] = short(parent)
    if length is not None:
        event["duration_ms"] = length
    if "response" in result:
        event["response"] = result["response"][:4096]
    score = result.get("score", {})
    if "raw" in score and "max" in score and score["max"] >= 0:
        event |= {"score": score["raw"], "max_score": score["max"]}
    elif "scaled" in score:
        event |= {"score": score["scaled"], "max_score": 1}
    return _encode(event)


def _first(context: dict[str, Any], kind: str) -> str | None:
    several = context.get("contextActivities", {}).get(kind, [])
    one = several[0] if isinstance(several, list) and several else several
    return one["id"] if isinstance(one, dict) else None
