"""``xuejing improve``: from a suggestion of a report to an improvement with an owner, an action and a due day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from reports.context.group import Groups
from reports.context.group_advice import suggested
from reports.context.improvements import SUGGESTED, office
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy
from reports.improvements import FAMILY, Issue
from reports.load import load, load_catalogue
from reports.population import Populations
from reports.text import Note, Words
from schemas.credit import CreditPolicy
from schemas.errors import InputError
from schemas.families.improvement import ACTIONS, PROBLEMS
from schemas.reference import Choice
from schemas.settings import Settings
from sinks.audit import Entry
from sinks.client import Store
from sinks.read import Reader, Scope

from . import context as contexts
from .auditing import auditor, operator
from .connect import connected
from .context import Context
from .improving import (
    Taken,
    action_of,
    check,
    check_about,
    check_days,
    check_member,
    check_new,
    check_places,
    known,
    line,
    one,
    place,
    problem_of,
    raised,
)
from .producing import event_producer
from .rebuild import wait_for_workers
from .report_options import First, Last
from .stack import with_broker
from .tabular import show_whole

app = typer.Typer(
    no_args_is_help=True,
    help="整改：提出、认领、整改、销号 · Improvements: from a suggestion to an owner, an action and what became of it",
)
IdArgument = Annotated[str, typer.Argument(help="事项编号 · id of the improvement")]
By = Annotated[str, typer.Option("--by", help="办理人的成员编号 · id of the member who does it")]
Due = Annotated[
    datetime | None,
    typer.Option("--due", parser=contexts.day_of("--due"), metavar="YYYY-MM-DD", help="期限 · to be closed by"),
]
On = Annotated[
    datetime | None,
    typer.Option(
        "--on", parser=contexts.day_of("--on"), metavar="YYYY-MM-DD", help="发生日期，默认今天 · when; default: today"
    ),
]


@app.command("suggestions")
def suggestions(
    ctx: typer.Context,
    org: Annotated[str, typer.Argument(help="组织编号 · id of an organisation")],
    first: First = None,
    last: Last = None,
) -> None:
    """列出报告中的建议及其序号 · The suggestions of a report, with the numbers that `raise` takes."""
    context = _shown(ctx)
    with connected(context.settings) as store:
        found = _suggested(context.settings, store, org, _day(first), _day(last))
    zh = context.settings.language == "zh"
    words = Words("zh" if zh else "en")
    names = ("序号", "组织", "问题", "涉及", "建议") if zh else (
        "number", "organisation", "problem", "about", "suggestion")  # fmt: skip
    show_whole([names, *(
        (number, s.place, _title(PROBLEMS, s.problem, zh), s.about, words.note(s.note))
        for number, s in enumerate(found, 1)
    )])  # fmt: skip


@app.command("raise")
def raise_(
    ctx: typer.Context,
    org: Annotated[str, typer.Argument(help="整改组织的编号 · id of the organisation that is to improve")],
    by: By,
    problem: Annotated[
        str, typer.Option("--problem", help=f"问题 · what was found: {', '.join(c.code for c in PROBLEMS)}")
    ] = "",
    suggestion: Annotated[
        int, typer.Option("--suggestion", help="报告建议的序号 · number of a suggestion of the report")
    ] = 0,
    about: Annotated[str, typer.Option("--about", help="知识点或题目编号 · id of a knowledge point or question")] = "",
    course: Annotated[str, typer.Option("--course", help="课程编号 · id of a course")] = "",
    from_org: Annotated[str, typer.Option("--from-org", help="下达的上级组织 · organisation that sends it down")] = "",
    first: First = None,
    last: Last = None,
    due: Due = None,
    on: On = None,
) -> None:
    """由报告的建议提出整改事项；可由上级下达 · Raise an improvement; prints its id."""
    context = _shown(ctx)
    if bool(problem) == bool(suggestion):
        raise InputError("an improvement comes from a suggestion or names a problem", hint="--suggestion or --problem")
    with connected(context.settings) as store:
        reader = Reader(store)
        period = _day(first), _day(last)
        if suggestion:
            found = _suggested(context.settings, store, org, *period)
            if not 0 < suggestion <= len(found):
                raise InputError(f"the report has {len(found)} suggestions", where="--suggestion")
            chosen = found[suggestion - 1]
            # What a committee's report says of an organisation below is for that organisation: sent down.
            above = from_org or (org if chosen.org != org else "")
            org, code, about, from_org = chosen.org, chosen.problem, chosen.about, above
        else:
            code = problem_of(problem)
            check_about(load_catalogue(reader), code, about, course)
        at = _moment(reader, on)
        check_places(reader.roster(), org, from_org, at.date())
        issue = raised(org, code, about, course, from_org, period, at.date())
        check_new(issue, known(reader, org))
        _take(context, store, reader, issue, Taken("raised", by, at, _day(due)))
    typer.echo(issue.improvement_id)
    context.say(f"已提出整改事项 {issue.improvement_id}", f"improvement {issue.improvement_id} is raised")


@app.command("assign")
def assign(
    ctx: typer.Context,
    improvement_id: IdArgument,
    owner: Annotated[str, typer.Option("--owner", help="责任人的成员编号 · id of the member who owns it")],
    due: Due = None,
    on: On = None,
) -> None:
    """认领，即签收：定责任人和期限 · Give it an owner and a due day, which acknowledges it."""
    _step(ctx, improvement_id, "assigned", owner, on, due=due)


@app.command("act")
def act(
    ctx: typer.Context,
    improvement_id: IdArgument,
    by: By,
    action: Annotated[
        str, typer.Option("--action", help=f"措施 · what was done: {', '.join(c.code for c in ACTIONS)}")
    ],
    on: On = None,
) -> None:
    """登记整改措施 · Record what was done."""
    _step(ctx, improvement_id, "acted", by, on, action=action_of(action))


@app.command("close")
def close(ctx: typer.Context, improvement_id: IdArgument, by: By, on: On = None) -> None:
    """销号 · Close it: what was planned is done."""
    _step(ctx, improvement_id, "closed", by, on)


@app.command("reopen")
def reopen(ctx: typer.Context, improvement_id: IdArgument, by: By, due: Due = None, on: On = None) -> None:
    """重新整改 · Open it again."""
    _step(ctx, improvement_id, "reopened", by, on, due=due)


@app.command("list")
def listing(
    ctx: typer.Context,
    org: Annotated[str | None, typer.Option("--org", help="组织，含下级 · organisation, and what is below it")] = None,
    all_: Annotated[bool, typer.Option("--all", help="包括已销号的 · also those that are closed")] = False,
) -> None:
    """列出整改事项及进度 · Improvements and how they stand, and whether they are acknowledged."""
    context = _shown(ctx)
    with connected(context.settings) as store:
        reader = Reader(store)
        today = datetime.now(ZoneInfo(reader.generation().timezone)).date()
        found = [i for i in known(reader, org) if all_ or i.open]
        roster = reader.roster()
    zh = context.settings.language == "zh"
    words = Words("zh" if zh else "en")
    names = ("编号", "组织", "下达", "问题", "涉及", "进度", "认领", "责任人", "期限", "天数") if zh else (
        "id", "organisation", "from", "problem", "about", "progress", "assigned", "owner", "due", "days")  # fmt: skip
    rows: list[Sequence[object]] = [names]
    for i in sorted(found, key=lambda i: (i.raised, i.improvement_id)):
        where = place(roster, i.org_id, today), place(roster, i.from_org, today)
        stands = words(f"improve.{i.state}"), i.assigned or "—", words.value(office(i)) or "—"
        due = f"{i.due or '—'}{words('improve.overdue') if i.overdue(today) else ''}"
        about = _title(PROBLEMS, i.problem, zh), i.about
        rows.append((i.improvement_id, *where, *about, *stands, due, i.age(today)))
    show_whole(rows)


@dataclass(frozen=True, slots=True)
class _Found:
    """A suggestion as an improvement would take it up: whose (``place``: with the name), what was found, and what it is
    about."""

    org: str
    place: str
    problem: str
    about: str
    note: Note


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said when a step is taken."""

    zh: str
    en: str


_SAID = {
    "assigned": _Said("已认领", "is assigned"),
    "acted": _Said("已登记措施", "is acted on"),
    "closed": _Said("已销号", "is closed"),
    "reopened": _Said("重新整改", "is open again"),
}


def _shown(ctx: typer.Context) -> Context:
    """The context of a command. Raises InputError where improvements are not shown."""
    context = contexts.of(ctx)
    if FAMILY not in context.settings.shown_families:
        raise InputError("improvements are switched off here", where="families", hint="add improvement to families")
    return context


def _step(
    ctx: typer.Context,
    improvement_id: str,
    step: str,
    member_id: str,
    on: datetime | None,
    *,
    due: datetime | None = None,
    action: str | None = None,
) -> None:
    context = _shown(ctx)
    with connected(context.settings) as store:
        reader = Reader(store)
        issue = one(reader, improvement_id)
        check(issue, step)
        _take(context, store, reader, issue, Taken(step, member_id, _moment(reader, on), _day(due), action))
    said = _SAID[step]
    context.say(f"整改事项 {improvement_id} {said.zh}", f"improvement {improvement_id} {said.en}")


def _take(context: Context, store: Store, reader: Reader, issue: Issue, taken: Taken) -> None:
    """Send the step, record who entered it as soon as Kafka has it, and wait until it counts."""
    check_days(issue, taken, datetime.now(UTC).astimezone(taken.at.tzinfo).date())
    check_member(reader.roster(), taken.member_id, "--owner" if taken.step == "assigned" else "--by")
    made = line(issue, taken)
    reached = with_broker(context.settings)
    with event_producer(reached) as producer:
        producer.send(taken.member_id, [made])
    what = f"improve {taken.step} {issue.improvement_id}"
    auditor(context.settings, store).record(
        Entry(operator(), "improve", what, "", org_id=issue.org_id, members=[taken.member_id])
    )
    wait_for_workers(reached, reached.events_topic)


def _suggested(settings: Settings, store: Store, org: str, first: date | None, last: date | None) -> Sequence[_Found]:
    """The suggestions of the organisation's report that can be acted on, in its order."""
    if first is None or last is None:
        raise InputError("a suggestion is one of the report of a period", hint="--from and --to")
    credit = CreditPolicy.of(settings.credit_rules, settings.shown_families)
    data = load(Reader(store), Scope.everything(), first=first, last=last, credit=credit)
    populations = Populations(data.roster, data.period)
    if org not in populations.nodes():
        raise InputError(f"organisation {org!r} is not in the roster", where="ORG", hint="xuejing query organisations")
    groups = Groups(data, populations, Deliveries(data), EVERYTHING, Policy(k=settings.small_group))
    report = groups.report(org)
    found = []
    for one_ in suggested(report.people, report.children, report.topics, report.missed, report.quality):
        if problem := SUGGESTED.get(one_.note.key):
            child = one_.note.key == "group_advice.silent_child"
            whose, about = (one_.subject, "") if child else (org, one_.subject)
            found.append(_Found(whose, place(data.roster, whose, last), problem, about, one_.note))
    return found


def _moment(reader: Reader, on: datetime | None) -> datetime:
    """Now, or the same time of another day, in the store's time zone."""
    now = datetime.now(UTC).astimezone(ZoneInfo(reader.generation().timezone))
    return now if on is None else datetime.combine(on.date(), now.time(), now.tzinfo)


def _title(choices: Sequence[Choice], code: str, zh: bool) -> str:
    return next((c.title.zh if zh else c.title.en for c in choices if c.code == code), code)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
