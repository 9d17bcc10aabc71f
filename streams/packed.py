"""Facts as records of 52 bytes: a member's facts are one run of them, what they say is kept once beside.

A record holds what tells facts apart (id, hash, position) and what is summed (instant, lengths); everything that
repeats – course, question, option, score – is a *detail*, a number into a table shared by all members. Only plain
facts are packed: one body under an id, every number within the widths below. The rest stays with ``MemberFacts``,
which defines what all of it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.decode import Position
from schemas.tables import MICRO

from .facts import ANSWER, OTHER, STUDY, WITHDRAW, Fact
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
        ("hash", "u8"),
        ("when", "i8"),
        ("where", "u8"),
        ("span", "u4"),
        ("active", "u4"),
        ("detail", "u4"),
    ]
)
"""``when``: instant (ms UTC) and line of the message; ``where``: place and offset; ``span``: length of an interval,
period of a heartbeat, or time on the question. ``hash``: the first half of the body's, which the archive keeps whole:
enough to tell bodies under one id apart. Equal hashes of different instants are bodies of different skew."""
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
        ("target", "i4"),
    ]
)
"""``group``: course and question; ``sitting``: exam and attempt, 0 in practice; ``score`` and ``best``: what an answer
counts for where no error is about its question (what an error counts for depends on the answers); ``target``: event
taken back, a number into ``Details.targets``, 0 for none."""
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


class Asked(NamedTuple):
    """What answers and errors say of a question. Scores in millionths; ``response`` and ``points`` as in ``Fact``."""

    kind: int
    course: str
    question: str
    exam: str
    attempt: int
    correct: int
    score: int | None
    best: int
    response: tuple[str, ...]
    points: tuple[str, ...]
    answer_id: int


class Taking(NamedTuple):
    """What a fact says that takes another event of its member back; a withdrawal says nothing else."""

    of: Any
    target: int


NOTHING = Asked(ANSWER, "", "", "", 0, -1, None, 0, (), (), 0)
"""What is shown of an answer that was taken back."""


class Details:
    """What facts say, each distinct combination once, shared by all members in memory."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        """by number: what ``study_key`` and ``family_key`` give, ``Asked``, or ``Taking``"""
        self.courses, self.streams, self.questions, self.places = Codes(), Codes(""), Codes(), Codes()
        self.targets = Codes(0)
        self.characters = 0
        self._codes: dict[Any, int] = {}
        self._groups, self._sittings = Codes(), Codes(("", 0))
        self._shared: dict[Any, Any] = {}
        """texts and lists of texts that many details have"""
        self._rows = np.zeros(0, DETAIL)
        self._waiting: list[tuple[Any, ...]] = []
        """rows that ``_rows`` lacks"""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def rows(self) -> Records:
        """``DETAIL`` records by number."""
        count = len(self.keys)
        if self._waiting:
            known = count - len(self._waiting)
            if count > len(self._rows):
                self._rows = np.concatenate(
                    [self._rows[:known], np.zeros(max(count // 4, 1000) + count - known, DETAIL)]
                )
            self._rows[known:count] = np.array(self._waiting, DETAIL)
            self._waiting.clear()
        return self._rows[:count]

    def of(self, keys: Iterable[Any]) -> list[int]:
        """Numbers of details by key: what ``study_key``, ``question_key`` and ``family_key`` give."""
        known = self._codes.get
        return [self._new(key) if (number := known(key)) is None else number for key in keys]

    def _new(self, key: Any) -> int:
        if isinstance(key, Taking):
            said, row = self._row(key.of)
            key = Taking(said, key.target)
            self._waiting.append((*row, self.targets.of(key.target)))
        else:
            key, row = self._row(key)
            self._waiting.append((*row, 0))
        number = self._codes[key] = len(self.keys)
        self.keys.append(key)
        return number

    def _row(self, key: Any) -> tuple[Any, tuple[Any, ...]]:
        """The key as it is kept, and its row but for the target."""
        if key is None:
            return key, (WITHDRAW, False, -1, self.courses.of(""), 0, 0, 0, 0, 0, 0)
        if isinstance(key, str):
            return key, (STUDY, False, -1, self.courses.of(key), 0, 0, 0, 0, 0, 0)
        if len(key) == 2:
            return key, (STUDY, True, -1, self.courses.of(key[0]), self.streams.of(key[1]), 0, 0, 0, 0, 0)
        if len(key) == 4:
            self.characters += len(key[3])
            return key, (OTHER, False, -1, self.courses.of(key[0]), 0, 0, 0, 0, 0, 0)
        return self._asked(key)

    def said(self, number: int) -> Any:
        """The key of a detail, whether it takes an event back or not."""
        key = self.keys[number]
        return key.of if isinstance(key, Taking) else key

    def _asked(self, key: tuple[Any, ...]) -> tuple[Asked, tuple[Any, ...]]:
        shared = self._shared.setdefault
        kind, course, question, exam, attempt, correct, score, best, response, points, answer_id = key
        if response or points:
            self.characters += sum(map(len, (*response, *points)))
        course, exam, points = shared(course, course), shared(exam, exam), shared(points, points)
        if len(response) == 1 and len(response[0]) < 2:
            response = shared(response, response)
        group = self._groups.of((course, question))
        question = self._groups.values[group][1]
        score_of, best_of = 0, 0
        if kind == ANSWER:
            fact = Fact(0, b"", kind, course, 0, NOWHERE)
            fact.correct, fact.score, fact.best = correct, score, best
            (outcome,) = fold_question([fact])
            score_of, best_of = outcome.score, outcome.best
        sitting = self._sittings.of((exam, attempt)) if exam else 0
        row = kind, False, correct, self.courses.of(course), 0, self.questions.of(question), group, sitting
        possible = MICRO if best == MICRO else best
        asked = Asked(kind, course, question, exam, attempt, correct, score, possible, response, points, answer_id)
        return asked, (*row, score_of, best_of)

    def unpack(self, record: Any) -> Fact:
        """The fact of a record, for folding alone: hash and position stay behind, and the lengths of study."""
        key = self.keys[int(record["detail"])]
        event_id = int(record["id_high"]) << 64 | int(record["id_low"])
        fact = Fact(event_id, b"", STUDY, "", int(record["when"]) >> LINE_BITS, NOWHERE)
        if isinstance(key, Taking):
            key, fact.target = key
        if key is None:
            fact.kind = WITHDRAW
        elif isinstance(key, Asked):
            fact.kind, fact.course, fact.question, fact.exam, fact.attempt, fact.correct = key[:6]
            fact.score, fact.best, fact.response, fact.points, fact.answer_id = key[6:]
            fact.spent = int(record["span"])
        elif len(key) == 4 and not isinstance(key, str):
            fact.kind = OTHER
            fact.course, fact.family, fact.subject, fact.detail = key
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


def instants(records: Records) -> Ints:
    """Instants of records, ms UTC."""
    found: Ints = records["when"] >> LINE_BITS
    return found


def joined(parts: Sequence[bytes]) -> tuple[Records, Ints]:
    """Runs of several members as one array, and the number of the run of each record."""
    records = np.frombuffer(b"".join(parts), RECORD)
    sizes = [len(p) // RECORD.itemsize for p in parts]
    return records, np.repeat(np.arange(len(parts)), sizes)
