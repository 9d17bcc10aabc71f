"""Branch days equal the roll-up of member days over the dated roster, whatever the roster did meanwhile."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.days import day_number
from schemas.reference import Member, Organisation, Roster
from schemas.reference.moves import bounds, moves
from schemas.tables import BRANCH_DAY, MEMBER_DAY
from streams.contributions import again, encode
from streams.records import Record, RecordBatch
from tests.property.test_sets_of_facts import lines
from tests.support.compare import branch_differences
from tests.support.harness import RECEIVED, FixedRoster, Harness
from tests.support.interleave import SharedSink
from tests.support.oracle import branch_days, compute

ORGS = ["b1", "b2"]
ORGANISATIONS = [Organisation(org_id=o, name=o) for o in ORGS]
FIRST = date(2026, 2, 28)
DAYS = st.integers(0, 6).map(lambda n: FIRST + timedelta(days=n))


@st.composite
def rosters(draw: st.DrawFn) -> list[Member]:
    """Members with zero to two memberships each, open or dated, with gaps between."""
    found = []
    for member_id in ("m1", "m2"):
        kind = draw(st.sampled_from(["always", "moved", "left", "gap", "other"]))
        a, b = sorted([draw(DAYS), draw(DAYS)])
        first, second = draw(st.permutations(ORGS))

        def row(org: str, start: date | None = None, end: date | None = None, member: str = member_id) -> Member:
            return Member(member_id=member, name=member, org_id=org, valid_from=start, valid_to=end)

        found += {
            "always": [row(first)],
            "moved": [row(first, None, a), row(second, a)],
            "left": [row(first, None, a)],
            "gap": [row(first, None, a), row(second, b)],
            "other": [row(second, a)],
        }[kind]
    return [m for m in found if m.valid_to is None or m.valid_from is None or m.valid_from < m.valid_to]


class World(Harness):
    """A harness whose roster is imported at any moment, also in the middle of a batch, as the import does it:
    first the rows, then the branch days that it touches, then a request for each of them."""

    def __init__(self, members: list[Member]) -> None:
        self.log: list[pa.Table] = []
        self.next_import: tuple[int, list[Member]] | None = None
        super().__init__(SharedSink(self.tick), FixedRoster(ORGANISATIONS, members))

    def tick(self) -> None:
        if self.next_import is None:
            return
        calls, members = self.next_import
        self.next_import = (calls - 1, members) if calls else None
        if not calls:
            self.publish(members)

    def publish(self, members: list[Member]) -> None:
        before, after = self.rosters.roster, Roster(ORGANISATIONS, members)
        self.rosters.version, self.rosters.roster = self.rosters.version + 1, after
        for org_id, spans in bounds(moves(before, after), date(2000, 1, 1), date(2100, 1, 1)).items():
            for day in self.touched(org_id, after):
                if any(a <= day <= b for a, b in spans):
                    self.log.append(again([(1, org_id, day_number(day))]))

    def touched(self, org_id: str, roster: Roster) -> set[date]:
        """Days with rows of the branch, and days with rows of members who belong to it now."""
        found = {r["day"] for r in self.sink.rows(BRANCH_DAY) if r["org_id"] == org_id}
        rows = self.sink.rows(MEMBER_DAY)
        return found | {r["day"] for r in rows if roster.org_of(r["member_id"], r["day"]) == org_id}

    def work(self, messages: list[list[bytes]]) -> None:
        self.members.process([self.batch(messages)])
        self.log += self.outbox.contributions
        self.outbox.contributions = []

    def branch(self, size: int) -> None:
        part, self.log = self.log[:size], self.log[size:]
        if part:
            records = [Record(i, RECEIVED, b"b", encode(c)) for i, c in enumerate(part)]
            self.branches.process([RecordBatch("days", 0, records)])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_branch_days_equal_the_roll_up_whatever_the_roster_did(data: st.DataObject) -> None:
    world = World(data.draw(rosters()))
    left = events = data.draw(st.lists(lines(), min_size=1, max_size=12))
    steps = data.draw(st.lists(st.sampled_from(["import", "work", "branch", "forget"]), max_size=12))
    for step in steps:
        if step == "import":
            world.next_import = data.draw(st.integers(0, 12)), data.draw(rosters())
        elif step == "work":
            size = data.draw(st.integers(1, 5))
            world.work([[line] for line in left[:size]]) if left else None
            left = left[size:]
        elif step == "branch":
            world.branch(data.draw(st.integers(1, 6)))
        else:
            world.branches.forget()
    if world.next_import is not None:
        members, world.next_import = world.next_import[1], None
        world.publish(members)
    if left:
        world.work([[line] for line in left])
    while world.log:
        world.branch(4)
    roster: Any = world.rosters.roster
    # A member whom the roster did not know at the time is rejected; all memberships here are of known members.
    memberships = [(m.member_id, m.org_id, m.valid_from, m.valid_to) for m in roster.members]
    expected = compute(events, "Asia/Shanghai")
    assert list(branch_differences(world.sink.rows(BRANCH_DAY), branch_days(expected.member_days, memberships))) == []
