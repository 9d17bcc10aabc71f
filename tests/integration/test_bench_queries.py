"""The benchmark of queries goes on where a case fails, and ends when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.filled import SIZES
from bench.page import queries
from bench.queries import Bench, Case, run
from sinks.read import Filters, Reader, Scope

pytest.importorskip("chdb", reason="the embedded engine is not installed")


def case(name: str, ask: Callable[[Reader], Any]) -> Case:
    return Case(name, "province", "all", lambda reader, i: ask(reader))


def test_a_failure_is_a_finding_and_time_ends_a_run(tmp_path: Path) -> None:
    everything, asked = Scope.everything(), []
    cases = [
        case("wrong", lambda reader: reader.frame("member-day", everything, Filters())),
        case("right", lambda reader: asked.append(reader.store.rows("SELECT sum(number) FROM numbers(100)"))),
    ]
    bench = Bench(tmp_path, SIZES["small"])
    wrong, right = run(bench, cases, 3, str, budget=60, until=time.monotonic() + 600)
    assert "no generation" in wrong["error"]
    assert (right["runs"], right["rows"], len(asked)) == (3, 100, 4)
    (once,) = run(bench, cases[1:], 3, str, budget=0, until=time.monotonic() + 600)
    assert (once["runs"], once["p50"]) == (0, once["cold"])
    assert [set(r) for r in run(bench, cases, 3, str, budget=60, until=0)] == [{"name", "scope", "period", "error"}] * 2
    machine = {"command": "x", "at": "2026-01-01", "cores": 2, "processor": "", "memory_gib": 1, "system": "",
               "python": "", "versions": {}, "load_before": 0.0}  # fmt: skip
    text = "\n".join(queries({"events": 1, "machine": machine, "queries": [wrong, right]}))
    assert "| engine CPU s |" in text
    assert "no generation" in text
