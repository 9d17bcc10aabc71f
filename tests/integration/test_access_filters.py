"""What the generated row filters leave, on the real engine: one engine process for each principal."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from reports.measures.suppression import suppress
from schemas.access import new_principal
from schemas.errors import StoreError
from schemas.families import FAMILIES, Family
from schemas.reference import Roster
from sinks.client import Endpoint, Store
from sinks.embedded.config import EngineOptions
from sinks.embedded.process import EngineProcess
from sinks.migrate import migrate
from sinks.policy import Grantee, statements, users_config
from sinks.policy.shown import shown_select
from sinks.read import Filters, Reader, Scope
from tests.support.family_events import random_body
from tests.support.harness import event
from tests.support.loaded import load
from tests.support.world import DAYS, World, day, lines, reference

SEED = 5
PRINCIPALS = {
    "left": Scope("left", "named"),
    "moved branch": Scope("l2", "named"),
    "closed branch": Scope("r2", "named"),
    "a member": Scope.own("m03"),
    "analyst": Scope("right", "aggregate"),
}


class Loaded(NamedTuple):
    folder: Path
    expected: dict[str, Any]
    roster: Roster
    shown: list[tuple[Any, ...]]
    everywhere: pl.DataFrame


REFUSALS = (164, 452, 497)
"""READONLY, SETTING_CONSTRAINT_VIOLATION, ACCESS_DENIED."""


def refusal(store: Store, statement: str) -> int:
    """Why the engine does not do it, 0 if it does."""
    try:
        store.command(statement)
    except StoreError as error:
        return error.code
    return 0


def connect(engine: EngineProcess) -> Store:
    return Store(Endpoint(engine.url, engine.user, engine.password))


VIEWED = [f for f in FAMILIES.values() if f.view]


def happenings() -> Iterator[bytes]:
    """Events of every family that has a view."""
    chance = random.Random(SEED)
    for n in range(150 * len(VIEWED)):
        family = VIEWED[n % len(VIEWED)]
        body = random_body(family.name, chance)
        at = f"{day(chance.randrange(DAYS))}T{chance.randrange(24):02}:00:00+08:00"
        member, course = f"m{chance.randrange(20):02}", body.pop("course_id", "")
        yield event(200_000 + n, family.name, at, member, course, **body)


def _rows_of(family: Family) -> str:
    return f"SELECT member_id, day, `{family.table.columns[3].name}` FROM {family.view}"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A store on disk, and what each principal should see of it according to the in-memory rows and the roster."""
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    folder = tmp_path_factory.mktemp("policy")
    tables = reference(SEED)
    with EngineProcess(folder, options=EngineOptions(fsync=False)) as engine:
        store = connect(engine)
        migrate(store)
        load(store, [*lines(SEED, 900), *happenings()], tables, "Asia/Shanghai")
        roster = Roster(tables.organisations, tables.members)
        everything = {
            "days": store.rows("SELECT member_id, day, course_id FROM v_member_day"),
            "answers": store.rows("SELECT member_id, day, event_id FROM v_answers"),
            "memberships": store.rows("SELECT member_id, org_id, since, until FROM v_memberships"),
            **{f.view: store.rows(_rows_of(f)) for f in VIEWED},
        }
        shown = store.rows(shown_select("top", k=2))
        everywhere = Reader(store).frame("branch-day", Scope.everything(), Filters(course=""))
        now = datetime.now(UTC)
        days = timedelta(days=1)
        grantees = [
            Grantee(new_principal("aa", "branch_secretary", now, node="l1", lifetime=days), "0" * 64),
            Grantee(new_principal("bb", "committee_analyst", now, node="top"), "0" * 64),
            Grantee(new_principal("cc", "committee_analyst", now - 2 * days, node="top", lifetime=days), "0" * 64),
        ]
        for cluster in ("", "main"):
            for statement in statements(grantees, now, cluster=cluster):
                assert store.rows(f"EXPLAIN AST {statement}"), statement  # the server's own parser takes it
        store.close()
    return Loaded(folder, everything, roster, shown, everywhere)


@pytest.fixture(scope="module", params=PRINCIPALS)
def seen(request: pytest.FixtureRequest, loaded: Loaded) -> Iterator[tuple[Scope, Store]]:
    scope = PRINCIPALS[request.param]
    file = loaded.folder / "principal.xml"
    file.write_text(users_config(scope), "utf-8")
    with EngineProcess(loaded.folder, options=EngineOptions(users_config=file, fsync=False)) as engine:
        store = connect(engine)
        yield scope, store
        store.close()


def test_each_principal_sees_its_rows_and_no_other(seen: tuple[Scope, Store], loaded: Loaded) -> None:
    scope, store = seen
    world = World(None, loaded.roster)  # type: ignore[arg-type]  # its rows are not asked
    if scope.detail == "aggregate":
        families = [name for f in VIEWED for name in (f.view, f.table.name)]
        for view in ("v_member_day", "v_answers", "v_memberships", "v_members", "member_day", "memberships", *families):
            with pytest.raises(StoreError, match=r"ACCESS_DENIED|Not enough privileges"):
                store.rows(f"SELECT count() FROM {view}")
        assert {r[0] for r in store.rows("SELECT org_id FROM v_organisations")} <= {"right", "l2", "r1", "r2"}
        return
    for name, sql in (
        ("days", "SELECT member_id, day, course_id FROM v_member_day"),
        ("answers", "SELECT member_id, day, event_id FROM v_answers"),
    ):
        inside = [row for row in loaded.expected[name] if world.sees(scope, Filters(), row[0], row[1])]
        assert sorted(store.rows(sql)) == sorted(inside)
        assert inside
    for family in VIEWED:
        rows = loaded.expected[family.view]
        inside = [row for row in rows if world.sees(scope, Filters(), row[0], row[1])]
        if family.audience == "branch" and scope.node is not None:
            inside = [row for row in inside if loaded.roster.org_of(row[0], row[1]) == scope.node]
        assert sorted(store.rows(_rows_of(family))) == sorted(inside), family.name
        # Somebody belongs to the committee itself, so that it has rows of its own.
        assert inside
        assert len(inside) < len(rows)
    # The ways around a view lead to the same filters.
    table = {r[0] for r in store.rows("SELECT DISTINCT (member_id, day) FROM member_day")}
    around = store.rows("SELECT DISTINCT (member_id, day) FROM merge('default', '^member_day$')")
    assert {r[0] for r in around} == table
    assert all(world.sees(scope, Filters(), member, on) for member, on in table)
    named = {row[0] for row in store.rows("SELECT DISTINCT member_id FROM v_member_day")}
    belonging = {row[0] for row in store.rows("SELECT DISTINCT member_id FROM v_memberships")}
    assert belonging == {row[0] for row in store.rows("SELECT DISTINCT member_id FROM v_members")}
    ever = {
        m for m in loaded.roster.member_ids()
        if any(world.sees(scope, Filters(), m, day(n)) and loaded.roster.org_of(m, day(n)) for n in range(-30, 60))
    }  # fmt: skip
    assert belonging == ever
    assert named <= ever | ({scope.member_id} if scope.member_id else set())


def test_nothing_but_reading_is_allowed(seen: tuple[Scope, Store]) -> None:
    _, store = seen
    for statement in (
        "DROP TABLE member_day",
        "INSERT INTO imports SELECT * FROM imports",
        "CREATE TABLE mine (a UInt8) ENGINE = Memory",
        "CREATE ROW POLICY p ON member_day USING 1 TO ALL",
        "SET readonly = 0",
        "SELECT * FROM events",
        "SELECT * FROM audit",
        "SELECT * FROM principals",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ):
        assert refusal(store, statement) in REFUSALS, statement


def test_what_sql_shows_of_groups_the_search_for_cells_shows_too(loaded: Loaded) -> None:
    k, compared = 2, 0
    own = {(r["org_id"], r["day"]): r for r in loaded.everywhere.iter_rows(named=True)}
    shown = {(org, part, on): active for org, part, on, active, *_ in loaded.shown}
    for on in sorted({d for _, d in own}):
        sizes, parents = _tree({org: r["active_members"] for (org, d), r in own.items() if d == on}, loaded.roster, on)
        verdicts = suppress(sizes, parents, k)
        for org, part in [(o, p) for o, p, d in shown if d == on]:
            cell = (org, part)
            assert verdicts[cell] == "show", (cell, on, sizes)  # type: ignore[index]
            assert sizes[cell] == shown[org, part, on] >= k  # type: ignore[index]
            compared += 1
    assert compared > 30


def _tree(active: dict[str, int], roster: Roster, on: Any) -> tuple[dict[Any, int], dict[Any, Any]]:
    """Cells (organisation, own or all) of one day: an organisation's parts are its own members and those below it."""
    sizes: dict[Any, int] = {}
    parents: dict[Any, Any] = {}
    above = {o.org_id: o.parent_id or None for o in roster.organisations if _holds(o, on)}
    for org in above:
        below = roster.subtree(org, on)
        sizes[org, "all"] = sum(n for o, n in active.items() if o in below)
        parents[org, "all"] = (above[org], "all") if above[org] in above else None
        sizes[org, "own"], parents[org, "own"] = active.get(org, 0), (org, "all")
    return sizes, parents


def _holds(organisation: Any, on: Any) -> bool:
    return (organisation.valid_from is None or organisation.valid_from <= on) and (
        organisation.valid_to is None or on < organisation.valid_to
    )
