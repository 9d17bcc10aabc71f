"""Files of a run: every format that was asked for, none twice, and what can't be made doesn't stop the others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reports.errors import ReportError
from reports.formats import fonts, making
from reports.formats.fonts import FormatUnavailable
from reports.formats.from_page import read_page
from reports.formats.made import NAME, Made, digest
from reports.formats.names import DEFAULT, FORMATS, PRINTED
from reports.site import ReportIndex, Site
from sinks.read import Scope
from tests.support.documents import document_of, page_of, squeezed
from tests.unit.test_formats_pdf import KINDS, REPORTS, small
from tests.unit.test_report_pages import empty, full, side_by_side

DATA = small()


def site(folder: Path, *formats: Any, languages: tuple[Any, ...] = ("zh",), alone: bool = True) -> Site:
    return Site(DATA, Scope.everything(), folder, languages=languages, formats=formats or FORMATS, alone=alone)


def branch(folder: Path, *formats: Any, **more: Any) -> ReportIndex:
    made = site(folder, *formats, **more)
    made.write_groups(["b1"])
    return made.index


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("chinese_font")
def test_one_report_in_every_format(tmp_path: Path) -> None:
    index = branch(tmp_path, languages=("zh", "en"))
    assert index.unavailable == {}
    wanted = {f"branches/b1{language}.{f}" for language in ("", ".en") for f in ("html", "json", "pdf", "docx")}
    wanted |= {"branches/b1.xlsx", "branches/b1.parquet", "branches/b1.tables/courses.csv"}
    assert wanted <= files(tmp_path) == set(index.hashes)
    for path, hashed in index.hashes.items():
        assert digest((tmp_path / path).read_bytes()) == hashed
    page = (tmp_path / "branches/b1.en.html").read_text("utf-8")
    links = re.findall(r'<nav class="top">.*?</nav>', page, re.DOTALL)[0]
    for name in re.findall(r'href="([^"]*)"', links):
        assert (tmp_path / "branches" / name).exists(), name
    assert "b1.en.pdf" in links
    assert "b1.xlsx" in links


@pytest.mark.usefixtures("chinese_font")
@pytest.mark.parametrize("wanted", FORMATS)
def test_one_format_alone(wanted: str, tmp_path: Path) -> None:
    index = branch(tmp_path, wanted)
    found = files(tmp_path)
    assert found
    assert {Path(f).suffix for f in found} == {f".{wanted}"}
    assert (tmp_path / index.groups["b1"]).exists()


def test_formats_that_nobody_asked_for_are_not_made(tmp_path: Path) -> None:
    Site(DATA, Scope.everything(), tmp_path).write()
    assert {Path(f).suffix for f in files(tmp_path)} == {f".{f}" for f in DEFAULT}


@pytest.mark.usefixtures("chinese_font")
def test_what_stands_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = site(tmp_path, "pdf", "xlsx", "csv", alone=False)
    first.write_groups(["b1", "b2"])
    assert first.index.kept == 0
    monkeypatch.setattr(making, "_maker", lambda _: pytest.fail("made again"))
    monkeypatch.setattr(making, "unavailable", lambda *_: {})
    monkeypatch.setattr("reports.site.unavailable", lambda *_: {})
    again = site(tmp_path, "pdf", "xlsx", "csv", alone=False)
    again.write_groups(["b1", "b2"])
    assert (again.index.files, again.index.kept) == (0, first.index.files)
    assert again.index.hashes == first.index.hashes
    assert again.index.groups == first.index.groups


@pytest.mark.usefixtures("chinese_font")
def test_what_was_changed_damaged_or_deleted_is_made_again(tmp_path: Path) -> None:
    first = site(tmp_path, "pdf", "xlsx", alone=False)
    first.write_groups(["b1", "b2"])
    before = {f: (tmp_path / f).read_bytes() for f in first.index.hashes}
    (tmp_path / "branches/b1.pdf").write_bytes(b"damaged")
    (tmp_path / "branches/b2.xlsx").unlink()
    again = site(tmp_path, "pdf", "xlsx", alone=False)
    again.write_groups(["b1", "b2"])
    assert again.index.files == 2
    assert {f: (tmp_path / f).read_bytes() for f in before} == before, "the same bytes as the first time"


def test_a_run_that_was_killed_while_it_wrote_its_list_goes_on(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
        made.add(name, "source", digest(name.encode()))
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"path":"c","sour')
    again = Made(tmp_path)
    assert again.kept("a", "source") == digest(b"a")
    assert again.kept("b", "other source") is None
    assert again.kept("c", "source") is None


def test_a_folder_that_is_handed_over_holds_no_list(tmp_path: Path) -> None:
    branch(tmp_path, "csv")
    assert NAME not in files(tmp_path)


def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (fonts, making):
        monkeypatch.setattr(module, "installed", lambda: frozenset({"DejaVu Serif"}))


def test_missing_fonts_stop_printed_formats_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_fonts(monkeypatch)
    index = branch(tmp_path)
    assert set(index.unavailable) == set(PRINTED)
    assert all("fonts-noto-cjk" in str(error) for error in index.unavailable.values())
    assert {Path(f).suffix for f in files(tmp_path)} == {".html", ".json", ".xlsx", ".csv", ".parquet"}
    page = (tmp_path / "branches/b1.html").read_text("utf-8")
    assert "b1.pdf" not in page, "no link to what is not there"


def test_it_is_an_error_when_nothing_else_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_fonts(monkeypatch)
    with pytest.raises(FormatUnavailable, match="no font for Chinese"):
        branch(tmp_path, "pdf", "docx")


def test_a_missing_library_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> frozenset[str]:
        raise FormatUnavailable("PDF and Word need the Python package typst", hint="pip install 'xuejing[documents]'")

    for module in (fonts, making):
        monkeypatch.setattr(module, "installed", lacking)
    index = branch(tmp_path, "html", "pdf", "json")
    assert "typst" in str(index.unavailable["pdf"])
    assert {Path(f).suffix for f in files(tmp_path)} == {".html", ".json"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_can_be_read(language: Any) -> None:
    from tests.support.documents import reports_of

    for data in (full(), side_by_side(), empty()):
        for template, report in reports_of(data)[::4]:
            page = page_of(template, report, language)
            document = document_of(template, report, language)
            assert document.title
            assert document.blocks
            said = squeezed(json.dumps(_texts(document), ensure_ascii=False))
            for heading in re.findall(r"<h[23][^>]*>(.*?)</h[23]>", page):
                text = squeezed(re.sub(r"<span class=\"no\">.*?</span>|<[^>]+>", "", heading))
                assert text in said


def _texts(document: Any) -> list[str]:
    import msgspec

    return [str(v) for block in document.blocks for v in msgspec.to_builtins(block).values()]


def test_markup_that_is_not_known_is_no_silent_loss() -> None:
    page = page_of("group", KINDS["group"], "zh").replace("<h2 ", "<video>lost</video><h2 ", 1)
    with pytest.raises(ReportError, match="<video>"):
        read_page(page, "zh")
    with pytest.raises(ReportError, match="<main>"):
        read_page("<p>no page</p>", "zh")


def test_sections_are_numbered_as_official_documents_are() -> None:
    document = document_of("group", next(r for kind, r in REPORTS if kind == "group" and r.head.id == "b1"))
    numbers = [(b.level, b.number) for b in document.blocks if type(b).__name__ == "Heading"]
    assert numbers[0] == (1, "一、")
    assert (2, "（一）") in numbers
    assert [n for level, n in numbers if level == 1][:3] == ["一、", "二、", "三、"]
