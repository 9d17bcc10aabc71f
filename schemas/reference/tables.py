"""All reference tables together, and how a broken rule in them is described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from schemas.reference.catalogue_rows import COURSES, EXAMS, UNITS, Course, Exam, Unit
from schemas.reference.columns import Language, Table, Text
from schemas.reference.competence_rows import COMPETENCES, Competence
from schemas.reference.credit_rows import EXEMPTIONS, QUOTAS, Exemption, QuotaRow
from schemas.reference.organisation_rows import MEMBERS, ORGANISATIONS, Member, Organisation
from schemas.reference.place_rows import PLACES, Place
from schemas.reference.question_rows import KNOWLEDGE_POINTS, QUESTIONS, KnowledgePoint, Question

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        *(ORGANISATIONS, MEMBERS, COURSES, UNITS, EXAMS, QUESTIONS, KNOWLEDGE_POINTS),
        *(EXEMPTIONS, QUOTAS),
        *(COMPETENCES, PLACES),
    )
}


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one cell: table, line, column (wire name), value as written, and the rule it breaks.

    ``line`` is the line in the file or sheet (a header on the first is 1), 0 when the rows came from
    elsewhere. A warning doesn't stop an import. ``refers_to``: the table in which the value was not found.
    """

    table: str
    line: int
    column: str
    value: str
    rule: Text
    level: Literal["error", "warning"] = "error"
    refers_to: str = ""

    def describe(self, language: Language = "zh") -> str:
        """``table:line column value rule`` in one line."""
        return f"{self.table}:{self.line} {self.column} {self.value!r} {self.rule.of(language)}"


class ReferenceTables(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of every table. ``present`` names the tables that were given, also when they were empty.

    ``lines[table][i]`` is the line of row i and ``files[table]`` where it stands, both for messages only.
    """

    organisations: tuple[Organisation, ...] = ()
    members: tuple[Member, ...] = ()
    courses: tuple[Course, ...] = ()
    units: tuple[Unit, ...] = ()
    exams: tuple[Exam, ...] = ()
    questions: tuple[Question, ...] = ()
    knowledge_points: tuple[KnowledgePoint, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    quotas: tuple[QuotaRow, ...] = ()
    competences: tuple[Competence, ...] = ()
    places: tuple[Place, ...] = ()
    present: frozenset[str] = frozenset()
    lines: dict[str, tuple[int, ...]] = {}
    files: dict[str, str] = {}

    def rows(self, table: str) -> tuple[Any, ...]:
        """The rows of one table by its name."""
        found: tuple[Any, ...] = getattr(self, table)
        return found

    def located(self, table: str) -> Iterator[tuple[int, Any]]:
        """(line, row) of one table."""
        rows = self.rows(table)
        return zip(self.lines.get(table, (0,) * len(rows)), rows, strict=True)
