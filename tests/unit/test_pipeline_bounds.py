"""What an event costs, in counts that no machine's load changes, stays below recorded bounds."""

from __future__ import annotations

import pytest

from bench.pipeline import memory, work


@pytest.mark.parametrize(("per_message", "calls", "rows"), [(1, 75, 3.2), (20, 60, 1.75)])
def test_calls_and_rows_of_an_event(per_message: int, calls: float, rows: float) -> None:
    found = work(per_message=per_message)
    assert found["calls_per_event"] < calls
    assert found["rows_per_event"] < rows


def test_bytes_of_a_fact_in_memory() -> None:
    assert memory(200, 500)["bytes_a_fact"] < 76
