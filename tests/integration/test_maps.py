"""The competence map and the organisation map on a real store: import, versions, queries, pages, and who sees what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import httpx
import pytest

from reports.analytics.computed import COMPUTED
from reports.asking import ALL, frames
from reports.load import load_catalogue
from reports.text import percent
from schemas.errors import InputError
from schemas.reference import Competence, Place, ReferenceTables
from schemas.settings import Settings
from sinks.client import Store
from sinks.read import Filters, Reader, Scope, ScopeError
from sinks.reference import write_reference
from tests.support.dashboards import TODAY, Served, served
from web.dashboard.asking import asked

DEADLINE = 60.0
IMPORTED = datetime(2026, 9, 2, tzinfo=UTC)
QUARTER = Filters(first=date(2026, 1, 1), last=date(2026, 3, 31))
COMPETENCES = (
    Competence(competence_id="ideology", title="思想道德", title_en="Ideology", course_ids=("c1",), expected=0.8),
    Competence(competence_id="skill", wing="science", title="技能", knowledge_points=("k0", "k1"), expected=0.25),
)
PLACES = tuple(
    Place(org_id=org, latitude=39.9 + i / 300, longitude=116.3 + i % 3 / 200)
    for i, org in enumerate(("top", "left", "right", "l1", "r1"))
)


@pytest.fixture(scope="module")
def site(engine_store: Store) -> Iterator[Served]:
    with served(engine_store) as running:
        yield running


@pytest.fixture(scope="module")
def mapped(site: Served) -> Served:
    """With a competence map and places; tests that want none come first."""
    tables = ReferenceTables(competences=COMPETENCES, places=PLACES, present=frozenset({"competences", "places"}))
    result = write_reference(site.dashboard.gatherer.store, tables, IMPORTED)
    assert result.changed == {"competences": 2, "places": 5}
    return site


@contextmanager
def client(site: Served, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=DEADLINE) as made:
        assert made.post("/enter", data={"token": token}, headers={"Origin": site.url}).status_code == 303
        yield made


def part(page: str, name: str) -> str:
    """A part of a page, '' where it is hidden."""
    found = re.search(rf'<section id="p-{name}"[^>]*?( hidden)?>(.*?)</section>', page, re.DOTALL)
    assert found, name
    return "" if found[1] else found[2]


def test_without_a_map_nothing_is_there(site: Served, engine_store: Store) -> None:
    with client(site, "operator") as http:
        assert not part(http.get("/branch/l1?span=weeks20").text, "competence")
        page = http.get("/map/top?span=weeks20&lang=en").text
    assert part(page, "picture")
    assert not part(page, "places")
    for name in ("competence", "competence-branches"):
        assert COMPUTED[name].frame(Reader(engine_store), Scope.everything()).is_empty()


def test_an_import_is_kept_as_it_was_and_repeated_is_nothing(mapped: Served, engine_store: Store) -> None:
    again = ReferenceTables(competences=COMPETENCES, places=PLACES, present=frozenset({"competences", "places"}))
    assert write_reference(engine_store, again, IMPORTED).nothing
    assert load_catalogue(Reader(engine_store)).competences == COMPETENCES


def test_a_members_profile_is_that_of_their_latest_answers(mapped: Served, engine_store: Store) -> None:
    reader = Reader(engine_store)
    found = COMPUTED["competence"].frame(reader, Scope.everything(), QUARTER)
    assert found.height > 10
    assert set(found["wing"]) == {"ideology", "science"}
    for row in found.iter_rows(named=True):
        assert 0 <= row["low"] <= row["share"] + 1e-9 <= row["high"] + 2e-9
        assert row["effective_n"] <= row["questions"] + 1e-9
        assert (row["expected"] is None) == (row["gap"] is None) == (row["verdict"] == "")
    # The wing of a competence has what that has.
    shares = {(r["member_id"], r["competence_id"]): r["share"] for r in found.iter_rows(named=True)}
    assert all(shares[m, "science"] == s for (m, c), s in shares.items() if c == "skill")
    member = found["member_id"][0]
    own = COMPUTED["competence"].frame(reader, Scope.own(member), QUARTER)
    assert own.equals(found.filter(found["member_id"] == member))


def test_organisations_are_means_of_members_and_small_ones_withheld(mapped: Served, engine_store: Store) -> None:
    reader, settings = Reader(engine_store), Settings()
    query = ALL["competence-branches"]
    (found,) = frames(reader, query, Scope("top", "aggregate"), QUARTER, settings)
    assert found["withheld"].any()
    hidden = found.filter("withheld")
    assert hidden["mean"].null_count() == hidden["members"].null_count() == hidden.height
    assert (found.filter(~found["withheld"])["members"] >= 5).all()
    with pytest.raises(ScopeError):
        list(frames(reader, query, Scope("top", "aggregate"), Filters(category="staff"), settings))
    with pytest.raises(InputError):
        list(frames(reader, query, Scope("top", "aggregate"), Filters(first=date(2026, 3, 1)), settings))
    with pytest.raises(ScopeError):
        list(frames(reader, ALL["competence"], Scope("top", "aggregate"), QUARTER, settings))


def test_a_page_says_what_the_query_says(mapped: Served, engine_store: Store) -> None:
    page = asked("member", "", {"span": "weeks20"}, "en")
    days = page.period(TODAY)
    found = COMPUTED["competence"].frame(
        Reader(engine_store), Scope.everything(), Filters(first=days.first, last=days.last)
    )
    member = found["member_id"][0]
    with client(mapped, "operator") as http:
        shown = part(http.get(page.about("member", member).address).text, "competence")
        data = http.get(f"/data/member/{member}/competence.csv?{page.query}").text
    rows = found.filter(found["member_id"] == member)
    for title, share in rows.select("title_en", "share").iter_rows():
        assert title in shown
        assert percent(share) in shown
    assert len(data.splitlines()) == 1 + rows.height


def test_the_map_opens_to_any_node_of_the_scope(mapped: Served) -> None:
    with client(mapped, "operator") as http:
        top = http.get("/map/top?span=weeks20&lang=en").text
        assert 'href="/map/left?' in part(top, "picture")
        assert 'href="/branch/l1?' in part(top, "picture")
        assert "Where they are" in part(top, "places")
        left = http.get("/map/left?span=weeks20&lang=en")
        assert left.status_code == 200
        assert 'href="/map/top?' in part(left.text, "picture")
        assert "r1" not in part(left.text, "listed")
        rows = http.get("/data/map/left/organisation-map.csv?span=weeks20").text.splitlines()
        assert [row.split(",")[:3] for row in rows[1:]] == [["left", "", "0"], ["l1", "left", "1"]]
    with client(mapped, "named:left") as http:
        page = http.get("/map/left?lang=en").text
        assert "/map/top" not in page
        assert http.get("/map/top").status_code == 404
        assert http.get("/map/right").status_code == 404
        assert http.get("/data/map/right/organisation-map.csv").status_code == 404
    with client(mapped, f"own:{mapped.members_of('l1')[0]}") as http:
        assert http.get("/map/l1").status_code == 404


def test_viewers_of_aggregates_see_groups_and_no_branch(mapped: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    # They see quarters that are over: go to the next one.
    monkeypatch.setattr(mapped.dashboard.gatherer, "clock", lambda: datetime(2026, 4, 10, 12, tzinfo=UTC))
    with client(mapped, "aggregate:top") as http:
        rows = http.get("/data/map/top/organisation-map.csv").text.splitlines()
        assert any(",true,,,,," in row for row in rows)
        assert http.get("/data/map/left/organisation-map.csv").status_code == 404
        page = http.get("/map/top?span=weeks20&lang=en").text
        assert "/branch/" not in page
        course = part(http.get("/map/top?course=c1&lang=en").text, "listed")
        assert re.sub(r'href="[^"]*"', "", course) == re.sub(r'href="[^"]*"', "", part(page, "listed"))
        assert "the rest is withheld" in part(page, "picture")
        rows = re.findall(r'<tr><th scope="row".*?</tr>', part(page, "listed"), re.DOTALL)
        cells = [re.findall(r'<td class="n">(.*?)</td>', row) for row in rows]
        assert any(c[1:] == ["*", "*", "*"] for c in cells)
        assert all(c[1:] == ["*"] * 3 or "*" not in c for c in cells)
