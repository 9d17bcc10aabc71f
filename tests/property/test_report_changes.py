"""Comparisons of group reports: what is shown equals both reports, and never rests on fewer than k members."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.changes.compare import Change, Changes
from reports.changes.made import changes_of, lines
from reports.context.group import GroupReport, Groups
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy, ReportData
from reports.population import Populations
from reports.text import Words
from schemas.reference import Member
from tests.support.small_reports import FIRST, answer, make, members, study

K = 5


def report(data: ReportData, node: str) -> GroupReport:
    """The context of one node."""
    groups = Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING, Policy("named", K))
    return groups.report(node)


def changes(before: ReportData, after: ReportData, node: str) -> Changes:
    """The comparison of one node."""
    contexts = report(before, node), report(after, node)
    return changes_of(before, after, contexts, org=node, k=K, archived={})


def rows(chance: random.Random, people: list[Member]) -> tuple[list[Any], list[Any]]:
    """Some study and answers of everybody."""
    days, answers = [], []
    for m in people:
        for n in range(chance.randrange(1, 3)):
            on = FIRST + timedelta(days=n)
            days.append(study(m.member_id, on, chance.randrange(10, 90), course=chance.choice(["c1", "c2"])))
            answers.append(answer(m.member_id, chance.random() < 0.6, chance.choice(["q1", "q2"]), day=on))
    return days, answers


ADDED: dict[str, Callable[[ReportData], dict[str, dict[str, float]]]] = {}
"""Metric → what each member adds to it, by organisation: worked out row by row."""


def adds(metric: str, frame: str, value: Callable[[dict[str, Any]], float]) -> None:
    def work_out(data: ReportData) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for row in getattr(data, frame).iter_rows(named=True):
            if frame != "days" or row["course_id"] == "":
                for org in (row["org_id"], "top"):
                    found[org][row["member_id"]] += value(row)
        return found

    ADDED[metric] = work_out


adds("study_seconds", "days", lambda r: r["study_seconds"])
adds("sessions", "days", lambda r: r["sessions"])
adds("answers", "answers", lambda r: 1)
adds("graded", "answers", lambda r: r["correct"] is not None)
adds("correct", "answers", lambda r: bool(r["correct"]))
adds("score", "answers", lambda r: r["score"])


def behind(metric: str, org: str, before: ReportData, after: ReportData) -> int:
    """Members who add something else than before."""
    one, other = (ADDED[metric](data)[org] for data in (before, after))
    return sum(one.get(m, 0) != other.get(m, 0) for m in one.keys() | other.keys())


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 12), st.integers(0, 3), st.integers(4, 9))
def test_no_shown_change_rests_on_few(seed: int, touched: int, moved: int, size: int) -> None:
    chance = random.Random(seed)
    people = [*members("b1", size), *members("b2", 7), *members("b3", 6)]
    days, answers = rows(chance, people)
    before = make(people, days, answers)
    some = chance.sample(people, min(touched, len(people)))
    new_days, new_answers = rows(chance, some)
    kept = [r for r in answers if chance.random() < 0.9 or r["member_id"] not in {m.member_id for m in some}]
    there = {m.member_id for m in chance.sample(people, moved)}
    after_people = [
        Member(member_id=m.member_id, name=m.name, org_id="b2" if m.member_id in there else m.org_id, category="staff")
        for m in people
    ]
    fresh = [[{k: v for k, v in r.items() if k != "org_id"} for r in item] for item in [*days, *new_days]]
    again = [{k: v for k, v in r.items() if k != "org_id"} for r in [*kept, *new_answers]]
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (r for item in fresh for r in item):
        key = row["member_id"], row["day"], row["course_id"]
        had = merged.get(key)
        total = {n: had[n] + row[n] for n in ("study_seconds", "sessions", "events")} if had else {}
        merged[key] = row | total
    after = make(after_people, list(merged.values()), again)
    for node in ("top", "b1", "b2", "b3"):
        found = changes(before, after, node)
        for change in found.shown:
            check(change, node, before, after)
        shown = {_org(c.rows) for c in found.shown if c.part == "children" and c.metric_id == "mean_study"}
        total_shown = any(c.part == "study" and c.metric_id == "study_seconds" for c in found.shown)
        # One organisation that is withheld could be worked out from the total and the others.
        changed = {org for org in ("b1", "b2", "b3") if behind("study_seconds", org, before, after)}
        assert not (node == "top" and total_shown and shown and len(changed - shown) == 1)
        assert "None" not in "\n".join(lines(found, Words("zh")))


def _org(title: tuple[Any, ...]) -> str:
    return {"Branch one": "b1", "Branch two": "b2", "Quiet branch": "b3"}[title[0].en]


def check(change: Change, node: str, before: ReportData, after: ReportData) -> None:
    """A shown change of a sum over a whole group rests on k members or more."""
    assert change.before != change.after
    if change.metric_id in ADDED and change.part in ("study", "effect") and not change.rows:
        assert behind(change.metric_id, node, before, after) >= K, (node, change)


def test_four_are_withheld_and_five_are_shown() -> None:
    people = [*members("b1", 8), *members("b2", 8), *members("b3", 8)]
    days = [study(m.member_id) for m in people]
    before = make(people, days)
    for touched, shown in ((4, False), (5, True)):
        more = [study(m.member_id, FIRST + timedelta(days=3)) for m in people[:touched]]
        after = make(people, [study(m.member_id) for m in people] + more)
        found = changes(before, after, "b1")
        assert found.changes
        assert any(c.metric_id == "study_seconds" for c in found.shown) == shown
        # The organisation above: one branch alone has changed, so that its row and the total are the same change.
        above = changes(before, after, "top")
        assert any(c.metric_id == "study_seconds" for c in above.shown) == shown


def test_nothing_changed_is_said() -> None:
    people = members("b1", 8)
    data = make(people, [study(m.member_id) for m in people])
    found = changes(data, data, "b1")
    assert found.changes == ()
    assert "没有变动" in "\n".join(lines(found, Words("zh")))
