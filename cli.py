"""The command line: names the commands; each is a function in a module of ``commands/``.

A command's module is imported only when it is called (or when all of them are listed): between them they load
Faust, polars, scipy and more, which ``xuejing emit`` need not wait for.
"""

from __future__ import annotations

import logging
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from typer.rich_utils import rich_format_error

from commands import context as contexts
from commands.messages import sentence, system
from schemas.errors import XuejingError

_START, _DATA, _READ, _OPERATE = "开始 Start", "数据 Data", "查看 Read", "运维 Operate"
_RIGHTS = "权利 Rights"


class Command(NamedTuple):
    """Where a command is: module and attribute (a function, or a group), and the panel it is listed in."""

    module: str
    attribute: str
    panel: str


COMMANDS = {
    "demo": Command("analysing", "demo", _START),
    "analyse": Command("analysing", "analyse_files", _START),
    "up": Command("serve", "up", _START),
    "dashboard": Command("dashboard", "dashboard", _START),
    "collector": Command("collector", "collector", _START),
    "doctor": Command("doctor", "doctor", _START),
    "template": Command("data", "template", _DATA),
    "emit": Command("data", "emit", _DATA),
    "import": Command("data", "importing", _DATA),
    "simulate": Command("data", "simulate", _DATA),
    "withdraw": Command("rejected", "withdraw", _DATA),
    "app-key": Command("collector", "app_key", _DATA),
    "token": Command("collector", "token", _DATA),
    "query": Command("query", "app", _READ),
    "explain": Command("explain", "app", _READ),
    "report": Command("report", "app", _READ),
    "reports": Command("reports", "app", _READ),
    "schedule": Command("schedule", "app", _READ),
    "improve": Command("improve", "app", _READ),
    "my-data": Command("my_data", "my_data", _RIGHTS),
    "correct": Command("correct", "app", _RIGHTS),
    "forget": Command("forget", "forget", _RIGHTS),
    "who-looked": Command("who_looked", "who_looked", _RIGHTS),
    "audit": Command("who_looked", "app", _RIGHTS),
    "rejected": Command("rejected", "app", _OPERATE),
    "reconcile": Command("reconcile", "reconcile", _OPERATE),
    "replay": Command("replay", "replay", _OPERATE),
    "rebuild": Command("rebuild", "rebuild", _OPERATE),
    "calibrate": Command("calibrate", "calibrate", _OPERATE),
    "retention": Command("retention", "retention", _OPERATE),
    "backup": Command("backup", "backup", _OPERATE),
    "restore": Command("backup", "restore", _OPERATE),
    "worker": Command("serve", "worker", _OPERATE),
    "api": Command("api", "api", _OPERATE),
    "access": Command("access", "app", _OPERATE),
    "engine": Command("serve", "engine", _OPERATE),
    "migrate": Command("serve", "migrate", _OPERATE),
}


def root(
    ctx: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option("--data", help="数据文件夹 · folder of the embedded store (XUEJING_DATA_DIR)")
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", help="zh 或 en · language of messages and reports")] = None,
) -> None:
    """学镜：从学习与考试事件到评价报告 · From study and examination events to evaluation reports."""
    ctx.obj = contexts.make(data_dir, lang)


def application(only: str | None = None) -> typer.Typer:
    """The whole command line, or one with a single command (the names are the same)."""
    found = typer.Typer(
        name="xuejing",
        help="学镜：从学习与考试事件到评价报告 · From study and examination events to evaluation reports.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich",
    )
    found.callback()(root)
    for name, command in COMMANDS.items():
        if only is not None and name != only:
            continue
        target = getattr(import_module(f"commands.{command.module}"), command.attribute)
        if isinstance(target, typer.Typer):
            found.add_typer(target, name=name, rich_help_panel=command.panel)
        else:
            found.command(name, rich_help_panel=command.panel)(target)
    return found


def called(arguments: list[str]) -> str | None:
    """The command that the arguments call, None where that is not plain (then all are loaded)."""
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("--data", "--lang"):
            skip = True
        elif not argument.startswith("-"):
            return argument if argument in COMMANDS else None
        elif not argument.startswith(("--data=", "--lang=")):
            return None
    return None


def main() -> None:
    """Entry point of the console script. Errors of ours are one clear message and a non-zero status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, contexts.ask_to_stop)
    # What drivers would say is said once, by the error that ends the command. Workers configure logs of their own.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        sys.exit(application(called(sys.argv[1:]))(standalone_mode=False) or 0)
    except XuejingError as error:
        contexts.messages.print(sentence(error, contexts.language()), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except typer.TyperException as error:
        rich_format_error(error)  # type: ignore[arg-type]  # all that are raised are of its private subclass
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        contexts.messages.print(system(error, contexts.language()), style="red", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
