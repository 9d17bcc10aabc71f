"""Analytics from events: published quiz statistics through the pipeline, and what each result must and must not say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from reports.analytics import of_competence, of_credit, of_families, of_groups, of_map, of_members
from reports.analytics.advice import branch_topics, exam_advice
from reports.analytics.attitude import passed_exams
from reports.analytics.calibrating import exam_calibrations, new_thresholds, point_calibrations
from reports.analytics.calibrations import NONE, Calibrations, Threshold, exam_models, with_rapid
from reports.analytics.computed import COMPUTED
from reports.analytics.effects import efforts, gains
from reports.analytics.exams import abilities, analyse_exam, exam_ids, exam_matrix
from reports.analytics.groups import compare_means, compare_shares, withheld
from reports.analytics.practice import books, point_masteries, practice_sequences
from reports.catalogue import Catalogue
from reports.measures.irt import Calibration, ItemParameters
from reports.measures.irt_drift import LARGE_SHIFT
from schemas.metrics import METRICS
from schemas.reference import Exam, Question
from sinks.read import QUERIES
from sinks.read.reader import DTYPES
from tests.support import moodle
from tests.support.frames import answers_frame
from tests.support.harness import Harness, event, small_roster

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def frame(lines: list[bytes], members: tuple[str, ...] = ("m1", "m2")) -> pl.DataFrame:
    harness = Harness(rosters=small_roster(members))
    harness.send(*([line] for line in lines))
    return with_rapid(answers_frame(harness.sink), NONE)


def test_moodle_quiz_statistics_through_the_pipeline(golden_dir: Path) -> None:
    answers = frame(moodle.lines(golden_dir), tuple(moodle.members(golden_dir)))
    matrix = exam_matrix(answers, Catalogue(), moodle.EXAM)
    found = analyse_exam(matrix, Catalogue()).classical
    expected = moodle.expected_items(golden_dir)
    assert len(expected) == len(found.items) == 7
    for item, row in zip(found.items, expected, strict=True):
        assert (item.item_id, item.n) == (f"slot-{row['slot']}", 25)
        for theirs, ours in moodle.ITEM_STATISTICS.items():
            assert getattr(item, ours) == pytest.approx(float(row[theirs]), rel=1e-5), (row["slot"], theirs)
    published = moodle.expected_test(golden_dir)
    for theirs, (ours, factor) in moodle.TEST_STATISTICS.items():
        assert factor * getattr(found.test, ours) == pytest.approx(published[theirs], rel=1.5e-5), theirs


def answer(n: int, member: str, question: str, correct: bool | None, **fields: Any) -> bytes:
    at = fields.pop("at", f"2026-03-02T10:{n % 60:02d}:00+08:00")
    return event(n, "answer", at, member=member, question_id=question, correct=correct, **fields)


PAPER = Catalogue.of(
    exams=[Exam(exam_id="e", course_id="c1", title="E")],
    questions=[
        Question(question_id=q, course_id="c1", exam_ids=("e",), text=q, answer_key="A", max_score=2.0, kind="single")
        for q in ("q1", "q2", "q3")
    ],
)


def test_a_question_left_out_counts_zero_and_takes_no_part_in_a_calibration() -> None:
    answers = frame(
        [
            answer(1, "m1", "q1", True, exam_id="e", score=5, max_score=10, duration_ms=20_000, response="A"),
            answer(2, "m1", "q2", False, exam_id="e", duration_ms=500),
            answer(3, "m2", "q1", None, exam_id="e"),
            answer(4, "m2", "q9", True, exam_id="e"),
        ]
    )
    matrix = exam_matrix(answers, PAPER, "e")
    assert matrix.questions == ("q1", "q2", "q3", "q9")
    assert matrix.tops == (2.0, 2.0, 2.0, 1.0)
    nan = np.nan
    # A paper of ten points elsewhere is two here; not graded is unknown; q9 was not on the first one's paper.
    assert np.array_equal(matrix.marks, [[1.0, 0, 0, nan], [nan, 0, 0, 1]], equal_nan=True)
    assert np.array_equal(matrix.right, [[1.0, nan, nan, nan], [nan, nan, nan, 1]], equal_nan=True)


def test_rapid_needs_a_time_and_uses_the_frozen_threshold() -> None:
    answers = frame([answer(n, "m1", f"q{n}", True, duration_ms=ms) for n, ms in enumerate((2999, 3000, 4000, 0), 1)])
    assert answers.sort("question_id")["rapid"].to_list() == [True, False, False, None]
    known = Calibrations(thresholds={"q3": Threshold(4001.0, 1), "q1": Threshold(2999.0, 1)})
    assert with_rapid(answers.drop("rapid"), known).sort("question_id")["rapid"].to_list() == [False, False, True, None]


def exam_answers(members: int, questions: int, seed: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    ability, difficulty = rng.normal(size=members), rng.normal(size=questions)
    out = []
    for i in range(members):
        for j in range(questions):
            right = bool(rng.random() < 1 / (1 + np.exp(difficulty[j] - ability[i])))
            n = i * questions + j + 1
            out.append(answer(n, f"m{i}", f"q{j}", right, exam_id="e", duration_ms=30_000))
    return out


def test_calibrations_are_versioned_and_change_only_with_the_answers() -> None:
    members = tuple(f"m{i}" for i in range(60))
    lines = exam_answers(60, 6, seed=1)
    answers = frame(lines, members)
    assert exam_ids(answers) == ["e"]
    (row,) = exam_calibrations(answers, Catalogue(), ["e"], NONE, 1, NOW)
    assert (row["kind"], row["subject"], row["version"], row["model"], row["n"]) == ("irt", "e", 1, "rasch", 60)
    known = Calibrations.of(pl.DataFrame([row]), pl.DataFrame(schema={"question_id": pl.String}))
    assert exam_calibrations(answers, Catalogue(), ["e"], known, 1, NOW) == []
    fewer = answers.filter(pl.col("member_id") != "m7")
    (again,) = exam_calibrations(fewer, Catalogue(), ["e"], known, 1, NOW)
    assert again["version"] == 2
    scores = abilities(exam_matrix(answers, Catalogue(), "e"), known.exams["e"])
    assert len(scores) == 60
    assert {s.calibration for s in scores.values()} == {"e@1"}


def calibration(version: str, difficulties: list[float]) -> Calibration:
    items = tuple(ItemParameters(f"q{j}", 400, 1.2, b, 0.1, 0.1, "estimated") for j, b in enumerate(difficulties))
    return Calibration(version, "2026-03-09", 400, "2pl", None, -1.0, 4, True, items)


def test_the_author_learns_which_question_drifted_since_the_calibration_before() -> None:
    members = tuple(f"m{i}" for i in range(40))
    matrix = exam_matrix(frame(exam_answers(40, 6, seed=3), members), Catalogue(), "e")
    easy = [-1.0, -0.5, 0.0, 0.5, 1.0, 0.2]
    before = calibration("e@3", easy)
    # Better members make all questions look easier by the same; q4 alone became harder against the others.
    now = calibration("e@4", [b - 0.6 + (0.9 if j == 4 else 0) for j, b in enumerate(easy)])
    found = analyse_exam(matrix, Catalogue(), now, before)
    assert found.drift_from == "e@3"
    assert {q for q, d in found.drift.items() if d.drifted} == {"q4"}
    assert found.drift["q4"].shift == pytest.approx(0.9)
    told = [s for s in exam_advice(found) if any(f.reason == "drifted" for f in s.findings)]
    assert [s.subject for s in told] == ["q4"]
    (evidence,) = (e for f in told[0].findings if f.reason == "drifted" for e in f.evidence)
    assert (evidence.metric, evidence.n, evidence.detail) == ("item_drift", 40, "e@3")
    assert evidence.low == pytest.approx(0.9 - 1.96 * 0.1 * 2**0.5)
    first = analyse_exam(matrix, Catalogue(), now)
    assert (first.drift, first.drift_from) == ({}, "")
    other = calibration("e@2", easy[:3])
    assert analyse_exam(matrix, Catalogue(), now, other).drift_from == "", "three common questions make no link"


def test_a_leaked_question_drifts_between_two_stored_calibrations_even_with_shared_members() -> None:
    members = tuple(f"m{i}" for i in range(500))
    every = frame(exam_answers(500, 8, seed=5), members)
    early = pl.col("member_id").is_in(list(members[:250]))
    first = every.filter(early)
    # Whoever comes later knows q2's answer.
    leaked = pl.when((pl.col("question_id") == "q2") & ~early).then(True).otherwise("correct")
    second = every.with_columns(leaked.alias("correct"))
    (one,) = exam_calibrations(first, Catalogue(), ["e"], NONE, 1, NOW)
    known = Calibrations.of(pl.DataFrame([one]), pl.DataFrame(schema={"question_id": pl.String}))
    (two,) = exam_calibrations(second, Catalogue(), ["e"], known, 1, NOW)
    before, now = exam_models(pl.DataFrame([one]))["e"], exam_models(pl.DataFrame([two]))["e"]
    found = analyse_exam(exam_matrix(second, Catalogue(), "e"), Catalogue(), now, before)
    assert found.drift_from == "e@1"
    assert [q for q, d in found.drift.items() if d.drifted] == ["q2"]
    assert found.drift["q2"].shift < -LARGE_SHIFT
    assert [s.subject for s in exam_advice(found) if any(f.reason == "drifted" for f in s.findings)] == ["q2"]


def test_thresholds_are_frozen_once_there_are_thirty_times() -> None:
    members = tuple(f"m{i}" for i in range(30))
    lines = [answer(i + 1, m, "q1", True, duration_ms=20_000 + i) for i, m in enumerate(members)]
    assert new_thresholds(frame(lines[:29], members), NONE, 1, NOW) == []
    (row,) = new_thresholds(frame(lines, members), NONE, 1, NOW)
    assert (row["question_id"], row["version"], row["n"]) == ("q1", 1, 30)
    assert row["ms"] == pytest.approx(2001.45)
    known = Calibrations(thresholds={"q1": Threshold(row["ms"], 1)})
    assert new_thresholds(frame(lines, members), known, 1, NOW) == []


def test_mastery_comes_from_practice_and_says_what_it_used() -> None:
    points = {"knowledge_points": ["k"]}
    lines = [answer(n, "m1", f"q{n}", True, duration_ms=1000 if n < 3 else 9000, **points) for n in range(1, 6)]
    lines.append(answer(9, "m1", "q9", False, exam_id="e", **points))
    sequences = practice_sequences(frame(lines), Catalogue())
    assert sequences == {"k": {"m1": [(True, True), (True, True), (True, False), (True, False), (True, False)]}}
    (found,) = point_masteries(sequences, NONE)
    assert (found.mastery.n, found.mastery.n_kept, found.parameters.version) == (5, 3, "default")
    assert found.mastery.p is not None
    assert found.mastery.p_without_rapid is not None
    assert found.mastery.p > found.mastery.p_without_rapid
    assert point_calibrations(sequences, NONE, 1, NOW) == []


def test_effort_with_and_without_rapid_answers() -> None:
    lines = [answer(n, "m1", f"q{n}", n < 4, exam_id="e", duration_ms=500 if n < 3 else 9000) for n in range(1, 7)]
    found = efforts(frame(lines), "member_id", "exam_id")
    (e,) = found.values()
    assert list(found) == [("m1", "e")]
    assert (e.n, e.rapid, e.correct_all, e.correct_kept, e.show_both) == (6, 2, 0.5, 0.25, True)


def test_gain_compares_first_and_last_attempt_of_the_whole_paper() -> None:
    lines = [answer(1, "m1", "q1", True, exam_id="e", score=2, max_score=2)]
    lines += [answer(n, "m1", f"q{n - 1}", True, exam_id="e", attempt=2, score=2, max_score=2) for n in (2, 3)]
    lines.append(answer(4, "m2", "q1", True, exam_id="e", score=2, max_score=2))
    found = gains(frame(lines), PAPER)
    (one,) = found.members
    assert (one.member_id, one.attempts) == ("m1", 2)
    assert (one.pre, one.post, one.change) == pytest.approx((1 / 3, 2 / 3, 0.5))
    assert found.groups["e"].gain == pytest.approx(0.5)


def test_an_exam_is_passed_from_the_share_that_is_set() -> None:
    lines = [answer(n, "m1", q, q != "q3", exam_id="e") for n, q in enumerate(("q1", "q2", "q3"), 1)]
    lines.append(answer(9, "m2", "q1", True, exam_id="e", score=2, max_score=2))
    answers = frame(lines)
    assert passed_exams(answers, PAPER, 0.6) == {("m1", "e")}
    assert passed_exams(answers, PAPER, 2 / 3) == {("m1", "e")}, "exactly the mark is enough"
    assert passed_exams(answers, PAPER, 0.7) == frozenset()
    assert passed_exams(answers, PAPER, 0.3) == {("m1", "e"), ("m2", "e")}


def test_books_need_two_days_and_no_rapid_answers() -> None:
    lines = [
        answer(1, "m1", "q1", False, duration_ms=9000, response="B"),
        answer(2, "m1", "q1", True, duration_ms=9000, at="2026-03-03T10:00:00+08:00"),
        answer(3, "m1", "q1", True, duration_ms=900, at="2026-03-04T10:00:00+08:00"),
        answer(4, "m1", "q1", True, duration_ms=9000, at="2026-03-05T10:00:00+08:00"),
        answer(5, "m1", "q2", True, duration_ms=9000),
    ]
    book = books(frame(lines))["m1"]
    assert list(book) == ["q1"]
    assert book["q1"].state == "resolved"
    assert books(frame(lines[:3]))["m1"]["q1"].is_open


def test_small_branches_show_nothing_and_cannot_be_worked_out() -> None:
    sizes = {"a": 20, "b": 3, "c": 12}
    assert withheld(sizes) == {"b", "c"}  # hiding b alone would leave it as the rest of the total
    shares = compare_shares({"a": (18, 20), "b": (0, 3), "c": (6, 12)})
    by_org = {b.org_id: b for b in shares.branches}
    assert by_org["b"].withheld
    assert by_org["b"].x is by_org["b"].share is by_org["b"].interval is by_org["b"].point is None
    assert by_org["a"].share == 0.9
    assert shares.p0 == pytest.approx(24 / 35)
    means = compare_means({"a": [0.5] * 10 + [0.7] * 10, "b": [0.1] * 3, "c": [0.2] * 12})
    assert [b.shrunk is None for b in means.branches] == [False, True, True]
    assert compare_shares({"b": (1, 3)}).p0 is None


def test_topics_are_judged_by_members_first_answers_and_against_the_others() -> None:
    members = tuple(f"m{i:02d}" for i in range(40))
    lines = []
    for i, m in enumerate(members):
        wrong = i < 9 or i >= 38
        fields = {"knowledge_points": ["k"], "duration_ms": 9000}
        lines.append(answer(2 * i + 1, m, "q1", not wrong, at="2026-03-02T10:00:00+08:00", **fields))
        lines.append(answer(2 * i + 2, m, "q2", True, at="2026-03-02T11:00:00+08:00", **fields))
    groups = {"x": frozenset(members[:10]), "y": frozenset(members[10:])}
    found = branch_topics(frame(lines, members), groups, Catalogue())
    assert [s.subject for s in found["x"]] == ["k"]
    assert found["x"][0].evidence[0].value == pytest.approx(0.9)
    assert found["x"][0].evidence[1].value == pytest.approx(2 / 30)
    assert found["y"] == []


def test_computed_queries_are_declared_like_the_others() -> None:
    assert not COMPUTED.keys() & QUERIES.keys()
    modules = (of_members, of_groups, of_credit, of_competence, of_families, of_map)
    assert COMPUTED.keys() == {name for module in modules for name in module.ANSWERS}
    for query in COMPUTED.values():
        assert len(set(query.names)) == len(query.names)
        for column in query.columns:
            assert column.type in DTYPES
            assert column.description.zh
            assert column.description.en
    assert "aggregate" not in COMPUTED["mastery"].details
    assert len(METRICS) > 70
