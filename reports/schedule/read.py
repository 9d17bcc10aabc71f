"""A file of schedules from TOML. Everything that is wrong is found at once, with line, key and what to do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from reports.data import Period
from reports.errors import ReportError
from reports.formats.names import FORMATS, Format
from reports.schedule import cron
from reports.schedule.config import (
    EVERYWHERE,
    INCLUDES,
    KINDS,
    NAMED,
    Destination,
    Include,
    Job,
    Kind,
    RobotPlace,
    Schedule,
    Selection,
)
from reports.schedule.periods import RELATIVE, Relative, Term
from reports.schedule.places import destination
from reports.schedule.table import Lines, Table
from schemas.errors import ConfigError, InputError
from schemas.reference.columns import Language

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
LANGUAGES = ("zh", "en")


def read(path: Path, default_zone: str) -> Schedule:
    """The schedule of a file; its ``problems`` say what is wrong. Raises InputError when it can't be read at all."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(
            f"the file of schedules can't be read: {error.strerror}",
            where=str(path),
            hint="begin with deploy/schedule.example.toml, or name another file with --file",
        ) from None
    except UnicodeDecodeError:
        raise InputError("the file of schedules is not UTF-8", where=str(path), hint="save it as UTF-8") from None
    return parse(text, str(path), default_zone)


def parse(text: str, file: str, default_zone: str) -> Schedule:
    """The same of a text. Raises InputError when it is not TOML."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"not valid TOML: {error}", where=file, hint="the line named is where reading stopped"
        ) from None
    problems: list[ConfigError] = []
    lines = Lines(text)
    root = Table(content, file, lines, "", 0, problems)

    def table(values: Any, name: str, nth: int = 1) -> Table:
        return Table(values, file, lines, name, nth, problems)

    zone = _zone(root, "timezone", default_zone)
    state = root.text("state", "")
    retry_days = int(root.number("retry_days", 7, 1, 366))
    keep_days = int(root.number("keep_days", 30, 1, 36_600))
    terms = tuple(_term(table(v, "term", n)) for n, v in enumerate(_listed(root, "term"), 1))
    found = root.take("destination") or {}
    places = {
        name: destination(name, table(values, f"destination.{name}"))
        for name, values in (found.items() if isinstance(found, dict) else ())
    }
    destinations = {name: place for name, place in places.items() if place is not None}
    jobs: list[Job] = []
    for n, values in enumerate(_listed(root, "job"), 1):
        job_table = table(values, "job", n)
        if (job := _job(job_table, zone, found, destinations, terms)) is not None:
            if any(job.name == other.name for other in jobs):
                job_table.add("name", ConfigError(f"two jobs are named {job.name!r}", hint="give each its own name"))
            jobs.append(job)
    root.done()
    return Schedule(
        tuple(jobs),
        destinations,
        terms,
        Path(state).expanduser() if state else None,
        retry_days,
        keep_days,
        tuple(problems),
    )


def _listed(root: Table, key: str) -> list[Any]:
    found = root.take(key)
    if found is None or isinstance(found, list):
        return found or []
    root.add(key, ConfigError(f"{key} must be a list of tables", hint=f"write [[{key}]] with two brackets"))
    return []


def _zone(table: Table, key: str, default: str) -> ZoneInfo:
    name = table.text(key, default)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        table.add(key, ConfigError(f"time zone {name!r} is not known", hint="use an IANA name, e.g. Asia/Shanghai"))
        return ZoneInfo("UTC")


def _term(table: Table) -> Term:
    name, first, last = table.text("name"), table.day("first"), table.day("last")
    if last < first:
        table.add("last", ConfigError(f"the period ends on {last}, before it begins on {first}", hint="swap them"))
    if name and not re.fullmatch(r"[\w.-]{1,40}", name):
        table.add("name", ConfigError(f"{name!r} can't be the name of a folder", hint="use letters, digits and -"))
    table.done()
    return Term(name, first, last)


def _job(
    table: Table, zone: ZoneInfo, written: Any, destinations: dict[str, Destination], terms: tuple[Term, ...]
) -> Job | None:
    before = len(table.problems)
    name = table.text("name")
    if name and not NAME.fullmatch(name):
        table.add(
            "name",
            ConfigError(f"{name!r} can't be the name of a job", hint="lower case letters, digits, - and _, 40 at most"),
        )
    report = cast("Kind", table.text("report", None, KINDS))
    exam, course = table.text("exam", ""), table.text("course", "")
    if exam and course:
        table.add("exam", ConfigError("a report is about one course or one exam", hint="give one"))
    if report == "exam" and not exam:
        table.add("exam", ConfigError("a report about an exam needs its id", hint='add exam = "ID"'))
    expression = table.text("cron")
    if expression:
        try:
            cron.check(expression)
        except ReportError as error:
            table.add("cron", error)
    job_zone = _zone(table, "timezone", str(zone))
    start, period = table.day("start"), _period(table, terms)
    wanted = table.texts("destinations", None)
    for unknown in (d for d in wanted if not isinstance(written, dict) or d not in written):
        names = ", ".join(destinations) or "–"
        table.add(
            "destinations",
            ConfigError(f"there is no destination {unknown!r}", hint=f"add [destination.{unknown}]; there are {names}"),
        )
    if course and report == "annex":
        table.add("course", ConfigError("an annex is about all courses", hint="remove course"))
    formats = table.texts("formats", ("html",), FORMATS)
    languages = table.texts("languages", ("zh",), LANGUAGES)
    scope = _selection(table, report)
    catch_up = _catch_up(table)
    title, issue = table.text("title", name or "-"), table.flag("issue", False)
    if issue and report in NAMED:
        table.add("issue", ConfigError("reports that may name members are not issued", hint="remove issue"))
    table.done()
    if report in NAMED:
        _names_may_go(table, wanted, destinations)
    if len(table.problems) > before:
        return None
    return Job(
        name=name,
        title=title,
        cron=expression,
        zone=job_zone,
        start=start,
        period=period,
        report=report,
        scope=scope,
        destinations=wanted,
        exam=exam,
        course=course,
        formats=cast("tuple[Format, ...]", formats),
        languages=cast("tuple[Language, ...]", languages),
        catch_up=catch_up,
        issue=issue,
    )


def _names_may_go(table: Table, wanted: tuple[str, ...], destinations: dict[str, Destination]) -> None:
    """Names and personal records go only where the file says so; robots are told counts whatever the job."""
    for place in (destinations[d] for d in wanted if d in destinations):
        if not isinstance(place, RobotPlace) and not place.named_scope:
            table.add(
                "destinations",
                ConfigError(
                    f"the job's reports may name members, and {place.name!r} has no named_scope",
                    hint=f'add named_scope = ["ORGANISATION"] to [destination.{place.name}], "{EVERYWHERE}" for all',
                ),
            )


def _period(table: Table, terms: tuple[Term, ...]) -> Relative | Period:
    value = table.values.get("period")
    if isinstance(value, dict):
        table.used.add("period")
        inner = table.inside("period", value)
        first, last = inner.day("first"), inner.day("last")
        inner.done()
        if last < first:
            error = ConfigError(f"the period ends on {last}, before it begins on {first}", hint="swap them")
            table.add("period", error)
            return Period(first, first)
        return Period(first, last)
    found = cast("Relative", table.text("period", None, RELATIVE))
    if found == "last-term" and not terms:
        table.add("period", ConfigError("last-term needs terms", hint="add [[term]] with name, first and last"))
    return found


def _selection(table: Table, report: str) -> Selection:
    value = table.take("scope")
    inner = table.inside("scope", {} if value is None else value)
    members = inner.texts("members", ())
    found = Selection(
        inner.texts("organisations", ()),
        cast("Include", inner.text("include", "self", INCLUDES)),
        members,
    )
    inner.done()
    if report == "exam" and found != Selection():
        table.add("scope", ConfigError("a report about an exam is about everybody", hint="remove scope"))
    if members and report != "member":
        table.add("scope", ConfigError("only reports about members select members", hint='use report = "member"'))
    return found


def _catch_up(table: Table) -> int:
    value = table.values.get("catch_up")
    if value == "latest":
        table.used.add("catch_up")
        return 1
    if value == "all":
        table.used.add("catch_up")
        return MOST_CAUGHT_UP
    if isinstance(value, str):
        table.used.add("catch_up")
        table.add("catch_up", ConfigError(f"{value!r} is not known", hint='use "latest", "all" or a number'))
        return 1
    return int(table.number("catch_up", 1, 1, MOST_CAUGHT_UP))


MOST_CAUGHT_UP = 24
"""A job that stood still for years makes up for no more due times than this."""
