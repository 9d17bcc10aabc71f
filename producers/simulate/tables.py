"""Reference tables of a scenario, in the columns that the import commands read."""

from __future__ import annotations

from datetime import date

from producers.simulate.model import ReferenceTables, Row, Scenario

COLUMNS: dict[str, tuple[str, ...]] = {
    "organisations": ("org_id", "parent_id", "name", "kind", "valid_from", "valid_to"),
    "members": ("member_id", "name", "org_id", "category", "role", "status", "valid_from", "valid_to"),
    "courses": ("course_id", "title", "audience", "assigned_at", "due_at", "credit_minutes"),
    "units": ("unit_id", "course_id", "title", "length_ms", "quiz_exam_id"),
    "exams": ("exam_id", "course_id", "title", "audience", "assigned_at", "due_at", "max_score"),
    "questions": (
        *("question_id", "course_id", "unit_id", "exam_ids", "kind", "text"),
        *(f"option_{letter}" for letter in "abcdef"),
        *("answer_key", "explanation", "max_score", "knowledge_points", "version"),
    ),
    "knowledge_points": ("knowledge_point_id", "course_id", "title"),
}


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def reference_tables(scenario: Scenario) -> ReferenceTables:
    """Rows in the order of ``COLUMNS``; one roster row per dated membership."""
    catalogue = scenario.catalogue
    return ReferenceTables(
        organisations=[
            _row("organisations", o.org_id, o.parent_id, o.name, o.kind, _iso(o.valid_from), "")
            for o in scenario.organisations
        ],
        members=[
            _row(
                "members",
                p.member_id,
                p.name,
                m.org_id,
                p.category,
                m.role,
                m.status,
                _iso(m.valid_from),
                _iso(m.valid_to),
            )
            for p in scenario.members
            for m in p.memberships
        ],
        courses=[
            _row(
                "courses",
                c.course_id,
                c.title,
                c.audience,
                _iso(c.assigned_at),
                _iso(c.due_at),
                c.credit_minutes,
            )
            for c in catalogue.courses
        ],
        units=[
            _row("units", u.unit_id, u.course_id, u.title, u.length_ms, u.quiz_exam_id)
            for u in catalogue.units
        ],
        exams=[
            _row(
                "exams",
                e.exam_id,
                e.course_id,
                e.title,
                e.audience,
                _iso(e.assigned_at),
                _iso(e.due_at),
                e.max_score,
            )
            for e in catalogue.exams
        ],
        questions=[
            _row(
                "questions",
                *(q.question_id, q.course_id, q.unit_id, ";".join(q.exam_ids), q.kind, q.text),
                *(q.options[i] if i < len(q.options) else "" for i in range(6)),
                *(q.answer_key, q.explanation, q.max_score, ";".join(q.knowledge_points), q.version),
            )
            for q in catalogue.questions
        ],
        knowledge_points=[
            _row("knowledge_points", k.knowledge_point_id, k.course_id, k.title)
            for k in catalogue.knowledge_points
        ],
    )


def _row(table: str, *values: str | int) -> Row:
    return dict(zip(COLUMNS[table], values, strict=True))
