"""The one declaration of who may read what, and what is generated from it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from schemas.access import Principal, new_principal
from schemas.families import FAMILIES
from schemas.tables import TABLES
from sinks.migrate import FOLDER, migrations
from sinks.policy import TABLE_RULES, VIEWS, Grantee, row_filter, statements, users_config
from sinks.policy.declared import unclassified
from sinks.policy.filters import literal
from sinks.policy.server import readable
from sinks.read import Scope
from sinks.read.families import view_sql

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRETARY = new_principal("aa", "branch_secretary", NOW, node="b1", lifetime=timedelta(days=9))
ANALYST = new_principal("bb", "committee_analyst", NOW, node="c1")
MEMBER = new_principal("cc", "member", NOW, member_id="m1")


def sql(*principals: Principal, now: datetime = NOW) -> list[str]:
    return list(statements([Grantee(p, "0" * 64) for p in principals], now))


def test_every_table_is_classified_as_its_columns_allow() -> None:
    assert unclassified() == set()
    assert {t for t, rule in TABLE_RULES.items() if rule == "open"} & {
        t.name for t in TABLES.values() if t.personal
    } == set()


def test_a_table_about_persons_is_nobodys_whole() -> None:
    scopes = [Scope("b1", "named"), Scope("b1", "aggregate"), Scope(None, "aggregate"), Scope.own("m1")]
    for table, rule in TABLE_RULES.items():
        for scope in scopes:
            assert (row_filter(table, scope) is None) == (
                rule == "open"
                or (scope.node is None and scope.detail == "aggregate" and rule in ("organisation", "closure"))
            ), (table, scope)
        if TABLES[table].personal:
            assert row_filter(table, Scope("b1", "aggregate")) == "0"


def test_views_name_the_tables_that_they_read() -> None:
    text = "\n".join(s for m in migrations() for s in m.statements)
    bodies = dict(re.findall(r"CREATE OR REPLACE VIEW (\w+) AS\n(.*?)(?=\nCREATE|\Z)", text, re.DOTALL))

    def tables(name: str) -> set[str]:
        found = set(re.findall(r"\b(?:FROM|(?<!ARRAY )JOIN)\s+(\w+)", bodies[name]))
        return {t for f in found for t in (tables(f) if f in bodies else {f})}

    for view in VIEWS:
        assert tables(view.name) <= set(view.tables), view.name
        inner = set(re.findall(r"\bv_\w+", bodies[view.name]))
        assert inner <= {v.name for v in VIEWS}


def test_aggregates_are_granted_no_table_about_persons() -> None:
    assert not {t for t in readable("aggregate") if t in TABLES and TABLES[t].personal}
    assert "v_member_day" not in readable("aggregate")
    assert not {"events", "audit", "principals", "rejected_events"} & set(readable("named"))
    assert set(readable("named")) <= {v.name for v in VIEWS} | {
        t for t, rule in TABLE_RULES.items() if rule != "closed"
    }


def test_a_family_has_a_view_as_declared_unless_nobody_may_read_it_by_sql() -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("*.sql")))
    for family in FAMILIES.values():
        rows = {row_filter(family.table.name, Scope(node, "named")) for node in ("b1", None)}
        assert bool(family.view) == (rows != {"0"}), family.name
        if not family.view:
            assert family.table.name not in readable("named")
        elif family.name != "attendance":  # was there first, and is as it was
            assert view_sql(family) in text, f"write it to a migration:\n{view_sql(family)}"


def test_a_family_that_is_not_shown_is_granted_to_nobody() -> None:
    shown = FAMILIES.keys() - {"reflection"}
    found = list(statements([Grantee(SECRETARY, "0" * 64)], NOW, families=shown))
    assert "GRANT SELECT ON default.v_reflection TO xuejing_named" in sql(SECRETARY)
    assert set(sql(SECRETARY)) - set(found) == {
        f"GRANT SELECT ON default.{name} TO xuejing_named" for name in ("v_reflection", "reflection")
    }


def test_the_same_principals_give_the_same_statements_and_filters_come_first() -> None:
    found = sql(SECRETARY, ANALYST, MEMBER)
    assert found == sql(ANALYST, MEMBER, SECRETARY)
    for user in ("xj_aa", "xj_bb"):
        role = next(i for i, s in enumerate(found) if s.startswith("GRANT xuejing") and s.endswith(f" TO {user}"))
        policies = [i for i, s in enumerate(found) if s.startswith(f"CREATE ROW POLICY OR REPLACE {user} ")]
        assert len(policies) == len([r for r in TABLE_RULES.values() if r != "open"])
        assert max(policies) < role
    assert "VALID UNTIL '2026-03-10 00:00:00 UTC'" in "\n".join(found)
    assert "xj_cc" not in "\n".join(found)  # own records are asked of the program


def test_who_may_no_longer_has_no_user() -> None:
    found = sql(SECRETARY, now=NOW + timedelta(days=9))
    assert "DROP USER IF EXISTS xj_aa" in found
    assert not [s for s in found if s.startswith("CREATE USER")]


def test_names_can_not_break_out() -> None:
    evil = "x' OR 1 --\\"
    assert literal(evil) == "'x\\' OR 1 --\\\\'"
    for table in TABLE_RULES:
        condition = row_filter(table, Scope(evil, "named"))
        if condition not in (None, "0"):
            assert literal(evil) in str(condition)
    file = users_config(Scope("a<b&c", "named"))
    ET.fromstring(file)
    assert "a<b" not in file


@pytest.mark.parametrize("cluster", ["", "main"])
def test_clusters(cluster: str) -> None:
    found = list(statements([Grantee(SECRETARY, "0" * 64), Grantee(ANALYST, "0" * 64)], NOW, cluster=cluster))
    assert all((" ON CLUSTER 'main'" in s) == bool(cluster) for s in found)
