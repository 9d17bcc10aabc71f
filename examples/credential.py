"""A licensure test of 800 examinees, as input of Xuejing: options, right or wrong, seconds; school as branch.

    python examples/credential.py SOURCE_DIR OUT_DIR
    xuejing analyse OUT_DIR/events.ndjson --roster OUT_DIR --catalogue OUT_DIR --timezone UTC --out RESULT

Data: responses.csv, the credential data of Cizek & Wollack (2016) as in the R package LNIRT. Items 1-170 are the
exam; everybody also tried out one of three sets of ten further items, which become exams of their own. The file
has no dates: here all examinees begin at 09:00 UTC of one day and answer in the order of the items.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

NAMESPACE = uuid5(NAMESPACE_URL, "https://cran.r-project.org/package=LNIRT#CredentialForm1")
BEGIN = datetime(2014, 6, 2, 9, tzinfo=UTC)
SCORED, ITEMS = 170, 200


def answers(row: dict[str, str]) -> Iterator[dict[str, Any]]:
    """One examinee's answers. An item without a mark was not shown; one without an option is marked wrong."""
    at = BEGIN
    for item in range(1, ITEMS + 1):
        mark, option, seconds = row[f"iraw.{item}"], row[f"iresp.{item}"], row[f"idur.{item}"]
        if mark:
            at += timedelta(seconds=float(seconds or 0))
            exam = "exam" if item <= SCORED else f"try-out-{float(row['Pretest']):.0f}"
            body: dict[str, Any] = {"event_type": "answer", "member_id": row["EID"], "course_id": "licensure"}
            body |= {"occurred_at": at.isoformat(), "exam_id": exam, "question_id": f"item-{item}"}
            body["correct"] = float(mark) == 1
            if option:
                body["response"] = "ABCD"[int(float(option)) - 1]
            if seconds:
                body["duration_ms"] = round(float(seconds) * 1000)
            # The id is made from everything the event says, so that importing twice changes nothing.
            yield {"event_id": str(uuid5(NAMESPACE, json.dumps(body, sort_keys=True))), **body}


def school(row: dict[str, str]) -> str:
    """The branch of an examinee."""
    return f"school-{float(row['School_ID']):.0f}" if row["School_ID"] else "unknown"


def write(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    """A table as `xuejing template` lays it out; columns may be left out."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(), *rows])


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    with (source / "responses.csv").open(encoding="utf-8-sig", newline="") as file:
        examinees = list(csv.DictReader(file))
    exams: dict[str, str] = {}
    keys: dict[str, str] = {}
    with (out / "events.ndjson").open("w", encoding="utf-8") as events:
        for body in (answer for row in examinees for answer in answers(row)):
            events.write(json.dumps(body) + "\n")
            exams[body["question_id"]] = body["exam_id"]
            if body["correct"]:
                keys[body["question_id"]] = body["response"]
    schools = [(s, "board", s.replace("-", " ").title(), "branch") for s in sorted(set(map(school, examinees)))]
    questions = [(q, "licensure", e, "single", q.replace("-", " ").title(), keys.get(q)) for q, e in exams.items()]
    titles = [(e, "licensure", f"Licensure {e.replace('-', ' ')}") for e in sorted(set(exams.values()))]
    write(out / "organisations.csv", "org_id parent_id name kind", [("board", "", "Board", "committee"), *schools])
    write(out / "members.csv", "member_id org_id category", [(r["EID"], school(r), "other") for r in examinees])
    write(out / "courses.csv", "course_id title", [("licensure", "Licensure test")])
    write(out / "exams.csv", "exam_id course_id title", titles)
    write(out / "questions.csv", "question_id course_id exam_ids kind text answer_key", questions)
