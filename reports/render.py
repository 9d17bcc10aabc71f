"""From contexts to pages: jinja2 with undefined names as errors and everything escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reports import charts
from reports.context.head import Head
from reports.figures import metrics_used
from reports.measures.suppression import DEFAULT_K
from reports.text import HIDDEN_MARK, HIDDEN_MARK_EN, Value, Words
from schemas.metrics import METRICS, metric
from schemas.reference.columns import Language, Text

LONGEST_LIST = 200
"""Rows of a list of persons in one page at most."""
MOST_KEPT = 20_000
"""Pieces of pages that are kept from one page for the next."""
MANY_BELOW = 30
"""More organisations below than this are listed in the annex."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page's links lead, relative to it; '' where there is nothing to link. ``files``: the same report in
    other formats."""

    index: str = ""
    json: str = ""
    other: str = ""
    files: tuple[tuple[str, str], ...] = ()


class Renderer:
    """Pages in one language. Templates are compiled once; definitions are rendered once a set of metrics."""

    def __init__(self, language: Language, k: int = DEFAULT_K) -> None:
        self.language, self.words = language, Words(language)
        self._environment = environment(self.words, k)
        self._templates = {
            name: self._environment.get_template(f"{name}.html.j2")
            for name in ("member", "group", "exam", "secretary", "index", "members")
        }
        macros = self._environment.get_template("macros.html.j2")
        self._environment.globals["marked"] = _Marked(macros)
        self._definitions = lru_cache(maxsize=256)(partial(_definitions, macros))

    def report(
        self,
        template: str,
        report: Any,
        page: Page,
        *,
        links: Mapping[str, str] | None = None,
        contents: Sequence[tuple[Text, str]] = (),
    ) -> str:
        """A member's or group's page. ``links``: pages of organisations below; ``contents``: of single contents."""
        return self._templates[template].render(
            report=report,
            page=page,
            number=_counter(self.language),
            definitions=self._definitions(metrics_used(report)),
            links=links or {},
            contents=contents,
        )

    def page(self, template: str, page: Page, **values: Any) -> str:
        """An index page."""
        return self._templates[template].render(page=page, **values)

    def other_page(self, template: str, page: Page, **values: Any) -> str:
        """A page that few runs make: its template is read when it is asked for."""
        return self._environment.get_template(f"{template}.html.j2").render(page=page, **values)


class _Marked:
    """The macro ``mark``, whose text is kept: the same question with the same choice is in the books of many."""

    def __init__(self, macros: Any) -> None:
        self._mark = macros.module.mark
        # The question is kept with its text, so that no other object can have its id.
        self._made: dict[tuple[int, str], tuple[Any, Markup]] = {}

    def __call__(self, question: Any, own_label: str) -> Markup:
        key = id(question), str(own_label)
        if (found := self._made.get(key)) is None:
            if len(self._made) >= MOST_KEPT:
                self._made.clear()
            found = self._made[key] = question, Markup(self._mark(question, own_label))  # noqa: S704 - our own macro
        return found[1]


def _definitions(macros: Any, used: tuple[str, ...]) -> Markup:
    made: Markup = macros.module.definitions_list([METRICS[m] for m in used])
    return made


def environment(words: Words, k: int = DEFAULT_K, loader: BaseLoader | None = None) -> Environment:
    """The templates of ``loader`` (default: those of reports) with what they may use: figures, messages, charts."""
    environment = Environment(
        loader=loader or PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    zh = words.language == "zh"
    # Escaped once here instead of at each of their many uses.
    names = {m.id: escape(m.name.of(words.language)) for m in METRICS.values()}
    meanings = {m.id: escape(m.definition.of(words.language)) for m in METRICS.values()}
    labels = {m: Markup('<span class="m" title="{}">{}</span>').format(meanings[m], names[m]) for m in METRICS}
    environment.filters.update(
        v=words.value,
        interval=words.interval,
        bare=words.bare,
        of=words.of,
        note=words.note,
        short_text=partial(_short, 22 if zh else 44),
        duration=words.duration,
        short=words.short_day,
        weekday=words.weekday,
    )
    environment.globals.update(
        t=_translator(words),
        name=_declared(names),
        definition=_declared(meanings),
        not_said=_declared({m.id: escape(m.not_said.of(words.language)) for m in METRICS.values()}),
        label=_declared(labels),
        calendar_chart=lambda data: charts.calendar_chart(data, words),
        hours_chart=lambda data: charts.hours_chart(data, words),
        active_chart=lambda data: charts.active_chart(data, words),
        weeks_chart=lambda data: charts.weeks_chart(data, words),
        interval_dot=lambda share, overall=None: charts.interval_dot(share, words, overall),
        funnel_chart=lambda data: charts.funnel_chart(data, words),
        item_map=lambda data: charts.item_map(data, words),
        org_map_chart=lambda data, *given: charts.org_map_chart(data, words, *given),
        bands_chart=lambda data: charts.bands_chart(data, words),
        time_effect_chart=lambda data: charts.time_effect_chart(data, words),
        trend_chart=lambda data: charts.trend_chart(data, words),
        axis=partial(charts.axis, words),
        head_rows=partial(_head_rows, words),
        style=Markup(files("reports").joinpath("templates/style.css").read_text("utf-8")),  # noqa: S704 - our own
        language_tag="zh-CN" if zh else "en",
        colon="：" if zh else ": ",
        stop="。" if zh else ".",
        gap="" if zh else " ",
        separator="、" if zh else ", ",
        hidden=HIDDEN_MARK if zh else HIDDEN_MARK_EN,
        k=str(k),
        longest=LONGEST_LIST,
        many=MANY_BELOW,
    )
    return environment


def _translator(words: Words) -> Callable[..., str]:
    """``t`` of the templates: messages without values are escaped once; with the same values they are in many pages."""
    fixed = {key: escape(text) for key, text in words.messages.items()}
    filled = lru_cache(maxsize=MOST_KEPT)(lambda key, values: words(key, **dict(values)))

    def translate(key: str, **values: Value) -> str:
        return filled(key, tuple(values.items())) if values else fixed.get(key) or words(key)

    return translate


def _head_rows(words: Words, head: Head) -> list[tuple[str, str]]:
    """What every report says about its period and data: label and value."""
    return [
        (words("report.period"), words("report.period_value", first=head.first, last=head.last)),
        (words("report.content"), words.value(head.content_title)),
        (words("report.as_of"), words("report.as_of_value", moment=head.as_of, zone=head.timezone)),
        (words("report.events"), words("report.events_value", events=head.events)),
    ]


def _short(longest: int, text: str) -> str:
    """A question or option in a table: its beginning, where it is long."""
    return text if len(text) <= longest + 1 else f"{text[:longest].rstrip()}…"


def _declared(values: Mapping[str, Markup]) -> Callable[[str], Markup]:
    def find(metric_id: str) -> Markup:
        if metric_id not in values:
            metric(metric_id)
        return values[metric_id]

    return find


_NUMERALS = "一二三四五六七八九十"


def _counter(language: Language) -> Callable[[], str]:
    """Numbers of sections: 一、二、三、 in Chinese, 1. 2. 3. in English."""
    count = 0

    def following() -> str:
        nonlocal count
        count += 1
        return f"{_NUMERALS[count - 1]}、" if language == "zh" else f"{count}. "

    return following
