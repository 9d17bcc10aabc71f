"""Stored calibrations and thresholds as values, and which answers were rapid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from reports.measures.bkt import DEFAULTS, BktParams
from reports.measures.effort import DEFAULT_MS
from reports.measures.irt import Calibration


@dataclass(frozen=True, slots=True)
class PointParameters:
    """Knowledge tracing of one knowledge point. ``version`` names the calibration, "default" where there is none."""

    params: BktParams = DEFAULTS
    version: str = "default"
    n: int = 0


@dataclass(frozen=True, slots=True)
class Threshold:
    """Frozen threshold of one question in ms; ``version`` 0 is the default of 3 s."""

    ms: float = DEFAULT_MS
    version: int = 0


@dataclass(frozen=True)
class Calibrations:
    """What holds now: item response models by exam, knowledge tracing by point, thresholds by question.

    ``versions`` and ``fingerprints`` are keyed by (kind, subject).
    """

    exams: Mapping[str, Calibration] = field(default_factory=dict)
    points: Mapping[str, PointParameters] = field(default_factory=dict)
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    versions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    fingerprints: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, calibrations: pl.DataFrame, thresholds: pl.DataFrame) -> Calibrations:
        """From the frames of the queries ``calibrations`` and ``thresholds``."""
        exams: dict[str, Calibration] = {}
        points: dict[str, PointParameters] = {}
        versions: dict[tuple[str, str], int] = {}
        fingerprints: dict[tuple[str, str], str] = {}
        for row in calibrations.iter_rows(named=True):
            key = row["kind"], row["subject"]
            versions[key], fingerprints[key] = row["version"], row["fingerprint"]
            stored: dict[str, Any] = json.loads(row["parameters"])
            if row["kind"] == "irt":
                exams[row["subject"]] = Calibration.from_dict(stored)
            else:
                name = version_name(row["subject"], row["version"])
                points[row["subject"]] = PointParameters(BktParams(**stored["params"]), name, row["n"])
        found = {r["question_id"]: Threshold(r["ms"], r["version"]) for r in thresholds.iter_rows(named=True)}
        return cls(exams, points, found, versions, fingerprints)

    def point(self, point_id: str) -> PointParameters:
        """Parameters of a knowledge point, the defaults where it is not calibrated."""
        return self.points.get(point_id, _DEFAULT_POINT)

    def threshold(self, question_id: str) -> Threshold:
        """Threshold of a question, 3 s where it is not frozen yet."""
        return self.thresholds.get(question_id, _DEFAULT_THRESHOLD)


_DEFAULT_POINT = PointParameters()
_DEFAULT_THRESHOLD = Threshold()
NONE = Calibrations()
"""Nothing calibrated yet: defaults everywhere."""


def exam_models(calibrations: pl.DataFrame) -> dict[str, Calibration]:
    """Item response models by exam, from a frame of stored calibrations with at most one version an exam."""
    exams = calibrations.filter(pl.col("kind") == "irt").select("subject", "parameters")
    return {exam: Calibration.from_dict(json.loads(stored)) for exam, stored in exams.iter_rows()}


def version_name(subject: str, version: int) -> str:
    """What a score calls the calibration that it used."""
    return f"{subject}@{version}"


def with_rapid(answers: pl.DataFrame, calibrations: Calibrations) -> pl.DataFrame:
    """``answers`` with ``rapid``: response time below the question's threshold; null where there is no time."""
    known = calibrations.thresholds
    limits = pl.DataFrame(
        {"question_id": list(known), "limit_ms": [t.ms for t in known.values()]},
        schema={"question_id": pl.String, "limit_ms": pl.Float64},
    )
    spent = pl.col("response_ms")
    rapid = pl.when(spent > 0).then(spent < pl.col("limit_ms").fill_null(DEFAULT_MS)).alias("rapid")
    return (
        answers.join(limits, on="question_id", how="left", maintain_order="left").with_columns(rapid).drop("limit_ms")
    )
