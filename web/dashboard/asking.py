"""What is asked for: a page, about whom, over which days, in which language. All of it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, get_args
from urllib.parse import quote, urlencode

from reports.data import Period
from schemas.errors import InputError
from schemas.reference.columns import Language
from web.dashboard.viewers import PageKind

Span = Literal["today", "week", "weeks4", "weeks12", "weeks20", "days", "quarter1", "quarter2", "quarter3", "quarter4"]
QUARTERS: tuple[Span, ...] = ("quarter1", "quarter2", "quarter3", "quarter4")
"""The latest calendar quarter that is over, the one before it, and so on: what aggregates are asked by."""
SPANS: tuple[Span, ...] = tuple(span for span in get_args(Span) if span not in QUARTERS)
DEFAULT: Span = "weeks12"
_WEEKS: Mapping[str, int] = {"weeks4": 4, "weeks12": 12, "weeks20": 20}
LONGEST = 1100
"""Days that one page may be about: three years."""
PARAMETERS = frozenset({"span", "from", "to", "course", "lang"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One page. ``first`` and ``last`` are given where the span is ``days``. ``course`` '' is everything."""

    kind: PageKind
    subject: str = ""
    span: Span = DEFAULT
    first: date | None = None
    last: date | None = None
    course: str = ""
    language: Language = "zh"

    @property
    def path(self) -> str:
        """The path of the page."""
        return f"/{self.kind}/{quote(self.subject, safe='')}" if self.subject else f"/{self.kind}"

    @property
    def query(self) -> str:
        """The parameters, without those that are as they are by default."""
        given = {"span": "" if self.span == DEFAULT else self.span, "course": self.course}
        if self.span == "days":
            given |= {"from": str(self.first), "to": str(self.last)}
        return urlencode({k: v for k, v in given.items() if v} | {"lang": self.language})

    @property
    def address(self) -> str:
        """Path and parameters: the same page for whoever may see it."""
        return f"{self.path}?{self.query}"

    def about(self, kind: PageKind, subject: str = "") -> Asked:
        """Another page over the same days, in the same language."""
        return replace(self, kind=kind, subject=subject)

    def spoken(self, language: Language) -> Asked:
        """The same page in a language."""
        return replace(self, language=language)

    def period(self, today: date, *, aggregate: bool = False) -> Period:
        """The days asked for. ``aggregate``: always a calendar quarter that is over, whatever else is asked for: of
        two periods that overlap the difference tells what happened in the rest."""
        if aggregate or self.span in QUARTERS:
            return quarter(today, QUARTERS.index(self.span) + 1 if self.span in QUARTERS else 1)
        monday = today - timedelta(days=today.weekday())
        if self.span == "days":
            assert self.first is not None
            assert self.last is not None
            return Period(self.first, self.last)
        if self.span == "today":
            return Period(today, today)
        if self.span == "week":
            return Period(monday, today)
        return Period(monday - timedelta(weeks=_WEEKS[self.span] - 1), today)


def quarter(today: date, ago: int) -> Period:
    """A calendar quarter that is over; ``ago`` 1 is the latest."""
    months = 12 * today.year + 3 * ((today.month - 1) // 3) - 3 * ago
    first = date(months // 12, months % 12 + 1, 1)
    after = months + 3
    return Period(first, date(after // 12, after % 12 + 1, 1) - timedelta(days=1))


def is_quarter(period: Period, today: date) -> bool:
    """Whether it is a calendar quarter that is over."""
    return period.last < today and period == quarter(period.last + timedelta(days=1), 1)


def asked(kind: PageKind, subject: str, given: Mapping[str, str], language: Language) -> Asked:
    """From the parameters of an address; ``language``: where none is given. Raises InputError for what is no period."""
    spoken = given.get("lang") or language
    if spoken not in ("zh", "en"):
        raise InputError(f"{spoken!r} is no language of ours", where="lang", hint="zh / en")
    course = given.get("course", "")
    if len(course) > 64:
        raise InputError("a course's id has at most 64 characters", where="course")
    span = given.get("span") or ("days" if given.get("from") else DEFAULT)
    if span not in SPANS and span not in QUARTERS:
        raise InputError(f"there is no period {span!r}", where="span", hint=", ".join(SPANS))
    found = Asked(kind, subject, span, course=course, language="en" if spoken == "en" else "zh")
    if span != "days":
        return found
    first, last = _day(given, "from"), _day(given, "to")
    if last < first:
        raise InputError(f"the period ends ({last}) before it begins ({first})", where="from, to")
    if (last - first).days >= LONGEST:
        raise InputError(f"a page is about {LONGEST} days at most", where="from, to")
    return replace(found, first=first, last=last)


def _day(given: Mapping[str, str], name: str) -> date:
    text = given.get(name, "")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a date", where=name, hint="write YYYY-MM-DD, e.g. 2026-03-31") from None
