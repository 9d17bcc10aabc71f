"""The commands ``analyse`` and ``demo``."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from producers.simulate import default_scenario, write_simulation

from . import context as contexts
from .analyse import Job, analyse
from .context import Context


def analyse_files(
    ctx: typer.Context,
    files: Annotated[list[str], typer.Argument(help="NDJSON（.gz .zst）、CSV、XLSX，或 - · events or tables")],
    roster: Annotated[Path, typer.Option(help="名册：文件夹或工作簿 · folder with organisations.csv and members.csv")],
    out: Annotated[Path, typer.Option(help="结果文件夹 · folder for results")],
    catalogue: Annotated[Path | None, typer.Option(help="目录：课程、题目等 · courses, exams, questions")] = None,
    timezone: Annotated[str | None, typer.Option(help="时区 · IANA zone of local days")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="保留存储供查询 · keep the store for `query`")] = False,
) -> None:
    """分析自己的文件，得到全部报告 · Analyse your own files: every report and the data behind.

    Runs the whole pipeline on this machine and stops everything it started. Bad lines do not fail the run; the
    last line says how many there are and where. To begin without a script: `xuejing template`.

    [bold]xuejing analyse study.csv answers.xlsx --roster roster.xlsx --out result[/bold]
    """
    context = contexts.of(ctx)
    job = Job(files, roster, catalogue, out, timezone or context.settings.timezone, keep)
    _conclude(context, job, analyse(context, job))


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="结果文件夹 · folder for results")] = Path("demo-report"),
    seed: Annotated[int, typer.Option(help="随机种子 · seed of the simulated college")] = 20260302,
) -> None:
    """用模拟学院演示全部流程 · The whole pipeline on a simulated college: 5 branches, 69 members, one term."""
    context = contexts.of(ctx)
    with tempfile.TemporaryDirectory(prefix="xuejing-demo-") as folder:
        context.say("正在模拟一个学期…", "simulating a term…")
        source = Path(folder)
        write_simulation(default_scenario(seed=seed), source, with_truth=False)
        settings = replace(context.settings, timezone="Asia/Shanghai")
        job = Job([str(source / "events.ndjson")], source, source, out, settings.timezone, keep=True)
        summary = analyse(replace(context, settings=settings), job)
    context.say(
        f"查询：xuejing --data {out / 'store'} query member-day",
        f"query it: xuejing --data {out / 'store'} query member-day",
    )
    _conclude(context, job, summary)


def _conclude(context: Context, job: Job, summary: dict[str, Any]) -> None:
    bad = sum(summary["rejected"].values())
    reasons = ", ".join(f"{k} {v}" for k, v in summary["rejected"].items())
    context.say(
        f"报告：{job.out / 'report' / 'index.html'}",
        f"reports: {job.out / 'report' / 'index.html'}",
    )
    if bad:
        context.say(
            f"读入 {summary['events_read']} 行，其中 {bad} 行被拒（{reasons}）：{job.out / 'rejected.ndjson'}",
            f"{summary['events_read']} lines read, {bad} of them rejected ({reasons}): {job.out / 'rejected.ndjson'}",
        )
    else:
        context.say(
            f"读入 {summary['events_read']} 行，无被拒记录",
            f"{summary['events_read']} lines read, none rejected",
        )
