"""Study intervals and exam points of 115 students at a circuit simulator, as input of Xuejing.

    python examples/epm.py SOURCE_DIR OUT_DIR
    xuejing analyse OUT_DIR/events.ndjson --roster OUT_DIR --catalogue OUT_DIR --timezone Europe/Rome --out RESULT

Data: Educational Process Mining (UCI Machine Learning Repository, CC BY 4.0) as CSV. activities.csv has one row
an interval, in local time of Genoa; final_grades_1.csv and final_grades_2.csv have the points per question of the
final exam's two dates, which the files do not tell: those below are made up. A laboratory session becomes a
course, an exercise its unit, the session that an exam question is about its knowledge point.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

NAMESPACE = uuid5(NAMESPACE_URL, "https://archive.ics.uci.edu/dataset/346")
ROME = ZoneInfo("Europe/Rome")
EXAMS = {"final-1": datetime(2015, 1, 15, 12, tzinfo=ROME), "final-2": datetime(2015, 2, 12, 12, tzinfo=ROME)}
QUESTION = re.compile(r"ES ((\d)\.\d) ?\((\d+) points\)")
OFF_TASK = {"Other", "Blank"}


def event(kind: str, student: str, course: str, at: datetime, **fields: Any) -> bytes:
    """A wire line. Its id is made from everything it says, so that importing twice changes nothing."""
    body = {"event_type": kind, "member_id": student, "course_id": course, "occurred_at": at.isoformat(), **fields}
    event_id = uuid5(NAMESPACE, json.dumps(body, sort_keys=True))
    return json.dumps({"event_id": str(event_id), **body}).encode() + b"\n"


def study(rows: Iterable[dict[str, str]]) -> Iterator[bytes]:
    """On-task intervals. One of them ends before it begins: it goes out as it is, to be listed as rejected."""
    for row in rows:
        if row["activity"] not in OFF_TASK:
            start, end = (datetime.fromisoformat(row[k]).replace(tzinfo=ROME) for k in ("start_time", "end_time"))
            ms = round((end.timestamp() - start.timestamp()) * 1000)
            active = max(ms - int(row["idle_time_ms"]), 0)
            what = {"unit_id": row["exercise"], "x_activity": row["activity"], "duration_ms": ms, "active_ms": active}
            yield event("study", row["student_id"], f"session-{row['session']}", end, **what)


def answers(exam: str, rows: Iterable[dict[str, str]]) -> Iterator[bytes]:
    """One answer a question, right when it got all points."""
    for row in rows:
        for title, points in row.items():
            if found := QUESTION.fullmatch(title):
                question, score, best = f"{exam}-{found[1]}", float(points), float(found[3])
                marks = {"correct": score == best, "score": score, "max_score": best}
                yield event(
                    "answer", row["Student ID"], "final", EXAMS[exam], exam_id=exam, question_id=question, **marks
                )


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    """A table as `xuejing template` lays it out; columns may be left out."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(), *rows])


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    activities, grades = read(source / "activities.csv"), {e: read(source / f"final_grades_{e[-1]}.csv") for e in EXAMS}
    with (out / "events.ndjson").open("wb") as events:
        events.writelines(study(activities))
        for exam, rows in grades.items():
            events.writelines(answers(exam, rows))
    students = {r["student_id"] for r in activities} | {r["Student ID"] for rows in grades.values() for r in rows}
    units = sorted({(r["exercise"], f"session-{r['session']}", r["exercise"]) for r in activities})
    courses = [*((s, s.replace("-", " ").title()) for s in sorted({u[1] for u in units})), ("final", "Final exam")]
    asked = [(e, found) for e, rows in grades.items() for title in rows[0] if (found := QUESTION.fullmatch(title))]
    questions = [(f"{e}-{q[1]}", "final", e, "text", f"Question {q[1]}", q[3], f"topic-{q[2]}") for e, q in asked]
    exams = [(e, "final", f"Final exam of {at:%Y-%m-%d}") for e, at in EXAMS.items()]
    topics = [(f"topic-{n}", f"Topic of session {n}") for n in sorted({q[2] for _, q in asked})]
    write(out / "organisations.csv", "org_id name kind", [("genoa", "Digital electronics, Genoa", "branch")])
    write(
        out / "members.csv", "member_id org_id category", [(s, "genoa", "student") for s in sorted(students, key=int)]
    )
    write(out / "courses.csv", "course_id title", courses)
    write(out / "units.csv", "unit_id course_id title", units)
    write(out / "exams.csv", "exam_id course_id title", exams)
    write(out / "questions.csv", "question_id course_id exam_ids kind text max_score knowledge_points", questions)
    write(out / "knowledge_points.csv", "knowledge_point_id title", topics)
