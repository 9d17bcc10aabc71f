"""Two contexts of one report, walked side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import date
from typing import Any, Literal

from reports.changes.moved import Moved, Sets, Where
from reports.context.cells import hide_small
from reports.context.head import Head
from reports.figures import Figure, Series, field_names, metrics_used
from reports.text import Note
from schemas.reference import Text

Cause = Literal["records", "roster", "lines", "catalogue", "calibrations", "rules"]

GROUP_PARTS = ("people", "categories", "children", "study", "effect", "courses", "exams", "topics", "missed", "quality")
"""Parts of a report about a group whose rows are known to be about so many members; no others are compared."""
SKIPPED = frozenset({"head", "days", "pattern", "trend", "time_effect", "change", "before", "advice", "progress"})
"""Parts of a member's report that are drawn, or that compare by themselves."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is not what it was. ``part``: the section; ``rows``: titles of the rows it stands in. A side that
    did not have the row is None; ``withheld``: too few members are behind the change, so that neither is shown."""

    part: str
    rows: tuple[Text, ...]
    metric_id: str
    before: Figure | None
    after: Figure | None
    causes: tuple[Cause, ...]
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed between two reports about the same. ``causes``: what happened in between, as far as is known."""

    before: Head
    after: Head
    causes: tuple[Note, ...]
    changes: tuple[Change, ...]
    k: str

    @property
    def shown(self) -> tuple[Change, ...]:
        """Changes with their values."""
        return tuple(c for c in self.changes if not c.withheld)

    @property
    def withheld(self) -> int:
        """How many are not shown."""
        return len(self.changes) - len(self.shown)


class Comparison:
    """Compares two contexts. ``where``: what they are about; ``common``: causes that concern
    all figures alike."""

    def __init__(self, moved: Moved, where: Where, k: int, common: Sequence[Cause]) -> None:
        self.moved, self.where, self.org, self.k, self.common = moved, where, where.org, k, tuple(common)

    def changes(self, before: Any, after: Any) -> tuple[Change, ...]:
        """Every figure that differs, in the order of the report."""
        parts = GROUP_PARTS if self.org else tuple(n for n in field_names(type(after)) if n not in SKIPPED)
        found: list[Change] = []
        for part in parts:
            one, other = getattr(before, part, None), getattr(after, part, None)
            found += self._pair(part, (), self.where, one, other, withheld=False)
        return tuple(found)

    def _pair(
        self, part: str, rows: tuple[Text, ...], where: Where, one: Any, other: Any, *, withheld: bool
    ) -> Iterator[Change]:
        if isinstance(one, Figure) or isinstance(other, Figure):
            yield from self._figure(part, rows, where, one, other, withheld=withheld)
        elif isinstance(one, tuple) or isinstance(other, tuple):
            yield from self._rows(part, rows, where, one or (), other or (), withheld=withheld)
        elif _composed(one) or _composed(other):
            for name in field_names(type(other if other is not None else one)):
                yield from self._pair(
                    part, rows, where, getattr(one, name, None), getattr(other, name, None), withheld=withheld
                )

    def _rows(
        self, part: str, rows: tuple[Text, ...], where: Where, one: Any, other: Any, *, withheld: bool
    ) -> Iterator[Change]:
        """Rows of both tables by what they are about, in the order of the newer one."""
        mine, theirs = ({_key(row): row for row in table if _composed(row)} for table in (one, other))
        keys = [*theirs, *(key for key in mine if key not in theirs)]
        places = [self._narrow(part, where, theirs.get(key, mine.get(key))) for key in keys]
        hidden = [withheld] * len(keys)
        if self.org and not withheld:
            hidden = hide_small(
                [self._size(p, mine.get(k), theirs.get(k)) for k, p in zip(keys, places, strict=True)], self.k
            )
        for key, place, hide in zip(keys, places, hidden, strict=True):
            title = _title(theirs.get(key, mine.get(key)))
            inside = (*rows, title) if title else rows
            yield from self._pair(part, inside, place, mine.get(key), theirs.get(key), withheld=hide)

    def _size(self, where: Where, one: Any, other: Any) -> int:
        """Members behind that figure of a row which has the fewest, of those that have any."""
        used = {*metrics_used(one), *metrics_used(other)}
        sizes = (self.moved.sets(where, metric).size for metric in used)
        return min((size for size in sizes if size), default=0)

    def _narrow(self, part: str, where: Where, row: Any) -> Where:
        """The part of the data that a row is about."""
        if part == "categories":
            return where._replace(category=row.id)
        if part == "children":
            return where._replace(org=row.id)
        question = getattr(row, "question", None)
        return where._replace(
            course=getattr(row, "course_id", where.course),
            exam=getattr(row, "exam_id", where.exam),
            point=getattr(row, "point_id", where.point),
            question=getattr(question, "question_id", getattr(row, "question_id", where.question)),
        )

    def _figure(
        self,
        part: str,
        rows: tuple[Text, ...],
        where: Where,
        one: Figure | None,
        other: Figure | None,
        *,
        withheld: bool,
    ) -> Iterator[Change]:
        if one == other:
            return
        found = one or other
        assert found is not None
        sets = self.moved.sets(where, found.metric_id)
        # Nobody behind it: then it follows from what is common to all, or from something that is not known.
        few = 0 < sets.size < self.k or not (sets.size or self.common)
        hide = withheld or (bool(self.org) and few)
        causes = self._causes(where, sets)
        if hide:
            yield Change(part, rows, found.metric_id, None, None, causes, withheld=True)
        else:
            yield Change(part, rows, found.metric_id, one, other, causes)

    def _causes(self, where: Where, sets: Sets) -> tuple[Cause, ...]:
        """Whatever the data show for this part; else what concerns all parts alike."""
        records, roster, lines = self.moved.causes(where, sets)
        found: list[Cause] = ["records"] if records else []
        if roster and (self.org or not found):
            found.append("roster")
        if lines and not found:
            found.append("lines")
        # New rules change everything; what else is common to all explains only what nothing else does.
        return (*found, *(c for c in self.common if not found or c == "rules"))


def _composed(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, (Figure, Series, Text, Note))


def _key(row: Any) -> Any:
    """What a row is about: ids where it has them, else its title or day."""
    question = getattr(row, "question", row)
    ids = [getattr(question, name) for name in ("question_id", "exam_id", "course_id", "point_id", "id", "number")
           if hasattr(question, name)]  # fmt: skip
    return tuple(ids) or tuple(str(getattr(row, name)) for name in ("title", "name", "reason", "day")
                               if hasattr(row, name))  # fmt: skip


def _title(row: Any) -> Text | None:
    question = getattr(row, "question", None)
    if question is not None:
        return question.text if isinstance(question.text, Text) else None
    for name in ("title", "name", "reason", "number", "day"):
        value = getattr(row, name, None)
        if isinstance(value, Text):
            return value
        if isinstance(value, (str, date)) and value:
            return Text(str(value), str(value))
    return None
