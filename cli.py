"""The command line: wires commands together; each is a function in ``commands/``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.rich_utils import rich_format_error

from commands import (
    analysing,
    backup,
    calibrate,
    data,
    doctor,
    explain,
    query,
    rebuild,
    reconcile,
    rejected,
    replay,
    report,
    retention,
    serve,
)
from commands import context as contexts
from schemas.errors import XuejingError

app = typer.Typer(
    name="xuejing",
    help="学镜：从学习与考试事件到评价报告 · From study and examination events to evaluation reports.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)

_START, _DATA, _READ, _OPERATE = (
    "开始 Start",
    "数据 Data",
    "查看 Read",
    "运维 Operate",
)


@app.callback()
def root(
    ctx: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option("--data", help="数据文件夹 · folder of the embedded store (XUEJING_DATA_DIR)")
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="zh 或 en · language of messages and reports")] = None,
) -> None:
    """学镜：从学习与考试事件到评价报告 · From study and examination events to evaluation reports."""
    ctx.obj = contexts.make(data_dir, lang)


app.command("demo", rich_help_panel=_START)(analysing.demo)
app.command("analyse", rich_help_panel=_START)(analysing.analyse_files)
app.command("up", rich_help_panel=_START)(serve.up)
app.command("doctor", rich_help_panel=_START)(doctor.doctor)
app.command("template", rich_help_panel=_DATA)(data.template)
app.command("emit", rich_help_panel=_DATA)(data.emit)
app.add_typer(data.importing, name="import", rich_help_panel=_DATA)
app.command("simulate", rich_help_panel=_DATA)(data.simulate)
app.add_typer(query.app, name="query", rich_help_panel=_READ)
app.add_typer(explain.app, name="explain", rich_help_panel=_READ)
app.add_typer(report.app, name="report", rich_help_panel=_READ)
app.command("withdraw", rich_help_panel=_DATA)(rejected.withdraw)
app.add_typer(rejected.app, name="rejected", rich_help_panel=_OPERATE)
app.command("replay", rich_help_panel=_OPERATE)(replay.replay)
app.command("rebuild", rich_help_panel=_OPERATE)(rebuild.rebuild)
app.command("retention", rich_help_panel=_OPERATE)(retention.retention)
app.command("reconcile", rich_help_panel=_OPERATE)(reconcile.reconcile)
app.command("worker", rich_help_panel=_OPERATE)(serve.worker)
app.command("engine", rich_help_panel=_OPERATE)(serve.engine)
app.command("backup", rich_help_panel=_OPERATE)(backup.backup)
app.command("restore", rich_help_panel=_OPERATE)(backup.restore)
app.command("calibrate", rich_help_panel=_OPERATE)(calibrate.calibrate)
app.command("migrate", rich_help_panel=_OPERATE)(serve.migrate)


def _terminate(*_: Any) -> None:
    # Like Ctrl-C: blocks that started something must get the chance to stop it.
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of the console script. Errors of ours are one clear message and a non-zero status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except XuejingError as error:
        contexts.messages.print(f"错误 error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except typer.TyperException as error:
        rich_format_error(error)  # type: ignore[arg-type]  # all that are raised are of its private subclass
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


if __name__ == "__main__":
    main()
