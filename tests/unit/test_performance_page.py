"""The table of aims says what the results say: an aim that was missed, or not measured, does not pass for reached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.aims import aims, told
from bench.page import PARTS, RESULTS, page, performance_markdown


def query(p95: float, memory: float) -> dict[str, Any]:
    return {"name": "q", "scope": "province", "period": "all", "p95": p95, "memory_mib": memory}


def ingest(rate: int, faust: int) -> dict[str, Any]:
    ways = {"xuejing": {"events_per_second": rate}, "faust tutorial": {"events_per_second": faust}}
    return {"ingest": {"1": ways}}


def test_rates_and_ratios_of_ingest() -> None:
    found = {what: (measured, there) for what, _, measured, there in aims({"ingest": ingest(80_000, 4_001)})}
    assert found == {
        "ingest, 1 event a message: faust tutorial": ("20.00 ×", False),
        "ingest, 1 event a message: events/s": ("80,000", True),
    }


@pytest.mark.parametrize(
    ("cases", "reached"),
    [
        ([query(0.4, 900)], [True, True]),
        ([query(0.4, 900), query(0.5, 10)], [False, True]),
        ([query(0.4, 900), query(0.1, 2000)], [True, False]),
        ([query(0.4, 900), {"name": "q", "scope": "city", "period": "all", "error": "not asked"}], [False, False]),
    ],
)
def test_one_slow_large_or_failed_query_is_enough(cases: list[dict[str, Any]], reached: list[bool]) -> None:
    found = aims({"queries": {"events": 100_000_000, "queries": cases}})
    assert [there for *_, there in found] == reached


def test_a_worst_case_decides_about_memory_and_latency() -> None:
    memory = {"memory": [{"bytes_a_fact": 63.9}, {"bytes_a_fact": 70.1}]}
    latency = {"latency": [{"share": 0.0, "p99_ms": 999}, {"share": 0.5, "p99_ms": 2000}, {"share": 0.9, "p99_ms": 1}]}
    found = aims({"pipeline": memory, "latency": latency})
    assert [(measured, there) for _, _, measured, there in found] == [
        ("1.00 s", True),
        ("2.00 s", False),
        ("63.9 – 70.1 B", False),
    ]


def test_a_missed_aim_stands_out_and_nothing_is_told_without_results() -> None:
    assert told({}) == []
    text = "\n".join(told({"reports": {"reports": {"members": {"per_core_second": 99.0}}}}))
    assert "| member reports a core and second | ≥ 100 | 99 | **no** |" in text


def test_the_note_of_a_result_stands_below_its_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "measures", lambda found: ["## Part", "", found["figures"]])
    noted = page({"measures": {"figures": "1 s", "note": "put together from two runs"}})
    assert noted.endswith("## Part\n\n**How this result came about:** put together from two runs.\n\n1 s\n")
    assert page({"measures": {"figures": "1 s"}}).endswith("## Part\n\n1 s\n")


def test_no_note_of_the_results_is_kept_from_the_page() -> None:
    notes = [note for p in RESULTS.glob("*.json") if (note := json.loads(p.read_text("utf-8")).get("note"))]
    text = performance_markdown()
    assert [note for note in notes if note not in text] == []
