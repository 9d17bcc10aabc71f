"""Thresholds of the definitions, as values: a generation of metrics is computed with one set of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgspec

from schemas.days import LocalDays

MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Rules:
    """Definitions of study time and sessions; all values in milliseconds.

    The window of a day reaches ``session_gap + beat_gap`` before its midnight and ``beat_gap`` after the
    next one: outside it nothing can change which sessions begin, or how long anything lasted, on that day.
    """

    session_gap: int = 30 * MINUTE
    beat_gap: int = 2 * MINUTE
    longest_interval: int = 240 * MINUTE

    @property
    def before(self) -> int:
        """How far before local midnight a fact can still matter to a day."""
        return self.session_gap + self.beat_gap

    def to_json(self) -> str:
        """For the table ``generations``."""
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Rules:
        """The inverse of ``to_json``."""
        return cls(**msgspec.json.decode(text))


@dataclass(frozen=True, slots=True)
class Generation:
    """A numbered set of definitions, and the zone whose days are local."""

    number: int
    days: LocalDays
    rules: Rules = Rules()
    first_open: int = -(2**31)
    """First local day whose raw events are all kept; rows of earlier days are closed and never written again."""

    @property
    def open_from(self) -> int:
        """Instant (ms UTC) before which events are rejected as ``period_closed``."""
        return self.days.bounds(self.first_open)[0] if self.first_open > -(2**31) else -(2**63)
