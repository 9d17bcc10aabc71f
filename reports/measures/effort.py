"""Effort on questions: which answers were too fast to have been read, and what that does to a score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from reports.measures.arrays import as_floats, ratio
from reports.measures.proportions import Interval, wilson

MEAN_SHARE = 0.10
CAP_MS = 10_000.0
DEFAULT_MS = 3_000.0
MIN_TIMES = 30
SHOW_BOTH_BELOW = 0.90
"""Below this response-time effort scores are shown with and without the rapid answers."""


@dataclass(frozen=True, slots=True)
class RapidThreshold:
    """Below ``ms`` an answer to this question is rapid. ``n`` is how many times it rests on.

    Once its ``source`` is "item_mean" a threshold is kept under its ``version``, so that yesterday's
    verdicts don't change with today's answers.
    """

    question_id: str
    ms: float
    n: int
    source: Literal["item_mean", "default"]
    version: str

    def to_dict(self) -> dict[str, str | float | int]:
        """Plain values for storage."""
        return asdict(self)


def rapid_threshold(question_id: str, times_ms: Iterable[float | None], version: str) -> RapidThreshold:
    """Threshold of one question in milliseconds.

    Formula: T = min(10 % of the mean response time, 10 s) from at least 30 times; before that 3 s. Times
    that are missing or ≤ 0 are not times.
    Source: Wise & Ma 2012, NCME annual meeting (normative threshold NT10); Wise & Kong 2005.
    """
    values = as_floats(t for t in times_ms if t is not None and t > 0)
    if values.size < MIN_TIMES:
        return RapidThreshold(question_id, DEFAULT_MS, int(values.size), "default", version)
    return RapidThreshold(
        question_id, min(MEAN_SHARE * float(values.mean()), CAP_MS), int(values.size), "item_mean", version
    )


def is_rapid(response_ms: float | None, threshold_ms: float) -> bool | None:
    """Whether an answer was rapid: strictly below the threshold. ``None`` when its time is missing or ≤ 0."""
    if response_ms is None or response_ms <= 0:
        return None
    return response_ms < threshold_ms


@dataclass(frozen=True, slots=True)
class Effort:
    """Response-time effort with its Wilson interval, and the share correct with and without rapid answers.

    ``n`` counts answers with a time, ``rapid`` those below their threshold. ``n_all``/``n_kept`` are the
    graded answers behind ``correct_all``/``correct_kept``; an answer without a time is kept.
    """

    n: int
    rapid: int
    rte: float | None
    interval: Interval | None
    n_all: int
    correct_all: float | None
    n_kept: int
    correct_kept: float | None
    show_both: bool


def effort(answers: Sequence[tuple[bool | None, bool | None]], confidence: float = 0.95) -> Effort:
    """Response-time effort of a set of answers, each a pair (rapid, correct); ``None`` is unknown.

    Formula: RTE = share of answers with a time that are not rapid (0..1); ``rte`` is ``None`` when no
    answer has a time. ``show_both`` when RTE < 0.90. A rapid answer is about the answer, not the person:
    it may be a familiar question as well as a guess.
    Source: Wise & Kong 2005, Applied Measurement in Education 18:163–183.
    """
    timed = [rapid for rapid, _ in answers if rapid is not None]
    fast = sum(timed)
    graded = [(rapid, correct) for rapid, correct in answers if correct is not None]
    kept = [correct for rapid, correct in graded if rapid is not True]
    rte = ratio(len(timed) - fast, len(timed))
    return Effort(
        n=len(timed),
        rapid=fast,
        rte=rte,
        interval=wilson(len(timed) - fast, len(timed), confidence),
        n_all=len(graded),
        correct_all=ratio(sum(correct for _, correct in graded), len(graded)),
        n_kept=len(kept),
        correct_kept=ratio(sum(kept), len(kept)),
        show_both=rte is not None and rte < SHOW_BOTH_BELOW,
    )
