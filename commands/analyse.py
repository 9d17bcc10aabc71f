"""The whole main job on a person's own files, on the embedded default."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from producers.emit import Emitted, Emitter
from producers.tables import TableErrors, TableWarning, inspect_reference, listing
from reports.site import write_reports
from schemas.credit import CreditPolicy
from schemas.errors import InputError, XuejingError
from schemas.reference import ReferenceTables
from sinks.read import Reader, Scope
from sinks.reference import write_reference

from .calibrate import run_calibration
from .context import Context, messages
from .stack import Stack, stack
from .worker import event_producer

MARK = ".made-by-xuejing"

BROKER_BYTES, BROKER_LINES = 1 << 30, 2_000_000
"""How much the broker may hold before it is emptied: so that files larger than memory can be analysed."""


class Unbalanced(XuejingError):
    """What was read is not what was archived, repeated or rejected."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to analyse. Paths; ``timezone`` is that of local days."""

    files: Sequence[str]
    roster: Path
    catalogue: Path | None
    out: Path
    timezone: str
    keep: bool = False


def read_tables(path: Path, timezone: str, known: ReferenceTables | None = None) -> tuple[ReferenceTables, list[Any]]:
    """Reference tables of a folder or workbook, and warnings. Raises TableErrors with every bad line."""
    found = inspect_reference(path, timezone, known)
    if found.errors:
        raise TableErrors(found.errors)
    return found.tables, list(found.warnings)


def analyse(context: Context, job: Job) -> dict[str, Any]:
    """Run the job; returns the summary that is also in ``summary.json``."""
    for path in job.files:
        if path != "-" and not Path(path).is_file():
            raise InputError("no such file", where=path, hint="check the name, and the folder it is in")
    roster, warnings = read_tables(job.roster, job.timezone)
    catalogue = None
    if job.catalogue is not None:
        catalogue, more = read_tables(job.catalogue, job.timezone, roster)
        warnings += more
    warn(context, warnings)
    job.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as exits:
        begin_anew(job.out / "report")
        work = begin_anew(job.out / "store") if job.keep else Path(tempfile.mkdtemp(prefix=".xuejing-", dir=job.out))
        if not job.keep:
            exits.callback(shutil.rmtree, work, ignore_errors=True)
        settings = replace(
            context.settings,
            data_dir=str(work),
            timezone=job.timezone,
            clickhouse_url="",
            clickhouse_user="default",
            clickhouse_password="",
            kafka_bootstrap="",
        )
        progress = exits.enter_context(_progress())
        task = progress.add_task(_text(context, "启动", "starting"), total=None)
        running = exits.enter_context(stack(settings, durable=job.keep))
        now = datetime.now(UTC)
        write_reference(running.store, roster, now)
        if catalogue is not None:
            write_reference(running.store, catalogue, now)
        emitted = _emit(context, job, running, progress)
        warn(context, emitted.warnings)
        progress.update(task, description=_text(context, "计算", "processing"))
        running.wait_until_processed(
            lambda left: progress.update(
                task, description=_text(context, f"计算，余 {left}", f"processing, {left} left")
            )
        )
        progress.update(task, description=_text(context, "标定题目", "calibrating"))
        run_calibration(running.store)
        progress.update(task, description=_text(context, "写出结果", "writing results"))
        reader = Reader(running.store)
        summary = _export(reader, running, job, emitted)
        counted = CreditPolicy.of(settings.credit_rules, settings.shown_families)
        write_reports(reader, Scope.everything(), job.out / "report", languages=("zh", "en"), credit=counted)
    _check(summary)
    return summary


def warn(context: Context, warnings: Sequence[TableWarning]) -> None:
    """Tell what a person should look at in the tables: columns that were ignored, rows that are there twice."""
    if warnings:
        messages.print(listing(warnings, context.settings.language), markup=False)  # type: ignore[arg-type]


def begin_anew(folder: Path) -> Path:
    """An empty folder of ours. What an earlier run left there is removed: figures and reports about persons must
    not outlive the input that they came from. A folder that no run of ours made is left alone, with an error."""
    mark = folder / MARK
    if folder.exists():
        if not mark.is_file():
            raise InputError(
                "exists and was not made by an earlier run", where=str(folder), hint="choose another --out"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    mark.write_text("made by xuejing analyse; removed by its next run\n", "utf-8")
    return folder


def _text(context: Context, zh: str, en: str) -> str:
    return zh if context.settings.language == "zh" else en


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=messages,
        transient=True,
    )


def _emit(context: Context, job: Job, running: Stack, progress: Progress) -> Emitted:
    task = progress.add_task(_text(context, "发送事件", "sending events"), total=None)

    with ExitStack() as sending:

        def checkpoint(lines: int) -> None:
            running.check()
            progress.update(task, completed=lines)
            # Everything so far is acknowledged: the moment at which the broker may be another one.
            if too_full(running, lines - emptied[-1]):
                sending.close()
                running.renew()
                emptied.append(lines)
                emitter.producer = sending.enter_context(event_producer(running.settings))

        emptied = [0]
        emitter = Emitter(sending.enter_context(event_producer(running.settings)), progress=checkpoint)
        for path in job.files:
            emitter.emit(path, job.timezone, resume=False)
    progress.remove_task(task)
    return emitter.result


def too_full(running: Stack, lines: int) -> bool:
    """Whether the broker, which keeps in memory all it got, holds as much as it should."""
    held = running.broker.resident_bytes
    return lines > 0 and (held > BROKER_BYTES if held is not None else lines > BROKER_LINES)


def _export(reader: Reader, running: Stack, job: Job, emitted: Emitted) -> dict[str, Any]:
    everything = Scope.everything()
    for name in ("member-day", "branch-day"):
        frame = reader.frame(name, everything)
        frame.write_parquet(job.out / f"{name.replace('-', '_')}.parquet")
    rejected: dict[str, int] = {}
    with (job.out / "rejected.ndjson").open("w", encoding="utf-8") as out:
        for row in rejected_lines(running):
            rejected[row["reason"]] = rejected.get(row["reason"], 0) + 1
            out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        for error in emitted.errors:
            rejected["invalid"] = rejected.get("invalid", 0) + 1
            row = {
                "raw": error.value,
                "reason": "invalid",
                "detail": f"{error.column}: {error.rule.en}",
                "file": error.file,
                "line": error.line,
            }
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    (ledger,) = reader.frame("ledger", everything).to_dicts()
    summary = {
        "events_read": emitted.lines,
        "archived": ledger["archived"],
        "duplicates": ledger["duplicates"],
        "rejected": dict(sorted(rejected.items())),
    }
    (job.out / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return summary


def rejected_lines(running: Stack) -> list[dict[str, Any]]:
    """Open rejected lines, oldest first; bytes that are no text are escaped."""
    table = running.store.arrow(
        "SELECT raw, reason, detail, member_id, event_id, topic, partition, offset, line, received_at "
        "FROM rejected_events FINAL WHERE status = 'open' ORDER BY cluster, topic, partition, offset, line",
        settings={"output_format_arrow_string_as_string": 0},
    )
    rows = []
    for row in table.to_pylist():
        rows.append({k: v.decode("utf-8", "backslashreplace") if isinstance(v, bytes) else v for k, v in row.items()})
    return rows


def _check(summary: dict[str, Any]) -> None:
    kept = summary["archived"] + summary["duplicates"] + sum(summary["rejected"].values())
    if kept != summary["events_read"]:
        raise Unbalanced(
            f"{summary['events_read']} lines were read, {kept} are archived, repeated or rejected",
            hint="run it again with --keep and look at the table `ledger`",
        )
