"""The thin Faust shell: records in, durable batches out, offsets committed only behind them."""

from streams.faust_shell.app import ShellApp, build_app
from streams.faust_shell.blocking import run_blocking
from streams.faust_shell.runner import run_app
from streams.faust_shell.shell import EXIT_CUT_OFF, EXIT_FAILED, EXIT_OK

__all__ = ["EXIT_CUT_OFF", "EXIT_FAILED", "EXIT_OK", "ShellApp", "build_app", "run_app", "run_blocking"]
