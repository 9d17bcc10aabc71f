"""The register of issued reports: what was said about whom, as of when, from which data, and who is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from reports.data import Content, Period
from reports.errors import ReportError
from reports.issued.frames import names_of, packed, unpacked
from reports.issued.source import Snapshot
from reports.provenance import REASONS, Edition, Reason
from schemas.tables import ISSUED_DATA, ISSUED_MEMBERS, ISSUED_REPORTS
from sinks.client import Store

PART_BYTES = 4 * 2**20
ERASED = ""
"""What is left of a snapshot that was erased."""


@dataclass(frozen=True, slots=True)
class Series:
    """What a report is about: the same for all its versions. ``kind``: member, group, all."""

    kind: str
    subject: str
    content: Content
    period: Period

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits."""
        parts = [self.kind, self.subject, self.content.kind, self.content.id]
        text = msgspec.json.encode([*parts, self.period.first, self.period.last])
        return hashlib.sha256(text).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Issued:
    """One version in the register. Instants are UTC; ``files``: path → SHA-256."""

    series: Series
    version: int
    cut_off: datetime
    issued_at: datetime
    reason: Reason
    rules: str
    program: str
    data_hash: str
    snapshot: str = ERASED
    files: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1

    @property
    def erased(self) -> bool:
        """Whether its data are gone: a later version stands for it."""
        return self.snapshot == ERASED

    def edition(self, zone: Any) -> Edition:
        """What the report prints about itself."""
        return Edition(self.series.id, str(self.version), self.issued_at.astimezone(zone), REASONS[self.reason])


class Register:
    """The register in a store. One process issues at a time (see ``commands.issuing.one_issues``)."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def all(self) -> list[Issued]:
        """Every version, by time of issue."""
        return self._read("1", {})

    def versions(self, series: Series) -> list[Issued]:
        """Versions of a report, oldest first."""
        return self._read("report_id = {id:String}", {"id": series.id})

    def find(
        self,
        kind: str,
        subject: str,
        content: Content,
        first: date | None,
        last: date | None,
        between: tuple[datetime, datetime],
    ) -> Issued | None:
        """The newest version whose cut-off lies in ``[from, to)``; days that are None do not restrict."""
        found = self._read(
            "kind = {kind:String} AND subject = {subject:String} AND content = {c:String} AND content_id = {i:String}",
            {"kind": kind, "subject": subject, "c": content.kind, "i": content.id},
        )
        fits = [
            i
            for i in found
            if between[0] <= i.cut_off < between[1]
            and first in (None, i.series.period.first)
            and last in (None, i.series.period.last)
        ]
        return fits[-1] if fits else None

    def containing(self, members: Collection[str]) -> list[tuple[Issued, bool]]:
        """Versions with rows of any of these members, and whether figures count one of them (else only held)."""
        rows = self.store.rows(
            "SELECT report_id, version, max(contained) FROM issued_members FINAL "
            "WHERE member_id IN {members:Array(String)} GROUP BY report_id, version",
            {"members": sorted(members)},
        )
        known = {(str(i), int(v)): bool(c) for i, v, c in rows}
        return [(i, known[key]) for i in self.all() if (key := (i.series.id, i.version)) in known]

    def add(self, issued: Issued, snapshot: Snapshot, contained: Collection[str]) -> Issued:
        """Keep a new version with what it was made from; returns it as it is kept. The entry is written last.

        Raises ReportError when the version is taken: it was issued meanwhile, and is never replaced.
        """
        self._free(issued)
        kept = self._keep(issued, snapshot)
        people = [
            {"member_id": m, "report_id": kept.series.id, "version": kept.version, "contained": m in contained}
            for m in sorted(snapshot.members())
        ]
        if people:
            self.store.insert(ISSUED_MEMBERS.name, ISSUED_MEMBERS.rows(people))
        self._free(issued)  # what is kept took its time
        self._write(kept)
        return kept

    def _free(self, issued: Issued) -> None:
        if any(i.version == issued.version for i in self.versions(issued.series)):
            raise ReportError(
                f"version {issued.version} of the report was issued meanwhile by another process",
                where=issued.series.id,
                hint="issue it again: it becomes the next version",
            )

    def snapshot(self, issued: Issued) -> Snapshot:
        """What a version was made from. Raises ReportError when it was erased or is damaged."""
        if issued.erased:
            raise ReportError(
                f"the data of version {issued.version} were erased",
                where=issued.series.id,
                hint="a later version stands for it: xuejing reports list",
            )
        data: dict[str, list[bytes]] = {}
        table = self.store.arrow(
            "SELECT hash, data FROM issued_data FINAL WHERE hash IN {names:Array(String)} ORDER BY hash, part",
            {"names": sorted(names_of(issued.snapshot))},
            {"output_format_arrow_string_as_string": 0},
        )
        for row in table.to_pylist():
            data.setdefault(row["hash"].decode(), []).append(row["data"])
        whole = {name: b"".join(parts) for name, parts in data.items()}
        for name in names_of(issued.snapshot):
            if hashlib.sha256(whole.get(name, b"")).hexdigest() != name:
                raise ReportError(
                    "what the report was made from is missing or damaged",
                    where=f"{issued.series.id} version {issued.version}",
                    hint="restore the store from a backup",
                )
        return unpacked(issued.snapshot, whole)

    def erase(self, issued: Issued) -> None:
        """Delete what a version was made from, and who is in it; its entry stays, without the names of files about
        persons."""
        files = {path: digest for path, digest in issued.files.items() if not path.startswith("members/")}
        self._write(replace(issued, snapshot=ERASED, files=files, revision=issued.revision + 1))
        where = "report_id = {id:String} AND version = {v:UInt32}"
        given = {"id": issued.series.id, "v": issued.version}
        self.store.command(f"ALTER TABLE issued_members DELETE WHERE {where} SETTINGS mutations_sync = 2", given)
        self._drop(names_of(issued.snapshot))

    def remove(self, series: Series) -> None:
        """Delete every version of a report, entries included: that of a member who is erased."""
        names = [n for i in self.versions(series) for n in names_of(i.snapshot)]
        for table in (ISSUED_MEMBERS, ISSUED_REPORTS):
            self.store.command(
                f"ALTER TABLE {table.name} DELETE WHERE report_id = {{id:String}} SETTINGS mutations_sync = 2",
                {"id": series.id},
            )
        self._drop(names)

    def hold_without(self, issued: Issued, snapshot: Snapshot, members: Collection[str]) -> Issued:
        """Put a snapshot without the rows of some members, who are in no figure of it, in place of the kept one."""
        kept = self._keep(replace(issued, revision=issued.revision + 1), snapshot)
        self._write(kept)
        self.store.command(
            "ALTER TABLE issued_members DELETE WHERE report_id = {id:String} AND version = {v:UInt32} "
            "AND member_id IN {members:Array(String)} SETTINGS mutations_sync = 2",
            {"id": issued.series.id, "v": issued.version, "members": sorted(members)},
        )
        self._drop(names_of(issued.snapshot) - names_of(kept.snapshot))
        return kept

    def _keep(self, issued: Issued, snapshot: Snapshot) -> Issued:
        text, data = packed(snapshot)
        known = self.store.rows(
            "SELECT DISTINCT hash FROM issued_data WHERE hash IN {names:Array(String)}", {"names": sorted(data)}
        )
        for name in data.keys() - {str(r[0]) for r in known}:
            content = data[name]
            # The last part first: a frame whose beginning is there is whole.
            for part in reversed(range(0, len(content), PART_BYTES)):
                row = {"hash": name, "part": part // PART_BYTES, "data": content[part : part + PART_BYTES]}
                self.store.insert(ISSUED_DATA.name, ISSUED_DATA.rows([row]))
        return replace(issued, snapshot=text)

    def _drop(self, names: Iterable[str]) -> None:
        """Delete frames that no version names any more."""
        used = frozenset(n for i in self.all() for n in names_of(i.snapshot))
        if gone := sorted(frozenset(names) - used):
            # Rewrites the parts: rows are not only hidden, as DELETE FROM would do.
            self.store.command(
                "ALTER TABLE issued_data DELETE WHERE hash IN {names:Array(String)} SETTINGS mutations_sync = 2",
                {"names": gone},
            )

    def _write(self, issued: Issued) -> None:
        s = issued.series
        row = {
            "report_id": s.id,
            "version": issued.version,
            "kind": s.kind,
            "subject": s.subject,
            "content": s.content.kind,
            "content_id": s.content.id,
            "first": s.period.first,
            "last": s.period.last,
            "cut_off": issued.cut_off,
            "issued_at": issued.issued_at,
            "reason": issued.reason,
            "rules": issued.rules,
            "program": issued.program,
            "data_hash": issued.data_hash,
            "snapshot": issued.snapshot,
            "files": msgspec.json.encode(issued.files).decode(),
            "revision": issued.revision,
        }
        self.store.insert(ISSUED_REPORTS.name, ISSUED_REPORTS.rows([row]))

    def _read(self, where: str, parameters: Mapping[str, Any]) -> list[Issued]:
        columns = ", ".join(f"`{c.name}`" for c in ISSUED_REPORTS.columns)
        rows = self.store.rows(
            f"SELECT {columns} FROM issued_reports FINAL WHERE {where} ORDER BY issued_at, version", parameters
        )
        return [_issued(row) for row in rows]


def _issued(row: Sequence[Any]) -> Issued:
    got = dict(zip((c.name for c in ISSUED_REPORTS.columns), row, strict=True))
    series = Series(
        got["kind"], got["subject"], Content(got["content"], got["content_id"]), Period(got["first"], got["last"])
    )
    return Issued(
        series,
        int(got["version"]),
        _utc(got["cut_off"]),
        _utc(got["issued_at"]),
        got["reason"],
        got["rules"],
        got["program"],
        got["data_hash"],
        got["snapshot"],
        msgspec.json.decode(got["files"], type=dict[str, str]),
        int(got["revision"]),
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
