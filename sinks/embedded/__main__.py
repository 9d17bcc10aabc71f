"""``python -m sinks.embedded``: the engine's own process. The password comes by environment variable."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from schemas.errors import XuejingError
from sinks.embedded.config import EngineOptions
from sinks.embedded.errors import EngineInUse
from sinks.embedded.process import IN_USE, PASSWORD_VARIABLE


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name, value


def _watch_parent() -> None:
    """Standard input is a pipe whose other end only the parent holds: its end means that the parent is gone."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(port: int) -> None:
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)


def main() -> int:
    """Parse arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m sinks.embedded", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="default")
    parser.add_argument("--setting", type=_setting, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--backup-dir", type=Path)
    parser.add_argument("--users-config", type=Path)
    parser.add_argument("--memory-share", type=float, default=0.6)
    parser.add_argument("--no-fsync", action="store_true")
    parser.add_argument("--query-log", action="store_true")
    parser.add_argument("--die-with-parent", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    password = os.environ.pop(PASSWORD_VARIABLE, "")
    if not password:
        print(f"{PASSWORD_VARIABLE} is not set: the engine needs a password", file=sys.stderr)
        return 2
    if arguments.die_with_parent:
        threading.Thread(target=_watch_parent, daemon=True).start()
    from sinks.embedded.server import serve

    options = EngineOptions(
        settings=dict(arguments.setting),
        backup_dir=arguments.backup_dir,
        users_config=arguments.users_config,
        memory_share=arguments.memory_share,
        fsync=not arguments.no_fsync,
        query_log=arguments.query_log,
    )
    try:
        serve(arguments.data_dir, arguments.port, password, arguments.user, _announce, options=options)
    except EngineInUse as error:
        print(error, file=sys.stderr)
        return IN_USE
    except XuejingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
