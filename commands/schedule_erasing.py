"""Takes a person out of what schedules remember: files that were made, and the records of runs."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reports.paths import slug
from reports.schedule.manifest import Attempt, Manifest, encode
from reports.schedule.read import read
from schemas.persons import as_word
from schemas.settings import Settings

from .schedule_state import FILES, PARTIAL, StateFolder

GONE = "erased"
"""Stands where an id stood in the text of an error."""
WAIT_S = 600.0


def erase(settings: Settings, member_id: str, now: datetime | None = None) -> int:
    """Delete what runs of this machine's schedules keep about a member; returns how many were concerned.

    Of reports by name all files of a run go where one may hold the person: those of member reports when one is
    theirs, those of annexes always, since no name is looked for inside of documents. A run that is not delivered yet
    is made anew, without the person; one that was about the person alone is closed. Idempotent. Raises ScheduleBusy
    while a schedule runs for longer than some minutes, InputError for a record that can't be read.
    """
    state = StateFolder(_folder(settings))
    if not (state.folder / "runs").is_dir():
        return 0
    found = 0
    with state.lock(WAIT_S):
        for job in sorted(p.name for p in (state.folder / "runs").iterdir() if p.is_dir()):
            for manifest in state.manifests(job):
                found += _erased(state, manifest, member_id, now or datetime.now(UTC))
    return found


def _folder(settings: Settings) -> Path:
    path = Path(settings.schedule_file).expanduser()
    kept = read(path, settings.timezone).state if path.is_file() else None
    return kept or settings.folder / "schedule"


def _erased(state: StateFolder, manifest: Manifest, member_id: str, now: datetime) -> bool:
    before = encode(manifest)
    run = state.run(manifest.job, manifest.due)
    held = holds(manifest, member_id) and any(p.exists() for p in _made(run))
    after = without(manifest, member_id, now)
    if encode(after) != before:
        # Written first: a run whose files are gone while its record still has them would be taken for damaged.
        state.save(after)
    if held:
        for folder in filter(Path.exists, _made(run)):
            shutil.rmtree(folder)
    return held or encode(after) != before


def _made(run: Path) -> list[Path]:
    return [run / FILES, run / PARTIAL]


def holds(manifest: Manifest, member_id: str) -> bool:
    """Whether files of a run may hold the person by name."""
    plan = manifest.plan
    return plan.named and (plan.report != "member" or not manifest.parcels or _named_after(manifest, member_id))


def _named_after(manifest: Manifest, member_id: str) -> bool:
    return any(_theirs(file.path, member_id) for parcel in manifest.parcels for file in parcel.files)


def _theirs(path: str, member_id: str) -> bool:
    """Whether a file, or the folder of its tables, is named after the id: as it is, or with a digest (see
    ``reports.paths``). Ids may have dots of their own."""
    parts = Path(path).parts
    name = next((part for part in parts if part.endswith(".tables")), parts[-1])
    return re.fullmatch(rf"{re.escape(slug(member_id))}(-[0-9a-f]{{8}})?(\.en)?\.\w+", name) is not None


def without(manifest: Manifest, member_id: str, now: datetime) -> Manifest:
    """The record without the person. Pure."""
    concerned = holds(manifest, member_id)
    listed = member_id in manifest.plan.members
    left = tuple(m for m in manifest.plan.members if m != member_id)
    parcels = tuple(
        msgspec.structs.replace(p, files=tuple(f for f in p.files if not _theirs(f.path, member_id)))
        for p in manifest.parcels
    )
    found = msgspec.structs.replace(
        manifest,
        plan=msgspec.structs.replace(manifest.plan, members=left),
        parcels=parcels,
        making=[_silent(a, member_id) for a in manifest.making],
        missing=tuple(_silent(a, member_id) for a in manifest.missing),
        deliveries=[
            msgspec.structs.replace(d, attempts=[_silent(a, member_id) for a in d.attempts])
            for d in manifest.deliveries
        ],
    )
    if not found.open:
        return found
    if listed and not left:
        # No members named would mean all of them.
        for delivery in found.deliveries:
            delivery.state = "dropped"
        found.state, found.done_at, found.parcels = "done", now, ()
    elif concerned and found.state == "made":
        found.state, found.parcels = "planned", ()
    return found


def _silent(attempt: Attempt, member_id: str) -> Attempt:
    word = re.compile(as_word(member_id).replace(r"\pL\pN", r"\w"))
    texts = {f: word.sub(rf"\g<1>{GONE}\g<2>", getattr(attempt, f)) for f in ("error", "where", "hint")}
    return msgspec.structs.replace(attempt, **texts)
