"""The wrong-question book of one member, with what the questions say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reports.catalogue import Catalogue
from reports.data import Period
from reports.figures import Figure
from reports.measures.effort import DEFAULT_MS, is_rapid
from reports.measures.suggest import Finding, for_member
from reports.measures.suggest_text import reason_texts
from reports.measures.wrong_book import Entry, Outcome, wrong_book
from reports.order import natural
from reports.rows import AnswerRow
from schemas.reference import Text


@dataclass(frozen=True, slots=True)
class Option:
    """One option as it was offered. ``chosen``: by the last wrong answer."""

    letter: str
    text: str
    right: bool
    chosen: bool


MOST_KEPT = 20_000
"""Marked questions that are kept from one report for the next."""


@dataclass(frozen=True, slots=True)
class QuestionText:
    """What a question says. ``known`` is false when the catalogue doesn't have it: then only its id is shown.

    ``key`` is the right answer as the catalogue writes it, for questions without options.
    """

    question_id: str
    known: bool
    text: Text
    options: tuple[Option, ...]
    key: str
    explanation: str
    course: Text
    points: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class WrongQuestion:
    """An entry of the book. ``own`` is the last wrong response as text where it is none of the options."""

    question: QuestionText
    own: str
    state: str
    times_wrong: Figure
    same_again: bool
    last_wrong: date
    earlier: bool
    exam: Text | None
    resolved_on: date | None = None

    @property
    def answered(self) -> bool:
        """Whether the last wrong response is known."""
        return bool(self.own) or any(option.chosen for option in self.question.options)


@dataclass(frozen=True, slots=True)
class Review:
    """A question to review next, and why."""

    question: QuestionText
    reasons: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """``entries``: open ones first, then resolved ones; of each, the latest wrong answer first. ``put_right``: of
    these, those whose resolution lies in the period. ``review``: the few open ones to look at next."""

    wrong: Figure
    open: Figure
    resolved: Figure
    put_right: Figure
    entries: tuple[WrongQuestion, ...]
    review: tuple[Review, ...]

    @property
    def open_entries(self) -> tuple[WrongQuestion, ...]:
        """Those still to be reviewed."""
        return tuple(e for e in self.entries if e.state != "resolved")

    @property
    def resolved_entries(self) -> tuple[WrongQuestion, ...]:
        """Those answered right on two days since."""
        return tuple(e for e in self.entries if e.state == "resolved")


def question_text(
    catalogue: Catalogue, question_id: str, course_id: str, chosen: Sequence[str], points: Sequence[str] = ()
) -> QuestionText:
    """A question with the chosen and the right options marked: one object for the same choice, whoever made it."""
    key = question_id, course_id, frozenset(c.strip().upper() for c in chosen), tuple(points)
    found: QuestionText | None = catalogue.shown.get(key)
    if found is None:
        if len(catalogue.shown) >= MOST_KEPT:
            catalogue.shown.clear()
        found = catalogue.shown[key] = _question_text(catalogue, *key)
    return found


def _question_text(
    catalogue: Catalogue, question_id: str, course_id: str, picked: frozenset[str], points: tuple[str, ...]
) -> QuestionText:
    course = catalogue.course(course_id)
    question = catalogue.questions.get(question_id)
    if question is None:
        text = Text(question_id, question_id)
        return QuestionText(question_id, False, text, (), "", "", course, tuple(map(catalogue.point, points)))
    right = set(question.key_letters)
    options = tuple(
        Option(letter, text, letter in right, letter in picked) for letter, text in question.options.items()
    )
    return QuestionText(
        question_id=question_id,
        known=True,
        text=Text(question.text, question.text_en or question.text),
        options=options,
        key=question.answer_key,
        explanation=question.explanation,
        course=course,
        points=tuple(catalogue.point(p) for p in points or question.knowledge_points),
    )


def _outcome(row: AnswerRow, thresholds: Mapping[str, float]) -> Outcome:
    return Outcome(
        event_id=row.event_id,
        occurred_ms=int(row.at.timestamp() * 1000),
        local_day=row.day,
        question_id=row.question_id,
        correct=row.correct,
        rapid=is_rapid(row.response_ms, thresholds.get(row.question_id, DEFAULT_MS)),
        response=frozenset(row.response) if row.response else None,
    )


def _wrong_question(catalogue: Catalogue, period: Period, entry: Entry, rows: list[AnswerRow]) -> WrongQuestion:
    last = next(r for r in reversed(rows) if r.correct is False)
    text = question_text(catalogue, last.question_id, last.course_id, last.response, last.knowledge_points)
    letters = {o.letter for o in text.options}
    given = [r for r in last.response if r.strip().upper() not in letters]
    return WrongQuestion(
        question=text,
        own="; ".join(given),
        state=entry.state,
        times_wrong=Figure("times_wrong", entry.wrong),
        same_again=entry.repeat_errors > 0,
        last_wrong=last.day,
        earlier=last.day < period.first,
        exam=catalogue.exam(last.exam_id) if last.exam_id else None,
        resolved_on=_resolved_on(entry, rows),
    )


def _resolved_on(entry: Entry, rows: list[AnswerRow]) -> date | None:
    """The local day of the answer that resolved it, None while it is open."""
    if entry.is_open:
        return None
    event = next(t.event_id for t in reversed(entry.transitions) if t.kind == "resolved")
    return next(r.day for r in rows if r.event_id == event)


def make_book(
    catalogue: Catalogue, period: Period, rows: Iterable[AnswerRow], thresholds: Mapping[str, float], end_ms: int
) -> Book:
    """The book at the end of the period from all answers up to it, in order of time.

    It lists what was wrong in the period, and what was wrong before and is still open. Answers below
    the ``thresholds`` (ms by question, else 3 s) are rapid. ``end_ms``: the end of the period, or now where that is
    earlier (UTC): how long a question has been open is counted up to there.
    """
    by_question: dict[str, list[AnswerRow]] = {}
    for row in rows:
        by_question.setdefault(row.question_id, []).append(row)
    missed = {q: rs for q, rs in by_question.items() if any(r.correct is False for r in rs)}
    book = wrong_book(_outcome(r, thresholds) for rs in missed.values() for r in rs)
    entries = [_wrong_question(catalogue, period, entry, missed[q]) for q, entry in book.items()]
    shown = [e for e in entries if not e.earlier or e.state != "resolved"]
    shown.sort(key=lambda e: (e.state == "resolved", -e.last_wrong.toordinal(), natural(e.question.question_id)))
    wrong = sum(any(r.correct is False and r.day >= period.first for r in rs) for rs in missed.values())
    resolved = sum(e.state == "resolved" for e in shown)
    by_id = {e.question.question_id: e.question for e in shown}
    return Book(
        wrong=Figure("wrong_questions", wrong),
        open=Figure("wrong_open", len(shown) - resolved),
        resolved=Figure("wrong_resolved", resolved),
        put_right=Figure("put_right", sum(_inside(period, e.resolved_on) for e in entries)),
        entries=tuple(shown),
        review=tuple(
            Review(by_id[s.subject], tuple(_worded(f) for f in s.findings))
            for s in for_member(book, {}, today=period.last, as_of_ms=end_ms)
            if s.subject in by_id
        ),
    )


def _inside(period: Period, day: date | None) -> bool:
    return day is not None and period.first <= day <= period.last


def _worded(finding: Finding) -> Text:
    return Text("；".join(reason_texts(finding, "zh")), "; ".join(reason_texts(finding, "en")))
