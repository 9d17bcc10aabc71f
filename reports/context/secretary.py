"""The annex for the secretary of a branch alone: who may want an offer of help and why, and the branch's ledger.

It is a report of its own, in a folder of its own, and never part of what is filed: it names persons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from reports.analytics.advice import help_offers
from reports.analytics.attitude import Attitude, AttitudeData, attitudes
from reports.analytics.calibrations import with_rapid
from reports.analytics.practice import books
from reports.attempts import without_contests
from reports.catalogue import Catalogue
from reports.context.credit import CreditLine, behind, member_lines
from reports.context.group_parts import SilentMember, member_sums, silent_members
from reports.context.head import CATEGORIES, Head, make_head, named, organisation_name, organisation_path
from reports.data import EVERYTHING, ReportData
from reports.figures import Figure
from reports.measures.suggest import Evidence, Finding
from reports.measures.suggest_text import SHARED, reason_texts
from reports.population import Belonging, Population, Populations
from schemas.days import LocalDays
from schemas.reference import Text
from schemas.reference.columns import Language

SHARED_TEXT: Mapping[str, str] = {
    "long_open_questions": "secretary.long_open_questions",
    "not_started": "secretary.not_started",
    "behind_hours": "secretary.behind_hours",
}
"""Reason → message for a branch as a whole."""
MANY = 3
"""Members below which nothing is said about the branch as a whole."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A member to whom help may be offered, with the reasons."""

    member_id: str
    name: str
    reasons: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """What holds for more than half of the branch: a matter for a joint session, not for naming everybody."""

    key: str
    course: Text
    members: Figure


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One member in the period: what is recorded. No results: an offer of help needs none."""

    member_id: str
    name: str
    category: Text
    exempt: bool
    joined: date | None
    left: date | None
    study: Figure
    days: Figure
    exams: Figure
    open: Figure
    credit: tuple[CreditLine, ...]


@dataclass(frozen=True, slots=True)
class SecretaryReport:
    """Everything in the annex. ``small``: the branch's filed report shows no figures, so this is where they are."""

    head: Head
    members: Figure
    silent: tuple[SilentMember, ...]
    offers: tuple[Offer, ...]
    shared: tuple[Shared, ...]
    ledger: tuple[LedgerLine, ...]
    small: bool


class Secretaries:
    """Makes the annexes of branches over all courses and exams."""

    def __init__(self, data: ReportData, populations: Populations, k: int) -> None:
        self.data, self.populations, self.k = data, populations, k
        self.days = data.days.filter(pl.col("course_id") == "")
        self.local = LocalDays(data.timezone)
        self.as_of_ms = data.end_ms

    def report(self, node: str) -> SecretaryReport:
        """The annex of one branch: its own members, without those of organisations below."""
        data, population = self.data, self.populations.of(node, own=True)
        # It names persons: what they answered in contests is theirs alone.
        history = without_contests(data.answers).filter(pl.col("member_id").is_in(list(population.ids)))
        inside = population.rows(history.filter(pl.col("day") >= data.period.first))
        days = population.rows(self.days)
        sums = member_sums(days, inside)
        shelf = books(with_rapid(history, data.calibrations))
        catalogue = self._known_courses()
        hours = behind(data.credit, sorted(population.ids))
        suggested = help_offers(self._attitudes(population, history), shelf, catalogue, self.as_of_ms, hours)
        names = {m: b.row.name or m for m, b in population.members.items()}
        asked = {m for m, b in population.members.items() if not b.exempt}
        offers, shared = _split({s.subject: s.findings for s in suggested if s.subject in asked}, len(asked))
        studied = _days_with_study(days, inside)
        exams = _exams(inside)
        ledger = tuple(
            _line(
                data,
                belonging,
                sums.study.get(member, 0.0),
                studied.get(member, 0),
                exams.get(member, 0),
                sum(entry.is_open for entry in shelf.get(member, {}).values()),
            )
            for member, belonging in population.members.items()
        )
        return SecretaryReport(
            head=make_head(
                data,
                EVERYTHING,
                "secretary",
                node,
                organisation_name(data, node),
                organisation_path(data, node),
                int(days["events"].sum()),
                population.ids,
            ),
            members=Figure("members", len(population.members)),
            silent=silent_members(data, population, sums.active),
            offers=tuple(
                Offer(member, names[member], tuple(t for f in found for t in _reasons(f, data.catalogue)))
                for member, found in offers.items()
            ),
            shared=tuple(
                Shared(SHARED_TEXT[reason], data.catalogue.course(course), Figure("members", n))
                for (reason, course), n in shared.items()
            ),
            ledger=ledger,
            small=0 < len(sums.active & population.ids) < self.k,
        )

    def _known_courses(self) -> Catalogue:
        """The catalogue with the courses of which it can be said that somebody has not begun them: all their time is in
        the days that were read, and they were still on in the period."""
        data = self.data
        since = data.before.period.first if data.before else data.period.first
        courses = {
            c.course_id: c
            for c in data.catalogue.courses.values()
            if c.assigned_at
            and c.due_at
            and self.local.date_of(round(c.assigned_at.timestamp() * 1000)) >= since
            and self.local.date_of(round(c.due_at.timestamp() * 1000) - 1) >= data.period.first
        }
        return replace(data.catalogue, courses=courses)

    def _attitudes(self, population: Population, history: pl.DataFrame) -> Iterable[Attitude]:
        """Of everybody in every course; of those who answered nothing there, since an answer begins a course too."""
        data = self.data
        days = pl.concat([data.before.days, data.days]) if data.before else data.days
        given = AttitudeData(
            days=days.filter(pl.col("member_id").is_in(list(population.ids))),
            roster=data.roster,
            catalogue=data.catalogue,
            units={},
            opened={},
            passed=frozenset(),
            local=self.local,
            first=data.before.period.first if data.before else data.period.first,
            last=data.period.last,
            as_of_ms=self.as_of_ms,
        )
        begun = set(history.select("member_id", "course_id").unique().iter_rows())
        return [a for a in attitudes(given, population.ids) if (a.member_id, a.course_id) not in begun]


Key = tuple[str, str]
"""Reason, and the course that it is about ('' for none)."""


def _split(
    offers: Mapping[str, tuple[Finding, ...]], members: int
) -> tuple[dict[str, tuple[Finding, ...]], dict[Key, int]]:
    """Offers without the reasons that hold for more than half of the members, and those reasons with how many."""
    counts = Counter((f.reason, e.detail or "") for found in offers.values() for f in found for e in _about(f))
    shared: dict[Key, int] = {key: n for key, n in sorted(counts.items()) if n >= MANY and 2 * n > members}
    kept: dict[str, tuple[Finding, ...]] = {}
    for member, found in offers.items():
        rest = []
        for finding in found:
            own = tuple(e for e in _about(finding) if (finding.reason, e.detail or "") not in shared)
            if own:
                whole = finding.evidence if finding.reason in SHARED else own
                rest.append(Finding(finding.reason, whole))
        if rest:
            kept[member] = tuple(rest)
    return kept, shared


def _about(finding: Finding) -> tuple[Evidence, ...]:
    """The evidence that says what a reason is about: one each, or the first where all make one sentence."""
    return finding.evidence[:1] if finding.reason in SHARED else finding.evidence


def _reasons(finding: Finding, catalogue: Catalogue) -> tuple[Text, ...]:
    """Sentences with the titles of courses in place of their ids."""

    def worded(language: Language) -> list[str]:
        evidence = tuple(replace(e, detail=_titled(catalogue, e.detail, language)) for e in finding.evidence)
        return reason_texts(replace(finding, evidence=evidence), language)

    return tuple(map(Text, worded("zh"), worded("en")))


def _titled(catalogue: Catalogue, course_id: str | None, language: Language) -> str | None:
    """The title of a course between its quotation marks; what is no course as it is."""
    if course_id not in catalogue.courses:
        return course_id
    title = catalogue.course(course_id or "").of(language)
    return f"《{title}》" if language == "zh" else f"“{title}”"


def _line(
    data: ReportData, belonging: Belonging, study: float, days: int, exams: int, open_questions: int
) -> LedgerLine:
    row = belonging.row
    return LedgerLine(
        member_id=row.member_id,
        name=row.name or row.member_id,
        category=named(CATEGORIES, row.category),
        exempt=belonging.exempt,
        joined=belonging.since if belonging.since > data.period.first else None,
        left=belonging.until if belonging.until < data.period.last else None,
        study=Figure("study_seconds", study),
        days=Figure("active_days", days),
        exams=Figure("exams_taken", exams),
        open=Figure("wrong_open", open_questions),
        credit=member_lines(data.credit, row.member_id),
    )


def _days_with_study(days: pl.DataFrame, answers: pl.DataFrame) -> Mapping[str, int]:
    both = pl.concat(
        [days.filter(pl.col("study_seconds") > 0).select("member_id", "day"), answers.select("member_id", "day")]
    )
    return dict(both.unique().group_by("member_id").len().iter_rows())


def _exams(answers: pl.DataFrame) -> Mapping[str, int]:
    taken = answers.filter(pl.col("exam_id") != "").group_by("member_id").agg(pl.col("exam_id").n_unique())
    return dict(taken.iter_rows())
