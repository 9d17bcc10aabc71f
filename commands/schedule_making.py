"""Makes the files of a run: one parcel for each organisation, so that each gets its own and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import cast

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from reports.data import EVERYTHING, Content, ReportData
from reports.errors import ReportError
from reports.extra_pages import annex_stems, write_annexes, write_exams
from reports.formats.names import Format
from reports.issued.register import Register, Series
from reports.load import check_content, load, signed
from reports.order import natural
from reports.paths import slugs
from reports.population import Populations
from reports.schedule.manifest import MadeFile, Parcel, Plan
from reports.site import Site
from schemas.credit import CreditPolicy
from schemas.reference.columns import Language
from schemas.settings import Settings
from sinks.audit import Entry
from sinks.client import Store
from sinks.corrections import contested
from sinks.read import Reader, Scope

from . import context as contexts
from . import issuing
from .auditing import auditor
from .connect import connected
from .context import Context
from .schedule_running import Made

Progress = Callable[[int, int], None]


@contextmanager
def making(context: Context) -> Iterator[Maker]:
    """Makes files of plans; the store is opened when the first one needs it."""
    with ExitStack() as exits:
        yield Maker(context, exits)


class Maker:
    """See ``making``."""

    def __init__(self, context: Context, exits: ExitStack) -> None:
        self.context, self.exits = context, exits
        self.store: Store | None = None

    def __call__(self, plan: Plan, cut_off: datetime, folder: Path) -> Made:
        """See ``make``."""
        settings = self.context.settings
        if self.store is None:
            self.store = self.exits.enter_context(connected(settings))
        with Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=contexts.messages, transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task(f"{plan.title} {plan.label}", total=None)
            return make(settings, self.store, plan, cut_off, folder, partial(_step, bar, task))


def _step(bar: Bar, task: TaskID, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)


def make(settings: Settings, store: Store, plan: Plan, cut_off: datetime, folder: Path, progress: Progress) -> Made:
    """Write the reports of a plan below ``folder``, durably; also returns which formats could not be made, and why.

    Reports that are issued are entered in the register when all are written: each organisation's is a series of its
    own, the one that ``xuejing report --as-of`` finds. Raises ReportError, StoreError, IssuingBusy, OSError;
    FormatUnavailable when there is none that could.
    """
    with issuing.one_issues(settings) if plan.issue else nullcontext():
        basis = _basis(settings, store, plan, cut_off) if plan.issue else None
        data = basis.data if basis else _read(settings, store, plan, cut_off)
        check_content(data, content(plan))
        site = _site(data, plan, folder / ".making", settings.small_group)
        people = _people(site, plan)
        wanted = [_top(site)] if plan.report == "exam" else list(organisations(plan, site.populations, people))
        if not wanted:
            raise ReportError(
                "nobody belonged to the organisations of the job in the period",
                hint="correct scope, or import the roster",
            )
        names, found, versions = slugs(wanted), [], []
        for done, organisation in enumerate(wanted):
            progress(done, len(wanted))
            if basis:
                series = Series(*_subject(plan, organisation), content(plan), data.period)
                version = issuing.versioned(Register(store), series, basis, None)
                site = _site(version.data, plan, folder / ".making", settings.small_group)
                versions.append((version, site.index.hashes))
            members = (people or {}).get(organisation, ())
            found.append(_parcel(site, plan, organisation, members, folder / names[organisation]))
        progress(len(wanted), len(wanted))
        for version, files in versions:
            issuing.register_version(store, version, files)
        _record(settings, store, plan, people or {})
    return tuple(found), tuple(site.index.unavailable.values())


def _record(settings: Settings, store: Store, plan: Plan, people: Mapping[str, Sequence[str]]) -> None:
    """Tell the audit about whom reports were made."""
    found = auditor(settings, store)
    text = f"{plan.report} {plan.first} {plan.last}"
    named = ((org, members) for org, members in people.items() if members)
    found.record(*(Entry("schedule", "report", text, plan.title, org, members) for org, members in named))


def _read(settings: Settings, store: Store, plan: Plan, cut_off: datetime) -> ReportData:
    credit = CreditPolicy.of(settings.credit_rules, settings.shown_families)
    data = load(Reader(store), Scope.everything(), first=plan.first, last=plan.last, as_of=cut_off, credit=credit)
    return replace(signed(data, settings.made_by, plan.title), contested=contested(store, cut_off))


def _basis(settings: Settings, store: Store, plan: Plan, cut_off: datetime) -> issuing.Made:
    """What all versions of a run are made from, read once."""
    wanted = issuing.Wanted(*_subject(plan, ""), content(plan), plan.first, plan.last, plan.title)
    options = {
        "lang": ",".join(plan.languages), "formats": ",".join(plan.formats), "k": str(settings.small_group)
    }  # fmt: skip
    return issuing.settled(settings, store, wanted, options, cut_off)


def _subject(plan: Plan, organisation: str) -> tuple[str, str]:
    """Kind and subject of a report in the register, as ``xuejing report`` names them."""
    return ("exam", plan.exam) if plan.report == "exam" else ("group", organisation)


def _top(site: Site) -> str:
    """The organisation to which a report about everybody belongs."""
    return site.top or min(site.roots, default="")


def _people(site: Site, plan: Plan) -> Mapping[str, Sequence[str]] | None:
    """Members whose reports a plan asks for, by the organisation to which they belonged last in the period; of plans
    about organisations None, or for annexes those that have members of their own.

    Only that one gets them: an earlier one has no business with what came after. Raises ReportError for a member who
    belonged nowhere.
    """
    if plan.report == "annex":
        return dict.fromkeys(annex_stems(site), ())
    if plan.report != "member":
        return None
    last: dict[str, tuple[date, str]] = {}
    for node in site.nodes:
        for member, belonging in site.populations.of(node, own=True).members.items():
            last[member] = max(last.get(member, (date.min, "")), (belonging.until, node))
    if missing := set(plan.members) - last.keys():
        raise ReportError(
            f"member {min(missing)!r} belonged to no organisation in the period", hint="correct scope.members"
        )
    found: dict[str, list[str]] = {}
    for member in sorted(plan.members or last, key=natural):
        found.setdefault(last[member][1], []).append(member)
    return found


def content(plan: Plan) -> Content:
    """What the reports are about."""
    if plan.exam:
        return Content("exam", plan.exam)
    return Content("course", plan.course) if plan.course else EVERYTHING


def organisations(
    plan: Plan, populations: Populations, people: Mapping[str, Sequence[str]] | None = None
) -> Iterator[str]:
    """Which organisations get a parcel, parents before children; with ``people`` only those that are in it.

    Raises ReportError for an unknown one.
    """
    every = populations.nodes()
    children = {node: populations.children(node) for node in every}
    below = {child for found in children.values() for child in found}
    for top in plan.organisations:
        if top not in children:
            raise ReportError(
                f"organisation {top!r} is not in the roster of the period",
                hint="`xuejing query organisations` lists what there is",
            )
    tops = plan.organisations or tuple(node for node in every if node not in below)
    # Members without an organisation named are all those of the tree.
    alone = plan.include == "self" and (people is None or bool(plan.organisations))
    chosen = set(tops) if alone else set(_below(tops, children))
    for node in every:
        if node in chosen and (plan.include != "branches" or not children[node]) and (people is None or node in people):
            yield node


def _below(tops: tuple[str, ...], children: dict[str, list[str]]) -> Iterator[str]:
    waiting, seen = list(tops), set(tops)
    while waiting:
        node = waiting.pop()
        yield node
        new = [child for child in children.get(node, ()) if child not in seen]
        seen.update(new)
        waiting += new


def _site(data: ReportData, plan: Plan, folder: Path, k: int) -> Site:
    scope = Scope.everything() if plan.named else Scope(None, "aggregate")
    languages, formats = cast("tuple[Language, ...]", plan.languages), cast("tuple[Format, ...]", plan.formats)
    return Site(data, scope, folder, content(plan), languages, formats, k, alone=True)


def _parcel(site: Site, plan: Plan, organisation: str, members: Sequence[str], target: Path) -> Parcel:
    """The reports of one organisation, in a folder of their own."""
    if plan.report == "member":
        site.write_members(members)
    elif plan.report == "annex":
        write_annexes(site, [organisation])
    elif plan.report == "exam":
        write_exams(site, [plan.exam])
    else:
        site.write_groups([organisation])
    site.folder.rename(target)
    last = site.data.period.last
    row = site.data.roster.organisation(organisation, last)
    return Parcel(
        organisation=organisation,
        title=row.name if row and row.name else organisation,
        folder=target.name,
        above=tuple(site.data.roster.ancestors(organisation, last)),
        named=plan.named,
        reports=len(members) if plan.report == "member" else 1,
        files=tuple(_made(path, target) for path in sorted(target.rglob("*")) if path.is_file()),
    )


def _made(path: Path, root: Path) -> MadeFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return MadeFile(path.relative_to(root).as_posix(), path.stat().st_size, digest)
