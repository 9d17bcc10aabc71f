"""``xuejing forget``: erase a person from everything that is kept, and prove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import polars as pl
import typer

from schemas.errors import InputError
from sinks.audit import Entry
from sinks.client import Store
from sinks.erasing import Erasure, erasures, find, left
from sinks.member_key import member_key
from sinks.read.generations import active_generation

from . import context as contexts
from . import schedule_erasing
from .auditing import auditor, operator
from .connect import connected
from .context import Context
from .erasing import Erasing
from .printing import FormatOption, printed
from .query import Format
from .reissuing import into

SCHEMA: dict[str, Any] = {
    "member_key": pl.String,
    "asked": pl.Datetime("us", "UTC"),
    **dict.fromkeys(("state", "by", "reason"), pl.String),
    "tables": pl.Int64,
    "proof": pl.String,
}
"""Columns of the list of erasures."""


def forget(
    ctx: typer.Context,
    member_id: Annotated[str, typer.Argument(help="成员编号 · id of the member", show_default=False)] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="理由，不写姓名 · why, without names", show_default=False)
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="不再询问 · do not ask")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="恢复备份后：再次删除已删除过的人 · erase again who came back with a backup")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="列出删除记录 · list erasures and their proofs")] = False,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="重新印发的报告写入此处 · folder of reports issued again")
    ] = Path("reissued"),
    format_: FormatOption = None,
) -> None:
    """删除一名成员的全部数据 · Erase a person: events, figures, roster, reports' data; and keep the proof.

    Nothing of them is taken in again. Branches are computed again, issued reports are issued again without them. At
    the end every table is searched; the erasure ends only when none holds the id. Interrupted, the same command goes
    on. It cannot be undone.
    """
    context = contexts.of(ctx)
    with connected(context.settings) as store:
        if listing:
            _list(context, erasures(store), ZoneInfo(active_generation(store).timezone), format_)
            return
        key = member_key(context.settings)
        erasing = Erasing(context.settings, store, key, into(context.settings, out), _teller(context))
        members = erasing.back() if again else [member_id]
        if not again and not member_id:
            raise InputError("no member is named", where="MEMBER", hint="xuejing forget MEMBER, or --again")
        if again and not members:
            context.say("没有需要再次删除的人", "nobody who was erased is back")
        for member in members:
            # A slip of the pen would put an id onto the list that somebody may get later.
            held = {table: n for table, n in left(store, member).items() if n}
            if not held and find(store, key, member) is None:
                raise InputError(f"nothing is held about {member!r}", hint="`xuejing query members` lists who there is")
            if not yes and not typer.confirm(_question(context, member, held), err=True):
                raise typer.Abort
            _forget(context, store, erasing, member, reason)


def _forget(context: Context, store: Store, erasing: Erasing, member_id: str, reason: str) -> None:
    by = operator()
    done, reports = erasing.run(member_id, reason, by)
    runs = schedule_erasing.erase(context.settings, member_id)
    auditor(context.settings, store).record(
        Entry(by, "forget", f"proof {done.proof_hash}", reason, members=[member_id])
    )
    assert done.proof is not None
    context.say(
        f"已删除：{len(done.proof)} 张表均为零行，证明 {done.proof_hash}",
        f"erased: no row in any of {len(done.proof)} tables, proof {done.proof_hash}",
    )
    context.say(
        f"报告：重新印发 {len(reports.reissued)} 份，移除本人 {len(reports.removed)} 份，"
        f"{reports.held} 份只清除了留存数据",
        f"reports: {len(reports.reissued)} issued again, {len(reports.removed)} own ones removed, {reports.held} whose "
        "kept rows were removed",
    )
    if runs:
        context.say(
            f"日程：{runs} 次运行的记录或文件已清除；日程文件中写有此编号的请删去",
            f"schedules: records or files of {runs} runs are gone; take the id out of the file of schedules",
        )
    context.say(
        "备份与 Kafka 中的副本按各自的保存期消失；请把先前发出的文件收回或销毁（见 docs/how-to/member-rights.md）",
        "copies in backups and in Kafka go with their retention; take back files that were handed out "
        "(docs/how-to/member-rights.md)",
    )


def _question(context: Context, member_id: str, held: Mapping[str, int]) -> str:
    rows, tables = sum(held.values()), len(held)
    return (
        f"删除 {member_id} 的全部数据（{tables} 张表中 {rows} 行），不可恢复。继续？"
        if context.settings.language == "zh"
        else f"Erase everything about {member_id} ({rows} rows in {tables} tables)? It cannot be undone."
    )


_STEPS = {
    "blocked": ("此后到达的记录一律丢弃", "what arrives from now on is dropped"),
    "planned": ("已确定须重算的内容", "what has to be computed again is known"),
    "removed": ("各表的行已删除", "rows are deleted"),
    "computed": ("支部指标已重算", "branches are computed again"),
    "done": ("报告已重新印发，逐表核查完毕", "reports are issued again; every table was searched"),
}


def _teller(context: Context) -> Callable[[str], None]:
    return lambda state: context.say(*_STEPS[state])


def _list(context: Context, found: list[Erasure], zone: ZoneInfo, form: Format | None) -> None:
    rows = [
        {
            "member_key": e.member_key, "asked": e.asked_at, "state": e.state, "by": e.principal_id,
            "reason": e.reason, "tables": len(e.proof or ()), "proof": e.proof_hash,
        }
        for e in found
    ]  # fmt: skip
    printed(context, pl.DataFrame(rows, schema=SCHEMA), zone, form, None)
