"""Credit hours: the ledger balances, quotas follow dated rules and memberships. Figures worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.credit import CreditData, group_credit, member_credit
from reports.measures.credit import Attended, Studied, ledger
from reports.measures.credit_balance import Balance, balances
from reports.meetings import MeetingKind, rhythm
from schemas.credit import DEFAULT_PATH, KINDS, MICRO, Conversion, CreditPolicy, CreditRules, Quota, Rule, load, parse
from schemas.errors import ConfigError
from schemas.reference import Member, Organisation, Roster

MINUTE = 60_000
DEFAULT = load()
MARCH = date(2026, 3, 2)


def roster(*rows: Member) -> Roster:
    organisations = [Organisation(org_id="top"), *(Organisation(org_id=o, parent_id="top") for o in ("b1", "b2"))]
    return Roster(organisations, rows or [member()])


def member(name: str = "m1", org: str = "b1", **more: Any) -> Member:
    return Member(member_id=name, org_id=org, **more)


def one(
    roster_: Roster, rules: CreditRules = DEFAULT, lines: Any = (), name: str = "m1", last: date = date(2026, 12, 31),
    kind: str = "organised", **more: Any,
) -> Balance:  # fmt: skip
    found = balances(lines, [name], date(2026, 1, 1), last, rules, roster_, **more)
    (balance,) = [b for b in found if b.kind == kind]
    return balance


def rules(*versions: Rule) -> CreditRules:
    return CreditRules(versions)


def organised(hours: float, **more: Any) -> Quota:
    return Quota(kind="organised", hours=hours, **more)


def test_the_default_is_32_hours_and_56_for_those_with_an_office() -> None:
    assert one(roster()).quota == 32 * MICRO
    for role in ("branch_secretary", "organisation_officer", "committee_member"):
        assert one(roster(member(role=role))).quota == 56 * MICRO
    own = one(roster(), kind="self_study")
    assert (own.quota, own.left, own.state) == (None, None, "no_quota")


def test_an_hour_is_45_minutes_and_kinds_are_apart() -> None:
    lines = ledger(
        [Studied("m1", MARCH, "c1", 90 * MINUTE)],
        [Attended("m1", MARCH, "s1", "party_lecture", 45 * MINUTE, event_ids=("e1",))],
        DEFAULT, roster(),
    )  # fmt: skip
    assert [(n.kind, n.source, n.micro, n.reason, n.org_id, n.rule) for n in lines] == [
        ("organised", "s1", MICRO, "", "b1", "default-1"),
        ("self_study", "c1", 2 * MICRO, "", "b1", "default-1"),
    ]
    assert lines[0].event_ids == ("e1",)
    found = one(roster(), lines=lines)
    assert (found.earned, found.left, found.state) == (MICRO, 31 * MICRO, "open")
    assert one(roster(), lines=lines, kind="self_study").earned == 2 * MICRO


def test_hours_that_are_no_whole_millionths_add_up_to_the_quota() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(72)]
    lines = ledger([], [Attended("m1", day, "s", "party_lecture", 20 * MINUTE) for day in days], DEFAULT, roster())
    whole = one(roster(), lines=lines)  # 72 times 20 minutes are 32 hours of 45 minutes
    assert (whole.left, whole.state) == (0, "done")
    short = one(roster(), lines=lines[1:])
    assert (short.state, round((short.left or 0) / MICRO, 3)) == ("open", 0.444)


def test_time_that_another_course_took_up_leaves_whole_steps() -> None:
    steps = rules(Rule(version="v", self_study=Conversion(step_minutes=30)))
    studied = [Studied("m1", MARCH, "c1", 60 * MINUTE), Studied("m1", MARCH, "c2", 60 * MINUTE)]
    lines = ledger(studied, [], steps, roster(), {("m1", MARCH): 105 * MINUTE})
    assert [(n.credited_ms // MINUTE, n.reason) for n in lines] == [(60, ""), (30, "overlap")]


def test_a_day_has_a_cap_and_each_line_says_what_it_lost() -> None:
    sessions = [Attended("m1", MARCH, s, "training", 300 * MINUTE, at_ms=n) for n, s in enumerate("ba")]
    first, second = sorted(ledger([], sessions, DEFAULT, roster()), key=lambda n: n.reason)
    # In order of time: b counts whole, a what is left of 480 minutes.
    assert (first.source, first.credited_ms, first.reason) == ("b", 300 * MINUTE, "")
    assert (second.source, second.credited_ms, second.reason) == ("a", 180 * MINUTE, "capped")
    assert second.micro == 4 * MICRO


def test_courses_at_the_same_time_count_once() -> None:
    studied = [Studied("m1", MARCH, c, 60 * MINUTE) for c in ("c1", "c2")]
    lines = ledger(studied, [], DEFAULT, roster(), {("m1", MARCH): 90 * MINUTE})
    assert [(n.credited_ms, n.reason) for n in lines] == [(60 * MINUTE, ""), (30 * MINUTE, "overlap")]


@pytest.mark.parametrize(
    ("conversion", "ms", "credited", "reason"),
    [
        ({"least_minutes": 30}, 29 * MINUTE, 0, "too_short"),
        ({"least_minutes": 30}, 30 * MINUTE, 30 * MINUTE, ""),
        ({"step_minutes": 15}, 44 * MINUTE, 30 * MINUTE, "rounded"),
        ({}, None, 0, "length_unknown"),
        ({"assumed_minutes": 45}, None, 45 * MINUTE, "length_unknown"),
        ({"kinds": ("party_lecture",)}, 45 * MINUTE, 0, "kind"),
    ],
)  # fmt: skip
def test_what_counts_of_a_session(conversion: dict[str, Any], ms: int | None, credited: int, reason: str) -> None:
    made = rules(Rule(version="v", organised=Conversion(**conversion)))
    (line,) = ledger([], [Attended("m1", MARCH, "s", "training", ms)], made, roster())
    assert (line.credited_ms, line.reason, line.recorded_ms) == (credited, reason, ms or 0)


def test_nothing_counts_without_a_rule_or_a_membership_but_is_listed() -> None:
    late = rules(Rule(version="v2", valid_from=date(2026, 3, 3)))
    session = Attended("m1", MARCH, "s", "training", 45 * MINUTE)
    assert [(n.rule, n.credited_ms, n.reason) for n in ledger([], [session], late, roster())] == [("", 0, "no_rule")]
    left = roster(member(valid_to=MARCH))
    assert [(n.org_id, n.credited_ms, n.reason) for n in ledger([], [session], DEFAULT, left)] == [
        ("", 0, "no_membership")
    ]


def test_a_rule_that_changes_within_the_year() -> None:
    old = Rule(version="old", valid_to=date(2026, 7, 1), organised=Conversion(hour_minutes=45), quotas=(organised(73),))
    new = Rule(
        version="new", valid_from=date(2026, 7, 1), organised=Conversion(hour_minutes=60), quotas=(organised(146),)
    )
    made = rules(old, new)
    sessions = [Attended("m1", d, "s", "training", 90 * MINUTE) for d in (date(2026, 6, 30), date(2026, 7, 1))]
    lines = ledger([], sessions, made, roster())
    assert [(n.rule, n.micro) for n in lines] == [("old", 2 * MICRO), ("new", 1_500_000)]
    found = one(roster(), made, lines)
    # 181 of 365 days at 73 hours, 184 at 146.
    assert found.quota == round((73 * 181 + 146 * 184) / 365 * MICRO) == 109_800_000
    assert (found.earned, found.rules) == (3_500_000, ("new", "old"))


def test_a_member_of_part_of_the_year_owes_that_part() -> None:
    joined = roster(member(valid_from=date(2026, 10, 20)))  # 73 of 365 days
    assert one(joined).quota == 6_400_000
    whole = rules(Rule(version="v", prorate=False, quotas=(organised(32),)))
    assert one(joined, whole).quota == 32 * MICRO
    assert [b.year for b in balances([], ["m1"], date(2025, 1, 1), date(2026, 12, 31), DEFAULT, joined)] == [2026, 2026]


def test_a_transfer_keeps_the_hours_and_prorates_the_role() -> None:
    moved = roster(
        member(valid_to=date(2026, 7, 1)), member(org="b2", role="branch_secretary", valid_from=date(2026, 7, 1))
    )
    days = (date(2026, 6, 30), date(2026, 7, 1))
    lines = ledger([], [Attended("m1", d, "s", "training", 45 * MINUTE) for d in days], DEFAULT, moved)
    assert [n.org_id for n in lines] == ["b1", "b2"]
    found = one(moved, lines=lines)
    assert (found.org_id, found.role, found.earned) == ("b2", "branch_secretary", 2 * MICRO)
    assert found.quota == -(-(32 * 181 + 56 * 184) * MICRO // 365)
    assert one(moved, lines=lines, last=date(2026, 6, 30)).org_id == "b1"


def test_exempt_days_owe_nothing_and_hours_still_count() -> None:
    lines = ledger([], [Attended("m1", MARCH, "s", "training", 45 * MINUTE)], DEFAULT, roster())
    part = one(roster(), lines=lines, exemptions={"m1": [(date(2026, 10, 20), None)]})
    assert (part.quota, part.exempt_days, part.state, part.earned) == (25_600_000, 73, "open", MICRO)
    always = one(roster(), lines=lines, exemptions={"m1": [(None, None)]})
    assert (always.quota, always.left, always.state, always.earned) == (0, 0, "exempt", MICRO)
    assert one(roster(member(status="exempt"))).state == "exempt"


def test_imported_quotas_take_the_place_of_the_files_for_their_kind() -> None:
    made = DEFAULT.with_imported(
        [organised(40, id="q1"), organised(20, id="q2", org_id="top", categories=("student",)),
         organised(10, id="q3", valid_to=date(2026, 1, 1), roles=("member",))]
    )  # fmt: skip
    assert (one(roster(), made).quota, one(roster(), made).rules) == (40 * MICRO, ("q1",))
    assert one(roster(member(category="student")), made).quota == 20 * MICRO
    assert one(roster(member(role="branch_secretary")), made).quota == 40 * MICRO
    assert one(roster(), made, kind="self_study").state == "no_quota"


def test_done_and_the_period() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(6)]
    lines = ledger([], [Attended("m1", d, "s", "training", 480 * MINUTE) for d in days], DEFAULT, roster())
    found = balances(lines, ["m1"], days[3], days[4], DEFAULT, roster(), kinds=("organised",))[0]
    # 10 2/3 hours a day, rounded down to millionths; five days by the last, two of them within the period.
    assert (found.earned, found.in_period) == (5 * 10_666_666, 2 * 10_666_666)
    assert (found.state, found.left) == ("done", 0)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Studied], list[Attended], dict[tuple[str, date], int], CreditRules, Roster]:
    days = st.integers(0, 400).map(lambda n: date(2025, 12, 1) + timedelta(days=n))
    lengths = st.integers(0, 900 * MINUTE)
    keys = draw(st.lists(st.tuples(st.sampled_from(["m1", "m2"]), days, st.sampled_from("abc")), unique=True))
    studied = [Studied(m, d, c, draw(lengths)) for m, d, c in keys]
    attended = [Attended(m, d, c, "training", draw(st.none() | lengths), draw(st.integers(0, 9))) for m, d, c in keys]
    union: dict[tuple[str, date], int] = {}
    for s in studied:
        longest = max(s.ms, union.get((s.member_id, s.day), 0))
        union[s.member_id, s.day] = longest
    minutes = st.integers(0, 500)
    conversions = [
        Conversion(
            hour_minutes=draw(st.integers(1, 240)), cap_minutes_day=draw(st.none() | minutes),
            least_minutes=draw(minutes), step_minutes=draw(st.integers(0, 60)), assumed_minutes=draw(minutes),
        )
        for _ in range(3)
    ]  # fmt: skip
    change, quota = draw(days), organised(32)
    made = rules(
        Rule(version="1", valid_to=change, organised=conversions[0], self_study=conversions[1], quotas=(quota,)),
        Rule(version="2", valid_from=change, organised=conversions[2], quotas=(organised(draw(st.integers(0, 99))),)),
    )
    move = draw(days)
    people = roster(member(valid_to=move), member(org="b2", valid_from=move), member("m2", valid_from=draw(days)))
    return studied, attended, union, made, people


@given(cases())
def test_the_ledger_balances(case: Any) -> None:
    studied, attended, union, made, people = case
    lines = ledger(studied, attended, made, people, union)
    assert lines == ledger(reversed(studied), reversed(attended), made, people, union)
    assert len(lines) == len(studied) + len(attended)
    for line in lines:
        assert line.micro >= 0
        assert line.credited_ms <= line.recorded_ms or line.reason == "length_unknown"
        assert (line.credited_ms == line.recorded_ms) or line.reason
        conversion = made.on(line.day).conversion(line.kind)
        assert line.micro == line.credited_ms * MICRO // conversion.hour_ms
    for kind in KINDS:
        by_day: dict[Any, int] = {}
        for line in lines:
            if line.kind == kind:
                key = line.member_id, line.day
                by_day[key] = by_day.get(key, 0) + line.credited_ms
        for (who, day), total in by_day.items():
            cap = made.on(day).conversion(kind).cap_minutes_day
            assert cap is None or total <= cap * MINUTE
            assert kind == "organised" or total <= union[who, day]
    found = balances(lines, ["m1", "m2"], date(2025, 12, 1), date(2027, 12, 31), made, people)
    assert sum(b.earned for b in found) == sum(n.micro for n in lines)
    for b in found:
        assert b.earned == sum(
            n.micro for n in lines if (n.member_id, n.day.year, n.kind) == (b.member_id, b.year, b.kind)
        )
        if b.quota is not None and b.left is not None:
            assert max(b.quota - b.earned, 0) - b.left in range(len(lines) + 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules = [", "not valid credit rules"),
        ("", "missing required field"),
        ("rules = []", r"no \[\[rules\]\]"),
        ("[[rules]]\nversion='1'\nhours=3", "unknown field"),
        ("[[rules]]\nversion='1'\n[[rules]]\nversion='2'", "1 and 2 are valid on the same day"),
        ("[[rules]]\nversion='1'\nvalid_to=2026-01-01\n[[rules]]\nversion='1'\nvalid_from=2026-01-01", "same name"),
        ("[[rules]]\nversion='1'\nexempt_statuses=['ill']", "'ill' is none of the statuses"),
        ("[[rules]]\nversion='1'\n[[rules.quotas]]\nkind='organised'\nhours=1\nroles=['boss']", "none of the roles"),
        ("[[rules]]\nversion='1'\n[[rules.quotas]]\nkind='both'\nhours=1", "kind"),
        ("[[rules]]\nversion='1'\nvalid_from=2026-01-02\nvalid_to=2026-01-01", "ends before it begins"),
        ("[[rules]]\nversion='1'\n[rules.organised]\nhour_minutes=0", "hour_minutes"),
        ("[[rules]]\nversion='1'\n[rules.rhythm]\nparty='month'", "'party' is no kind of session"),
    ],
)  # fmt: skip
def test_wrong_rules_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        parse(text, "rules.toml")
    assert "rules.toml" in error.value.where
    assert error.value.hint


def test_a_file_of_ones_own(tmp_path: Any) -> None:
    own = tmp_path / "own.toml"
    own.write_text(DEFAULT_PATH.read_text("utf-8").replace("hours = 32", "hours = 40"), "utf-8")
    assert one(roster(), load(own)).quota == 40 * MICRO
    with pytest.raises(ConfigError, match="can't be read"):
        load(tmp_path / "none.toml")


def attended(day: date, session: str, meeting: str, name: str = "m1", **more: Any) -> Attended:
    return Attended(name, day, session, meeting, 45 * MINUTE, **more)


def test_the_rhythm_names_months_and_quarters_without_a_meeting() -> None:
    sessions = [
        attended(date(2026, 4, 30), "t1", "theme_day"), attended(date(2026, 4, 30), "t1", "theme_day", "m2"),
        attended(date(2026, 6, 1), "t2", "theme_day", make_up=True), attended(date(2026, 6, 1), "x", "training"),
        attended(date(2026, 5, 1), "b1", "branch_meeting"), attended(date(2026, 2, 28), "t0", "theme_day"),
    ]  # fmt: skip
    people = roster(member(), member("m2"), member("m3", org="b2"))
    lines = ledger([], [*sessions, attended(date(2026, 5, 2), "t9", "theme_day", "m3")], DEFAULT, people)
    data = CreditData(date(2026, 3, 2), date(2026, 7, 10), DEFAULT, lines)
    found = {k.meeting: k for k in rhythm(data, ["b1"])}
    # March and July are not whole; of the session made up in June nothing says that it was held then.
    assert found["theme_day"] == MeetingKind("theme_day", 2, 3, 1, "month", 3, ("2026-05", "2026-06"))
    assert found["branch_meeting"] == MeetingKind("branch_meeting", 1, 1, 0, "quarter", 1, ())
    assert found["party_lecture"].missing == ("2026-Q2",)
    assert found["training"] == MeetingKind("training", 1, 1, 0, "", 0, ())
    assert {k.meeting: k.missing for k in rhythm(data, ["b1", "b2"])}["theme_day"] == ("2026-06",)
    assert "other" not in found
    year = CreditData(date(2025, 12, 31), date(2027, 1, 1), DEFAULT, lines)
    assert {k.meeting: k.periods for k in rhythm(year, ["b1"])}["theme_day"] == 12
    assert rhythm(None, ["b1"]) == rhythm(replace(data, kinds=("self_study",)), ["b1"]) == ()


def test_summaries_of_groups_and_members() -> None:
    people = roster(member(), member("m2", status="exempt"), member("m3", org="b2"))
    lines = ledger([], [attended(MARCH, "s", "training"), attended(MARCH, "s", "training", "m3")], DEFAULT, people)
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    data = CreditData(first, last, DEFAULT, lines, balances(lines, ["m1", "m2", "m3"], first, last, DEFAULT, people))
    organised, own = group_credit(data, ["m1", "m2"], ["b1"])
    assert (organised.kind, organised.members, organised.exempt, organised.owing, organised.done) == (
        "organised", 2, 1, 1, 0,
    )  # fmt: skip
    assert (organised.here, organised.earned, organised.quota, own.owing) == (MICRO, MICRO, 32 * MICRO, 0)
    assert all(g.withheld and g.done is None for g in group_credit(data, ["m1", "m2"], ["b1"], 5))
    found = member_credit(data, "m1")
    assert found is not None
    assert ([b.kind for b in found.balances], len(found.lines)) == (["organised", "self_study"], 1)
    assert member_credit(None, "m1") is None


def test_what_a_report_was_counted_by_is_read_back_and_one_issued_before_there_were_families_shows_none() -> None:
    policy = CreditPolicy(DEFAULT, attendance=False, families=("contest", "improvement"))
    assert CreditPolicy.from_json(policy.to_json()) == policy
    kept = json.loads(policy.to_json())
    del kept["families"]
    assert CreditPolicy.from_json(json.dumps(kept)) == replace(policy, families=())
