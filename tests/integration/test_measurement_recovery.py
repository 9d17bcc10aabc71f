"""What was true of a simulated organisation against what its events give, through the pipeline and the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from commands.calibrate import run_calibration
from producers.simulate.files import write_simulation
from producers.simulate.scenario import scaled_scenario
from producers.simulate.truth import Truth
from reports.analytics.computed import COMPUTED
from sinks.client import Store
from sinks.read import Reader, Scope
from tests.support.engine import EVERY
from tests.support.loaded import load_folder


@dataclass(frozen=True)
class Recovered:
    """The truth, and the frames of the queries by name."""

    truth: Truth
    frames: dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def recovered(engine_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recovered]:
    folder: Path = tmp_path_factory.mktemp("simulated")
    truth = write_simulation(scaled_scenario(300, 10, 21, seed=2), folder)
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    load_folder(engine_store, folder, "Asia/Shanghai")
    run_calibration(engine_store)
    reader, everything = Reader(engine_store), Scope.everything()
    frames = {n: COMPUTED[n].frame(reader, everything) for n in ("items", "ability", "mastery", "effort")}
    yield Recovered(truth, {**frames, "member-day": reader.frame("member-day", everything)})
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")


def correlation(x: Any, y: Any) -> float:
    return float(np.corrcoef(np.asarray(x, float), np.asarray(y, float))[0, 1])


def test_study_time_is_exact(recovered: Recovered) -> None:
    days = recovered.frames["member-day"].select(
        "member_id", "course_id", pl.col("day").cast(pl.String), "study_seconds"
    )
    got = {(m, c, d): round(s * 1000) for m, c, d, s in days.iter_rows() if s}
    truth = recovered.truth
    expected = {(m, "", d): ms for m, by_day in truth["study_ms"].items() for d, ms in by_day.items()}
    for member, courses in truth["study_ms_by_course"].items():
        expected |= {(member, c, d): ms for c, by_day in courses.items() for d, ms in by_day.items()}
    assert len(expected) > 5000
    assert got == expected


def test_difficulty_and_discrimination(recovered: Recovered) -> None:
    items = recovered.frames["items"].filter((pl.col("model") == "2pl") & (pl.col("status") == "estimated"))
    true = [recovered.truth["items"][q] for q in items["question_id"]]
    b, a = np.array([t["b"] for t in true]), np.array([t["a"] for t in true])
    assert items.height > 60
    assert correlation(items["b"], b) > 0.9
    assert correlation(items["a"], a) > 0.6
    covered_b = np.abs(items["b"].to_numpy() - b) < 1.96 * items["se_b"].to_numpy()
    covered_a = np.abs(items["a"].to_numpy() - a) < 1.96 * items["se_a"].to_numpy()
    assert 0.93 <= np.mean([covered_b, covered_a]) <= 0.97


def test_ability(recovered: Recovered) -> None:
    scores = recovered.frames["ability"]
    true = np.array([recovered.truth["members"][m]["ability"] for m in scores["member_id"]])
    covered = (scores["low"].to_numpy() < true) & (true < scores["high"].to_numpy())
    assert scores.height > 1000
    assert 0.93 <= covered.mean() <= 0.97
    long = scores.filter(pl.col("questions") >= 17)
    assert correlation(long["ability"], [recovered.truth["members"][m]["ability"] for m in long["member_id"]]) > 0.8


def test_mastery_is_calibrated(recovered: Recovered) -> None:
    found = recovered.frames["mastery"].filter(pl.col("mastery_kept").is_not_null())
    pairs = zip(found["member_id"], found["knowledge_point"], strict=True)
    true = np.array([recovered.truth["members"][m]["mastery"][k] for m, k in pairs], float)
    p = found["mastery_kept"].to_numpy()
    assert found.height > 1000
    assert abs(p.mean() - true.mean()) < 0.02
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.01)):
        group = (p >= low) & (p < high)
        assert group.sum() > 50
        assert abs(p[group].mean() - true[group].mean()) < 0.08, low
    # Without the rapid guesses the probabilities are nearer to the truth than with them.
    assert np.mean((p - true) ** 2) < np.mean((found["mastery"].to_numpy() - true) ** 2)
    assert true[found["mastered"].to_numpy()].mean() > 0.95


def test_rapid_guesses_are_found(recovered: Recovered) -> None:
    found = recovered.frames["effort"].group_by("member_id").agg(pl.col("rapid_answers", "timed_answers").sum())
    found = found.filter(pl.col("timed_answers") >= 50)
    rate = found["rapid_answers"] / found["timed_answers"]
    true = np.array([recovered.truth["members"][m]["rapid_rate"] for m in found["member_id"]])
    assert correlation(rate, true) > 0.9
    assert abs(float((rate - true).mean() or 0)) < 0.005
