"""What a file of schedules names must exist: folders of this machine, organisations and members of the roster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from reports.schedule.config import EVERYWHERE, FolderPlace, MailPlace, Schedule
from reports.schedule.table import Lines
from schemas.errors import ConfigError


class Places:
    """Says where in a file something stands."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines = path, Lines(path.read_text("utf-8"))

    def of(self, table: str, nth: int, key: str) -> str:
        """File, line and key, as mistakes of the file itself are told."""
        line = self.lines.find(table, nth, key)
        return f"{self.path}:{line}, {table}.{key}" if line else f"{self.path}, {table}.{key}"


def missing_folders(schedule: Schedule, places: Places) -> Iterator[ConfigError]:
    """Folders of destinations that are not there: they are never made, for one may be a disk that is not mounted."""
    for place in schedule.destinations.values():
        if isinstance(place, FolderPlace) and not place.path.is_dir():
            yield ConfigError(
                f"the folder {str(place.path)!r} does not exist",
                where=places.of(f"destination.{place.name}", 1, "path"),
                hint="make or mount it",
            )


def unknown(
    schedule: Schedule, places: Places, organisations: Collection[str], members: Collection[str]
) -> Iterator[ConfigError]:
    """Organisations and members that the file names and the roster has at no time."""
    for nth, job in enumerate(schedule.jobs, 1):
        where = places.of("job", nth, "scope")
        yield from _organisations(job.scope.organisations, where, organisations)
        for member in (m for m in job.scope.members if m not in members):
            yield ConfigError(
                f"member {member!r} is not in the roster",
                where=where,
                hint="`xuejing query members` lists who there is",
            )
    for place in schedule.destinations.values():
        table = f"destination.{place.name}"
        yield from _organisations(place.named_scope, places.of(table, 1, "named_scope"), organisations)
        if isinstance(place, MailPlace):
            yield from _organisations(place.to, places.of(table, 1, "to"), organisations)


def _organisations(named: Iterable[str], where: str, known: Collection[str]) -> Iterator[ConfigError]:
    for organisation in (o for o in named if o != EVERYWHERE and o not in known):
        yield ConfigError(
            f"organisation {organisation!r} is not in the roster",
            where=where,
            hint="`xuejing query organisations` lists what there is",
        )
