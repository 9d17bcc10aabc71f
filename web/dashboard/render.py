"""From contents to HTML: each page is a frame around named parts, which can be pushed one by one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup

from reports.charts.places import Seat, places_chart
from reports.figures import Figure
from reports.measures.suppression import DEFAULT_K
from reports.render import environment
from reports.text import Value, Words
from schemas.metrics import METRICS
from schemas.reference.columns import Language, Text
from web.dashboard.asking import Asked

PARTS: Mapping[str, tuple[str, ...]] = {
    "branch": (
        "fresh", "now", "offers", "silent", "improvements", "trend", "calendar", "topics", "missed", "competence",
        "activities", "credit", "quality", "ledger",
    ),
    "committee": (
        "fresh", "overview", "tree", "improvements", "trend", "funnel", "hard", "change", "topics", "missed",
        "activities", "quality",
    ),
    "map": ("fresh", "picture", "places", "listed"),
    "member": (
        "fresh", "now", "review", "trend", "calendar", "mastery", "progress", "credit", "competence", "activities",
        "book", "quality",
    ),
    "operator": ("fresh", "state_now", "received_lines", "rejected", "jobs", "parts"),
}  # fmt: skip
"""Kind of page → its parts, in the order in which they stand. A template ``KIND/PART.html.j2`` makes each."""
SHARED = {
    "activities": "shared/activities",
    "competence": "shared/competence",
    "fresh": "shared/fresh",
    "improvements": "shared/improvements",
    "quality": "shared/quality",
    "trend": "shared/trend",
    "missed": "shared/missed",
}
QUICK: Mapping[str, tuple[str, ...]] = {"branch": ("fresh", "now")}
"""Parts that are pushed before the others, where they are made much sooner."""
QUIET = "definitions"
"""A part that is never announced: the definitions of what the others show."""


@cache
def _messages() -> Mapping[str, Text]:
    raw = tomllib.loads(files("web.dashboard").joinpath("messages.toml").read_text("utf-8"))
    return {f"{s}.{key}": Text(pair["zh"], pair["en"]) for s, keys in raw.items() for key, pair in keys.items()}


@cache
def words(language: Language) -> Words:
    """Wording of reports and of the dashboard."""
    found = Words(language)
    found.messages = found.messages | {key: text.of(language) for key, text in _messages().items()}
    return found


@dataclass(frozen=True, slots=True)
class Rendered:
    """A part as HTML; ``hash`` changes with it."""

    name: str
    html: str
    hash: str


def rendered(name: str, html: str) -> Rendered:
    """A part and its hash."""
    return Rendered(name, html, sha256(html.encode()).hexdigest()[:12])


class Pages:
    """Pages in one language."""

    def __init__(self, language: Language) -> None:
        self.language, self.words = language, words(language)
        loader = ChoiceLoader([PackageLoader("web.dashboard"), PackageLoader("reports")])
        self._environment = environment(self.words, DEFAULT_K, loader)
        self._environment.globals.update(label=self._label, why=self._why, places_chart=self._places)
        self._environment.filters.update(plain=lambda n: self.words.value(_number(n)), moment=self._moment)

    def parts(self, asked: Asked, view: Any, **values: Any) -> tuple[Rendered, ...]:
        """Every part of a page, and at the end the definitions of the metrics that they name."""
        made = list(self.some(PARTS[asked.kind], asked, view, **values))
        used = [m for m in METRICS if any(f'popovertarget="m-{m}"' in part.html for part in made)]
        definitions = self._environment.get_template("shared/definitions.html.j2")
        made.append(rendered(QUIET, definitions.render(metrics=[METRICS[m] for m in used])))
        return tuple(made)

    def some(self, names: Sequence[str], asked: Asked, view: Any, **values: Any) -> tuple[Rendered, ...]:
        """Some parts of a page, from as much of its content as they need."""
        given = {"view": view, "asked": asked, "kind": asked.kind, **values}
        made = []
        for name in names:
            template = self._environment.get_template(f"{SHARED.get(name, f'{asked.kind}/{name}')}.html.j2")
            made.append(rendered(name, template.render(part=name, **given).strip()))
        return tuple(made)

    def page(self, parts: Sequence[Rendered], asked: Asked, **values: Any) -> str:
        """The whole page."""
        template = self._environment.get_template("page.html.j2")
        return template.render(parts=parts, asked=asked, quiet=QUIET, **values)

    def other(self, template: str, **values: Any) -> str:
        """A page without parts: the entrance, or what went wrong."""
        return self._environment.get_template(f"{template}.html.j2").render(**values)

    def _why(self, metric_id: str) -> Markup:
        """A button that opens the metric's definition."""
        name = METRICS[metric_id].name.of(self.language)
        said = self.words("dash.what_is", name=name)
        button = '<button type="button" class="why" popovertarget="m-{}" aria-label="{}">?</button>'
        return Markup(button).format(metric_id, said)  # noqa: S704 - values are escaped

    def _label(self, metric_id: str) -> Markup:
        """A metric's name with that button."""
        name = METRICS[metric_id].name.of(self.language)
        cut = len(name) - 2 if self.language == "zh" else name.rfind(" ") + 1
        # The button stays with the end of the name where a line is broken.
        pattern = '<span class="m">{}<span class="nb">{} {}</span></span>'
        return Markup(pattern).format(name[:cut], name[cut:], self._why(metric_id))  # noqa: S704 - values are escaped

    def _places(self, seats: Sequence[Seat], width: float, links: Mapping[str, str]) -> Markup:
        return places_chart(seats, self.words, width, links)

    def _moment(self, at: Any, zone: Any) -> str:
        return self.words.value(at.astimezone(zone)) if at else "—"


def _number(n: float) -> Value:
    return Figure("events", n)


@cache
def pages(language: Language) -> Pages:
    """Pages in a language; templates are compiled once."""
    return Pages(language)
