"""Empty, small and strange data still read well: each page says what it can and why it says no more."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from reports.catalogue import Catalogue
from reports.data import ReportData
from reports.site import Site
from reports.text import LANGUAGES
from schemas.reference import Member, Organisation
from schemas.reference.columns import Language
from sinks.read import Scope
from tests.support.small_reports import FIRST, LAST, ORGANISATIONS, answer, make, members, study

LONG = "欧阳<b>若曦</b>&“长名字”·" + "很" * 30


def pages(data: ReportData, folder: Path, language: Language = "zh") -> dict[str, str]:
    Site(data, Scope.everything(), folder, languages=(language,), formats=("html",)).write()
    return {str(p.relative_to(folder)): p.read_text("utf-8") for p in folder.rglob("*.html")}


def text(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page.split("</style>")[1])


def no_traces(found: dict[str, str]) -> None:
    """Nothing of the program shows through, whatever the data."""
    for name, page in found.items():
        trace = re.search(r"\bNone\b|\bnan\b|Figure\(|Undefined|\{\{|Traceback", text(page))
        assert trace is None, f"{trace} on {name}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_branch_without_events(tmp_path: Path, language: Language) -> None:
    found = pages(
        make([*members("b1", 9), *members("b2", 9)], [study(m.member_id) for m in members("b2", 9)]), tmp_path, language
    )
    suffix = ".html" if language == "zh" else ".en.html"
    page = text(found[f"branches/b1{suffix}"])
    assert ("没有记录不等于没有学习" if language == "zh" else "No record is not no learning") in page
    assert "0 秒" not in page
    no_traces(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_college_of_one_member(tmp_path: Path, language: Language) -> None:
    found = pages(make(members("b1", 1), [study("b1-m1")], [answer("b1-m1", False, exam="e1")]), tmp_path, language)
    assert any(name.startswith("exams/") for name in found)
    no_traces(found)


def test_no_exam_and_no_question_in_the_catalogue(tmp_path: Path) -> None:
    people = members("b1", 8)
    rows = [answer(m.member_id, i % 2 == 0, "unknown") for i, m in enumerate(people)]
    found = pages(make(people, [study(m.member_id) for m in people], rows, catalogue=Catalogue()), tmp_path)
    assert not any(name.startswith("exams/") for name in found)
    assert "本期没有考试记录" in found["branches/b1.html"]
    no_traces(found)


def test_a_member_who_joined_in_the_last_week(tmp_path: Path) -> None:
    new = Member(member_id="new", name="新成员", org_id="b1", category="staff", valid_from=LAST - timedelta(days=2))
    found = pages(make([*members("b1", 6), new], [study(m.member_id) for m in members("b1", 6)]), tmp_path)
    assert "2026年3月27日加入" in found["members/new.html"]
    assert "2026年3月27日加入" in found["secretary/b1.html"]
    assert "0/1" not in text(found["members/new.html"])
    no_traces(found)


def test_long_names_and_markup_in_every_place_where_a_name_stands(tmp_path: Path) -> None:
    organisations = [
        Organisation(org_id=o.org_id, parent_id=o.parent_id, name=LONG, kind=o.kind) for o in ORGANISATIONS
    ]
    people = [Member(member_id=f"m{i}", name=LONG, org_id=f"b{i % 2 + 1}", category="staff") for i in range(16)]
    rows = [answer(m.member_id, i % 2 == 0, exam="e1") for i, m in enumerate(people)]
    found = pages(make(people, [study(m.member_id) for m in people[:12]], rows, organisations=organisations), tmp_path)
    for name, page in found.items():
        assert "<b>若曦" not in page, name
    assert "欧阳&lt;b&gt;若曦" in found["secretary/b1.html"]
    assert "欧阳&lt;b&gt;若曦" in found["organisations/top.html"]
    no_traces(found)


def test_thousands_of_members_and_organisations_are_in_annexes_and_pages(tmp_path: Path) -> None:
    organisations = [
        Organisation(org_id="top", name="Top", kind="committee"),
        *(Organisation(org_id=f"o{i}", parent_id="top", name=f"Branch {i}", kind="branch") for i in range(100)),
    ]
    people = [m for i in range(100) for m in members(f"o{i}", 50)]
    data = make(
        people,
        [study(m.member_id, FIRST + timedelta(days=i % 20)) for i, m in enumerate(people)],
        organisations=organisations,
    )
    site = Site(data, Scope.everything(), tmp_path, languages=("zh",), formats=("html",))
    site.contents = []
    site.write_groups(["top"])
    top = (tmp_path / site.index.groups["top"]).read_text("utf-8")
    body, annex = top.split('id="annex"')
    assert body.count("<tr>") < 100, "organisations are not in the body"
    assert annex.count("Branch ") == 200, "once with its figures, once compared"
    assert len(top) < 400_000
    assert "o99-m50" not in top
