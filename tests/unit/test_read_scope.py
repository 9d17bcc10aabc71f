"""No query without a scope: what is refused when declared, and what is refused when asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from schemas.days import LocalDays
from schemas.errors import InputError
from sinks.read import QUERIES, Filters, Query, QueryError, Scope, ScopeError
from sinks.read.families import ROW_QUERIES
from sinks.read.macros import MACROS, Context, check_scoped
from sinks.read.query import FOLDER

HERE = Context(1, LocalDays("Asia/Shanghai"))


def sql(name: str, scope: Scope, **filters: Any) -> tuple[str, dict[str, Any]]:
    rendered = QUERIES[name].render(scope, Filters(**filters), HERE)
    return " ".join(rendered.sql.split()), rendered.parameters


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM member_day",
        "SELECT 1",
        "WITH @homes SELECT * FROM member_day FINAL WHERE day > 1 @home(a, b)",
        "WITH @homes SELECT * FROM (SELECT * FROM member_day WHERE @members(m)) AS d",
        "WITH @homes SELECT * FROM (SELECT * FROM answers) AS d @home(d.m, d.day) WHERE @members(m)",
        "WITH @homes, a AS (SELECT * FROM events) SELECT * FROM (SELECT * FROM events WHERE @members(m)) @home(a, b)",
        "WITH @homes SELECT * FROM t @home(a, b) JOIN rejected_events AS r ON r.m = t.m",
        "SELECT count() FROM member_day WHERE @public",
        "SELECT count() FROM v_members WHERE @public",
        "WITH @homes SELECT * FROM v_member_day @home(a, b)",
        "WITH @homes SELECT @nothing FROM t",
    ],
)
def test_sql_that_is_not_scoped_can_not_be_declared(template: str) -> None:
    with pytest.raises(QueryError):
        check_scoped(template, "x.sql")


@pytest.mark.parametrize(
    "template",
    [
        "WITH @homes SELECT * FROM (SELECT * FROM member_day WHERE (a OR (b)) AND @members(m)) AS d @home(d.m, d.day)",
        "SELECT count() FROM member_day WHERE @operator",
        "SELECT count() FROM ledger WHERE @public",
        "WITH @homes SELECT * FROM homes",
    ],
)
def test_sql_that_is_scoped_can(template: str) -> None:
    check_scoped(template, "x.sql")


def test_a_query_is_checked_when_it_is_made(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.sql").write_text("-- @homes @members(x) in a comment does not help\nSELECT * FROM answers")
    monkeypatch.setattr("sinks.read.query.FOLDER", tmp_path)
    with pytest.raises(QueryError, match="not scoped"):
        replace(QUERIES["answers"], name="bad")


def test_every_file_of_sql_is_a_declared_query() -> None:
    assert {path.stem.replace("_", "-") for path in FOLDER.glob("*.sql")} == QUERIES.keys() - ROW_QUERIES.keys()


def test_every_macro_is_used() -> None:
    used = "".join(
        query.template or (FOLDER / f"{n.replace('-', '_')}.sql").read_text() for n, query in QUERIES.items()
    )
    assert not [name for name in MACROS if f"@{name}" not in used]


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_columns_are_documented_and_unique(query: Query) -> None:
    assert len(set(query.names)) == len(query.names)
    for column in query.columns:
        assert column.description.zh
        assert column.description.en


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Scope(None, "own"),
        lambda: Scope(None, "named", "m1"),
        lambda: Scope("b1", "own", "m1"),
        lambda: Scope("", "named"),
        lambda: Scope("b1", "all"),  # type: ignore[arg-type]
    ],
)
def test_scopes_that_mean_nothing(wrong: Any) -> None:
    with pytest.raises(ScopeError):
        wrong()


def test_a_period_in_the_wrong_order() -> None:
    with pytest.raises(InputError, match="before it begins"):
        Filters(first=date(2026, 3, 2), last=date(2026, 3, 1))


def test_a_scope_can_not_ask_beyond_its_detail() -> None:
    with pytest.raises(ScopeError, match="aggregate"):
        sql("member-day", Scope("b1", "aggregate"))
    with pytest.raises(ScopeError, match="own"):
        sql("branch-day", Scope.own("m1"))
    with pytest.raises(ScopeError, match="one member"):
        sql("questions", Scope("b1", "aggregate"), member="m1")
    for scope in (Scope("b1", "named"), Scope.own("m1"), Scope(None, "aggregate")):
        with pytest.raises(ScopeError):
            sql("ledger", scope)


def test_a_filter_that_a_query_does_not_have_is_not_ignored() -> None:
    with pytest.raises(QueryError, match="no filter exam"):
        sql("member-day", Scope.everything(), exam="e1")


def test_own_records_are_bound_to_the_member_in_every_table() -> None:
    for name, query in QUERIES.items():
        if "own" in query.details:
            text, parameters = sql(name, Scope.own("m'1"))
            assert "m'1" not in text
            if "FROM member_day" in text or "FROM answers" in text or "FROM events" in text:
                assert parameters["own_member"] == "m'1"
                assert "{own_member:String}" in text


def test_a_node_restricts_members_and_days() -> None:
    text, parameters = sql("member-day", Scope("b1", "named"))
    assert "member_id IN (SELECT member_id FROM homes)" in text
    assert "INNER JOIN homes AS home ON home.member_id = d.member_id AND home.since <= d.day" in text
    assert parameters["scope_node"] == "b1"


def test_everything_keeps_members_without_a_place_unless_one_is_asked_for() -> None:
    assert "LEFT JOIN homes" in sql("member-day", Scope.everything())[0]
    assert "INNER JOIN homes" in sql("member-day", Scope.everything(), category="staff")[0]
    assert "LEFT JOIN homes" in sql("member-day", Scope.own("m1"))[0]


def test_instants_are_local_days_also_when_clocks_change() -> None:
    rome = Context(1, LocalDays("Europe/Rome"))
    filters = Filters(first=date(2026, 3, 29), last=date(2026, 3, 29))
    parameters = QUERIES["events"].render(Scope.everything(), filters, rome).parameters
    assert parameters["end_ms"] - parameters["start_ms"] == 23 * 3_600_000


def test_a_limit_is_bound() -> None:
    rendered = QUERIES["answers"].render(Scope.everything(), Filters(), HERE, limit=5)
    assert rendered.sql.endswith("LIMIT {row_limit:UInt64}")
    assert rendered.parameters["row_limit"] == 5
