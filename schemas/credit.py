"""Rules of credit hours (学时): dated versions of quotas, and of what counts as one hour. Pure values.

Amounts are integers: lengths in ms, hours in millionths (``MICRO``), so that a ledger adds up exactly. Days are local
calendar days. The default is ``credit.toml``; an organisation's own file of the same form takes its place.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from .errors import ConfigError
from .families.attendance import MEETINGS
from .reference.organisation_rows import MEMBER_CATEGORIES, MEMBER_ROLES, MEMBER_STATUSES

MICRO = 1_000_000
MINUTE_MS = 60_000
Kind = Literal["organised", "self_study"]
Every = Literal["month", "quarter", "year"]
KINDS: tuple[Kind, ...] = ("organised", "self_study")
"""Never added to each other."""
DEFAULT_PATH = Path(__file__).with_name("credit.toml")

Minutes = Annotated[int, msgspec.Meta(ge=0, le=1440)]


class Conversion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What counts of recorded time; see ``credit.toml``. ``kinds`` empty: sessions of every kind."""

    hour_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 45
    cap_minutes_day: Minutes | None = None
    least_minutes: Minutes = 0
    step_minutes: Minutes = 0
    assumed_minutes: Minutes = 0
    kinds: tuple[str, ...] = ()

    @property
    def hour_ms(self) -> int:
        """Length of one hour of credit."""
        return self.hour_minutes * MINUTE_MS

    def micro(self, ms: int) -> int:
        """Credited time as millionths of an hour, rounded down."""
        return ms * MICRO // self.hour_ms


class Quota(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hours that are owed for a calendar year by members of whom all that is named holds; empty: of everybody."""

    kind: Kind
    hours: Annotated[float, msgspec.Meta(ge=0, le=8784)]
    categories: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    org_id: str = ""
    """members of this organisation and of what is below it"""
    id: str = ""
    """of an imported quota; those of a file go by the version of their rule"""
    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def micro(self) -> int:
        """The hours in millionths."""
        return round(self.hours * MICRO)

    @property
    def rank(self) -> tuple[int, int, str]:
        """The largest of those that match holds."""
        return sum(map(bool, (self.categories, self.roles, self.statuses, self.org_id))), self.micro, self.id

    def valid(self, day: date) -> bool:
        """Whether it holds on a day."""
        return _within(day, self.valid_from, self.valid_to)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of the rules, valid during ``[valid_from, valid_to)``."""

    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    valid_from: date | None = None
    valid_to: date | None = None
    prorate: bool = True
    exempt_statuses: tuple[str, ...] = ("exempt",)
    organised: Conversion = Conversion()
    self_study: Conversion = Conversion()
    quotas: tuple[Quota, ...] = ()
    rhythm: dict[str, Every] = {}
    """kind of session → how often at least one is expected"""

    def conversion(self, kind: Kind) -> Conversion:
        """What counts of a kind."""
        return self.organised if kind == "organised" else self.self_study

    def valid(self, day: date) -> bool:
        """Whether it holds on a day."""
        return _within(day, self.valid_from, self.valid_to)


class CreditRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All versions, in order of time, no two of them valid on one day; and quotas that were imported, which take the
    place of those of the versions for the kinds that they name."""

    rules: tuple[Rule, ...]
    imported: tuple[Quota, ...] = ()

    def on(self, day: date) -> Rule | None:
        """The version that is valid on a day."""
        return next((rule for rule in self.rules if rule.valid(day)), None)

    def quotas(self, day: date, kind: Kind) -> tuple[Quota, ...]:
        """The quotas of a kind that may hold on a day."""
        if any(q.kind == kind for q in self.imported):
            return tuple(q for q in self.imported if q.kind == kind and q.valid(day))
        rule = self.on(day)
        return tuple(q for q in rule.quotas if q.kind == kind and q.valid(day)) if rule else ()

    def cuts(self) -> set[date]:
        """Days on which something about the rules changes."""
        dated: Iterable[Any] = (*self.rules, *(q for r in self.rules for q in r.quotas), *self.imported)
        return {day for one in dated for day in (one.valid_from, one.valid_to) if day is not None}

    def with_imported(self, quotas: Iterable[Quota]) -> CreditRules:
        """The same with quotas of a table."""
        return CreditRules(self.rules, tuple(quotas))


def _within(day: date, first: date | None, until: date | None) -> bool:
    return (first is None or first <= day) and (until is None or day < until)


def parse(text: str, where: str) -> CreditRules:
    """Rules of a file's text. Raises ConfigError naming ``where`` and what is wrong."""
    try:
        found = msgspec.convert(tomllib.loads(text), CreditRules)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"not valid credit rules: {error}", where=where, hint=_HINT) from error
    rules = tuple(sorted(found.rules, key=lambda r: r.valid_from or date.min))
    if not rules:
        raise ConfigError("there is no [[rules]] in it", where=where, hint=_HINT)
    for before, after in itertools.pairwise(rules):
        if before.valid_to is None or after.valid_from is None or before.valid_to > after.valid_from:
            raise ConfigError(
                f"versions {before.version} and {after.version} are valid on the same day",
                where=where,
                hint="end the earlier one with valid_to",
            )
    if len({r.version for r in rules}) < len(rules):
        raise ConfigError("two versions have the same name", where=where, hint="each needs a name of its own")
    for rule in rules:
        _check_words(rule, where)
    return CreditRules(rules)


def load(path: str | Path = "") -> CreditRules:
    """Rules of a file; of the default without one. Raises ConfigError."""
    file = Path(path).expanduser() if path else DEFAULT_PATH
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the credit rules can't be read: {error}", where=str(file), hint="setting credit_rules"
        ) from error
    return parse(text, str(file))


_HINT = "schemas/credit.toml shows the form"
_MEETINGS = {c.code for c in MEETINGS}
_WORDS = {
    "categories": {c.code for c in MEMBER_CATEGORIES},
    "roles": {c.code for c in MEMBER_ROLES},
    "statuses": {c.code for c in MEMBER_STATUSES},
}


def _check_words(rule: Rule, where: str) -> None:
    named = [(name, word) for q in rule.quotas for name in _WORDS for word in getattr(q, name)]
    named += [("statuses", word) for word in rule.exempt_statuses]
    for name, word in named:
        if word not in _WORDS[name]:
            raise ConfigError(
                f"{word!r} is none of the {name}", where=f"{where} {rule.version}", hint=", ".join(sorted(_WORDS[name]))
            )
    for meeting in rule.rhythm:
        if meeting not in _MEETINGS:
            raise ConfigError(
                f"{meeting!r} is no kind of session", where=f"{where} {rule.version}", hint=", ".join(sorted(_MEETINGS))
            )
    if rule.valid_from and rule.valid_to and rule.valid_to <= rule.valid_from:
        raise ConfigError(f"version {rule.version} ends before it begins", where=where, hint="valid_from, valid_to")


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """What a run of reports or a query counts by: the rules, whether sessions are shown at all, and the further
    families of events that are."""

    rules: CreditRules
    attendance: bool = True
    families: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: str = "", families: Collection[str] = ("attendance",)) -> CreditPolicy:
        """From the settings ``credit_rules`` and ``families``. Raises ConfigError."""
        return cls(load(path), "attendance" in families, tuple(sorted(families)))

    def to_json(self) -> str:
        """For the record of an issued report."""
        kept = {"rules": self.rules, "attendance": self.attendance, "families": self.families}
        return msgspec.json.encode(kept).decode()

    @classmethod
    def from_json(cls, text: str) -> CreditPolicy:
        """The inverse of ``to_json``."""
        kept = msgspec.json.decode(text)
        rules = msgspec.convert(kept["rules"], CreditRules, strict=False)
        return cls(rules, kept["attendance"], tuple(kept.get("families", ())))
