"""Steps of improvements as events: who may take which, and the line that is sent."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from reports.catalogue import Catalogue
from reports.context.head import name_of
from reports.improvements import Issue, issues
from schemas.decode import Arrival, Position, decode_line, epoch_ms
from schemas.errors import InputError
from schemas.families.improvement import ACTIONS, PROBLEMS
from schemas.reference import Choice, Roster, normalise
from sinks.read import Filters, Reader, Scope

from .issuing import program_version

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Taken:
    """A step: who takes it (the owner, for ``assigned``) and when, with an offset."""

    step: str
    member_id: str
    at: datetime
    due: date | None = None
    action: str | None = None


def code_of(choices: tuple[Choice, ...], text: str, where: str) -> str:
    """The code that a person means by it, by its name, or by a part of that. Raises InputError naming ``where``."""
    wanted = normalise(text)
    for choice in choices:
        if wanted in {normalise(name) for name in _names(choice)}:
            return choice.code
    raise InputError(f"{text!r} is not known", where=where, hint=", ".join(f"{c.code} {c.title.zh}" for c in choices))


def _names(choice: Choice) -> Iterator[str]:
    """What people call it: 集中学习、专题辅导 is meant by either half, and nobody types what stands in brackets."""
    yield from (choice.code, *choice.title, *choice.aliases)
    yield from filter(None, re.split("[、（）]", choice.title.zh))


def problem_of(text: str) -> str:
    """The code of a problem."""
    return code_of(PROBLEMS, text, "--problem")


def action_of(text: str) -> str:
    """The code of an action."""
    return code_of(ACTIONS, text, "--action")


def known(reader: Reader, org: str | None = None) -> tuple[Issue, ...]:
    """All improvements, or those of an organisation and what is below it, as they stand now."""
    zone = ZoneInfo(reader.generation().timezone)
    return issues(reader.frame("improvements", Scope.everything(), Filters(org=org)), zone)


def one(reader: Reader, improvement_id: str) -> Issue:
    """The improvement of that id. Raises InputError where there is none."""
    found = [i for i in known(reader) if i.improvement_id == improvement_id]
    if not found:
        raise InputError("there is no such improvement", where=improvement_id, hint="xuejing improve list --all")
    return found[0]


def place(roster: Roster, org_id: str, day: date) -> str:
    """The id of an organisation, which other commands take, and behind it its name on the day, if it has one."""
    name = name_of(roster, org_id, day)
    return org_id if name == org_id else f"{org_id} {name}"


def check(issue: Issue, step: str) -> None:
    """Raise InputError for a step that does not follow from how the improvement stands."""
    if step == "reopened" and issue.open:
        raise InputError("the improvement is open", where=issue.improvement_id)
    if step != "reopened" and not issue.open:
        raise InputError(
            "the improvement is closed", where=issue.improvement_id, hint="xuejing improve reopen, if it goes on"
        )


def check_new(issue: Issue, known_: Iterable[Issue]) -> None:
    """Raise InputError where the same is open already: taken up twice it would be counted twice, and closed once."""

    def same(one: Issue) -> tuple[str, ...]:
        return one.org_id, one.problem, one.about, one.course_id, one.from_org

    for one_ in known_:
        if one_.open and same(one_) == same(issue):
            raise InputError("the same improvement is open", where=one_.improvement_id, hint="xuejing improve list")


def check_days(issue: Issue, taken: Taken, today: date) -> None:
    """Raise InputError for a step of a day to come or before the raising, for closing or reopening before what was done
    since, which would be without effect, and for a due day before the step."""
    day = taken.at.date()
    if day > today:
        raise InputError(f"{day} lies ahead", where="--on")
    if day < issue.raised:
        raise InputError(f"the improvement was raised on {issue.raised}", where="--on")
    done = [d for d in (issue.assigned, issue.acted, issue.closed, issue.reopened_on) if d is not None]
    if taken.step in ("closed", "reopened") and done and day < max(done):
        raise InputError(f"the latest step was taken on {max(done)}", where="--on")
    if taken.due is not None and taken.due < day:
        raise InputError(f"the due day lies before {day}", where="--due", hint="--on enters a step afterwards")


def check_member(roster: Roster, member_id: str, where: str) -> None:
    """Raise InputError for a member who is not in the roster: the step would be refused."""
    if not roster.known(member_id):
        raise InputError(f"member {member_id!r} is not in the roster", where=where)


def check_places(roster: Roster, org: str, above: str, day: date) -> None:
    """Raise InputError unless ``org`` is in the tree on that day, and below ``above`` where that is given."""
    if roster.organisation(org, day) is None:
        raise InputError(f"organisation {org!r} is not in the roster", where="ORG", hint="xuejing query organisations")
    if above and above not in roster.ancestors(org, day):
        raise InputError(f"{org!r} is not below {above!r}", where="--from-org")


def check_about(catalogue: Catalogue, problem: str, about: str, course: str) -> None:
    """Raise InputError for a knowledge point, question or course that is not in the catalogue, and where the problem is
    one of these and none is named: reports could follow no figure of it. A kind of which the catalogue has none is not
    checked."""
    kinds: dict[str, Collection[str]] = {"topic": catalogue.points, "question": catalogue.questions}
    if problem in kinds and not about:
        raise InputError("the knowledge point or question is missing", where="--about")
    _check_listed(kinds.get(problem, ()), about, "--about")
    _check_listed(catalogue.courses, course, "--course")


def _check_listed(there: Collection[str], wanted: str, where: str) -> None:
    if wanted and there and wanted not in there:
        raise InputError(
            f"{wanted!r} is not in the catalogue", where=where, hint=", ".join(get_close_matches(wanted, there, 3))
        )


def line(issue: Issue, taken: Taken) -> bytes:
    """The event of a step. Every one says what the improvement is. Raises InputError if it would not count."""
    body: dict[str, Any] = {
        "event_id": str(uuid.uuid4()),
        "event_type": "improvement",
        "member_id": taken.member_id,
        "occurred_at": taken.at.isoformat(timespec="milliseconds"),
        "source": f"xuejing {program_version()}",
        "improvement_id": issue.improvement_id,
        "step": taken.step,
        "target_org": issue.org_id,
        "problem": issue.problem,
    }
    said = {
        "course_id": issue.course_id,
        "about": issue.about,
        "from_org": issue.from_org,
        "period_first": issue.period_first and str(issue.period_first),
        "period_last": issue.period_last and str(issue.period_last),
        "due": taken.due and str(taken.due),
        "action": taken.action,
    }
    made = _encode(body | {name: value for name, value in said.items() if value})
    got = decode_line(made, Position("", "", 0, 0, 0), epoch_ms(datetime.now(UTC)))
    if not isinstance(got, Arrival):
        raise InputError(f"an event would not count: {got.reason}: {got.detail}")
    return made


def raised(
    org: str, problem: str, about: str, course: str, above: str, period: tuple[date | None, date | None], day: date
) -> Issue:
    """A new improvement, before anything was done about it."""
    return Issue(
        org_id=org,
        improvement_id=f"{day:%Y%m%d}-{uuid.uuid4().hex[:8]}",
        problem=problem,
        about=about,
        course_id=course,
        from_org="" if above == org else above,
        period_first=period[0],
        period_last=period[1],
        state="raised",
        raised=day,
        assigned=None,
        owner_role="",
        due=None,
        acted=None,
        actions=(),
        closed=None,
        reopened=0,
    )
