"""Measurement on the real engine: published quiz statistics as events, calibrations, explanations, scopes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commands.calibrate import run_calibration
from commands.explain import answers_of, study_of
from commands.explaining import Unexplained
from reports.analytics.computed import COMPUTED
from schemas.errors import InputError
from schemas.reference import Course, Exam, Member, Organisation, Question, ReferenceTables
from schemas.tables import CALIBRATIONS, ITEM_THRESHOLDS, MEMBER_DAY
from sinks.client import Store
from sinks.read import Filters, QueryError, Reader, Scope, ScopeError
from tests.support import moodle
from tests.support.engine import rows
from tests.support.harness import event, uid
from tests.support.loaded import load

ZONE = "Asia/Shanghai"
EVERYTHING = Scope.everything()


def college(*members: str, org: str = "b1") -> dict[str, Any]:
    return {
        "organisations": [Organisation(org_id="top", name="Top"), Organisation(org_id=org, parent_id="top", name=org)],
        "members": [Member(member_id=m, name=m, org_id=org) for m in members],
    }


def computed(store: Store, name: str, scope: Scope = EVERYTHING, **filters: Any) -> pl.DataFrame:
    return COMPUTED[name].frame(Reader(store), scope, Filters(**filters))


def test_moodle_quiz_statistics_as_events(store: Store, golden_dir: Path) -> None:
    load(store, moodle.lines(golden_dir), ReferenceTables(**college(*moodle.members(golden_dir))), ZONE)
    items = computed(store, "items", exam=moodle.EXAM).to_dicts()
    expected = moodle.expected_items(golden_dir)
    assert len(items) == len(expected) == 7
    for item, row in zip(items, expected, strict=True):
        for theirs, ours in moodle.ITEM_STATISTICS.items():
            assert item[ours] == pytest.approx(float(row[theirs]), rel=1e-5), (row["slot"], theirs)
    (test,) = computed(store, "tests", exam=moodle.EXAM).to_dicts()
    published = moodle.expected_test(golden_dir)
    for theirs, (ours, factor) in moodle.TEST_STATISTICS.items():
        assert factor * test[ours] == pytest.approx(published[theirs], rel=1.5e-5), theirs


def exam_lines(members: int, questions: int) -> list[bytes]:
    """Right answers in a pattern that has spread in members and questions; everybody practises and studies too."""
    found, number = [], 1
    for i in range(members):
        for j in range(questions):
            right = (7 * i + 3 * j) % 11 < 3 + (i % 5) + (j % 3)
            fields: dict[str, Any] = {"question_id": f"q{j}", "correct": right, "duration_ms": 20_000 + 100 * i}
            fields["response"] = "A" if right else "BCD"[(i + j) % 3]
            at = f"2026-03-02T10:{j:02d}:00+08:00"
            found.append(event(number, "answer", at, member=f"m{i}", exam_id="e", **fields))
            number += 1
        for day in (3, 4, 5):
            at = f"2026-03-0{day}T20:00:00+08:00"
            fields = {"question_id": "q0", "knowledge_points": ["k"], "correct": (i + day) % 3 > 0}
            found.append(event(number, "answer", at, member=f"m{i}", duration_ms=20_000, **fields))
            found.append(event(number + 1, "study", at, member=f"m{i}", duration_ms=600_000, unit_id="u"))
            number += 2
    return found


@pytest.fixture
def examined(store: Store) -> Store:
    members = [f"m{i}" for i in range(45)]
    tables = college(*members[:40])
    tables["organisations"].append(Organisation(org_id="b2", parent_id="top", name="b2"))
    tables["members"] += [Member(member_id=m, name=m, org_id="b2") for m in members[40:43]]
    tables["organisations"].append(Organisation(org_id="b3", parent_id="top", name="b3"))
    tables["members"] += [Member(member_id=m, name=m, org_id="b3") for m in members[43:]]
    assigned, due = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
    reference = ReferenceTables(
        **tables,
        courses=[
            Course(course_id="c1", title="One", assigned_at=assigned, due_at=due),
            Course(course_id="c2", title="Two", assigned_at=assigned, due_at=due),
        ],
        exams=[Exam(exam_id="e", course_id="c1", title="E")],
        questions=[
            Question(
                question_id=f"q{j}", course_id="c1", exam_ids=("e",), text=f"q{j}?", kind="single", answer_key="A",
                option_a="a", option_b="b", option_c="c", option_d="d", knowledge_points=("k",),
            )
            for j in range(6)
        ],
    )  # fmt: skip
    load(store, exam_lines(45, 6), reference, ZONE)
    return store


def test_calibrations_are_stored_once_and_named_by_scores(examined: Store) -> None:
    assert computed(examined, "ability").is_empty()
    first = run_calibration(examined)
    assert (first.thresholds, first.exams, first.points, first.of_exams) == (6, 1, 1, 1)
    again = run_calibration(examined)
    assert (again.thresholds, again.exams, again.points) == (0, 0, 0)
    stored = rows(examined, CALIBRATIONS)
    assert [(r["kind"], r["subject"], r["version"], r["n"]) for r in stored] == [
        ("bkt", "k", 1, 45),
        ("irt", "e", 1, 45),
    ]
    assert all(r["ms"] == pytest.approx(r["mean_ms"] / 10) for r in rows(examined, ITEM_THRESHOLDS))
    scores = computed(examined, "ability", exam="e")
    assert scores.height == 45
    assert set(scores["calibration"]) == {"e@1"}
    items = computed(examined, "items", exam="e")
    assert set(items["calibration"]) == {"e@1"}
    assert items["b"].null_count() == 0
    assert set(computed(examined, "mastery", member="m1")["calibration"]) == {"k@1"}
    with pytest.raises(InputError, match="no answers"):
        run_calibration(examined, exam="unknown")


def test_new_answers_make_a_new_version_and_leave_thresholds_alone(examined: Store) -> None:
    run_calibration(examined)
    frozen = rows(examined, ITEM_THRESHOLDS)
    line = event(90_000, "answer", "2026-03-02T12:00:00+08:00", member="m1", question_id="q1", exam_id="e",
                 correct=True, duration_ms=90_000)  # fmt: skip
    load(examined, [line], ReferenceTables(), ZONE)
    done = run_calibration(examined, exam="e")
    assert (done.thresholds, done.exams, done.points) == (0, 1, 0)
    assert rows(examined, ITEM_THRESHOLDS) == frozen
    assert set(computed(examined, "ability")["calibration"]) == {"e@2"}


def test_items_and_suggestions_tell_what_drifted_since_the_stored_calibration_before(examined: Store) -> None:
    run_calibration(examined, exam="e")
    assert computed(examined, "items", exam="e")["drift"].null_count() == 6, "nothing to compare with yet"
    (stored,) = rows(examined, CALIBRATIONS)
    for version, moved in ((2, 0.0), (3, 2.0)):
        fitted = json.loads(stored["parameters"])
        for item in fitted["items"]:
            # As if many members were behind it; all look easier by the same, and q2 harder against the others.
            item["se_b"] = 0.1
            item["b"] += -0.1 * version + moved * (item["item_id"] == "q2")
        row = {**stored, "version": version, "parameters": json.dumps({**fitted, "version": f"e@{version}"})}
        examined.insert(CALIBRATIONS.name, CALIBRATIONS.rows([row]))
        items = {r["question_id"]: r for r in computed(examined, "items", exam="e").to_dicts()}
        assert {r["drift_from_version"] for r in items.values()} == {f"e@{version - 1}"}
        assert [q for q, r in items.items() if r["drifted"]] == (["q2"] if moved else [])
    assert items["q2"]["drift"] == pytest.approx(2.0)
    assert items["q2"]["drift_p"] < 0.001
    told = computed(examined, "suggestions", exam="e").filter(pl.col("reasons").list.contains("drifted"))
    assert told["subject"].to_list() == ["q2"]
    assert any("item_drift = 2, n = 45" in e and e.endswith("e@2") for e in told["evidence"][0])


def test_every_computed_query_keeps_to_its_scope(examined: Store) -> None:
    run_calibration(examined)
    reader = Reader(examined)
    for query in COMPUTED.values():
        for scope in (EVERYTHING, Scope("b2", "named"), Scope.own("m41"), Scope("top", "aggregate")):
            if scope.detail not in query.details:
                with pytest.raises(ScopeError):
                    query.frame(reader, scope)
                continue
            found = query.frame(reader, scope)
            assert found.columns == query.names
            members = set(found["member_id"]) - {""} if "member_id" in found.columns else set()
            if scope.detail == "own":
                assert members <= {"m41"}, query.name
            if scope.node == "b2":
                assert members <= {"m40", "m41", "m42"}, query.name
            if scope.detail == "aggregate":
                assert not members, query.name
                assert not any("m4" in text for text in json.dumps(found.to_dicts(), default=str).split('"')), (
                    query.name
                )
    with pytest.raises(QueryError):
        COMPUTED["metrics"].frame(reader, EVERYTHING, Filters(member="m1"))


def test_small_branches_are_withheld(examined: Store) -> None:
    found = {r["org_id"]: r for r in computed(examined, "branches", exam="e").to_dicts()}
    assert {org: r["withheld"] for org, r in found.items()} == {"b1": False, "b2": True, "b3": True}
    assert found["b1"]["participation"] == 1.0
    for name in ("participants", "participation", "low", "scored", "mean", "shrunk_mean", "p_above", "funnel"):
        assert found["b2"][name] is None, name


def test_attitude_of_a_course_and_of_one_never_begun(examined: Store) -> None:
    found = {r["course_id"]: r for r in computed(examined, "attitude", member="m1").to_dicts()}
    assert set(found) == {"", "c1", "c2"}
    one = found["c1"]
    assert (one["study_seconds"], one["active_days"], one["started"]) == (1800, 3, True)
    assert one["start_lag"] == pytest.approx((1 + 2 / 24) / 10, abs=1e-3)  # the first answer, on 2 March at 10:00
    assert one["hour_consistency"] == pytest.approx(1)
    # Read in the middle of the term there is still time, at its end there is not.
    middle = computed(examined, "attitude", member="m1", last=date(2026, 3, 6), first=date(2026, 3, 1))
    assert middle.filter(pl.col("course_id") == "c2")["started"].to_list() == [None]
    assert (found["c2"]["start_lag"], found["c2"]["started"]) == (1.0, False)


def test_explanations_equal_the_store_or_say_that_they_do_not(examined: Store) -> None:
    found, _ = study_of(examined, "m1", date(2026, 3, 3))
    assert (found.study_ms, len(found.intervals)) == (600_000, 1)
    lines, _ = answers_of(examined, "m1", "q0")
    assert [line.counted for line in lines] == [True] * 4
    with pytest.raises(InputError, match="no event"):
        study_of(examined, "nobody", date(2026, 3, 3))
    row = next(
        r for r in rows(examined, MEMBER_DAY) if r["member_id"] == "m1" and r["course_id"] == "" and r["study_ms"]
    )
    examined.insert(MEMBER_DAY.name, MEMBER_DAY.rows([{**row, "study_ms": 1, "version": row["version"] + 1}]))
    with pytest.raises(Unexplained, match="reconcile"):
        study_of(examined, "m1", row["day"])


def test_repeated_deliveries_are_shown(store: Store) -> None:
    line = event(1, "study", "2026-03-02T10:00:00+08:00", duration_ms=600_000)
    load(store, [line, line, line], ReferenceTables(**college("m1")), ZONE)
    found, _ = study_of(store, "m1", date(2026, 3, 2))
    assert [(x.event_id, x.repeats) for x in found.intervals] == [(uid(1), 2)]
