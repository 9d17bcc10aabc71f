"""New calibrations and thresholds from answers: what `xuejing calibrate` appends. Pure: the time is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from reports.analytics.calibrations import Calibrations, version_name
from reports.analytics.exams import ExamMatrix, exam_matrix
from reports.analytics.practice import Sequences
from reports.catalogue import Catalogue
from reports.measures.bkt_fit import fit as fit_bkt
from reports.measures.effort import MIN_TIMES, rapid_threshold
from reports.measures.irt import calibrate as calibrate_items

METHOD = 1
"""Raise it when a method changes: then everything is calibrated anew, under new versions."""

Row = dict[str, Any]


def new_thresholds(answers: pl.DataFrame, known: Calibrations, generation: int, now: datetime) -> list[Row]:
    """Rows of ``item_thresholds`` for questions that have 30 response times and no frozen threshold yet."""
    timed = answers.filter(pl.col("response_ms") > 0).group_by("question_id").agg(pl.col("response_ms").sort())
    rows = []
    for question, times in timed.sort("question_id").iter_rows():
        if question in known.thresholds or len(times) < MIN_TIMES:
            continue
        found = rapid_threshold(question, times, "1")
        mean = sum(times) / len(times)
        values = {"question_id": question, "version": 1, "ms": found.ms, "n": found.n, "mean_ms": mean}
        rows.append({**values, "frozen_at": now, "generation": generation})
    return rows


def exam_calibrations(
    answers: pl.DataFrame,
    catalogue: Catalogue,
    exams: Iterable[str],
    known: Calibrations,
    generation: int,
    now: datetime,
) -> list[Row]:
    """Rows of ``calibrations`` for exams whose first attempts changed since their last calibration.

    ``answers`` with ``rapid``: rapid ones take no part. An exam with fewer than three questions that 30 members
    answered, some right and some wrong, gives none.
    """
    rows = []
    for exam_id in exams:
        matrix = exam_matrix(answers, catalogue, exam_id)
        digest = _matrix_digest(matrix)
        if known.fingerprints.get(("irt", exam_id)) == digest:
            continue
        version = known.versions.get(("irt", exam_id), 0) + 1
        found = calibrate_items(
            matrix.right,
            matrix.questions,
            version=version_name(exam_id, version),
            calibrated_on=now.date().isoformat(),
        )
        if found is None:
            continue
        seen = int((~np.isnan(matrix.right)).sum())
        rows.append(_row("irt", exam_id, version, found.model, found.n, seen, digest, found.to_dict(), generation, now))
    return rows


def point_calibrations(sequences: Sequences, known: Calibrations, generation: int, now: datetime) -> list[Row]:
    """Rows of ``calibrations`` for knowledge points whose practice changed; rapid answers are left out.

    A point with fewer than 30 members who answered twice gives none: its mastery uses the defaults. So does one
    whose fit did not converge. A guess or slip that ended on its bound is kept: measured on simulated members, the
    default parameters are further from the truth for such points; reports don't print a certainty above 99 %.
    """
    rows = []
    for point, members in sorted(sequences.items()):
        kept = {m: [bool(c) for c, rapid in s if c is not None and rapid is not True] for m, s in members.items()}
        digest = _digest("bkt", point, json.dumps(sorted(kept.items())).encode())
        if known.fingerprints.get(("bkt", point)) == digest:
            continue
        found = fit_bkt([s for _, s in sorted(kept.items())])
        if found.source == "default" or not found.converged:
            continue
        version = known.versions.get(("bkt", point), 0) + 1
        stored = {**asdict(found), "params": found.params.to_dict()}
        n, answered = found.n_sequences, found.n_answers
        rows.append(_row("bkt", point, version, "fitted", n, answered, digest, stored, generation, now))
    return rows


def _row(
    kind: str,
    subject: str,
    version: int,
    model: str,
    n: int,
    answers: int,
    digest: str,
    parameters: Mapping[str, Any],
    generation: int,
    now: datetime,
) -> Row:
    text = json.dumps(parameters, ensure_ascii=False, allow_nan=False)
    return {
        "kind": kind, "subject": subject, "version": version, "calibrated_at": now, "generation": generation,
        "model": model, "n": n, "answers": answers, "fingerprint": digest, "parameters": text,
    }  # fmt: skip


def _digest(kind: str, subject: str, *parts: bytes) -> str:
    found = hashlib.sha256(f"{kind}\0{subject}\0{METHOD}".encode())
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def _matrix_digest(matrix: ExamMatrix) -> str:
    names = json.dumps([matrix.members, matrix.questions]).encode()
    # NaN has many bit patterns; 2 stands for "not administered".
    return _digest("irt", matrix.exam_id, names, np.nan_to_num(matrix.right, nan=2.0).astype(np.int8).tobytes())
