"""What is held about persons is declared for every table, and who was erased is recognised."""

from __future__ import annotations

import re

import pytest

from commands.my_data_columns import in_chinese
from schemas.erased import Erased
from schemas.keyed import MemberKey
from schemas.persons import PERSON_COLUMNS, PERSONS, as_word, mentions, unlisted
from schemas.tables import TABLES
from tests.support.harness import RECEIVED, Harness, event

KEY = MemberKey(bytes(range(32)))


def test_every_table_says_what_it_holds_about_persons() -> None:
    assert unlisted() == set()
    for name, table in TABLES.items():
        held, columns = PERSONS[name], {c.name for c in table.columns}
        assert columns >= {*held.texts, *held.unread, *held.withheld} | ({held.column} - {""}), name
        assert bool(held.column) or not columns & PERSON_COLUMNS, f"{name} has a column about persons"
        assert table.personal == (bool(held.column) or held.by_register), name
        assert not held.column or f"`{held.column}` = {{m:String}}" in mentions(table), name


def test_every_column_that_a_person_gets_is_explained_in_chinese() -> None:
    for name, held in PERSONS.items():
        for column in TABLES[name].columns if held.column else ():
            if column.name not in held.withheld:
                assert re.search("[\u4e00-\u9fff]", in_chinese(name, column.name)), (name, column.name)


def test_an_id_is_found_as_a_word_of_its_own() -> None:
    word = as_word("m.1").replace(r"\pL\pN", r"\w")
    assert all(re.search(word, text) for text in ('"m.1"', "m.1", "(m.1,", "about m.1 "))
    assert not any(re.search(word, text) for text in ("m.10", "xm.1", "m-1", "am.1b", "党m.1", "m.1.5", "x-m.1"))
    assert re.search(word, "it was m.1. Or was it?")


@pytest.mark.parametrize("member", ["m1", "user:42", "党员 7", "a@b.cn", "x/y", "-9", "张三"])
def test_whoever_was_erased_is_found_in_a_line_that_can_not_be_read(member: str) -> None:
    """Ids are opaque: what is none of a word is found where it is quoted or stands apart."""
    listed = Erased([KEY.of(member)], KEY.of)
    apart = () if " " in member else (f"about {member}, bad", f"it was {member}.", f"x={member};")
    for text in (f'{{"event_id": 1, "member_id": "{member}"', *apart):
        assert listed.named_in(text), text
    assert not listed.named_in(f'{{"member_id": "{member}0"')


def test_keyed_hashes_need_the_secret_and_differ_by_use() -> None:
    assert KEY.of("m1") == KEY.of("m1") != KEY.of("m2")
    assert KEY.of("m1") != MemberKey(b"x" * 32).of("m1")
    assert KEY.seal(b"m1")[:32] != KEY.of("m1")
    with pytest.raises(ValueError, match="fewer than 32"):
        MemberKey(b"short")


class Listed:
    def __init__(self, *members: str) -> None:
        self.erased = Erased([KEY.of(m) for m in members], KEY.of)

    def current(self) -> Erased:
        return self.erased


STUDY = "2026-03-02T10:00:00+08:00"


def test_nothing_of_an_erased_member_is_admitted_or_kept() -> None:
    harness = Harness()
    harness.members.erasures = listed = Listed()
    harness.send([event(1, "study", STUDY, duration_ms=60_000)], [event(2, "study", STUDY, "m2", duration_ms=60_000)])
    assert {r["member_id"] for r in harness.member_days()} == {"m1", "m2"}
    assert len(harness.cache) == 2
    listed.erased = Listed("m1", "gone").erased
    harness.send(
        [event(3, "study", STUDY, duration_ms=60_000)],
        [event(4, "study", STUDY, "gone", duration_ms=60_000)],  # unknown, were it not erased
        [event(5, "study", STUDY, duration_ms=-1)],  # invalid
        [b'{"event_id": 1, "x": "m1"', event(6, "study", STUDY, "m2", duration_ms=60_000)],  # unreadable
        [b"nobody's", b'about "m10" and am1'],
    )
    assert harness.cache.cold(["m1", "m2"]) == ["m1"], "facts of who was erased leave memory"
    from schemas.tables import EVENTS, LEDGER, REJECTED

    rejected = harness.sink.rows(REJECTED)
    of_erased = [r for r in rejected if r["reason"] == "erased"]
    assert len(of_erased) == 4
    empty = {(r["raw"], r["member_id"], r["event_id"], r["detail"], r["status"]) for r in of_erased}
    assert empty == {(b"", "", "", "", "discarded")}
    assert {r["received_at"].timestamp() * 1000 for r in of_erased} == {RECEIVED}
    assert sorted(r["raw"] for r in rejected if r["reason"] != "erased") == [b'about "m10" and am1', b"nobody's"]
    assert len(harness.sink.rows(EVENTS)) == 3
    ledger = harness.sink.rows(LEDGER)
    assert sum(r["lines"] for r in ledger) == sum(r["valid"] + r["rejected"] + r["forwarded"] for r in ledger) == 9


def test_lines_of_an_erased_member_are_not_sent_on() -> None:
    harness = Harness()
    harness.members.homes._partition_for = lambda _: 1
    harness.members.erasures = Listed("m1")
    harness.send([event(1, "study", STUDY, duration_ms=60_000), event(2, "study", STUDY, "m2", duration_ms=60_000)])
    assert [m for m, _ in harness.outbox.forwarded] == ["m2"]
