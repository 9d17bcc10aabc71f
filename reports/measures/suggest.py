"""What to do next, from statistics that are already there. Every suggestion carries its evidence.

Three readers: a member (which few questions and knowledge points to review), a branch secretary (which
topics confuse the branch, who may want an offer of help) and the author of a test (which questions to
repair). A suggestion is an offer with reasons; it is never a label, a grade or a place in a ranking: people
come out in the order of their ids, only questions and topics by how much they need attention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from reports.measures.bkt import MASTERED_AT, Mastery
from reports.measures.proportions import newcombe, wilson
from reports.measures.wrong_book import Entry

Audience = Literal["member", "secretary", "author"]
Kind = Literal["review_question", "review_topic", "discuss_topic", "offer_help", "repair_question"]
Reason = Literal[
    "lapsed", "repeat_error", "still_open", "second_answer_due", "not_mastered", "confuses_branch",
    "not_started", "behind_hours", "long_open_questions", "negative_discrimination", "weak_key",
    "attractive_distractor", "idle_distractor", "drifted", "too_hard", "too_easy",
]  # fmt: skip


EVIDENCE_METRICS = frozenset(
    {
        "credit_hours", "credit_hours_due", "item_drift", "item_facility", "item_rest_correlation", "mastery",
        "option_rest_correlation", "option_share", "start_lag", "times_wrong", "topic_wrong_first", "wrong_lapses",
        "wrong_open", "wrong_open_seconds", "wrong_repeat_errors",
    }
)  # fmt: skip
"""Ids of all metrics that evidence may name; each is to be declared before it is shown."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure behind a suggestion: the id of its declared metric, value, n and interval where there is one.

    ``detail`` says what it is of, where that is not the subject itself (an option, a course).
    """

    metric: str
    value: float
    n: int | None = None
    low: float | None = None
    high: float | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason and the figures that gave it."""

    reason: Reason
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Who is asked to do what about which subject (a question, knowledge point or member id), and why."""

    audience: Audience
    kind: Kind
    subject: str
    findings: tuple[Finding, ...]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All figures behind it."""
        return tuple(e for finding in self.findings for e in finding.evidence)


def for_member(
    book: Mapping[str, Entry],
    mastery: Mapping[str, Mastery],
    *,
    today: date,
    as_of_ms: int,
    max_questions: int = 5,
    max_topics: int = 3,
    min_answers: int = 3,
) -> list[Suggestion]:
    """The few questions and knowledge points to review next.

    Questions: open entries of the wrong-question book; a question answered right today waits, since its
    second right answer must fall on another day. First those that lapsed, then those with the same error
    again, then those that need only their second answer, then by how often they went wrong. Topics: P(mastered)
    without rapid answers below 0.95 from at least ``min_answers`` answers, the lowest first. Ties by id.
    """
    due = [e for e in book.values() if e.is_open and e.half_resolved_on != today]
    due.sort(key=lambda e: (-e.lapses, -e.repeat_errors, e.half_resolved_on is None, -e.wrong, e.question_id))
    out = [Suggestion("member", "review_question", e.question_id, _entry(e, as_of_ms)) for e in due[:max_questions]]
    weak = sorted(
        (m.p_without_rapid, topic, m.n_kept)
        for topic, m in mastery.items()
        if m.p_without_rapid is not None and m.p_without_rapid < MASTERED_AT and m.n_kept >= min_answers
    )
    for p, topic, n in weak[:max_topics]:
        findings = (Finding("not_mastered", (Evidence("mastery", p, n),)),)
        out.append(Suggestion("member", "review_topic", topic, findings))
    return out


def _entry(entry: Entry, as_of_ms: int) -> tuple[Finding, ...]:
    findings = []
    if entry.lapses:
        findings.append(Finding("lapsed", (Evidence("wrong_lapses", entry.lapses),)))
    if entry.repeat_errors:
        findings.append(Finding("repeat_error", (Evidence("wrong_repeat_errors", entry.repeat_errors, entry.wrong),)))
    if entry.half_resolved_on is not None:
        findings.append(Finding("second_answer_due", (Evidence("times_wrong", entry.wrong),)))
    waiting = entry.spells[-1].duration_ms(as_of_ms)[0]
    findings.append(Finding("still_open", (Evidence("wrong_open_seconds", waiting / 1000),)))
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class TopicCount:
    """A knowledge point in a branch: of ``members`` who met it, how many got their first answer wrong.

    Members, not answers: one member's answers are not independent of each other.
    """

    topic: str
    wrong_first: int
    members: int


def confusing_topics(
    branch: Iterable[TopicCount], elsewhere: Mapping[str, TopicCount], *, min_members: int = 5, limit: int = 5
) -> list[Suggestion]:
    """Topics to discuss in the branch: over half went wrong at first, or more than elsewhere.

    A topic is named when the Wilson interval of its share lies above 0.5, or Newcombe's interval of the
    difference to ``elsewhere`` (the rest of the organisation, without this branch) lies above 0; never
    below ``min_members`` here. Highest lower limit first.
    """
    found = []
    for count in branch:
        interval = wilson(count.wrong_first, count.members)
        if interval is None or count.members < min_members:
            continue
        share = count.wrong_first / count.members
        evidence = [Evidence("topic_wrong_first", share, count.members, interval.low, interval.high)]
        other = elsewhere.get(count.topic)
        gap = None
        if other is not None and other.members >= min_members:
            gap = newcombe(count.wrong_first, count.members, other.wrong_first, other.members)
            rest = other.wrong_first / other.members
            evidence.append(Evidence("topic_wrong_first", rest, other.members, detail="elsewhere"))
        if interval.low > 0.5 or (gap is not None and gap.low > 0):
            finding = Finding("confuses_branch", tuple(evidence))
            found.append((-interval.low, Suggestion("secretary", "discuss_topic", count.topic, (finding,))))
    return [s for _, s in sorted(found, key=lambda f: (f[0], f[1].subject))[:limit]]


@dataclass(frozen=True, slots=True)
class MemberProgress:
    """What a secretary may see of a member who is not exempt, as of a day.

    ``not_started``: courses assigned and not begun → share of assigned→due gone by (0..1).
    ``hours_done``/``hours_due``: credit hours, and what of the year's quota an even pace would have by now.
    """

    member_id: str
    not_started: Mapping[str, float]
    hours_done: float
    hours_due: float
    book: Mapping[str, Entry]


def offers_of_help(
    members: Iterable[MemberProgress],
    *,
    as_of_ms: int,
    started_by: float = 0.5,
    hours_short: float = 0.5,
    open_days: int = 30,
    open_questions: int = 3,
) -> list[Suggestion]:
    """Members who may want an offer of help, with the reasons, in the order of their ids.

    Reasons: a course not begun when ``started_by`` of its time is gone; less than ``hours_short`` of the hours
    an even pace would have; at least ``open_questions`` questions open for ``open_days`` days. A reason
    can have causes that no record shows (illness, work elsewhere): it opens a talk and decides nothing.
    """
    out = []
    for member in sorted(members, key=lambda m: m.member_id):
        findings = []
        late = sorted((course, gone) for course, gone in member.not_started.items() if gone >= started_by)
        if late:
            evidence = tuple(Evidence("start_lag", gone, detail=course) for course, gone in late)
            findings.append(Finding("not_started", evidence))
        if member.hours_due > 0 and member.hours_done < hours_short * member.hours_due:
            hours = (Evidence("credit_hours", member.hours_done), Evidence("credit_hours_due", member.hours_due))
            findings.append(Finding("behind_hours", hours))
        ages = [e.spells[-1].duration_ms(as_of_ms)[0] for e in member.book.values() if e.is_open]
        old = [age for age in ages if age >= open_days * 86_400_000]
        if len(old) >= open_questions:
            findings.append(
                Finding(
                    "long_open_questions",
                    (Evidence("wrong_open", len(old)), Evidence("wrong_open_seconds", max(old) / 1000)),
                )
            )
        if findings:
            out.append(Suggestion("secretary", "offer_help", member.member_id, tuple(findings)))
    return out
