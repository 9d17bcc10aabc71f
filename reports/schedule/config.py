"""A file of schedules as values. ``reports.schedule.read`` makes them from TOML and says what is wrong there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from reports.data import Period
from reports.formats.names import Format
from reports.schedule.periods import Relative, Term
from schemas.errors import ConfigError
from schemas.reference.columns import Language

Kind = Literal["member", "annex", "branch", "committee", "exam"]
KINDS: tuple[Kind, ...] = ("member", "annex", "branch", "committee", "exam")
NAMED = ("member", "annex")
"""Kinds that hold names or records of single persons; an annex is what a branch's secretary alone gets."""
Include = Literal["self", "below", "branches"]
INCLUDES: tuple[Include, ...] = ("self", "below", "branches")
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom the reports of a job are about.

    ``organisations``: ids; empty is the top of the tree. ``include``: these alone, or with everything below them, or
    only the organisations below them that have none below themselves. ``members``: ids; empty is every member of the
    organisations (reports about members only).
    """

    organisations: tuple[str, ...] = ()
    include: Include = "self"
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What is made when, and where it goes. ``start`` is the local day from which due times count.

    ``catch_up``: how many due times, counted back from now, are made up for when they were missed. ``issue``: what is
    made is entered in the register of issued reports.
    """

    name: str
    title: str
    cron: str
    zone: ZoneInfo
    start: date
    period: Relative | Period
    report: Kind
    scope: Selection
    destinations: tuple[str, ...]
    exam: str = ""
    course: str = ""
    formats: tuple[Format, ...] = ("html",)
    languages: tuple[Language, ...] = ("zh",)
    catch_up: int = 1
    issue: bool = False

    @property
    def named(self) -> bool:
        """Whether its reports may hold names or records of single persons."""
        return self.report in NAMED


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: a variable of the environment or a file. Never the secret itself."""

    variable: str = ""
    file: str = ""

    def read(self, where: str = "") -> str:
        """The secret. Raises ConfigError when it is not there or empty."""
        if self.variable:
            if not (value := os.environ.get(self.variable, "").strip()):
                raise ConfigError(
                    f"the environment variable {self.variable} is not set", where=where, hint="set it, or name a file"
                )
            return value
        try:
            value = Path(self.file).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            words = getattr(error, "strerror", None) or "not UTF-8"
            raise ConfigError(
                f"the file with the secret can't be read: {words}", where=self.file, hint="check path and permissions"
            ) from None
        if not value:
            raise ConfigError("the file with the secret is empty", where=self.file, hint="write the secret into it")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What all destinations have.

    ``named_scope``: organisations about whose members, and those of what is below, it may get names and personal
    records; ``*`` is everybody. ``attempts`` in one run, each at most ``timeout`` seconds.
    """

    name: str
    named_scope: tuple[str, ...] = ()
    attempts: int = 3
    timeout: float = 30.0

    def may_get(self, organisation: str, above: tuple[str, ...]) -> bool:
        """Whether names and records of this organisation's members may go there."""
        return any(o in self.named_scope for o in (EVERYWHERE, organisation, *above))


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPlace(Place):
    """A folder of this machine, or mounted."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Place(Place):
    """A bucket. Without keys the machine's own role is used; ``endpoint`` empty is Amazon's of the region."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: Secret | None = None
    secret_key: Secret | None = None
    ca_file: str = ""
    path_style: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPlace(Place):
    """Addresses by organisation (``*``: where an organisation has none of its own); TLS always."""

    host: str
    port: int
    tls: Literal["starttls", "implicit"]
    sender: str
    to: Mapping[str, tuple[str, ...]]
    user: str = ""
    password: Secret | None = None
    ca_file: str = ""
    most_bytes: int = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotPlace(Place):
    """A robot of a chat group. It is told counts and a link. The webhook's address is a secret: it holds the key."""

    kind: Literal["wecom", "dingtalk"]
    webhook: Secret
    sign: Secret | None = None
    link: str = ""


Destination = FolderPlace | S3Place | MailPlace | RobotPlace


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole file."""

    jobs: tuple[Job, ...]
    destinations: Mapping[str, Destination]
    terms: tuple[Term, ...] = ()
    state: Path | None = None
    retry_days: int = 7
    keep_days: int = 30
    problems: tuple[ConfigError, ...] = field(default=())

    def job(self, name: str) -> Job:
        """The job of this name. Raises ConfigError."""
        for job in self.jobs:
            if job.name == name:
                return job
        names = ", ".join(job.name for job in self.jobs)
        raise ConfigError(f"there is no job {name!r}", hint=f"there are {names}")
