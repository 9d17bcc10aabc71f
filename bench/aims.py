"""What is aimed at, what was measured, and what limits it: the first part of docs/performance.md.

Figures come from the results; only the sentences about limits are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
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


def _queries(found: Result, what: str = "queries") -> Iterator[Aim]:
    cases = found["queries"]
    asked = [q for q in cases if "error" not in q]
    at = f"{what} at {found['events'] / 1e6:,.0f} million events"
    for aim, key, limit in (
        (f"p95 below {QUERY_SECONDS} s", "p95", QUERY_SECONDS),
        ("below 1 GiB", "memory_mib", QUERY_MIB),
    ):
        reached = sum(q[key] < limit for q in asked)
        yield f"{at}: {aim}", f"all {len(cases)}", f"{reached} of {len(asked)} measured", reached == len(cases)


def _reports(found: Result) -> Iterator[Aim]:
    rate = found["reports"]["members"]["per_core_second"]
    yield "member reports a core and second", f"≥ {PAGES_A_SECOND}", f"{rate:.0f}", rate >= PAGES_A_SECOND


AIMS: dict[str, Callable[[Result], Iterable[Aim]]] = {
    "ingest": _ingest,
    "latency": _latency,
    "pipeline": _memory,
    "queries": _queries,
    "dashboards": partial(_queries, what="queries of a branch"),
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
Where the load average before a run is large, it shared the two cores with other work: its rates and seconds, and so
whether an aim in seconds is reached, say little about an idle machine. Rows, bytes, memory and calls do not depend on
it. An aim that is missing from the table has no result. A result that was put together from several runs says so
below its heading.

- **Ingest.** At the rates that are aimed at, two cores have 25 s of CPU for a million events of one a message, and 17
  s for those of twenty; worker and engine alone take more, as the table below tells, and the program that a partition
  is read by is Python, whose lock lets one thread compute at a time. Branches were the largest part: with
  contributions left out, a worker read twice as many events a second. Contributions in columns, rows of changed
  courses only and batches of up to 60,000 messages (20,000 before) brought most of that back. Of the samples in which
  the worker held Python's lock (py-spy, one event a message) about a fifth now makes rows of the archive, a sixth
  decodes, a tenth keeps what events have in common, a tenth is branches. Next would be decoding and the archive's
  rows outside Python, and one worker a core with a core of its own for the engine.
- **Event to visible.** Capacity is what a worker reads of a filled topic in batches of 60,000; live batches are as
  large as what came in the meantime, and smaller ones cost more an event. At half of it beginning a batch (decode,
  merge, fold) takes about as long as its events took to come, so that each waits for the one before; up to two fifths
  most is visible within two seconds. Batches of at most 20,000, and beginning the next one earlier, were tried and
  changed little: what would is what ingest waits for.
- **Scaling.** One worker and the engine fill these two cores: further workers share them, and show that partitions
  can be spread without loss, not how much faster that is with a core each.
- **Memory.** A fact is a record of 52 bytes. What comes on top falls as members have more facts, as most of it is
  held once a member, some 200 bytes: the id as text, its place in the table of members, the head of the run.
- **Queries.** Slow by what they read is what takes in a whole province: `questions` and `contest-board` read every
  answer (50 million rows), `ledger` counts the distinct events of the archive (100 million ids), and `branch-day`
  adds up everybody's days (10 million rows). Less would take sums by inner node, month and question that hold while
  rows replace each other ([decision 28](decisions/0028-replaced-rows.md)). Computed queries of a county of a thousand
  members spend most of their time in Python, member by member (`suggestions`, `wrong-book`, `attitude`, `mastery`),
  on one core; a report of a branch or county reads the roster of everybody, a second at a hundred thousand members.
- **Reports.** A page is HTML with charts; counted is the CPU of the one process that makes it.
"""
"""Why an aim is not reached and what it would take, as profiles tell."""
