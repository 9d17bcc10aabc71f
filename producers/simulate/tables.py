"""Reference tables of a scenario, in the columns that the import commands read."""

from __future__ import annotations

from datetime import date

from producers.simulate.catalogue import Question
from producers.simulate.model import ReferenceTables, Row, Scenario

COLUMNS: dict[str, tuple[str, ...]] = {
    "organisations": ("org_id", "parent_id", "name", "kind", "valid_from", "valid_to"),
    "members": ("member_id", "name", "org_id", "category", "role", "status", "valid_from", "valid_to"),
    "courses": ("course_id", "title", "audience", "assigned_at", "due_at", "credit_minutes", "title_en"),
    "units": ("unit_id", "course_id", "title", "length_ms", "quiz_exam_id", "title_en"),
    "exams": ("exam_id", "course_id", "title", "audience", "assigned_at", "due_at", "max_score", "title_en"),
    "questions": (
        *("question_id", "course_id", "unit_id", "exam_ids", "kind", "text"),
        *(f"option_{letter}" for letter in "abcdef"),
        *("answer_key", "explanation", "max_score", "knowledge_points", "version"),
    ),
    "knowledge_points": ("knowledge_point_id", "course_id", "title", "title_en"),
    "exemptions": ("member_id", "valid_from", "valid_to"),
    "competences": ("competence_id", "wing", "title", "course_ids", "knowledge_points", "expected", "title_en"),
    "places": ("org_id", "latitude", "longitude"),
}


def reference_tables(scenario: Scenario) -> ReferenceTables:
    """Rows in the order of ``COLUMNS``; one roster row per dated membership."""
    catalogue = scenario.catalogue
    return ReferenceTables(
        organisations=[_row("organisations", node, valid_to="") for node in scenario.organisations],
        members=[
            _row("members", person, membership) for person in scenario.members for membership in person.memberships
        ],
        courses=[_row("courses", course) for course in catalogue.courses],
        units=[_row("units", unit) for unit in catalogue.units],
        exams=[_row("exams", exam) for exam in catalogue.exams],
        questions=[_row("questions", question, **_options(question)) for question in catalogue.questions],
        knowledge_points=[_row("knowledge_points", point) for point in catalogue.knowledge_points],
        exemptions=[_row("exemptions", exemption) for exemption in scenario.exemptions],
        competences=[_row("competences", competence) for competence in scenario.competences],
        places=[_row("places", place) for place in scenario.places],
    )


def _options(question: Question) -> dict[str, str]:
    texts = (*question.options, *[""] * 6)
    return {f"option_{letter}": text for letter, text in zip("abcdef", texts, strict=False)}


def _row(table: str, *sources: object, **given: str) -> Row:
    """A row by column name: a given value, else the attribute of the first source that has it."""
    row: Row = {}
    for column in COLUMNS[table]:
        if column in given:
            row[column] = given[column]
        else:
            row[column] = _cell(getattr(next(s for s in sources if hasattr(s, column)), column))
    return row


def _cell(value: object) -> str | int:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return ";".join(value)
    return value if isinstance(value, int) else str(value)
