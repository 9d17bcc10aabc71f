"""What is aimed at, what was measured, and what limits it: the first part of docs/performance.md.

Figures come from the results; only the sentences about limits are written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Result = dict[str, Any]
Aim = tuple[str, str, str, bool]
"""(what, aim, measured, whether it is reached)"""

QUERY_SECONDS, QUERY_MIB = 0.5, 1024
PAGES_A_SECOND = 100
FACT_BYTES = 64


def aims(results: dict[str, Result]) -> list[Aim]:
    """Every aim of which there is a result, in the order of the page."""
    found: list[Aim] = []
    for part, told in AIMS.items():
        if result := results.get(part):
            found += told(result)
    return found


def _ingest(found: Result) -> Iterator[Aim]:
    ways = found["ingest"]
    for per_message, aimed in (("1", 80_000), ("20", 120_000)):
        if of_k := ways.get(per_message):
            rate = of_k["xuejing"]["events_per_second"]
            what = f"ingest, {per_message} event{'s' * (per_message != '1')} a message"
            for rival, factor in FACTORS[per_message].items():
                if rival in of_k:
                    ratio = rate / of_k[rival]["events_per_second"]
                    yield f"{what}: {rival}", f"≥ {factor} ×", f"{ratio:.2f} ×", ratio >= factor
            yield f"{what}: events/s", f"≥ {aimed:,}", f"{rate:,}", rate >= aimed


FACTORS: dict[str, dict[str, float]] = {
    "1": {"faust tutorial": 20, "quixstreams, state and sink": 1.5},
    "20": {"engine insert limit": 0.35},
}
"""Events a message → other way → so many times its rate are aimed at."""


def _latency(found: Result) -> Iterator[Aim]:
    for case in found["latency"]:
        if (share := case["share"]) in (0, 0.5):
            limit = 2_000 if share else 1_000
            what = f"event to visible, {f'{share:.0%} of capacity' if share else 'idle'}: p99"
            yield what, f"< {limit / 1000:.0f} s", f"{case['p99_ms'] / 1000:.2f} s", case["p99_ms"] < limit


def _memory(found: Result) -> Iterator[Aim]:
    worst = max(case["bytes_a_fact"] for case in found["memory"])
    least = min(case["bytes_a_fact"] for case in found["memory"])
    yield "memory of a cached fact", f"≤ {FACT_BYTES} B", f"{least} – {worst} B", worst <= FACT_BYTES


def _queries(found: Result) -> Iterator[Aim]:
    asked = [q for q in found["queries"] if "error" not in q]
    at = f"queries at {found['events'] / 1e6:,.0f} million events"
    quick = sum(q["p95"] < QUERY_SECONDS for q in asked)
    small = sum(q["memory_mib"] < QUERY_MIB for q in asked)
    all_of_them = f"all {len(asked)} measured cases"
    yield f"{at}: p95 below {QUERY_SECONDS} s", all_of_them, str(quick), quick == len(found["queries"])
    yield f"{at}: below 1 GiB of memory", all_of_them, str(small), small == len(found["queries"])


def _reports(found: Result) -> Iterator[Aim]:
    rate = found["reports"]["members"]["per_core_second"]
    yield "member reports a core and second", f"≥ {PAGES_A_SECOND}", f"{rate:.0f}", rate >= PAGES_A_SECOND


AIMS = {
    "ingest": _ingest,
    "latency": _latency,
    "pipeline": _memory,
    "queries": _queries,
    "reports": _reports,
}


def told(results: dict[str, Result]) -> list[str]:
    """The part of the page: a table, then what limits."""
    rows = [(what, aim, measured, "yes" if there else "**no**") for what, aim, measured, there in aims(results)]
    if not rows:
        return []
    heads = ["what", "aim", "measured", "reached"]
    table = [f"| {' | '.join(row)} |" for row in (heads, ["---", "---:", "---:", "---"], *rows)]
    return ["## Aims", "", *table, "", *LIMITS.strip().split("\n"), ""]


LIMITS = """
"""
"""Why an aim is not reached and what it would take, as profiles tell."""
