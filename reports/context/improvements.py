"""Improvements in a group's report: how last period's stand, whether their figure moved, and how old open ones are.

They are about organisations: an owner is shown by office, nobody by name or id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reports.catalogue import Catalogue
from reports.context.change import ChangeLine, TakenUp, mean_line, right_by, share_line, status
from reports.context.group_advice import Suggested
from reports.context.group_change import FOLLOWED, Cut
from reports.context.head import named
from reports.figures import Figure
from reports.improvements import Issue, current
from reports.text import note
from schemas.families.improvement import ACTIONS, PROBLEMS
from schemas.reference import MEMBER_ROLES, Text

AGES = (30, 90)
"""Days up to which an open improvement is young, or of middle age."""
SUGGESTED: Mapping[str, str] = {
    "group_advice.silent": "silent",
    "group_advice.silent_child": "no_records",
    "group_advice.no_records": "no_records",
    "group_advice.topic": "topic",
    "group_advice.hard": "question",
    "group_advice.ungraded": "ungraded",
    "group_advice.rejected": "rejected",
}
"""Suggestion → problem that an improvement names; the others are nothing to improve."""
_FOLLOWED = {
    problem: FOLLOWED[key] for key, problem in SUGGESTED.items() if key in FOLLOWED
}  # the same figure by which the report follows the suggestion
_PROBLEMS = {c.code: c.title for c in PROBLEMS}
_ACTIONS = {c.code: c.title for c in ACTIONS}
_OFFICES = {c.code: c.title for c in MEMBER_ROLES}
Name = Callable[[str], Text]
"""From the id of an organisation to its name."""
Cuts = Callable[[str], "tuple[Cut, Cut] | None"]
"""What an organisation's figures of the period before and of this one are made from; None where they are not shown."""


@dataclass(frozen=True, slots=True)
class IssueLine:
    """One improvement. ``state``, ``moved``: messages; ``line``: its figure in the period before and in this one, None
    where it has none that may be shown. ``done``: what was done, in kinds."""

    id: str
    organisation: Text
    problem: Text
    about: Text
    sent: bool
    raised: date
    state: str
    acknowledged: date | None
    owner: Text
    due: date | None
    overdue: bool
    done: tuple[Text, ...]
    closed: date | None
    age: Figure
    line: ChangeLine | None
    moved: str


@dataclass(frozen=True, slots=True)
class AgeLine:
    """Improvements of one organisation below by how long they have been open."""

    id: str
    name: Text
    open: Figure
    young: Figure
    middle: Figure
    old: Figure
    waiting: Figure
    overdue: Figure
    closed: Figure


@dataclass(frozen=True, slots=True)
class Improvements:
    """``own``: the organisation's; ``sent``: those that it sent down; ``ages``: of the organisations below."""

    own: tuple[IssueLine, ...]
    sent: tuple[IssueLine, ...]
    ages: tuple[AgeLine, ...]


def improvements(
    found: Sequence[Issue],
    node: str,
    below: Collection[str],
    branches: Sequence[str],
    period: tuple[date, date],
    name: Name,
    cuts: Cuts | None,
    catalogue: Catalogue,
    k: int,
) -> Improvements | None:
    """None where there is nothing to say. ``below``: organisations below on a day of the period; ``branches``: those
    with members of their own. ``cuts``: None where there is no period before."""
    first, last = period
    shown = current(found, first)
    own = [i for i in shown if i.org_id == node]
    # Whoever enters a step names the organisation that it comes from: only what is below is this one's to follow.
    sent = [i for i in shown if i.from_org == node and i.org_id != node and i.org_id in below]
    # Also those above branches that have some of their own.
    others = sorted({i.org_id for i in shown if i.org_id in below} - set(branches))
    ages = tuple(
        _ages(org, name(org), mine, last)
        for org in (*branches, *others)
        if org != node and (mine := [i for i in shown if i.org_id == org])
    )
    if not (own or sent or ages):
        return None
    return Improvements(
        tuple(_line(i, last, name, _moved(i, cuts, catalogue, k), catalogue, figures=True) for i in own),
        # Of what is below only in which direction: a figure more of a part could be subtracted from the whole.
        tuple(_line(i, last, name, _moved(i, cuts, catalogue, k), catalogue, figures=False) for i in sent),
        ages,
    )


def taken_up(found: Sequence[Issue], node: str, first: date) -> Callable[[Suggested], TakenUp]:
    """What a node made of a suggestion of its report: of the improvements about the same that the report of the period
    from ``first`` on lists, the newest."""
    mine = {(i.problem, i.about): i for i in current(found, first) if i.org_id == node}  # the oldest come first

    def of(one: Suggested) -> TakenUp:
        issue = mine.get((SUGGESTED.get(one.note.key, ""), one.subject))
        if issue is None:
            return TakenUp()
        state = f"improve.{issue.state}" if issue.assigned or not issue.open else "improve.not_taken"
        done = [named(_ACTIONS, code) for code in issue.actions]
        return TakenUp(state, office(issue), Text("；".join(d.zh for d in done), "; ".join(d.en for d in done)))

    return of


def office(issue: Issue) -> Text:
    """The office of the owner, as people read it; nothing where nobody owns it or the office is not known."""
    return named(_OFFICES, issue.owner_role) if issue.owner_role else Text("", "")


def _line(
    issue: Issue,
    last: date,
    name: Name,
    moved: tuple[ChangeLine | None, str],
    catalogue: Catalogue,
    *,
    figures: bool,
) -> IssueLine:
    line, verdict = moved
    return IssueLine(
        id=issue.improvement_id,
        organisation=name(issue.org_id),
        problem=named(_PROBLEMS, issue.problem),
        about=_about(issue, catalogue),
        sent=issue.from_org not in ("", issue.org_id),
        raised=issue.raised,
        state=f"improve.{issue.state}",
        acknowledged=issue.assigned,
        owner=office(issue),
        due=issue.due,
        overdue=issue.overdue(last),
        done=tuple(named(_ACTIONS, code) for code in issue.actions),
        closed=issue.closed,
        age=Figure("improvement_age", issue.age(last)),
        line=line if figures else None,
        moved=verdict,
    )


def _about(issue: Issue, catalogue: Catalogue) -> Text:
    if issue.problem == "question":
        question = catalogue.questions.get(issue.about)
        text = question.text if question and question.text else issue.about
        return Text(text, text)
    if issue.about:
        return catalogue.point(issue.about)
    return catalogue.course(issue.course_id) if issue.course_id else Text("", "")


def _moved(issue: Issue, cuts: Cuts | None, catalogue: Catalogue, k: int) -> tuple[ChangeLine | None, str]:
    """The figure of the problem in both periods, and what became of it."""
    if issue.problem in ("ungraded", "rejected"):
        return None, "improve.no_figure"
    if cuts is None:
        return None, "change.no_before"
    if (both := cuts(issue.org_id)) is None:
        return None, "change.no_data"
    before, now = both
    line, good = _figure(issue, before, now, catalogue, k)
    return line, status(line, good=good)


def _figure(issue: Issue, before: Cut, now: Cut, catalogue: Catalogue, k: int) -> tuple[ChangeLine | None, int]:
    if issue.problem == "accuracy":
        return share_line("accuracy", right_by(before.answers), right_by(now.answers)), 1
    if issue.problem == "study":
        return mean_line("mean_study", before.study, now.study), 1
    find = _FOLLOWED.get(issue.problem, FOLLOWED["group_advice.silent"])
    return find(Suggested(issue.about, note("")), before, now, catalogue, k)


def _ages(org: str, name: Text, found: Sequence[Issue], last: date) -> AgeLine:
    ages = [i.age(last) for i in found if i.open]

    return AgeLine(
        id=org,
        name=name,
        open=Figure("improvements_open", len(ages)),
        young=Figure("improvements_open", sum(a <= AGES[0] for a in ages)),
        middle=Figure("improvements_open", sum(AGES[0] < a <= AGES[1] for a in ages)),
        old=Figure("improvements_open", sum(a > AGES[1] for a in ages)),
        waiting=Figure("improvements_waiting", sum(i.open and i.assigned is None for i in found)),
        overdue=Figure("improvements_overdue", sum(i.overdue(last) for i in found)),
        closed=Figure("improvements_closed", sum(i.closed is not None for i in found)),
    )
