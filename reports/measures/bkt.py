"""Bayesian knowledge tracing: is a knowledge point mastered, given the answers to its questions in order?

Model (two hidden states, no forgetting): L0 knows it at first, T learns it at each answer, S slips when
knowing, G guesses right when not knowing. Source: Corbett & Anderson 1995, User Modeling and User-Adapted
Interaction 4:253–278.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from reports.measures.errors import MeasureError

MASTERED_AT = 0.95


@dataclass(frozen=True, slots=True)
class BktParams:
    """Four probabilities; G and S below 0.5, else "knows" would mean "answers wrongly more often".

    Source of the bound: Baker, Corbett & Aleven 2008, ITS 2008, LNCS 5091:406–415 (model degeneracy).
    """

    l0: float = 0.36
    t: float = 0.10
    s: float = 0.10
    g: float = 0.20

    def __post_init__(self) -> None:
        if not (0 <= self.l0 <= 1 and 0 <= self.t <= 1):
            raise MeasureError(f"L0 = {self.l0} and T = {self.t} must be probabilities")
        if not (0 <= self.s < 0.5 and 0 <= self.g < 0.5):
            raise MeasureError(f"S = {self.s} and G = {self.g} must lie within 0..0.5", hint="refit with bounds")

    def to_dict(self) -> dict[str, float]:
        """Plain values for storage."""
        return asdict(self)


DEFAULTS = BktParams()
"""Used until a knowledge point has enough answers for a fit: four-option questions, cautious learning."""


@dataclass(frozen=True, slots=True)
class Step:
    """One answer: belief before it, chance of a right answer, belief after it, and after learning from it."""

    prior: float
    p_correct: float
    observed: bool
    posterior: float
    next_prior: float


def trace(observed: Iterable[bool], params: BktParams = DEFAULTS) -> list[Step]:
    """Filter a member's answers to one knowledge point, oldest first (all values probabilities).

    Formula: P(correct) = L(1−S) + (1−L)G; posterior = L(1−S)/P(correct) after a right answer,
    LS/(1 − P(correct)) after a wrong one; next L = posterior + (1 − posterior)T. An answer that the
    parameters call impossible (probability 0) leaves the belief as it was.
    """
    belief, steps = params.l0, []
    for correct in observed:
        p_correct = belief * (1 - params.s) + (1 - belief) * params.g
        weight = belief * ((1 - params.s) if correct else params.s)
        # Summed, not 1 - p_correct: a belief of 1 must not end above 1 by rounding.
        other = (1 - belief) * (params.g if correct else 1 - params.g)
        posterior = weight / (weight + other) if weight + other > 0 else belief
        after = posterior + (1 - posterior) * params.t
        steps.append(Step(belief, p_correct, correct, posterior, after))
        belief = after
    return steps


@dataclass(frozen=True, slots=True)
class Mastery:
    """P(mastered) after the last answer, with all answers and without the rapid ones.

    ``n``/``n_kept`` answers are behind each; a figure is ``None`` when no answer is behind it.
    ``mastered`` follows the figure *without* rapid answers: a lucky burst should not close a topic.
    """

    n: int
    p: float | None
    n_kept: int
    p_without_rapid: float | None
    mastered: bool | None


def mastery(
    answers: Sequence[tuple[bool | None, bool | None]],
    params: BktParams = DEFAULTS,
    mastered_at: float = MASTERED_AT,
) -> Mastery:
    """Mastery of one knowledge point from (correct, rapid) answers, oldest first.

    Ungraded answers (correct ``None``) are skipped. Without rapid answers, those are neither evidence nor
    a chance to learn: the trace runs as if they had not happened. An answer of unknown speed is kept.
    """
    graded = [(correct, rapid) for correct, rapid in answers if correct is not None]
    every = trace((correct for correct, _ in graded), params)
    kept = trace((correct for correct, rapid in graded if rapid is not True), params)
    p_kept = kept[-1].next_prior if kept else None
    return Mastery(
        n=len(every),
        p=every[-1].next_prior if every else None,
        n_kept=len(kept),
        p_without_rapid=p_kept,
        mastered=None if p_kept is None else p_kept >= mastered_at,
    )
