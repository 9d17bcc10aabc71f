"""The commands ``analyse`` and ``demo``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from producers.simulate import Flush, Scenario, default_scenario, write_reference, write_simulation
from producers.simulate.live import WEEKS_BEFORE, Split, current_scenario
from producers.simulate.scenario import DEFAULT_SEED, DEFAULT_TIMEZONE

from . import context as contexts
from .analyse import Job, analyse
from .context import Context
from .living import Parts, living
from .playing import Player
from .stack import stack


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
    seed: Annotated[int, typer.Option(help="随机种子 · seed of the simulated college")] = DEFAULT_SEED,
    live: Annotated[
        bool, typer.Option("--live", help="随后在看板上实时播放 · then play on live, with the dashboard")
    ] = False,
    pause: Annotated[
        float, typer.Option(help="实时播放时每隔几秒来一批 · seconds between two deliveries, live", min=0.05)
    ] = 1.5,
    weeks: Annotated[
        int, typer.Option(help="实时播放时学期已过几周 · weeks of the term that are over, live", min=1, max=18)
    ] = WEEKS_BEFORE,
) -> None:
    """用模拟学院演示全部流程 · The whole pipeline on a simulated college: 5 branches, 69 members, one term.

    With --live the term is the current one: the reports stop at this moment, and simulated people go on learning. Their
    events come in through the collector; the dashboard's link is printed; Ctrl-C ends it.
    """
    context = contexts.of(ctx)
    context = replace(context, settings=replace(context.settings, timezone=DEFAULT_TIMEZONE))
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="xuejing-demo-") as folder:
        context.say("正在模拟一个学期…", "simulating a term…")
        source = Path(folder)
        rest: list[Flush] = []
        if live:
            rest = _until(now, current_scenario(now.astimezone(ZoneInfo(DEFAULT_TIMEZONE)), seed, weeks), source)
        else:
            write_simulation(default_scenario(seed=seed), source, with_truth=False)
        job = Job([str(source / "events.ndjson")], source, source, out, DEFAULT_TIMEZONE, keep=True)
        summary = analyse(context, job)
    context.say(
        f"查询：xuejing --data {out / 'store'} query member-day",
        f"query it: xuejing --data {out / 'store'} query member-day",
    )
    _conclude(context, job, summary)
    if live:
        play(replace(context, settings=replace(context.settings, data_dir=str(out / "store"))), rest, pause, seed)


def _until(now: datetime, scenario: Scenario, folder: Path) -> list[Flush]:
    """Write what was received so far to a folder; the rest."""
    write_reference(scenario, folder)
    parts = Split(scenario, now)
    with (folder / "events.ndjson").open("wb") as file:
        for flush in parts.before():
            file.write(b"\n".join(flush.lines) + b"\n")
    return list(parts.after())


def play(context: Context, flushes: Sequence[Flush], pause: float, seed: int) -> None:
    """The stack with collector and dashboard, and people who learn, until Ctrl-C."""
    parts = Parts(collector=True, dashboard=True, schedules=False)
    with stack(context.settings) as running, living(context, running, parts) as beside:
        player = Player(context.settings, beside.key, flushes, pause, seed)
        try:
            while True:
                beside.look()
                if player.trouble is not None:
                    raise player.trouble
                if beside.told and not player.begun:
                    player.begin(beside.collector)
                    context.say(
                        "模拟的成员正在学习：打开看板，数字会动。",
                        "simulated people are learning: open the dashboard and watch.",
                    )
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
        finally:
            player.stop()
        context.say(f"已播放 {player.sent} 个事件，正在停止…", f"{player.sent} events were played; stopping…")
        running.wait_until_processed()


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
