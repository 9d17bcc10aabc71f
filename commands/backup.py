"""``xuejing backup`` and ``xuejing restore``: the embedded store as one file or folder, and back.

A backup is what ClickHouse's BACKUP writes, beside a manifest with the checksum of every file and the rows of every
table. It is taken between two batches (see ``batches.Gate``), so that archive, figures and ledger agree.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import InputError, StoreError, XuejingError
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.embedded import EngineFailed, EngineOptions, EngineProcess
from sinks.migrate import migrations
from sinks.read.generations import active_generation

from . import context as contexts
from .batches import Gate
from .connect import ENGINE_FILE, connected, running, store_folder
from .context import Context
from .rebuild import fill_branches
from .reconcile import run as reconcile
from .stack import prepare

FORMAT = 1
MANIFEST, DATA = "manifest.json", "data"
ATTEMPTS = 3
SERVERS = "on servers use BACKUP DATABASE or clickhouse-backup, see docs/operations.md"


def table_rows(store: Store) -> dict[str, int]:
    """Rows of each table as readers see them: FINAL, so that merges do not change them."""
    tables = store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    return {str(t): int(store.rows(f"SELECT count() FROM `{t}` FINAL")[0][0]) for (t,) in sorted(tables)}


def take(store: Store, folder: Path, target: Path) -> dict[str, Any]:
    """Back up the store whose engine works in ``folder`` to ``target``; returns the manifest.

    Raises InputError when the target exists, StoreError when ClickHouse can't, OSError when there is no room.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError("there is something already", where=str(target), hint="name a file or folder to be made")
    if not target.parent.is_dir():
        raise InputError("there is no such folder", where=str(target.parent))
    name = f"backup-{uuid.uuid4().hex}"
    written = folder / "backups" / name
    try:
        with Gate(folder).closed():
            counts = _snapshot(store, written, name)
        manifest = {
            "format": FORMAT,
            "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "clickhouse": store.version(),
            "migrations": [m.number for m in migrations()],
            "rows": counts,
            "files": {str(p.relative_to(written)): checksum(p) for p in sorted(written.rglob("*")) if p.is_file()},
        }
        _pack(written, manifest, target)
    finally:
        shutil.rmtree(written, ignore_errors=True)
    return manifest


def _snapshot(store: Store, written: Path, name: str) -> dict[str, int]:
    """No worker writes now, but an import or a rebuild may: then once more, until nothing moved."""
    for _ in range(ATTEMPTS):
        before = table_rows(store)
        store.rows(f"BACKUP DATABASE `{store.endpoint.database}` TO File('{name}')")
        if table_rows(store) == before:
            return before
        shutil.rmtree(written)
    raise StoreError("something writes to the store all the time", hint="let imports and rebuilds end, then repeat")


def _pack(source: Path, manifest: dict[str, Any], target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    try:
        if is_file(target):
            with tarfile.open(partial, "w") as tar:
                with tempfile.NamedTemporaryFile("w", encoding="utf-8") as text:
                    json.dump(manifest, text)
                    text.flush()
                    tar.add(text.name, MANIFEST)
                for file in manifest["files"]:
                    tar.add(source / file, f"{DATA}/{file}")
        else:
            partial.mkdir()
            shutil.copytree(source, partial / DATA)
            (partial / MANIFEST).write_text(json.dumps(manifest), "utf-8")
            with suppress(FileNotFoundError):
                target.rmdir()
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        raise


def is_file(target: Path) -> bool:
    """Whether a backup of this name is one file (a tar) or a folder."""
    return target.is_file() or (not target.is_dir() and target.suffix == ".tar")


def checksum(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def opened(source: Path, beside: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder of a backup that is whole, and its manifest; a tar is unpacked into ``beside`` for the block.

    Raises InputError when it is no backup, is damaged, or was made by a newer program.
    """
    if not source.exists():
        raise InputError("there is no such backup", where=str(source))
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=beside) as unpacked:
        folder = source
        if source.is_file():
            folder = Path(unpacked)
            try:
                with tarfile.open(source) as tar:
                    tar.extractall(folder, filter="data")
            except (tarfile.TarError, EOFError) as error:
                words = str(error).split("\n")[0]
                raise _damaged(source, f"not a whole tar file: {words}") from error
        yield folder, check(folder, source)


def check(folder: Path, source: Path) -> dict[str, Any]:
    """The manifest of an unpacked backup whose files are all there and as they were written."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        number, files, known = manifest["format"], dict(manifest["files"]), set(manifest["migrations"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "this is no backup of ours, or its manifest is gone", where=str(source), hint="made by `xuejing backup`"
        ) from error
    if number != FORMAT or known - {m.number for m in migrations()}:
        raise InputError("the backup was made by a newer program", where=str(source), hint="update this one first")
    for name, expected in files.items():
        path = folder / DATA / name
        if not path.is_file():
            raise _damaged(source, f"{name} is missing")
        if checksum(path) != expected:
            raise _damaged(source, f"{name} is not what was written")
    return manifest


def _damaged(source: Path, what: str) -> InputError:
    return InputError(f"the backup is damaged: {what}", where=str(source), hint="nothing was restored; use another one")


def bring_back(context: Context, source: Path) -> dict[str, Any]:
    """Restore into the data folder of the settings, which must have no store; returns the manifest.

    The store appears when everything is in it: rows counted, migrations applied, branch days computed from the
    members' (what was on its way to the branches is not in a backup). Raises InputError, StoreError.
    """
    settings = context.settings
    folder = store_folder(settings)
    if running(folder) or (folder.is_dir() and _used(folder)):
        raise InputError(
            "there is a store already, and it is not overwritten",
            where=str(folder),
            hint="restore beside it with --data OTHER, or move it away first",
        )
    settings.folder.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with opened(source, settings.folder) as (unpacked, manifest):
            with EngineProcess(partial, options=EngineOptions(backup_dir=unpacked.resolve())) as engine:
                store = Store(Endpoint(engine.url, engine.user, engine.password))
                try:
                    store.rows(f"RESTORE DATABASE `{store.endpoint.database}` FROM File('{DATA}')")
                    _same(manifest["rows"], table_rows(store))
                    prepare_restored(context, store)
                finally:
                    store.close()
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    except EngineFailed as error:
        raise StoreError(error.what, where=error.where, hint="the backup is left as it is") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _used(folder: Path) -> bool:
    return any(p.name not in (ENGINE_FILE, "engine.log", "gate.lock", "batch.lock") for p in folder.iterdir())


def prepare_restored(context: Context, store: Store) -> None:
    """Newer migrations, and branch days that were still on their way when the backup was taken."""
    prepare(replace(context.settings, timezone=active_generation(store).timezone), store)
    fill_branches(ClickHouseSink(store, patience=30), active_generation(store), None)


def _same(expected: dict[str, int], found: dict[str, int]) -> None:
    differing = [f"{t} {found.get(t, 0)} of {n}" for t, n in expected.items() if found.get(t, 0) != n]
    if differing:
        raise StoreError(f"rows are missing after the restore: {', '.join(differing)}", hint="nothing was kept")


def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="文件（.tar）或文件夹 · a file .tar or a folder, to be made")],
) -> None:
    """备份嵌入式存储 · Back up the embedded store, also while `up` is running: consistent, with checksums.

    Events that are still in the broker are not in it.
    """
    context = contexts.of(ctx)
    if not context.settings.embedded_store:
        raise XuejingError("only the embedded store is backed up here", where="clickhouse_url", hint=SERVERS)
    with connected(context.settings) as store:
        manifest = take(store, store_folder(context.settings), target)
    events, files = manifest["rows"].get("events", 0), len(manifest["files"])
    context.say(
        f"已备份到 {target}：{events} 个事件，{files} 个文件", f"backed up to {target}: {events} events, {files} files"
    )


def restore(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="备份文件或文件夹 · what `backup` has made")],
) -> None:
    """恢复备份到空的数据文件夹 · Restore a backup into a data folder without a store, and check it.

    Every file is compared with its checksum before, every table's rows after; then all figures are compared with the
    archive (`reconcile`). Exits 1 when something differs.
    """
    context = contexts.of(ctx)
    if not context.settings.embedded_store:
        raise XuejingError("only the embedded store is restored here", where="clickhouse_url", hint=SERVERS)
    manifest = bring_back(context, source)
    with connected(context.settings) as store:
        found = reconcile(store)
    context.say(
        f"已恢复 {manifest['taken_at']} 的备份：{manifest['rows'].get('events', 0)} 个事件；与存档比对，差异 "
        f"{len(found.differences)} 处",
        f"restored the backup of {manifest['taken_at']}: {manifest['rows'].get('events', 0)} events; compared with "
        f"the archive, {len(found.differences)} differences",
    )
    if found.differences:
        raise XuejingError(
            f"the backup is restored as it was, but {len(found.differences)} figures differ from the archive",
            where=str(store_folder(context.settings)),
            hint="xuejing reconcile lists them; xuejing rebuild makes them good",
        )
