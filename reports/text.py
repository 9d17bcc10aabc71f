"""User-facing text: one catalogue of messages in both languages, and how numbers are written."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files

from reports.errors import ReportError
from reports.figures import Figure
from reports.measures.proportions import SHOW_FRACTION_BELOW
from schemas.metrics import METRICS
from schemas.reference.columns import Language, Text

LANGUAGES: tuple[Language, ...] = ("zh", "en")
HIDDEN_MARK = "＊"
HIDDEN_MARK_EN = "*"

Value = Figure | Text | str | date
"""What can be put into a message. Bare numbers can't: they would be figures without a metric."""


@dataclass(frozen=True, slots=True)
class Note:
    """One message of the catalogue with its values; worded when it is shown."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()


def note(key: str, **values: Value) -> Note:
    """A note; unknown keys are found by the tests, which word every note in both languages."""
    return Note(key, tuple(values.items()))


@lru_cache(maxsize=1)
def messages() -> Mapping[str, Text]:
    """Every message by ``section.key``."""
    raw = tomllib.loads(files("reports").joinpath("messages.toml").read_text("utf-8"))
    return {
        f"{section}.{key}": Text(pair["zh"], pair["en"]) for section, keys in raw.items() for key, pair in keys.items()
    }


class _Shown:
    """A value in a message. ``{n}`` writes it; ``{n:day|days}`` writes the word that goes with it."""

    __slots__ = ("one", "text")

    def __init__(self, text: str, one: bool) -> None:
        self.text, self.one = text, one

    def __format__(self, forms: str) -> str:
        if not forms:
            return self.text
        singular, plural = forms.split("|")
        return singular if self.one else plural


def _is_one(value: Value) -> bool:
    return (value.value if isinstance(value, Figure) else value) in (1, "1")


class Words:
    """Wording in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.messages: dict[str, str] = {key: text.of(language) for key, text in messages().items()}

    def __call__(self, key: str, **values: Value) -> str:
        """The message with its values written in this language. Raises ReportError for an unknown key."""
        try:
            template = self.messages[key]
        except KeyError:
            raise ReportError(f"message {key!r} does not exist", where="reports/messages.toml") from None
        return (
            template.format(**{k: _Shown(self.value(v), _is_one(v)) for k, v in values.items()}) if values else template
        )

    def note(self, given: Note) -> str:
        """The text of a note."""
        return self(given.key, **dict(given.values))

    def value(self, given: Value) -> str:
        """Any value as text."""
        if isinstance(given, Figure):
            return self.figure(given)
        if isinstance(given, Text):
            return given.of(self.language)
        if isinstance(given, (date, datetime)):
            return self.day(given)
        return given

    def figure(self, figure: Figure) -> str:
        """A figure in its unit; small shares as ``78.3% (18/23)``; withheld ones as a mark."""
        if figure.hidden:
            return HIDDEN_MARK if self.language == "zh" else HIDDEN_MARK_EN
        if figure.value is None:
            return "—"
        unit = METRICS[figure.metric_id].unit
        if unit == "seconds":
            sign = "+" if figure.metric_id.endswith("_change") and figure.value > 0 else ""
            return sign + self.duration(figure.value)
        if unit == "change":
            return self("figure.change", value=signed(100 * figure.value))
        if unit == "share":
            text = percent(figure.value)
            if figure.n is not None and figure.n < SHOW_FRACTION_BELOW:
                text = self("figure.fraction", share=text, x=plain(figure.x or 0), n=plain(figure.n))
            return text
        if unit == "index":
            return minus(f"{figure.value:.2f}")
        if unit == "points" and figure.n is not None:
            return f"{plain(figure.value)} / {plain(figure.n)}"
        return plain(figure.value)

    def of(self, figure: Figure) -> str:
        """A share of few as ``3/5``."""
        return "" if figure.x is None or figure.n is None else f"{plain(figure.x)}/{plain(figure.n)}"

    def bare(self, figure: Figure) -> str:
        """A share without what it is of, for tables that say so in a column of their own."""
        return self.figure(figure if figure.hidden else dataclasses.replace(figure, x=None, n=None))

    def interval(self, figure: Figure) -> str:
        """``58.1–90.3%``, empty where there is none."""
        if figure.hidden or figure.low is None or figure.high is None:
            return ""
        unit = METRICS[figure.metric_id].unit
        if unit == "change":
            return self("figure.span", low=signed(100 * figure.low), high=signed(100 * figure.high))
        if unit == "seconds":
            return self("figure.span", low=self.duration(figure.low), high=self.duration(figure.high))
        if unit == "index":
            return self("figure.span", low=minus(f"{figure.low:.2f}"), high=minus(f"{figure.high:.2f}"))
        return f"{figure.low * 100:.1f}–{figure.high * 100:.1f}%"

    def duration(self, seconds: float) -> str:
        """Hours and minutes from an hour, minutes and seconds from a minute, else seconds."""
        if seconds < 0:
            return f"−{self.duration(-seconds)}"
        zh = self.language == "zh"
        if round(seconds) < 60:
            text = f"{seconds:.1f}" if seconds < 10 and seconds != int(seconds) else f"{seconds:.0f}"
            return f"{text} 秒" if zh else f"{text} s"
        whole = round(seconds)
        if whole < 3600:
            minutes, rest = divmod(whole, 60)
            if zh:
                return f"{minutes} 分 {rest} 秒" if rest else f"{minutes} 分"
            return f"{minutes} min {rest} s" if rest else f"{minutes} min"
        hours, minutes = divmod(round(seconds / 60), 60)
        if zh:
            return f"{hours:,} 小时 {minutes} 分" if minutes else f"{hours:,} 小时"
        return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"

    def day(self, day: date) -> str:
        """A date; a moment with hours and minutes."""
        if isinstance(day, datetime):
            return f"{self.day(day.date())} {day:%H:%M}"
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"

    def short_day(self, day: date) -> str:
        """Month and day."""
        return f"{day.month}月{day.day}日" if self.language == "zh" else f"{day.day} {MONTHS[day.month - 1]}"

    def weekday(self, day: date) -> str:
        """Name of the day of the week, short."""
        return self("chart.weekdays").split()[day.weekday()]


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def percent(value: float) -> str:
    """A share as a percentage with one decimal; no decimals where they are zero at the ends."""
    return f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def signed(value: float) -> str:
    """A difference with its sign and one decimal."""
    text = f"{value:+.1f}"
    return "0" if text in ("+0.0", "-0.0") else minus(text)


def minus(text: str) -> str:
    """A number with a true minus sign; nothing is less than nothing by rounding."""
    return text.replace("-", "−") if text.strip("-0.") else text.lstrip("-")


def plain(value: float) -> str:
    """A number without trailing zeros, with thousands separators, at most two decimals."""
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
