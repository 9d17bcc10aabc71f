"""The simulator's people as rosters."""

from __future__ import annotations

from datetime import date

from producers.simulate import Scenario
from schemas.reference import Member, Organisation
from tests.support.harness import FixedRoster

Membership = tuple[str, str, date | None, date | None]
"""(member_id, org_id, first day, day after the last one)"""


def _day(text: object) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def memberships(scenario: Scenario) -> list[Membership]:
    """Who belongs where, straight from the rows that are imported."""
    rows = scenario.reference().members
    return [(str(r["member_id"]), str(r["org_id"]), _day(r["valid_from"]), _day(r["valid_to"])) for r in rows]


def roster_of(scenario: Scenario) -> FixedRoster:
    """The roster, without the store."""
    organisations = [
        Organisation(org_id=str(r["org_id"]), name=str(r["org_id"])) for r in scenario.reference().organisations
    ]
    members = [
        Member(member_id=m, name=m, org_id=org, valid_from=first, valid_to=after)
        for m, org, first, after in memberships(scenario)
    ]
    return FixedRoster(organisations, members)
