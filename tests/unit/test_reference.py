"""Declarations of reference tables, and the rules over whole tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
import pytest

from schemas.reference import (
    TABLES,
    Column,
    Course,
    Member,
    Organisation,
    Question,
    ReferenceTables,
    Text,
    Unit,
    check_reference,
    declare,
    normalise,
    option_letters,
)


def org(org_id: str, parent: str = "", start: date | None = None, end: date | None = None) -> Organisation:
    return Organisation(org_id=org_id, parent_id=parent, valid_from=start, valid_to=end)


def mem(member_id: str, org_id: str, start: date | None = None, end: date | None = None) -> Member:
    return Member(member_id=member_id, org_id=org_id, valid_from=start, valid_to=end)


def check(**rows: tuple[object, ...]) -> list[tuple[str, int, str, str, str]]:
    """(table, line, column, value, English rule) of every error, lines counted from 2."""
    lines = {name: tuple(range(2, 2 + len(given))) for name, given in rows.items()}
    tables = ReferenceTables(**rows, present=frozenset(rows), lines=lines)  # type: ignore[arg-type]
    return [(p.table, p.line, p.column, p.value, p.rule.en) for p in check_reference(tables) if p.level == "error"]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_is_described_in_both_languages_and_no_header_means_two_columns(table):
    seen: dict[str, str] = {}
    for column in table.columns:
        assert all((*column.header, *column.description))
        assert column.header.zh != column.header.en
        for spelling in column.spellings():
            assert seen.setdefault(normalise(spelling), column.name) == column.name, spelling
    assert all(table.column(name).required or "valid" in name for name in table.key)


def test_sheet_names_mean_one_table():
    seen: dict[str, str] = {}
    for table in TABLES.values():
        for name in table.spellings():
            assert seen.setdefault(normalise(name), table.name) == table.name


def test_a_field_without_declaration_is_refused():
    class Bare(msgspec.Struct):
        named: Annotated[str, Column(kind="text", header=Text("名", "n"), description=Text("名", "n"))]
        bare: str

    with pytest.raises(TypeError, match="bare needs exactly one Column"):
        declare(Bare, "bare", Text("空", "bare"), Text("空", "bare"))


def test_required_follows_from_defaults():
    table = TABLES["members"]
    assert {c.name for c in table.columns if c.required} == {"member_id", "org_id"}


def test_duplicate_ids_name_both_lines():
    assert check(courses=(Course(course_id="c", title="a"), Course(course_id="c", title="b"))) == [
        ("courses", 3, "course_id", "c", "is a duplicate of line 2")
    ]
    one, other = (Unit(unit_id="1", course_id=c, title="t") for c in "ab")
    courses = tuple(Course(course_id=c, title=c) for c in "ab")
    assert check(courses=courses, units=(one, other)) == []
    assert check(courses=courses, units=(one, one))[0][1:3] == (3, "unit_id")


def test_overlapping_memberships_name_both_lines_in_any_order():
    late, early = mem("m", "o", date(2025, 3, 1)), mem("m", "o", None, date(2025, 3, 2))
    found = check(organisations=(org("o"),), members=(mem("x", "o"), late, early))
    assert found == [("members", 4, "member_id", "m", "periods of one id overlap: lines 3 and 4")]


def test_an_overlap_with_a_long_earlier_period_is_found_behind_a_short_one():
    rows = (
        mem("m", "o", date(2020, 1, 1), date(2030, 1, 1)),
        mem("m", "o", date(2021, 1, 1), date(2021, 2, 1)),
        mem("m", "o", date(2025, 1, 1)),
    )
    rules = [row[-1] for row in check(organisations=(org("o"),), members=rows)]
    assert rules == ["periods of one id overlap: lines 2 and 3", "periods of one id overlap: lines 2 and 4"]


def test_a_transfer_on_one_day_is_no_overlap():
    day = date(2025, 3, 1)
    assert check(organisations=(org("a"), org("b")), members=(mem("m", "a", None, day), mem("m", "b", day))) == []


def test_an_empty_period_is_refused():
    day = date(2025, 3, 1)
    found = check(organisations=(org("o", "", day, day),))
    assert found == [("organisations", 2, "valid_to", "2025-03-01", "must be later than valid_from 2025-03-01")]


def test_references_must_exist_in_tables_that_are_present():
    assert check(organisations=(org("a", "nowhere"),))[0][2:] == (
        "parent_id",
        "nowhere",
        "no such id in the organisations table",
    )
    assert check(organisations=(org("a"),), members=(mem("m", "b"),))[0][:4] == ("members", 2, "org_id", "b")
    assert check(members=(mem("m", "b"),)) == []
    question = Question(question_id="q", course_id="c", unit_id="u", exam_ids=("e1", "e2"), text="?")
    found = check(courses=(), units=(), exams=(), questions=(question,))
    assert [row[2:4] for row in found] == [
        ("course_id", "c"),
        ("exam_ids", "e1"),
        ("exam_ids", "e2"),
        ("unit_id", "u"),
    ]
    stranger = Course(course_id="c", title="t", audience=("staff", "a", "z"))
    assert [row[3] for row in check(organisations=(org("a"),), courses=(stranger,))] == ["z"]


def test_known_rows_may_be_referred_to():
    tables = ReferenceTables(members=(mem("m", "a"),), present=frozenset({"members"}))
    known = ReferenceTables(organisations=(org("a"),))
    assert check_reference(tables, known) == []
    assert check_reference(tables, ReferenceTables(organisations=(org("b"),)))[0].value == "a"


def test_an_organisation_that_is_not_valid_then_is_an_error_and_a_gap_a_warning():
    closed = org("a", "", date(2020, 1, 1), date(2024, 1, 1))
    tables = ReferenceTables(
        organisations=(closed,),
        members=(mem("late", "a", date(2024, 1, 1)), mem("stays", "a"), mem("left", "a", None, date(2024, 1, 1))),
        lines={"organisations": (2,), "members": (2, 3, 4)},
    )
    found = [(p.line, p.level) for p in check_reference(tables)]
    assert found == [(2, "error"), (3, "warning")]


def test_a_loop_is_found_on_the_day_it_begins_and_reported_once():
    day = date(2025, 1, 1)
    rows = (
        org("top"),
        org("a", "top", None, day),
        org("a", "c", day),
        org("b", "a"),
        org("c", "b"),
        org("d", "c"),
    )
    found = check(organisations=rows)
    assert [(row[1], row[2]) for row in found] == [(4, "parent_id")]
    assert found[0][-1] in {
        f"the organisations form a loop: {chain}" for chain in ("a → c → b → a", "b → a → c → b", "c → b → a → c")
    }
    assert check(organisations=(org("a", "a"),))[0][-1].endswith("a → a")
    assert check(organisations=rows[:2] + rows[3:]) == []


def test_answer_keys_name_options_with_a_text():
    def key(kind: str, answer: str) -> list[str]:
        row = Question(
            question_id="q", course_id="c", kind=kind, text="?", option_a="x", option_b="y", answer_key=answer
        )
        return [found[-1] for found in check(questions=(row,))]

    assert key("single", "B") == key("multiple", "AB") == key("text", "free") == key("single", "") == []
    assert "one key" in key("single", "A;B")[0]
    assert "options that have a text" in key("single", "C")[0]
    assert "options that have a text" in key("multiple", "yes")[0]


def test_times_in_order():
    at = datetime(2025, 3, 1, tzinfo=UTC)
    assert check(courses=(Course(course_id="c", title="t", assigned_at=at, due_at=at),))[0][2] == "due_at"


@pytest.mark.parametrize(
    ("text", "letters", "adjacent"),
    [
        ("A", ("A",), ("A",)),
        ("c; a", ("A", "C"), ("A", "C")),
        ("A、C，D", ("A", "C", "D"), ("A", "C", "D")),
        ("BAD", (), ("A", "B", "D")),
        ("A;x", (), ()),
        ("", (), ()),
    ],
)
def test_option_letters(text, letters, adjacent):
    assert option_letters(text) == letters
    assert option_letters(text, adjacent=True) == adjacent
