"""Is everything there, once? Judged by the producer's own list, and by a computation that shares nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from producers.simulate import Scenario
from schemas.envelope import ORGANISATION
from schemas.families import FAMILIES
from schemas.tables import ANSWERS, BRANCH_DAY, DUPLICATES, EVENTS, LEDGER, MEMBER_DAY, REJECTED
from tests.chaos.cluster import Cluster
from tests.chaos.feed import Feed
from tests.chaos.people import memberships
from tests.support.compare import branch_differences, differences, family_differences, text
from tests.support.engine import rows
from tests.support.oracle import Result, branch_days, compute

_COMPARED = (MEMBER_DAY, ANSWERS, BRANCH_DAY, EVENTS, LEDGER, REJECTED, *(f.table for f in FAMILIES.values()))


@dataclass(slots=True)
class Verdict:
    """``differences`` in words (none is what is promised), and the counts behind."""

    differences: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def verify(cluster: Cluster, feed: Feed, scenario: Scenario, refused: Collection[bytes] = ()) -> Verdict:
    """Compare everything that the store says with what was acknowledged. ``refused``: lines that the store was made
    to refuse."""
    dated = memberships(scenario)
    known = {m for m, *_ in dated} | {ORGANISATION + org for _, org, *_ in dated}
    valid: list[bytes] = []
    bad: list[bytes] = []
    for number in sorted(feed.acknowledged):
        message = feed.messages[number]
        for n, line in enumerate(message.lines):
            spoiled = message.spoiled.get(n, "conflict") != "conflict" or line in refused
            (bad if spoiled else valid).append(line)
    expected = compute(valid, scenario.timezone, lambda e: e["member_id"] in known)
    tables = {t.name: rows(cluster.store, t) for t in _COMPARED}
    duplicates = rows(cluster.store, DUPLICATES)
    found = Verdict()
    found.differences += differences(tables["member_day"], tables["answers"], expected)
    found.differences += family_differences(tables, expected)
    rolled_up = branch_days(expected.member_days, dated)
    found.differences += branch_differences(tables["branch_day"], rolled_up)
    found.differences += _archive(tables["events"], tables["rejected_events"], expected, valid, bad)
    found.differences += _ledger(cluster, tables["ledger"], tables["events"], duplicates, len(valid) + len(bad))
    ledger = tables["ledger"]
    found.counts = {
        "messages acknowledged": len(feed.acknowledged),
        "messages sent again by the producer": feed.sent_again,
        "lines acknowledged": len(valid) + len(bad),
        "lines through the pipeline": sum(r["lines"] for r in ledger),
        "distinct events": len({b[:2] for b in expected.bodies}),
        "duplicates": len(duplicates),
        "forwarded": sum(r["forwarded"] for r in ledger),
        "rejected": len(tables["rejected_events"]),
        "member-day rows compared": len(expected.member_days),
        "answers compared": len(expected.answers),
        "branch-day rows compared": len(rolled_up),
        "rows of further families compared": sum(map(len, expected.families.values())),
    }
    return found


def _archive(
    events: Sequence[dict[str, Any]],
    rejected: Sequence[dict[str, Any]],
    expected: Result,
    valid: Sequence[bytes],
    bad: Sequence[bytes],
) -> list[str]:
    have = {(r["member_id"], text(r["event_id"]), bytes(r["body_hash"])) for r in events}
    found = [f"acknowledged, but not in the archive: {b[:2]}" for b in sorted(expected.bodies - have)]
    found += [f"in the archive, but never sent: {b[:2]}" for b in sorted(have - expected.bodies)]
    kept: dict[bytes, set[str]] = defaultdict(set)
    for r in rejected:
        kept[bytes(r["raw"])].add(r["reason"])
    found += [f"acknowledged, but neither counted nor rejected: {line[:200]!r}" for line in set(bad) - kept.keys()]
    several = Counter(b[:2] for b in expected.bodies)
    disputed = {i for i, n in several.items() if n > 1}
    losers = {bytes(r["raw"]) for r in rejected if r["reason"] == "conflict"}
    for line in kept.keys() - set(bad) - losers:
        found.append(f"rejected as {kept[line]}, though valid: {line[:200]!r}")
    lost = {(r["member_id"], r["event_id"]) for r in rejected if r["reason"] == "conflict"}
    found += [f"conflict not told: {i}" for i in disputed - lost]
    found += [f"conflict of a single body: {i}" for i in lost - disputed]
    found += [f"a conflict that was not sent: {line[:200]!r}" for line in losers - set(valid)]
    return found


def _ledger(
    cluster: Cluster,
    ledger: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
    duplicates: Sequence[dict[str, Any]],
    acknowledged: int,
) -> list[str]:
    found = []
    if len(ledger) != (messages := cluster.messages()):
        found.append(f"ledger: {len(ledger)} messages, the topic has {messages}")
    total: Counter[str] = Counter()
    for row in ledger:
        total.update({n: row[n] for n in ("lines", "valid", "rejected", "forwarded")})
    if total["lines"] != total["valid"] + total["rejected"] + total["forwarded"]:
        found.append(f"ledger: {dict(total)} does not add up")
    if total["valid"] != len(events) + len(duplicates):
        found.append(f"ledger: {total['valid']} valid, but {len(events)} events and {len(duplicates)} duplicates")
    if total["valid"] + total["rejected"] < acknowledged:
        found.append(f"ledger: {total['valid'] + total['rejected']} verdicts for {acknowledged} lines")
    return found
