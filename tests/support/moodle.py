"""Moodle's published quiz as events: one answer a position, with the marks of each of the 25 attempts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from tests.support.harness import event

EXAM = "quiz"
ITEM_STATISTICS = {
    "facility": "facility", "sd": "sd", "effectiveweight": "effective_weight", "covariance": "covariance",
    "markvariance": "mark_variance", "othermarkvariance": "rest_variance",
    "discriminationindex": "discrimination_index", "covariancemax": "covariance_max",
    "discriminativeefficiency": "efficiency",
}  # fmt: skip
"""Their name → ours."""
TEST_STATISTICS = {
    "median": ("median", 1), "firstattemptsavg": ("mean", 1), "firstattemptscount": ("n", 1),
    "standarddeviation": ("sd", 1), "skewness": ("skewness", 1), "kurtosis": ("kurtosis", 1), "cic": ("alpha", 100),
    "errorratio": ("error_ratio", 100), "standarderror": ("standard_error", 1),
}  # fmt: skip
"""Their name → our name and the factor between them."""


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def members(golden_dir: Path) -> list[str]:
    """Ids of the 25."""
    return [f"m{row['quizattempt']}" for row in _rows(golden_dir / "moodle_quiz/results00.csv")]


def lines(golden_dir: Path) -> list[bytes]:
    """Wire lines; each member's second attempt, all right, must change nothing in statistics of first attempts."""
    found = []
    number = 1
    for row in _rows(golden_dir / "moodle_quiz/results00.csv"):
        for attempt in (1, 2):
            for slot in range(1, 8):
                mark = float(row[f"slots.{slot}.mark"]) if attempt == 1 else 1.0
                fields: dict[str, Any] = {"question_id": f"slot-{slot}", "exam_id": EXAM, "attempt": attempt}
                fields |= {"correct": mark == 1, "score": mark, "max_score": 1, "duration_ms": 20_000}
                at = f"2026-03-0{attempt}T10:{slot:02d}:00+08:00"
                found.append(event(number, "answer", at, member=f"m{row['quizattempt']}", **fields))
                number += 1
    return found


def expected_items(golden_dir: Path) -> list[dict[str, str]]:
    """Published statistics of the seven positions."""
    table = _rows(golden_dir / "moodle_quiz/qstats00.csv")
    return [row for row in table if not row["subqname"] and not row["variant"]]


def expected_test(golden_dir: Path) -> dict[str, float]:
    """Published statistics of the quiz."""
    return {row["stat"]: float(row["value"]) for row in _rows(golden_dir / "moodle_quiz/expected_quizstats00.csv")}
