"""The comparison of two reports, put together; and as a page, as JSON, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.changes.compare import Cause, Change, Changes, Comparison
from reports.changes.moved import Moved, Where
from reports.context.head import Head
from reports.data import ReportData
from reports.plain import to_json
from reports.render import Page, Renderer
from reports.text import Note, Words, messages, note
from schemas.metrics import METRICS
from schemas.reference import Text

Archived = Mapping[str, tuple[int, int]]
"""Type of event → events archived between the two cut-offs, and members behind them."""


def changes_of(
    before: ReportData, after: ReportData, contexts: tuple[Any, Any], *, org: str, k: int, archived: Archived
) -> Changes:
    """What changed from one report to the other. ``org``: the group that they are about, '' for a member;
    ``contexts``: the two reports."""
    heads: tuple[Head, Head] = (contexts[0].head, contexts[1].head)
    common = _common(*heads)
    about = {heads[1].content: heads[1].content_id}
    where = Where(org=org, course=about.get("course", ""), exam=about.get("exam", ""))
    changes = Comparison(Moved(before, after), where, k, common).changes(*contexts)
    return Changes(*heads, tuple(_causes(heads, common, archived, k if org else 1)), changes, str(k))


def _common(before: Head, after: Head) -> tuple[Cause, ...]:
    """Causes that concern all figures alike."""
    found: list[Cause] = []
    one, other = before.provenance, after.provenance
    if _rules(before) != _rules(after):
        found.append("rules")
    if one and other:
        if one.catalogue != other.catalogue:
            found.append("catalogue")
        if one.calibrations != other.calibrations:
            found.append("calibrations")
    return tuple(found)


def _rules(head: Head) -> tuple[str, ...]:
    """Definitions, thresholds and zone: without the number of the generation, which grows with every rebuild."""
    return head.rules.partition("-")[2], head.timezone, head.provenance.thresholds if head.provenance else ""


def _kind(event_type: str) -> Text:
    """What a type of event is called; the type itself where it has no name here."""
    return messages().get(f"changes.kind_{event_type}", Text(event_type, event_type))


def _causes(heads: tuple[Head, Head], common: tuple[Cause, ...], archived: Archived, k: int) -> Iterator[Note]:
    for kind, (events, members) in archived.items():
        named = _kind(kind)
        if events and members >= k:
            yield note("changes.archived", kind=named, events=str(events), members=str(members))
        elif events:
            yield note("changes.archived_few", kind=named, k=str(k))
    one, other = (head.provenance for head in heads)
    if one and other:
        if one.roster != other.roster:
            yield note("changes.rosters", before=one.roster, after=other.roster)
        if "catalogue" in common:
            yield note("changes.catalogues", before=one.catalogue, after=other.catalogue)
        if "calibrations" in common:
            yield note("changes.calibrated", before=one.calibrations, after=other.calibrations)
        if other.edition:
            yield note("changes.edition", version=other.edition.version, reason=other.edition.reason)
    if "rules" in common:
        before, after = (" ".join(_rules(head)) for head in heads)
        yield note("changes.ruled", before=before, after=after)
    elif heads[0].rules != heads[1].rules:
        yield note("changes.rebuilt")


def page(changes: Changes, renderer: Renderer, other: str = "") -> bytes:
    """The comparison as a page; ``other``: where the one in the other language is."""
    made = renderer.other_page("changes", Page(other=other), changes=changes, words=_Said(renderer.words))
    return made.encode()


def data(changes: Changes, words: Words) -> bytes:
    """The comparison as JSON."""
    return to_json(changes, words)


def lines(changes: Changes, words: Words) -> Iterator[str]:
    """The comparison as text."""
    said = _Said(words)
    yield words("changes.between", before=changes.before.as_of, after=changes.after.as_of)
    yield from (f"- {words.note(cause)}" for cause in changes.causes)
    if not changes.changes:
        yield words("changes.none")
    for change in changes.shown:
        place = said.place(change)
        yield (
            f"{place}{said.name(change)}: {said.side(change.before)} → {said.side(change.after)} ({said.why(change)})"
        )
    if changes.withheld:
        yield words("changes.withheld", n=str(changes.withheld), k=changes.k)


class _Said:
    """Words of one change."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def name(self, change: Change) -> str:
        """Which figure."""
        return METRICS[change.metric_id].name.of(self.words.language)

    def part(self, change: Change) -> str:
        """Which section."""
        key = f"changes.part_{change.part}"
        return self.words(key if key in self.words.messages else "changes.part_other")

    def place(self, change: Change) -> str:
        """Section and rows, for one line."""
        rows = [row.of(self.words.language) for row in change.rows]
        return " / ".join([self.part(change), *rows, ""])

    def rows(self, change: Change) -> str:
        """The rows that it stands in."""
        return " / ".join(row.of(self.words.language) for row in change.rows)

    def side(self, figure: Any) -> str:
        """One of the two values; a row that was not there has none."""
        return self.words("changes.no_row") if figure is None else self.words.figure(figure)

    def why(self, change: Change) -> str:
        """Its causes, as far as they can be told."""
        between = "、" if self.words.language == "zh" else ", "
        return between.join(self.words(f"changes.by_{cause}") for cause in change.causes) or self.words(
            "changes.by_other"
        )
