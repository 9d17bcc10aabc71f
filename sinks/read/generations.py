"""Which definitions and time zone the metrics were computed with, and which of them readers use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.days import LocalDays
from schemas.errors import ConfigError, StoreError
from schemas.tables import GENERATIONS

from ..client import Store


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """A generation of metrics: its number, the IANA zone of its local days, its thresholds as JSON."""

    number: int
    timezone: str
    rules: str
    closed_to: int = 0
    """ms UTC: raw events before this instant have been dropped; 0: none"""


def active_generation(store: Store) -> GenerationInfo:
    """The generation that readers use. Raises StoreError when the store has none yet."""
    rows = store.rows("SELECT generation, timezone, rules FROM v_generation")
    if not rows:
        raise StoreError("the store has no generation of metrics yet", hint="start a worker, or run `xuejing migrate`")
    return GenerationInfo(*rows[0])


def written_generations(store: Store) -> list[GenerationInfo]:
    """The generations that workers write: the active one and one that is being filled, by number."""
    rows = store.rows(
        "SELECT generation, timezone, rules, (SELECT max(closed_to) FROM retention) FROM generations FINAL "
        "WHERE state IN ('active', 'filling') "
        "ORDER BY generation"
    )
    return [GenerationInfo(*row) for row in rows]


def set_state(store: Store, number: int, info: GenerationInfo, state: str) -> None:
    """Write a generation's state: filling, active or retired."""
    ((version,),) = store.rows("SELECT max(version) FROM generations WHERE generation = {n:UInt16}", {"n": number})
    row = {
        "generation": number,
        "timezone": info.timezone,
        "rules": info.rules,
        "state": state,
        "changed_at": datetime.now(UTC),
        "version": int(version) + 1,
    }
    store.insert(GENERATIONS.name, GENERATIONS.rows([row]))


def ensure_generation(store: Store, timezone: str, rules: str) -> GenerationInfo:
    """Generation 1, active, when there is none; else the active one.

    Raises ConfigError when the store's zone or thresholds are others: rows computed with different definitions
    must not mix.
    """
    LocalDays(timezone)
    if store.rows("SELECT generation FROM v_generation"):
        found = active_generation(store)
        if found.timezone != timezone:
            raise ConfigError(
                f"the store's days are those of {found.timezone}, the setting is {timezone}",
                where="timezone",
                hint=f"set it to {found.timezone}, or use another store",
            )
        if found.rules != rules:
            raise ConfigError(
                "the store's figures were computed with other thresholds",
                where=f"generation {found.number}",
                hint=f"theirs: {found.rules}; these: {rules}",
            )
        return found
    row = {
        "generation": 1,
        "timezone": timezone,
        "rules": rules,
        "state": "active",
        "changed_at": datetime.now(UTC),
        "version": 1,
    }
    store.insert(GENERATIONS.name, GENERATIONS.rows([row]))
    return active_generation(store)
