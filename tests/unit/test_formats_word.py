"""Word: the same document as the PDF, in the same layout, and the same bytes each time."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn

from reports.formats.document import Cell, Document, Heading, Para, Run, Table, Wide
from reports.formats.from_page import read_page
from reports.formats.layout import FONTS, LEFT, LINES, PAGE_HEIGHT, PAGE_WIDTH, TEXT_HEIGHT, TEXT_WIDTH, TOP, WORD_FONTS
from reports.formats.tabulate import table
from reports.formats.word import to_word
from schemas.reference.columns import Language
from tests.support.documents import MOMENT, POINT, document_of, page_of, plain_document, squeezed
from tests.unit.test_formats_pdf import KINDS, cells

pytestmark = pytest.mark.usefixtures("chinese_font")


def opened(document: Document) -> Any:
    return docx.Document(io.BytesIO(to_word(document, MOMENT)))


def text_of(word: Any) -> str:
    return squeezed("".join(node.text or "" for node in word.element.body.iter(qn("w:t"))))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["member", "group", "exam"])
def test_all_text_of_the_page_is_in_the_file(kind: str, language: Language) -> None:
    document = read_page(page_of(kind, KINDS[kind], language), language)
    text = text_of(opened(document))
    said = [document.title, document.subject, document.footer]
    for block in document.blocks:
        if isinstance(block, Heading):
            said.append(block.number + block.text)
        if isinstance(block, Para):
            said += [run.text for run in block.runs]
        if isinstance(block, Table):
            said += [cell.text for row in (block.head, *block.rows) for cell in row]
    assert len(said) > 40
    assert [one for one in said if squeezed(one) not in text] == []


def test_page_and_type_are_those_of_official_documents() -> None:
    word = opened(document_of("group", KINDS["group"]))
    (section,) = word.sections
    found = [section.page_width.mm, section.page_height.mm, section.top_margin.mm, section.left_margin.mm]
    assert found == pytest.approx([PAGE_WIDTH, PAGE_HEIGHT, TOP, LEFT], abs=0.1)
    assert section.page_width.mm - section.left_margin.mm - section.right_margin.mm == pytest.approx(
        TEXT_WIDTH, abs=0.1
    )
    height = section.page_height.mm - section.top_margin.mm - section.bottom_margin.mm
    assert height == pytest.approx(TEXT_HEIGHT, abs=0.1)
    normal = word.styles["Normal"]
    assert normal.font.size.pt == 16
    assert int(height / POINT / normal.paragraph_format.line_spacing.pt + 0.01) == LINES
    names = {"Normal": "body", "Title": "title", "Heading 1": "heading", "Heading 2": "subheading"}
    for style, role in names.items():
        assert word.styles[style].element.rPr.rFonts.get(qn("w:eastAsia")) == WORD_FONTS[role]
    assert word.styles["Title"].font.size.pt == 22
    assert (word.styles["Heading 1"].font.bold, word.styles["Title"].font.bold) == (False, True)


def test_free_fonts_are_declared_for_those_that_are_missing() -> None:
    archive = zipfile.ZipFile(io.BytesIO(to_word(plain_document("字"), MOMENT)))
    table_of_fonts = archive.read("word/fontTable.xml").decode()
    for role, name in WORD_FONTS.items():
        found = re.search(f'w:name="{name}"><w:altName w:val="([^"]*)"', table_of_fonts)
        assert found
        assert found[1].split(",") == [n for n in FONTS[role] if n != name]


def test_page_numbers_differ_on_odd_and_even_pages() -> None:
    word = opened(plain_document("字"))
    assert word.settings.odd_and_even_pages_header_footer
    sides = []
    for footer in (word.sections[0].footer, word.sections[0].even_page_footer):
        assert "PAGE" in footer._element.xml
        assert footer.paragraphs[0].text.startswith("— ")
        sides.append(footer.paragraphs[0].alignment)
    assert [side.name for side in sides] == ["RIGHT", "LEFT"]


def test_pictures_have_text_alternatives() -> None:
    document = document_of("group", KINDS["group"])
    word = opened(document)
    descriptions = [node.get("descr") for node in word.element.body.iter(qn("wp:docPr"))]
    assert sorted(descriptions) == sorted(chart.alt for chart in document.charts)
    widths = [int(node.get("cx")) / 36000 for node in word.element.body.iter(qn("wp:extent"))]
    assert max(widths) <= TEXT_WIDTH + 0.1


def test_tables_repeat_their_headings_and_do_not_tear_rows() -> None:
    word = opened(document_of("group", KINDS["group"]))
    heads = [t for t in word.tables if t._tbl.findall(f".//{qn('w:tblHeader')}")]
    assert len(heads) >= 3
    assert all(row._tr.findall(f".//{qn('w:cantSplit')}") for t in word.tables for row in t.rows)
    for one in word.tables:
        assert sum(column.width.mm for column in one.columns) <= TEXT_WIDTH + 1


def test_cells_that_span_rows_stay_together() -> None:
    rows = [[Cell((Run("期末"),), rows=2), *cells("1")], cells("2")]
    word = opened(Document("zh", "题", "", "名", (table(cells("考试", "次"), rows),)))
    (made,) = word.tables
    assert [[c.text for c in row.cells] for row in made.rows] == [["考试", "次"], ["期末", "1"], ["期末", "2"]]


def test_wide_tables_stand_on_pages_on_their_side() -> None:
    made = table(cells("甲", "乙"), [cells("1", "2")])
    blocks = (Para((Run("前"),)), Wide((Heading(1, "一、", "宽表"), made)), Para((Run("后"),)))
    sections = opened(Document("zh", "题", "", "名", blocks)).sections
    assert [s.page_width > s.page_height for s in sections] == [False, True, False]


def test_metadata_name_the_report_and_nobody() -> None:
    properties = opened(document_of("group", KINDS["group"])).core_properties
    assert KINDS["group"].head.name in properties.title
    assert (properties.author, properties.last_modified_by, properties.comments) == ("", "", "")
    assert properties.created == properties.modified == MOMENT
    assert properties.language == "zh-CN"


def test_the_same_report_gives_the_same_bytes_and_another_moment_others() -> None:
    document = document_of("member", KINDS["member"])
    first = to_word(document, MOMENT)
    assert to_word(document, MOMENT) == first
    assert to_word(document, MOMENT + timedelta(days=1)) != first
    assert {info.date_time for info in zipfile.ZipFile(io.BytesIO(first)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_text_is_text_whatever_it_looks_like() -> None:
    evil = "<w:p/>&amp; ]]> {{ x }} %s 长" + "长" * 30
    assert squeezed(evil) in text_of(opened(plain_document(evil, title=evil)))
