"""Commands that bring data in: emit, simulate, template, import."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from producers.emit import Emitter
from producers.simulate import default_scenario, write_simulation
from producers.tables import KINDS, TableErrors, inspect_reference, listing, write_template
from schemas.erased import Erased
from schemas.errors import InputError
from schemas.reference import ReferenceTables
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.erased import StoreErased
from sinks.member_key import member_key
from sinks.reference import current_reference, write_reference

from . import context as contexts
from .connect import connected
from .moved import publish_moves
from .stack import with_broker
from .worker import event_producer

importing = typer.Typer(
    no_args_is_help=True,
    help="导入名册、目录、学时要求等 · Import the roster, the catalogue, quotas of credit hours and the like",
)
Kind = Enum("Kind", {k: k for k in KINDS}, type=str)  # type: ignore[misc]


def emit(
    ctx: typer.Context,
    files: Annotated[list[str], typer.Argument(help="NDJSON (.gz .zst), CSV/XLSX, or - for stdin")],
    timezone: Annotated[str | None, typer.Option(help="表格时间的时区 · zone of times in tables")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="从头发送 · ignore an earlier, interrupted run")] = False,
) -> None:
    """发送事件文件到 Kafka · Send files of events to Kafka.

    Exits 0 only when every event was acknowledged. After an interruption, run the same command again: it goes on
    where it stopped. Lines are judged by the stream: see `xuejing query rejected`.
    """
    context = contexts.of(ctx)
    settings = with_broker(context.settings)
    columns = SpinnerColumn(), TextColumn("{task.completed} {task.description}"), TimeElapsedColumn()
    with (
        event_producer(settings) as producer,
        Progress(*columns, console=contexts.messages, transient=True) as progress,
    ):
        task = progress.add_task("行已确认" if settings.language == "zh" else "lines acknowledged", total=None)
        emitter = Emitter(
            producer,
            progress=lambda n: progress.update(task, completed=n),
            checkpoints=settings.folder / "emit",
            stopping=contexts.asked_to_stop,
        )
        for path in files:
            emitter.emit(path, timezone or settings.timezone, resume=not restart)
    done = emitter.result
    if done.warnings:
        contexts.messages.print(listing(done.warnings, settings.language), markup=False)  # type: ignore[arg-type]
    context.say(
        f"已确认 {done.sent} 行，跳过 {done.skipped} 行（此前已发送），{len(done.errors)} 行有误",
        f"{done.sent} lines acknowledged, {done.skipped} skipped (sent before), {len(done.errors)} bad rows",
    )
    if done.sent:
        context.say(
            "已确认只表示 Kafka 已收下；成员不在名册等问题由 worker 稍后判定，见 xuejing query rejected",
            "acknowledged means that Kafka has them; unknown members and the like are rejected later by the worker, "
            "see xuejing query rejected",
        )
    if done.errors:
        raise TableErrors(tuple(done.errors))


def simulate(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(help="写入的文件夹 · folder to write")],
    seed: Annotated[int, typer.Option(help="随机种子 · same seed, same bytes")] = 20260302,
    compress: Annotated[bool, typer.Option("--compress", help="events.ndjson.zst")] = False,
) -> None:
    """生成一个学院一学期的模拟数据 · Write a simulated term of a college: events, roster, catalogue, truth."""
    name = "events.ndjson.zst" if compress else "events.ndjson"
    write_simulation(default_scenario(seed=seed), out, wire_path=name)
    contexts.of(ctx).say(f"已写入 {out}", f"written to {out}")


def template(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="哪种表 · which table")],
    path: Annotated[Path, typer.Argument(help="文件（.csv 或 .xlsx）或文件夹 · file or folder")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="覆盖已有文件 · replace files")] = False,
) -> None:
    """写出可填写的表格模板 · Write a table to fill in, with examples and explanations."""
    context = contexts.of(ctx)
    written = write_template(kind.value, path, context.settings.language, overwrite=overwrite)  # type: ignore[arg-type]
    for file in written:
        context.say(f"已写入 {file}", f"written: {file}")


def _import(ctx: typer.Context, path: Path, wanted: frozenset[str], label: str) -> None:
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        import_tables(context, store, path, wanted, label)


def import_tables(context: contexts.Context, store: Store, path: Path, wanted: frozenset[str], label: str) -> None:
    """Import a folder or workbook, and tell the branches of a roster. Raises TableErrors, or InputError when it has
    none of the tables ``wanted``."""
    settings = context.settings
    sink = ClickHouseSink(store, patience=30)
    known = current_reference(sink)
    found = inspect_reference(path, settings.timezone, known, wanted)
    if found.errors:
        raise TableErrors(found.errors)
    if found.warnings:
        contexts.messages.print(listing(found.warnings, settings.language), markup=False)  # type: ignore[arg-type]
    if not found.tables.present & wanted:
        raise InputError(f"no table of the {label} found", where=str(path), hint=", ".join(sorted(wanted)))
    tables, left_out = without_erased(found.tables, StoreErased(sink, lambda: member_key(settings)).current())
    if left_out:
        context.say(
            f"跳过 {left_out} 名已删除的成员（见 xuejing forget --list）",
            f"{left_out} erased members are left out (xuejing forget --list)",
        )
    result = write_reference(store, tables, datetime.now(UTC))
    context.say(str(result.describe("zh")), str(result.describe("en")))
    if label == "roster":
        publish_moves(context, store)


def without_erased(tables: ReferenceTables, erased: Erased) -> tuple[ReferenceTables, int]:
    """The tables without rows of members who were erased, and how many these are."""
    gone = {row.member_id for name in ("members", "exemptions") for row in tables.rows(name) if row.member_id in erased}
    if not gone:
        return tables, 0
    kept = {n: tuple(r for r in tables.rows(n) if r.member_id not in gone) for n in ("members", "exemptions")}
    return msgspec.structs.replace(tables, lines={}, **kept), len(gone)


@importing.command("roster")
def import_roster(
    ctx: typer.Context, path: Annotated[Path, typer.Argument(help="文件夹或工作簿 · folder or workbook")]
) -> None:
    """导入组织与成员名册 · Import organisations and members.

    Members who moved are counted again for their old and new branches, also for days in the past; events that
    were rejected because their member was unknown are tried again.
    """
    _import(ctx, path, frozenset({"organisations", "members"}), "roster")


@importing.command("resume")
def import_resume(ctx: typer.Context) -> None:
    """补做名册导入后的重算 · Tell the branches of earlier roster imports that could not be told. Harmless twice."""
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        publish_moves(context, store)


@importing.command("catalogue")
def import_catalogue(
    ctx: typer.Context, path: Annotated[Path, typer.Argument(help="文件夹或工作簿 · folder or workbook")]
) -> None:
    """导入课程、单元、考试与题目 · Import courses, units, exams and questions."""
    names = frozenset({"courses", "units", "exams", "questions", "knowledge_points"})
    _import(ctx, path, names, "catalogue")


@importing.command("credit")
def import_credit(
    ctx: typer.Context, path: Annotated[Path, typer.Argument(help="文件夹或工作簿 · folder or workbook")]
) -> None:
    """导入学时要求与免学名单 · Import quotas of credit hours and exemptions (when, never why)."""
    _import(ctx, path, frozenset({"exemptions", "quotas"}), "credit")


@importing.command("competences")
def import_competences(
    ctx: typer.Context, path: Annotated[Path, typer.Argument(help="文件夹、工作簿或表格 · folder, workbook or table")]
) -> None:
    """导入素养图谱 · Import the competence map: what courses and knowledge points show which competence."""
    _import(ctx, path, frozenset({"competences"}), "competence map")


@importing.command("places")
def import_places(
    ctx: typer.Context, path: Annotated[Path, typer.Argument(help="文件夹、工作簿或表格 · folder, workbook or table")]
) -> None:
    """导入组织位置 · Import where organisations are, for the organisation map; never where persons are."""
    _import(ctx, path, frozenset({"places"}), "places")
