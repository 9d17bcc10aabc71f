"""A folder of reports: links lead somewhere, persons apart from groups, one file a subject, large rosters in pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reports.data import Content, ReportData
from reports.errors import ReportError
from reports.paths import page_name, slug, slugs
from reports.site import ReportIndex, Site
from schemas.reference import Member, Organisation
from sinks.read import Scope
from tests.support.small_reports import FIRST, answer, make, members, study


def small() -> ReportData:
    people = [*members("b1", 6), *members("b2", 6)]
    return make(people, [study(m.member_id) for m in people], [answer(m.member_id, True, exam="e1") for m in people])


def links(folder: Path) -> list[tuple[Path, Path]]:
    found = []
    for page in folder.rglob("*.html"):
        for target in re.findall(r'href="([^"#]+)"', page.read_text("utf-8")):
            found.append((page, (page.parent / target).resolve()))
    return found


@pytest.fixture
def site(tmp_path: Path) -> ReportIndex:
    return Site(small(), Scope.everything(), tmp_path).write()


def test_every_link_leads_to_a_file_and_every_page_is_linked(site: ReportIndex) -> None:
    found = links(site.folder)
    assert found
    assert [(str(a), str(b)) for a, b in found if not b.is_file()] == []
    targets = {b for _, b in found} | {site.start.resolve()}
    assert {p.resolve() for p in site.folder.rglob("*.*")} == targets


def test_persons_are_apart_from_groups(site: ReportIndex) -> None:
    index = site.start.read_text("utf-8")
    assert "members/index.html" in index
    assert "members/b1-m1" not in index
    assert "Name b1-m1" not in index
    assert set(site.groups) == {"top", "b1", "b2", "b3"}
    assert site.groups["top"] == "organisations/top.html"
    assert site.groups["b1"] == "branches/b1.html"
    assert all(path.startswith("members/") for path in site.members.values())
    for page in [*site.folder.glob("branches/**/*.html"), *site.folder.glob("organisations/**/*.html")]:
        assert not re.search(r'href="[^"]*members/', page.read_text("utf-8"))


def test_courses_and_exams_have_reports_of_their_own(site: ReportIndex) -> None:
    assert site.contents == {
        ("course", "c1"): "organisations/top/course-c1.html",
        ("exam", "e1"): "organisations/top/exam-e1.html",
    }
    assert "First course" in (site.folder / "branches/b1/course-c1.html").read_text("utf-8")


def test_languages_and_formats_can_be_chosen(tmp_path: Path) -> None:
    only = Site(small(), Scope.everything(), tmp_path, languages=("en",), formats=("html",)).write()
    assert only.start.name == "index.en.html"
    assert {p.suffix for p in tmp_path.rglob("*.*")} == {".html"}
    assert all(p.name.endswith(".en.html") for p in tmp_path.rglob("*.*"))
    assert [b for _, b in links(tmp_path) if not b.is_file()] == []


def test_json_only(tmp_path: Path) -> None:
    index = Site(small(), Scope.everything(), tmp_path, languages=("zh",), formats=("json",)).write()
    assert {p.suffix for p in tmp_path.rglob("*.*")} == {".json"}
    assert json.loads((tmp_path / index.members["b1-m1"]).read_text("utf-8"))["report"]["head"]["id"] == "b1-m1"


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no language"):
        Site(small(), Scope.everything(), tmp_path, languages=())


def test_a_report_alone_links_to_nothing_that_is_not_there(tmp_path: Path) -> None:
    site = Site(small(), Scope.everything(), tmp_path, alone=True)
    site.write_groups(["top"])
    site.write_members(["b1-m1"])
    assert [b for _, b in links(tmp_path) if not b.is_file()] == []
    assert len(list(tmp_path.rglob("*.html"))) == 4


def test_an_aggregate_scope_writes_nothing_about_persons(tmp_path: Path) -> None:
    index = Site(small(), Scope(None, "aggregate"), tmp_path).write()
    assert index.members == {}
    assert not (tmp_path / "members").exists()
    assert not (tmp_path / "secretary").exists()
    assert "Name b" not in "".join(p.read_text("utf-8") for p in tmp_path.rglob("*.*"))


def test_a_node_scope_writes_only_what_is_below_it(tmp_path: Path) -> None:
    index = Site(small(), Scope("b1", "named"), tmp_path).write()
    assert set(index.groups) == {"b1"}
    assert set(index.members) == {f"b1-m{i}" for i in range(1, 7)}


def test_an_own_scope_writes_one_report(tmp_path: Path) -> None:
    index = Site(small(), Scope.own("b1-m2"), tmp_path).write()
    assert list(index.members) == ["b1-m2"]
    assert index.groups == {}


def test_people_outside_the_roster_are_listed_apart(tmp_path: Path) -> None:
    data = make(members("b1", 2), [study("ghost")])
    index = Site(data, Scope.everything(), tmp_path).write()
    assert "ghost" in index.members
    assert "ghost" in (tmp_path / "members/not-in-roster.html").read_text("utf-8")


def test_an_empty_store_still_has_an_index(tmp_path: Path) -> None:
    index = Site(make([], organisations=[]), Scope.everything(), tmp_path).write()
    assert index.start.is_file()
    assert [b for _, b in links(tmp_path) if not b.is_file()] == []


def test_several_trees_side_by_side(tmp_path: Path) -> None:
    organisations = [Organisation(org_id=f"s{i}", name=f"School {i}") for i in range(3)]
    people = [m for i in range(3) for m in members(f"s{i}", 6)]
    index = Site(
        make(people, [study(m.member_id) for m in people], organisations=organisations), Scope.everything(), tmp_path
    ).write()
    assert index.contents == {}, "no organisation stands for all"
    assert "course-c1.html" in (tmp_path / index.groups["s1"]).read_text("utf-8")
    assert [b for _, b in links(tmp_path) if not b.is_file()] == []


def test_large_rosters_are_listed_in_pages(tmp_path: Path) -> None:
    data = make(members("b1", 450))
    index = Site(data, Scope.everything(), tmp_path, languages=("zh",), formats=("html",))
    index.contents = []
    made = index.write()
    assert len(made.members) == 450
    pages = sorted((tmp_path / "members/in").glob("*.html"))
    assert [p.name for p in pages] == ["b1.2.html", "b1.3.html", "b1.html"]
    assert max(p.read_text("utf-8").count("<tr>") for p in pages) <= 201
    assert "Name b1-m" not in (tmp_path / made.groups["b1"]).read_text("utf-8")
    annex = (tmp_path / made.annexes["b1"]).read_text("utf-8")
    assert annex.count("Name b1-m") == 400, "200 silent, 200 of the ledger; the rest are in the data"
    assert [b for _, b in links(tmp_path) if not b.is_file()] == []


def test_progress_counts_every_report(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    Site(small(), Scope.everything(), tmp_path, progress=lambda done, total: seen.append((done, total))).write()
    assert seen[-1] == (12 + 4 * 3 + 1 + 2, 12 + 4 * 3 + 1 + 2), "members, nodes by content, an exam, annexes"
    assert [done for done, _ in seen] == list(range(1, 28))


def test_one_content_only(tmp_path: Path) -> None:
    index = Site(small(), Scope.everything(), tmp_path, Content("exam", "e1")).write()
    assert index.contents == {}
    assert "Final exam" in (tmp_path / index.members["b1-m1"]).read_text("utf-8")


@pytest.mark.parametrize("id_", ["m-1", "T0001", "a.b_c"])
def test_plain_ids_are_file_names_as_they_are(id_: str) -> None:
    assert slug(id_) == id_


@pytest.mark.parametrize(
    "id_", ["../../etc/passwd", "a/b", "张三", ".hidden", "con", "NUL.txt", "x.", "a b", "index", "-rf", "a\0b", "<i>"]
)
def test_other_ids_become_safe_and_stay_apart(id_: str) -> None:
    made = slug(id_)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", made)
    assert made != slug(id_ + "x")
    assert made.lower() not in ("con", "nul", "index")


def test_ids_that_differ_only_in_case_get_files_of_their_own() -> None:
    names = slugs(["Abc", "abc", "other"])
    assert len({n.lower() for n in names.values()}) == 3
    assert names["other"] == "other"
    assert page_name(names["other"], "en", "json") == "other.en.json"


def test_two_members_with_one_slug_do_not_overwrite_each_other(tmp_path: Path) -> None:
    people = [Member(member_id=i, name=i, org_id="b1", category="staff") for i in ("Case", "case", "a/b", "a b")]
    index = Site(make(people), Scope.everything(), tmp_path, languages=("zh",), formats=("json",)).write()
    assert len(set(index.members.values())) == 4
    for member, path in index.members.items():
        assert json.loads((tmp_path / path).read_text("utf-8"))["report"]["head"]["id"] == member
    assert FIRST.year == 2026
