"""Roster and catalogue of a filled store: a province, its cities, counties and branches; twenty courses."""

from __future__ import annotations

from datetime import date

from schemas.reference import (
    Course,
    Exam,
    KnowledgePoint,
    Member,
    Organisation,
    Question,
    ReferenceTables,
    Unit,
)

ROOT = "province"
BRANCH, COUNTY, CITY = 40, 25, 10
"""Members of a branch, branches of a county, counties of a city."""
MOVED = date(2026, 6, 1)


def member(m: int) -> str:
    """Id of member number ``m``."""
    return f"m{m:07d}"


def reference(members: int) -> ReferenceTables:
    """Everything that an import brings. One member of a hundred moves to the next branch on ``MOVED``."""
    branches = -(-members // BRANCH)
    counties = -(-branches // COUNTY)
    cities = -(-counties // CITY)
    orgs = [Organisation(org_id=ROOT, name="省", kind="committee")]
    orgs += [Organisation(org_id=f"city-{i}", parent_id=ROOT, name=f"市 {i}") for i in range(cities)]
    orgs += [Organisation(org_id=f"county-{i}", parent_id=f"city-{i // CITY}", name=f"县 {i}") for i in range(counties)]
    orgs += [
        Organisation(org_id=f"branch-{i}", parent_id=f"county-{i // COUNTY}", name=f"支部 {i}") for i in range(branches)
    ]
    people = []
    for m in range(members):
        here, there = f"branch-{m // BRANCH}", f"branch-{(m // BRANCH + 1) % branches}"
        category = ("student", "retired", "other")[m % 3]
        if m % 100 == 99:
            people.append(Member(member_id=member(m), name="", org_id=here, category=category, valid_to=MOVED))
            people.append(Member(member_id=member(m), name="", org_id=there, category=category, valid_from=MOVED))
        else:
            people.append(Member(member_id=member(m), name="", org_id=here, category=category))
    courses, units, exams, questions, points = [], [], [], [], []
    for c in range(20):
        key = f"{c:02d}"
        courses.append(Course(course_id=f"course-{key}", title=f"课程 {key}"))
        units += [
            Unit(unit_id=f"unit-{key}-{i}", course_id=f"course-{key}", title=f"单元 {i}", length_ms=600_000)
            for i in range(20)
        ]
        exams += [Exam(exam_id=f"exam-{key}-{i}", course_id=f"course-{key}", title=f"考试 {key}-{i}") for i in range(4)]
        points += [KnowledgePoint(knowledge_point_id=f"kp-{key}-{i}", title=f"知识点 {key}-{i}") for i in range(10)]
        for q in range(300):
            paper = (f"exam-{key}-{q // 9}",) if q < 36 else ()
            questions.append(
                Question(
                    question_id=f"q-{key}-{q}",
                    course_id=f"course-{key}",
                    text=f"第 {q} 题：以下说法中正确的是哪一项？",
                    option_a="甲", option_b="乙", option_c="丙", option_d="丁",
                    answer_key="A",
                    exam_ids=paper,
                    knowledge_points=(f"kp-{key}-{q % 10}",),
                )
            )  # fmt: skip
    rows = {
        "organisations": orgs, "members": people, "courses": courses, "units": units, "exams": exams,
        "questions": questions, "knowledge_points": points,
    }  # fmt: skip
    return ReferenceTables(**{k: tuple(v) for k, v in rows.items()}, present=frozenset(rows))  # type: ignore[arg-type]
