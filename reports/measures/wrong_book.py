"""The wrong-question book (错题本) as a lifecycle: opened, repeated, resolved, lapsed.

A pure function of the *set* of graded answers: any order, any duplication and late events give the same
book. Times are integer milliseconds since the epoch; ``local_day`` is the day in the organisation's zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Literal

TransitionKind = Literal["opened", "repeated", "resolved", "lapsed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One member's answer to one question, as the book sees it.

    ``correct`` is ``None`` while ungraded, ``rapid`` ``None`` where the time is unknown; ``response`` is the
    chosen options (their order does not matter), ``None`` where it was not recorded.
    """

    event_id: str
    occurred_ms: int
    local_day: date
    question_id: str
    correct: bool | None
    rapid: bool | None = None
    response: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an entry, caused by the answer ``event_id``.

    ``same_option`` marks a wrong answer whose response had been given, wrongly, before.
    """

    kind: TransitionKind
    at_ms: int
    event_id: str
    same_option: bool = False


@dataclass(frozen=True, slots=True)
class Spell:
    """From a wrong answer that opened (or reopened) the entry to its resolution; ``None`` while open."""

    opened_ms: int
    resolved_ms: int | None

    def duration_ms(self, as_of_ms: int) -> tuple[int, bool]:
        """Length so far and whether it ended by ``as_of_ms``; an open spell is cut there, not dropped."""
        ended = self.resolved_ms is not None and self.resolved_ms <= as_of_ms
        end = self.resolved_ms if ended and self.resolved_ms is not None else as_of_ms
        return max(0, end - self.opened_ms), ended


@dataclass(frozen=True, slots=True)
class Entry:
    """One question in one member's book. ``state`` is the last transition; all but "resolved" are open.

    ``wrong`` counts wrong answers, ``repeat_errors`` those that chose the same response as an earlier wrong
    one, ``lapses`` the times it went wrong after having been resolved. ``half_resolved_on`` is the day of the
    first of the two right answers, while the second, on another day, is still to come.
    """

    question_id: str
    state: TransitionKind
    wrong: int
    repeat_errors: int
    lapses: int
    last_wrong_response: frozenset[str] | None
    half_resolved_on: date | None
    transitions: tuple[Transition, ...]
    spells: tuple[Spell, ...]

    @property
    def is_open(self) -> bool:
        """Whether the question still waits for two right answers."""
        return self.state != "resolved"

    @property
    def time_to_resolution_ms(self) -> int | None:
        """First wrong answer to first resolution, ``None`` while that has not happened."""
        first = self.spells[0]
        return None if first.resolved_ms is None else first.resolved_ms - first.opened_ms


def _ordered(outcomes: Iterable[Outcome]) -> list[Outcome]:
    found = list(outcomes)
    found.sort(key=attrgetter("occurred_ms", "event_id"))
    if len({one.event_id for one in found}) < len(found):
        # Different bodies under one id, which admission already settles, and repetitions: by what they say.
        found.sort(key=lambda o: (o.occurred_ms, o.event_id, repr((o.correct, o.rapid, o.local_day))))
    return found


def _entry(question_id: str, outcomes: list[Outcome]) -> Entry | None:
    """Lifecycle of one question from its outcomes in time order; ``None`` if it was never wrong."""
    transitions: list[Transition] = []
    spells: list[Spell] = []
    wrong_responses: list[frozenset[str] | None] = []
    right_day: date | None = None
    for one in outcomes:
        if one.correct is None:
            continue
        is_open = bool(spells) and spells[-1].resolved_ms is None
        if not one.correct:
            kind: TransitionKind = "repeated" if is_open else ("lapsed" if spells else "opened")
            same = one.response is not None and one.response in wrong_responses
            transitions.append(Transition(kind, one.occurred_ms, one.event_id, same))
            wrong_responses.append(one.response)
            right_day = None
            if not is_open:
                spells.append(Spell(one.occurred_ms, None))
        elif is_open and one.rapid is not True:
            if right_day is not None and right_day != one.local_day:
                spells[-1] = Spell(spells[-1].opened_ms, one.occurred_ms)
                transitions.append(Transition("resolved", one.occurred_ms, one.event_id))
                right_day = None
            else:
                right_day = one.local_day
    if not transitions:
        return None
    return Entry(
        question_id=question_id,
        state=transitions[-1].kind,
        wrong=len(wrong_responses),
        repeat_errors=sum(t.same_option for t in transitions),
        lapses=sum(t.kind == "lapsed" for t in transitions),
        last_wrong_response=wrong_responses[-1],
        half_resolved_on=right_day,
        transitions=tuple(transitions),
        spells=tuple(spells),
    )


def wrong_book(outcomes: Iterable[Outcome]) -> dict[str, Entry]:
    """One member's book: question id → entry, for every question that was ever answered wrongly.

    Rules: a wrong answer opens an entry, a further one while it is open repeats it; two consecutive right
    answers that are not rapid and fall on two local days resolve it; a wrong one after that is a lapse and
    reopens it. A rapid right answer is no evidence: it neither counts nor breaks the pair. A rapid wrong
    answer is wrong. An answer of unknown speed counts as not rapid; an ungraded one is left out. Order is
    by (occurred_ms, event_id); of several outcomes under one event id one counts, the same whatever the
    order of arrival. Questions come out sorted by id.
    """
    seen: set[str] = set()
    by_question: dict[str, list[Outcome]] = defaultdict(list)
    for one in _ordered(outcomes):
        if one.event_id not in seen:
            seen.add(one.event_id)
            by_question[one.question_id].append(one)
    entries = ((question, _entry(question, by_question[question])) for question in sorted(by_question))
    return {question: entry for question, entry in entries if entry is not None}


def median_time_to_resolution(durations: Iterable[tuple[int, bool]]) -> int | None:
    """Median time to resolution in milliseconds over spells, each (length, ended), by Kaplan–Meier.

    Leaving open spells out would make a branch that never resolves the hard ones look fast; here they
    count until they are cut off. Formula: S(t) = Π (1 − d_i/n_i) over resolution times ≤ t; the median is
    the first t with S(t) ≤ 0.5. ``None`` when fewer than half are estimated to have been resolved.
    Source: Kaplan & Meier 1958, JASA 53:457–481.
    """
    spells = sorted(durations)
    survival, left, i = 1.0, len(spells), 0
    while i < len(spells):
        time = spells[i][0]
        tied = [ended for length, ended in spells[i:] if length == time]
        survival *= 1 - sum(tied) / left
        if survival <= 0.5 + 1e-12 and any(tied):
            return time
        left -= len(tied)
        i += len(tied)
    return None
