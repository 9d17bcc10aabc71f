"""The built-in catalogue: courses, units, exams and readable questions, one TOML file a course.

Only textbook facts: constitution and education law, history, network and national security, science.
Dates are fractions of the scenario's length, so that the catalogue fits a term of any length; what is due at
a fraction is due at the end of the day before it.
"""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

from producers.simulate.catalogue import Catalogue, Course, Exam, KnowledgePoint, Question, Unit

LETTERS = "ABCDEF"
_SCORES = {"single": 2, "multiple": 3, "truefalse": 1}


def load_catalogue(start: date, days: int) -> Catalogue:
    """The whole bank, dated for a term that begins on ``start`` and lasts ``days`` local days."""
    folder = files("producers.simulate.bank")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    loaded = [_load_course(tomllib.loads(folder.joinpath(n).read_text("utf-8")), start, days) for n in names]
    return Catalogue(
        courses=tuple(c for part in loaded for c in part.courses),
        units=tuple(u for part in loaded for u in part.units),
        exams=tuple(e for part in loaded for e in part.exams),
        questions=tuple(q for part in loaded for q in part.questions),
        knowledge_points=tuple(k for part in loaded for k in part.knowledge_points),
    )


def _load_course(data: dict[str, Any], start: date, days: int) -> Catalogue:
    def assigned(fraction: float) -> date:
        return start + timedelta(days=round(fraction * days))

    def due(fraction: float) -> date:
        return assigned(fraction) - timedelta(days=1)

    head = data["course"]
    course_id, short = str(head["id"]), str(head["id"]).removeprefix("c-")
    points = [
        KnowledgePoint(f"k-{short}-{name}", course_id, titles[0], titles[1]) for name, titles in data["points"].items()
    ]
    questions: list[Question] = []
    for number, q in enumerate(data["question"], 1):
        options = tuple(q.get("options", ("正确", "错误")))
        kind = "truefalse" if "options" not in q else "multiple" if len(q["key"]) > 1 else "single"
        questions.append(
            Question(
                question_id=f"q-{short}-{number:03d}",
                course_id=course_id,
                unit_id=f"u-{short}-{q['unit']}",
                exam_ids=tuple(f"x-{short}-{e}" for e in q.get("exams", ())),
                kind=kind,
                text=q["text"],
                options=options,
                answer_key=q["key"],
                explanation=q["why"],
                max_score=_SCORES[kind],
                knowledge_points=tuple(f"k-{short}-{k}" for k in q["points"]),
            )
        )
    exams: list[Exam] = []
    for e in data.get("exam", ()):
        exam_id = f"x-{short}-{e['id']}"
        chosen = [q for q in questions if exam_id in q.exam_ids]
        window = e.get("window", [head["assigned"], head["due"]])
        exams.append(
            Exam(
                exam_id=exam_id,
                course_id=course_id,
                title=e["title"],
                title_en=e["title_en"],
                audience=head["audience"],
                assigned_at=assigned(window[0]),
                due_at=due(window[1]),
                question_ids=tuple(q.question_id for q in chosen),
                max_score=sum(q.max_score for q in chosen),
                quiz="window" not in e,
                retake=bool(e.get("retake", False)),
                shift=float(e.get("shift", 0.0)),
                graded_later=float(e.get("graded_later", 0.0)),
            )
        )
    units = [
        Unit(
            unit_id=f"u-{short}-{number}",
            course_id=course_id,
            title=u["title"],
            title_en=u["title_en"],
            length_ms=round(u["minutes"] * 60_000),
            quiz_exam_id=f"x-{short}-{u['quiz']}" if "quiz" in u else "",
        )
        for number, u in enumerate(data["unit"], 1)
    ]
    course = Course(
        course_id=course_id,
        title=head["title"],
        title_en=head["title_en"],
        audience=head["audience"],
        assigned_at=assigned(head["assigned"]),
        due_at=due(head["due"]),
        credit_minutes=sum(u.length_ms for u in units) // 60_000,
    )
    return Catalogue((course,), tuple(units), tuple(exams), tuple(questions), tuple(points))
