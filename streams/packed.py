"""Facts as records of 60 bytes: a member's facts are one run of them, what they say is kept once beside.

A record holds what tells facts apart (id, hash, position) and what is summed (instant, lengths); everything that
repeats – course, question, option, score – is a *detail*, a number into a table shared by all members. Only plain
facts are packed: one body under an id, taken back by nothing, every number within the widths below. The rest stays
with ``MemberFacts``, which defines what all of it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.decode import Position
from schemas.tables import MICRO

from .facts import ANSWER, ERROR, OTHER, STUDY, Fact
from .fold_answers import fold_question

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Records = NDArray[np.void]

LINE_BITS, OFFSET_BITS = 22, 48
NO_ACTIVE = 2**32 - 1
"""``active`` of a study fact that reports no time in focus."""
RECORD = np.dtype(
    [
        ("id_high", "u8"),
        ("id_low", "u8"),
        ("hash_high", "u8"),
        ("hash_low", "u8"),
        ("when", "i8"),
        ("where", "u8"),
        ("span", "u4"),
        ("active", "u4"),
        ("detail", "u4"),
    ]
)
"""``when``: instant (ms UTC) and line of the message; ``where``: place and offset; ``span``: length of an interval,
period of a heartbeat, or time on the question. Equal hashes of different instants are bodies of different skew."""
DETAIL = np.dtype(
    [
        ("kind", "i1"),
        ("beat", "?"),
        ("correct", "i1"),
        ("course", "i4"),
        ("stream", "i4"),
        ("question", "i4"),
        ("group", "i4"),
        ("sitting", "i4"),
        ("score", "i8"),
        ("best", "i8"),
    ]
)
"""``group``: course and question; ``sitting``: exam and attempt, 0 in practice; ``score`` and ``best``: what an answer
counts for if no error says otherwise."""
NOWHERE = Position("", "", 0, 0, 0)


class Codes:
    """Numbers for values, from 0 in order of appearance."""

    __slots__ = ("numbers", "values")

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = []
        self.numbers: dict[Any, int] = {}
        for value in values:
            self.of(value)

    def of(self, value: Any) -> int:
        """The number of a value, a new one if it has none."""
        found = self.numbers.get(value)
        if found is None:
            found = self.numbers[value] = len(self.values)
            self.values.append(value)
        return found


class Details:
    """What facts say, each distinct combination once, shared by all members in memory."""

    def __init__(self) -> None:
        self._codes: dict[Any, int] = {}
        self._rows = np.zeros(1024, DETAIL)
        self.facts: list[Fact] = []
        """a fact of each detail, without what only the record knows"""
        self.courses, self.streams, self.questions, self.places = Codes(), Codes(""), Codes(), Codes()
        self._groups, self._sittings = Codes(), Codes(("", 0))
        self.characters = 0

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def rows(self) -> Records:
        """``DETAIL`` records by number."""
        return self._rows[: len(self.facts)]

    def of(self, keys: Iterable[Any]) -> list[int]:
        """Numbers of details by key: what ``study_key``, ``question_key`` and ``family_key`` give."""
        known = self._codes.get
        return [self._new(key) if (number := known(key)) is None else number for key in keys]

    def _new(self, key: Any) -> int:
        number = self._codes[key] = len(self.facts)
        if number == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros(number, DETAIL)])
        fact = _fact_of_key(key)
        row = self._rows[number]
        row["kind"], row["beat"], row["correct"] = fact.kind, fact.beat > 0, fact.correct
        row["course"], row["stream"] = self.courses.of(fact.course), self.streams.of(fact.stream)
        if fact.kind in (ANSWER, ERROR):
            row["question"] = self.questions.of(fact.question)
            row["group"] = self._groups.of((fact.course, fact.question))
            row["sitting"] = self._sittings.of((fact.exam, fact.attempt) if fact.exam else ("", 0))
            row["score"], row["best"] = _counts_for(fact)
        self.characters += sum(map(len, (fact.detail, *fact.response, *fact.points)))
        self.facts.append(fact)
        return number

    def unpack(self, record: Any) -> Fact:
        """The fact of a record, for folding alone: hash and position stay behind."""
        of = self.facts[int(record["detail"])]
        at = int(record["when"]) >> LINE_BITS
        event_id = int(record["id_high"]) << 64 | int(record["id_low"])
        fact = Fact(event_id, b"", of.kind, of.course, at, NOWHERE)
        fact.question, fact.exam, fact.attempt, fact.correct = of.question, of.exam, of.attempt, of.correct
        fact.score, fact.best, fact.response, fact.points = of.score, of.best, of.response, of.points
        fact.answer_id, fact.spent = of.answer_id, int(record["span"])
        fact.family, fact.subject, fact.detail = of.family, of.subject, of.detail
        return fact


def study_key(course: str, beat: int | None, device: str, session: str) -> Any:
    """Key of a study fact's detail: its course, and the device and session of a heartbeat."""
    return course if beat is None else (course, f"{device}\0{session}")


def question_key(
    kind: int,
    course: str,
    question: str,
    exam: str,
    attempt: int,
    correct: bool | None,
    score: int | None,
    best: int | None,
    response: tuple[str, ...],
    points: tuple[str, ...],
    answer_id: int,
) -> Any:
    """Key of the detail of an answer or an error; scores in millionths, None where not given."""
    right = -1 if correct is None else int(correct)
    return (
        kind,
        course,
        question,
        exam,
        attempt,
        right,
        score,
        MICRO if best is None else best,
        response,
        points,
        answer_id,
    )


def family_key(course: str, family: str, subject: str, detail: str) -> Any:
    """Key of the detail of an event of a further family."""
    return course, family, subject, detail


def _fact_of_key(key: Any) -> Fact:
    fact = Fact(0, b"", STUDY, "", 0, NOWHERE)
    if isinstance(key, str):
        fact.course = key
    elif len(key) == 2:
        fact.course, fact.stream = key
        fact.beat = 1
    elif len(key) == 4:
        fact.kind = OTHER
        fact.course, fact.family, fact.subject, fact.detail = key
    else:
        fact.kind, fact.course, fact.question, fact.exam, fact.attempt, fact.correct = key[:6]
        fact.score, fact.best, fact.response, fact.points, fact.answer_id = key[6:]
    return fact


def _counts_for(fact: Fact) -> tuple[int, int]:
    (outcome,) = fold_question([fact])
    return outcome.score, outcome.best


def instants(records: Records) -> Ints:
    """Instants of records, ms UTC."""
    found: Ints = records["when"] >> LINE_BITS
    return found


def joined(parts: Sequence[bytes]) -> tuple[Records, Ints]:
    """Runs of several members as one array, and the number of the run of each record."""
    records = np.frombuffer(b"".join(parts), RECORD)
    sizes = [len(p) // RECORD.itemsize for p in parts]
    return records, np.repeat(np.arange(len(parts)), sizes)
