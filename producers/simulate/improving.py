"""Improvements of the branches of a college: raised from the figures of two weeks, assigned, acted on, mostly closed.

A plan a branch, drawn once from the seed; what a person does of it follows, so that each person's steps can be
asked for alone, as those of all families are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from producers.simulate.draw import seeded
from producers.simulate.model import Person, Scenario

_OFFICES = ("branch_secretary", "organisation_officer", "committee_member")
_ACTIONS = {"topic": "session", "silent": "talk", "question": "review"}


@dataclass(frozen=True, slots=True)
class Taken:
    """One step: who takes it, on which day of the term at what hour, and the fields of the event."""

    member_id: str
    day: int
    hour: float
    fields: dict[str, Any]


def steps(scenario: Scenario, person: Person) -> Iterator[Taken]:
    """The steps of a person for the branch that they belonged to first; the days may lie after the term."""
    for taken in branch_plan(scenario, person.memberships[0].org_id):
        if taken.member_id == person.member_id:
            yield taken


def branch_plan(scenario: Scenario, org_id: str) -> Iterator[Taken]:
    """All steps of a branch. Every 28 days one problem of the two weeks before; the first is sent down from above."""
    people = [p for p in scenario.members if p.memberships[0].org_id == org_id]
    officers = [p.member_id for p in people if p.memberships[0].role in _OFFICES] or [people[0].member_id]
    above = next((o.parent_id for o in scenario.organisations if o.org_id == org_id), "")
    for number, end in enumerate(range(14, scenario.days, 28), 1):
        rng = seeded(scenario.seed, "improvement", org_id, number)
        problem = rng.choice(sorted(_ACTIONS))
        about: dict[str, Any] = {
            "improvement_id": f"{org_id}-{number}",
            "target_org": org_id,
            "problem": problem,
            "period_first": str(scenario.start + timedelta(days=end - 14)),
            "period_last": str(scenario.start + timedelta(days=end - 1)),
        }
        if problem == "topic":
            about["about"] = rng.choice(scenario.catalogue.knowledge_points).knowledge_point_id
        elif problem == "question":
            about["about"] = rng.choice(scenario.catalogue.questions).question_id
        if number == 1 and above:
            about["from_org"] = above
        secretary, owner = officers[0], rng.choice(officers)
        day = end + rng.randrange(1, 4)
        yield Taken(secretary, day, 9.0 + rng.random(), about | {"step": "raised"})
        if rng.random() < 0.15:
            continue
        day += rng.randrange(1, 4)
        due = scenario.start + timedelta(days=day + 21)
        yield Taken(owner, day, 10.0 + rng.random(), about | {"step": "assigned", "due": str(due)})
        if rng.random() < 0.15:
            continue
        day += rng.randrange(3, 12)
        yield Taken(owner, day, 15.0 + rng.random(), about | {"step": "acted", "action": _ACTIONS[problem]})
        if rng.random() < 0.8:
            day += rng.randrange(2, 10)
            yield Taken(secretary, day, 16.0 + rng.random(), about | {"step": "closed"})
            if rng.random() < 0.1:
                yield Taken(
                    secretary, day + 6, 16.0, about | {"step": "reopened", "due": str(due + timedelta(days=14))}
                )
