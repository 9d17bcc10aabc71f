"""Further families of events: what a declaration promises, and what attendance counts for."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
from producers.simulate import default_scenario, simulate, truth
from reports.analytics import computed
from reports.analytics.computed import COMPUTED
from schemas.days import LocalDays, day_number
from schemas.decode import Arrival, Position, Refusal, decode_line
from schemas.errors import ConfigError
from schemas.events import EVENT_TYPES
from schemas.families import FAMILIES, Measure
from schemas.metrics import UnknownMetric
from schemas.settings import Settings
from schemas.tables import EVENTS, REJECTED, TABLES
from sinks.read import QUERIES
from streams.families import FOLDS
from tests.chaos.people import roster_of
from tests.support.compare import family_differences
from tests.support.harness import RECEIVED, Harness, event, uid
from tests.support.oracle import compute

SHANGHAI = LocalDays("Asia/Shanghai")
AT = "2026-03-02T14:00:00+08:00"
START = datetime(2026, 3, 2, 14, tzinfo=UTC)


def record(n: int, at: str = AT, session: str = "s1", meeting: str = "party_lecture", **fields: Any) -> bytes:
    return event(n, "attendance", at, course="", session_id=session, meeting=meeting, **fields)


def rows(h: Harness) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = h.sink.rows(FAMILIES["attendance"].table)
    return {(r["member_id"], str(r["day"]), r["session_id"]): r for r in found if r["attended"]}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda f: f.name)
def test_a_declared_family_has_all_its_parts(family: Any) -> None:
    assert family.name in FOLDS
    assert family.event in EVENT_TYPES
    assert TABLES[family.table.name] is family.table
    assert family.table.personal
    names = [c.name for c in family.table.columns]
    assert names[:3] == ["generation", "member_id", "day"]
    assert names[-1] == family.table.version == "version"
    assert family.subject in family.fields
    assert len(family.nothing) == len(family.contents)
    family.table.tuples([(1, "m", date(2026, 3, 1), "s", *family.nothing, 1)]).validate(full=True)


def test_families_that_are_shown_are_named() -> None:
    assert Settings().shown_families == FAMILIES.keys()
    assert Settings(families="attendance").shown_families == {"attendance"}
    assert Settings(families="").shown_families == frozenset()
    with pytest.raises(ConfigError, match="no family of events dance") as error:
        _ = Settings(families="attendance, dance").shown_families
    assert error.value.hint == ", ".join(("all", *FAMILIES))


def test_every_query_of_a_family_is_hidden_with_it() -> None:
    for family in FAMILIES.values():
        reading = {n for n, query in QUERIES.items() if f"FROM {family.table.name} FINAL" in query.sql}
        assert reading <= set(family.all_queries) <= QUERIES.keys() | COMPUTED.keys()
        assert family.all_queries
    assert Settings().hidden_queries == {}
    assert Settings(families="").hidden_queries.keys() >= {"attendance", "meetings", "rhythm"}


def test_a_query_of_a_family_that_is_off_is_not_listed_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUEJING_LANGUAGE", "en")
    shown = CliRunner().invoke(cli.application(), ["query", "list"]).output
    monkeypatch.setenv("XUEJING_FAMILIES", "")
    off = CliRunner().invoke(cli.application(), ["query", "list"]).output
    for name in (name for family in FAMILIES.values() for name in family.all_queries):
        assert f"\n{name} " in shown
        assert f"\n{name} " not in off
        asked = CliRunner().invoke(cli.application(), ["query", name])
        assert "not shown here" in str(asked.exception)


def test_a_figure_of_a_family_that_is_not_declared_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(FAMILIES["reflection"], measures=(Measure("zeal", "submitted"),))
    monkeypatch.setattr(computed, "FAMILIES", {"reflection": wrong})
    with pytest.raises(UnknownMetric, match=r"'zeal' is not declared \(declare it in schemas/metrics\.toml"):
        computed._of_families()


def test_what_is_kept_of_an_event_is_what_it_said() -> None:
    family = FAMILIES["attendance"]
    found = decode_line(record(1, method="card", duration_ms=60_000), Position("c", "t", 0, 0, 0), RECEIVED)
    assert isinstance(found, Arrival)
    assert family.subject_of(found.event) == "s1"
    said = {"session_id": "s1", "meeting": "party_lecture", "method": "card", "duration_ms": 60_000, "make_up": False}
    assert family.detail(family.detail_of(found.event)) == said


def test_records_of_a_session_are_one_attendance_whatever_the_method() -> None:
    h = Harness()
    h.send([record(1, method="card")], [record(2, "2026-03-02T15:30:00+08:00", method="hand")])
    (row,) = rows(h).values()
    assert (row["duration_ms"], list(row["methods"]), len(row["event_ids"])) == (90 * 60_000, ["card", "hand"], 2)
    h.send([record(3, duration_ms=45 * 60_000)])
    assert rows(h)["m1", "2026-03-02", "s1"]["duration_ms"] == 45 * 60_000


def test_one_record_without_a_length_counts_without_a_length() -> None:
    h = Harness()
    h.send([record(1, make_up=True)])
    (row,) = rows(h).values()
    assert (row["duration_ms"], row["make_up"], row["meeting"]) == (None, True, "party_lecture")


def test_what_is_withdrawn_or_replaced_leaves_no_trace() -> None:
    h = Harness()
    h.send([record(1)], [event(2, "withdraw", AT, target_event_id=uid(1), reason="r")])
    assert rows(h) == {}
    (zero,) = h.sink.rows(FAMILIES["attendance"].table)
    assert (zero["meeting"], zero["duration_ms"], list(zero["event_ids"]), zero["version"]) == ("", None, [], 2)
    h.send([record(3)], [record(4, "2026-03-03T14:00:00+08:00", session="s2", replaces=uid(3))])
    assert list(rows(h)) == [("m1", "2026-03-03", "s2")]


def test_a_session_of_two_days_counts_on_both() -> None:
    h = Harness()
    h.send([record(1, "2026-03-02T23:59:59+08:00")], [record(2, "2026-03-03T00:00:00+08:00")])
    assert [key[1] for key in rows(h)] == ["2026-03-02", "2026-03-03"]


def test_attendance_is_no_study() -> None:
    h = Harness()
    h.send([record(1, duration_ms=60_000)])
    assert h.member_days() == []
    assert h.figures()["branch_day"] == []


def test_the_oracle_sees_a_difference() -> None:
    h = Harness()
    h.send([record(1)])
    expected = compute([record(1)], "Asia/Shanghai")
    assert list(family_differences(h.figures(), expected)) == []
    expected.attendance["m1", date(2026, 3, 2), "s1"]["at"] += 1
    assert len(list(family_differences(h.figures(), expected))) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"session_id": ""}, "session_id"),
        ({"meeting": "party"}, "meeting: 'party'"),
        ({"method": "face"}, "method: 'face'"),
        ({"duration_ms": -1}, "duration_ms: -1"),
        ({"make_up": 1}, "make_up: 1"),
    ],
)  # fmt: skip
def test_wrong_fields_are_named(fields: dict[str, Any], says: str) -> None:
    line = event(1, "attendance", AT, **({"session_id": "s", "meeting": "training"} | fields))
    found = decode_line(line, Position("c", "t", 0, 0, 0), RECEIVED)
    assert isinstance(found, Refusal)
    assert (found.reason, says in found.detail) == ("invalid", True), found.detail


def test_the_fold_is_a_function_of_local_days() -> None:
    from streams.families import FamilyFact

    detail = {"meeting": "training", "method": None, "duration_ms": None, "make_up": False}
    facts = [FamilyFact(bytes(16), int(START.timestamp() * 1000), "", detail)]
    found = FOLDS["attendance"](facts, SHANGHAI)
    assert list(found) == [day_number(date(2026, 3, 2))]


def test_a_simulated_term_has_the_attendance_that_is_true_of_it() -> None:
    scenario = default_scenario(days=21)
    said = truth(scenario)
    stated = said["attendance"]
    h = Harness(rosters=roster_of(scenario))
    for flush in simulate(scenario):
        if b'"duration_ms"' not in flush.lines[0] or json.loads(flush.lines[0])["event_type"] in FAMILIES:
            h.send(flush.lines)
    found: dict[str, list[list[str]]] = {}
    for member, day, session in sorted(rows(h)):
        found.setdefault(member, []).append([day, session])
    assert sum(map(len, found.values())) > 80
    assert found == stated
    assert said["happened"].keys() == FAMILIES.keys() - {"attendance"}
    refused = {r["raw"]: r["detail"] for r in h.sink.rows(REJECTED)}
    for name, by_member in said["happened"].items():
        assert {d for raw, d in refused.items() if f'"event_type":"{name}"'.encode() in raw} == set(), name
        kept: Counter[str] = Counter()
        for row in h.sink.rows(FAMILIES[name].table):
            kept[row["member_id"]] += len(row["event_ids"])
        assert kept == Counter(by_member), name


def answer_to_survey(n: int, member: str = "org:b1", at: str = "2026-03-02T14:30:00+08:00", **fields: Any) -> bytes:
    return event(n, "survey", at, member, "", survey_id="s", item_id="i1", **({"choice": "A"} | fields))


def test_an_anonymous_answer_is_in_the_name_of_an_organisation() -> None:
    h = Harness()
    h.send([answer_to_survey(1), answer_to_survey(2), answer_to_survey(3, choice="B")])
    (row,) = h.sink.rows(FAMILIES["survey"].table)
    assert (row["member_id"], list(row["choices"]), list(row["answers"])) == ("org:b1", ["A", "B"], [2, 1])
    h.send([event(4, "withdraw", AT, "org:b1", "", target_event_id=uid(1), reason="r")])
    (row,) = h.sink.rows(FAMILIES["survey"].table)
    assert list(row["answers"]) == [1, 1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (answer_to_survey(1, "m1"), "member_id"),
        (answer_to_survey(1, device_id="d"), "device_id"),
        (answer_to_survey(1, at="2026-03-02T14:31:00+08:00"), "half hour"),
        (answer_to_survey(1, at="2026-03-02T14:30:01+08:00"), "half hour"),
        (answer_to_survey(1, "org:nowhere"), "not in the roster"),
        (event(1, "study", AT, "org:b1", duration_ms=60_000), "not in the roster"),
        (record(1).replace(b'"m1"', b'"org:b1"'), "not in the roster"),
    ],
)
def test_what_would_tell_who_answered_is_refused(line: bytes, says: str) -> None:
    h = Harness()
    h.send([line])
    (refused,) = h.sink.rows(REJECTED)
    assert says in refused["detail"]
    assert h.sink.rows(EVENTS) == []
