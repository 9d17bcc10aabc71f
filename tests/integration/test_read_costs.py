"""What queries and reports read does not grow unseen: rows, bytes and statements against recorded bounds.

Counts, not seconds: they are the same on any machine. To record them anew after a change that is meant, run
``XUEJING_RECORD_COSTS=1 pytest tests/integration/test_read_costs.py`` and look at the difference before a commit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.filled import SIZES, engine, fill
from bench.queries import Case, cases
from sinks.client import Endpoint, Store
from sinks.read import Reader
from tests.support.reading import Cost, cost

BOUNDS = Path(__file__).parents[1] / "support" / "read_costs.json"
SLACK = 1.15
"""Parts may be merged or not when a query is asked, so that rows and bytes are not the same to the last one."""
SIZE = SIZES["small"]
HOW = "if this is meant: XUEJING_RECORD_COSTS=1 pytest tests/integration/test_read_costs.py, and commit read_costs.json"
CASES = {
    f"{c.name} · {c.scope} · {c.period}": c
    for c in cases(SIZE, "branch")
    if c.period == "all" and (c.scope in ("branch", "province") or c.name.startswith("report"))
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    with engine(tmp_path_factory.mktemp("filled")) as running:
        store = Store(Endpoint(running.url, running.user, running.password))
        fill(store, SIZE)
        yield store
        store.close()


@pytest.fixture(scope="module")
def bounds() -> Iterator[dict[str, list[int]]]:
    known: dict[str, list[int]] = json.loads(BOUNDS.read_text("utf-8")) if BOUNDS.exists() else {}
    yield known
    if os.environ.get("XUEJING_RECORD_COSTS"):
        lines = [f"  {json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in sorted(known.items())]
        BOUNDS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def measured(store: Store, case: Case) -> Cost:
    case.run(Reader(store), 0)  # what is read once a process
    return cost(store, lambda: case.run(Reader(store), 1))


@pytest.mark.parametrize("name", CASES)
def test_no_more_is_read_than_was_recorded(filled: Store, bounds: dict[str, list[int]], name: str) -> None:
    found = measured(filled, CASES[name])
    if os.environ.get("XUEJING_RECORD_COSTS"):
        bounds[name] = list(found)
    assert name in bounds, f"{name} has no recorded bound; {HOW}"
    recorded = Cost(*bounds[name])
    assert found.statements <= recorded.statements, f"{name}: {found} sends more than {recorded}; {HOW}"
    assert found.rows <= recorded.rows * SLACK + 100, f"{name}: {found} reads more than {recorded}; {HOW}"
    assert found.kib <= recorded.kib * SLACK + 20, f"{name}: {found} reads more than {recorded}; {HOW}"


def test_nothing_is_recorded_that_is_not_asked(bounds: dict[str, list[int]]) -> None:
    assert not bounds.keys() - CASES.keys(), HOW


def test_a_question_that_reads_more_is_seen(filled: Store) -> None:
    """The measure itself: a whole table costs more than a member's rows of it."""
    member = cost(
        filled, lambda: filled.rows("SELECT max(at) FROM answers WHERE generation = 1 AND member_id = 'm0000001'")
    )
    everybody = cost(filled, lambda: filled.rows("SELECT max(at) FROM answers WHERE generation = 1"))
    assert member.statements == everybody.statements == 1
    assert everybody.rows > 5 * member.rows
