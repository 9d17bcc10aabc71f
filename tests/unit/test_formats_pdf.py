"""PDF: what the report says, in the layout of official documents, the same bytes each time."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

import pytest

from reports.data import ReportData
from reports.formats import fonts as fonts_module
from reports.formats.document import Cell, Document, Heading, Para, Run, Table, Wide
from reports.formats.fonts import FormatUnavailable, families, needs_chinese
from reports.formats.layout import CHARACTERS, LEFT, LINES, PAGE_HEIGHT, PAGE_WIDTH, TEXT_HEIGHT, TEXT_WIDTH, TOP
from reports.formats.pdf import to_pdf
from reports.formats.tabulate import table
from reports.text import Words
from schemas.reference.columns import Language
from tests.support.documents import (
    MOMENT,
    POINT,
    Printed,
    document_of,
    figures,
    need_fonts,
    plain_document,
    reports_of,
    squeezed,
)
from tests.support.small_reports import FIRST, answer, answers_to_survey, make, members, study

pytestmark = pytest.mark.usefixtures("chinese_font")
BODY, SLACK = 16.0, 3.0
"""Points; millimetres: half a character, of which punctuation at the end of a line may stand out."""


def small() -> ReportData:
    people = [*members("b1", 12), *members("b2", 6)]
    days = [study(m.member_id, FIRST + timedelta(days=i), 30 + i) for i, m in enumerate(people)]
    answers = [answer(m.member_id, i % 3 == 0, exam="e1", response="BC"[i % 3 > 0]) for i, m in enumerate(people)]
    surveys = answers_to_survey(("b1", "i1", "A", 4), ("b1", "i1", "B", 3), ("b1", "i2", "A", 2))
    return make(people, days, answers, surveys=surveys)


REPORTS = reports_of(small())
KINDS = {kind: next(report for name, report in REPORTS if name == kind) for kind in ("member", "group", "exam")}


def printed(document: Document) -> Printed:
    need_fonts()
    return Printed(to_pdf(document, MOMENT))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["member", "group", "exam"])
def test_all_text_of_the_report_is_in_the_pdf(kind: str, language: Language) -> None:
    document = document_of(kind, KINDS[kind], language)
    text = printed(document).text
    said = [document.title, document.footer, *(b.text for b in document.blocks if isinstance(b, Heading))]
    for block in document.blocks:
        if isinstance(block, Para):
            said += [run.text for run in block.runs]
        if isinstance(block, Table):
            said += [cell.text for row in (block.head, *block.rows) for cell in row]
    assert len(said) > 40
    for one in said:
        # Lines that hyphenation breaks would differ; none of these words is that long.
        assert squeezed(one) in text or not squeezed(one), one


def test_figures_of_the_context_are_in_the_pdf() -> None:
    report, words = KINDS["group"], Words("zh")
    text = printed(document_of("group", report)).text
    shown = [f for part in (report.people, report.study, report.effect, report.courses) for f in figures(part)]
    texts = {squeezed(words.figure(f)) for f in shown if f.value}
    assert len(texts) > 8
    missing = {t for t in texts if t not in text}
    # Sums that only other formats show are few.
    assert len(missing) <= 4, missing


def test_a_page_has_the_size_and_margins_of_official_documents() -> None:
    for page in printed(document_of("group", KINDS["group"])).pages:
        assert (round(page.width * POINT), round(page.height * POINT)) == (PAGE_WIDTH, PAGE_HEIGHT)
        number = [c for c in page.chars if c["top"] * POINT > TOP + TEXT_HEIGHT + 2]
        assert re.fullmatch(r"—\d+—", squeezed("".join(c["text"] for c in number)))
        for char in page.chars:
            if char in number or not char["text"].strip():
                continue
            assert LEFT - SLACK < char["x0"] * POINT < char["x1"] * POINT < LEFT + TEXT_WIDTH + SLACK, char["text"]
            assert TOP - SLACK < char["top"] * POINT < char["bottom"] * POINT < TOP + TEXT_HEIGHT + SLACK


def test_a_page_of_text_has_22_lines_of_28_characters() -> None:
    text = "学" * (CHARACTERS * LINES * 2)
    pdf = printed(plain_document(text))
    lines = pdf.lines(1, BODY)
    assert len(lines) == LINES
    assert {len(line) for line in lines[:-1]} == {CHARACTERS}
    first, second = lines[0][0]["bottom"], lines[1][0]["bottom"]
    assert second - first == pytest.approx(TEXT_HEIGHT / LINES / POINT, abs=0.05)
    begin = pdf.lines(0, BODY)[0][0]["x0"]
    assert begin - lines[0][0]["x0"] == pytest.approx(2 * TEXT_WIDTH / CHARACTERS / POINT, abs=1), "indented by two"


def test_headings_keep_to_the_lines() -> None:
    blocks = (
        *plain_document("学" * 100).blocks,
        Heading(1, "一、", "基本情况"),
        Heading(2, "（一）", "人员"),
        *plain_document("学" * 300).blocks,
    )
    lines = printed(Document("zh", "", "", "名称", blocks)).lines(0, BODY)
    pitch = TEXT_HEIGHT / LINES / POINT
    steps = {round((b[0]["bottom"] - a[0]["bottom"]) / pitch, 2) for a, b in pairwise(lines)}
    assert steps == {1.0}


def test_page_numbers_stand_outside() -> None:
    pdf = printed(plain_document("学" * (CHARACTERS * LINES * 2)))
    for index, page in enumerate(pdf.pages[:3]):
        number = [c for c in page.chars if c["top"] * POINT > TOP + TEXT_HEIGHT + 2 and c["text"].strip()]
        assert "".join(c["text"] for c in number) == f"—{index + 1}—"
        middle = sum(c["x0"] for c in number) / len(number)
        assert (middle > page.width / 2) == (index % 2 == 0), "odd pages right, even pages left"
        assert {round(c["size"]) for c in number} == {14}


def test_fonts_are_embedded_and_letters_stay_letters() -> None:
    found = printed(document_of("group", KINDS["group"])).fonts()
    assert found
    for font in found:
        assert font["Subtype"].name != "Type3"
        assert {"FontFile", "FontFile2", "FontFile3"} & font.keys(), font


@pytest.mark.parametrize("language", ["zh", "en"])
def test_screen_readers_find_language_title_structure_and_bookmarks(language: Language) -> None:
    pdf = printed(document_of("group", KINDS["group"], language))
    assert pdf.catalogue["Lang"].decode().split("-")[0] == language
    assert pdf.catalogue["MarkInfo"]["Marked"] is True
    assert {"StructTreeRoot", "Outlines"} <= pdf.catalogue.keys()
    assert KINDS["group"].head.name in pdf.pdf.metadata["Title"]
    assert "Author" not in pdf.pdf.metadata


def test_every_chart_is_there_and_has_a_text_alternative() -> None:
    document = document_of("group", KINDS["group"])
    wanted = [chart.alt for chart in document.charts]
    assert len(wanted) > 8
    assert sorted(printed(document).alternatives()) == sorted(wanted)


def test_the_same_report_gives_the_same_bytes_and_another_moment_others() -> None:
    need_fonts()
    document = document_of("member", KINDS["member"])
    first = to_pdf(document, MOMENT)
    to_pdf(document_of("group", KINDS["group"]), MOMENT)
    assert to_pdf(document, MOMENT) == first
    assert to_pdf(document, MOMENT + timedelta(days=1)) != first


def test_names_are_text_whatever_they_look_like() -> None:
    evil = "#panic() $x$ *a* _b_ `c` <d> @e \\ [f] // g --- 长" + "长" * 30
    text = printed(Document("zh", evil, evil, evil, (Heading(1, "一、", evil), Para((Run(evil),))))).text
    assert text.count(squeezed(evil)) >= 3


def cells(*texts: str) -> list[Cell]:
    return [Cell((Run(text),)) for text in texts]


def test_a_long_table_repeats_its_heading_and_loses_no_row() -> None:
    made = table(cells("姓名", "编号"), [cells(f"成员甲{i}", f"m-{i:04d}") for i in range(120)])
    pdf = printed(Document("zh", "题", "", "名", (made,)))
    assert len(pdf.pages) > 2
    assert pdf.text.count("姓名编号") == len(pdf.pages)
    assert all(f"m-{i:04d}" in pdf.text for i in range(120))


def test_a_table_that_fits_no_upright_page_gets_one_on_its_side_with_its_heading() -> None:
    head = cells(*(f"指标名称{i}" for i in range(12)))
    rows = [[Cell((Run(f"{i}{i}.5% (12345/67890)"),), "end") for i in range(12)] for _ in range(3)]
    made = table(head, rows)
    assert made.room == "wide"
    pdf = printed(Document("zh", "题", "", "名", (Para((Run("前"),)), Wide((Heading(1, "一、", "宽表"), made)))))
    page = next(p for p in pdf.pages if p.width > p.height)
    assert "宽表" in page.extract_text()
    assert all(c["x0"] > 0 and c["x1"] < page.width - 10 / POINT for c in page.chars)


def test_tables_of_reports_stand_inside_of_the_text() -> None:
    for document in (document_of(kind, report, "zh") for kind, report in REPORTS[:6]):
        for block in document.blocks:
            if isinstance(block, Table):
                assert sum(block.widths) == pytest.approx(1, abs=0.01)


def test_without_a_chinese_font_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    need_fonts()
    monkeypatch.setattr(fonts_module, "installed", lambda: frozenset({"DejaVu Serif"}))
    monkeypatch.setattr("reports.formats.pdf.installed", lambda: frozenset({"DejaVu Serif"}))
    with pytest.raises(FormatUnavailable, match="fonts-noto-cjk"):
        to_pdf(plain_document("中文"), MOMENT)
    with pytest.raises(FormatUnavailable, match="fonts-noto-cjk"):
        to_pdf(plain_document("A Chinese name: 张三", language="en"), MOMENT)
    english = Printed(to_pdf(plain_document("No Chinese at all", language="en", title="Report"), MOMENT))
    assert "NoChineseatall" in english.text


def test_fonts_are_taken_in_the_declared_order() -> None:
    found = families(True, {"Noto Serif CJK SC", "FangSong", "LXGW WenKai", "SimSun"})
    assert found["body"][:2] == ("FangSong", "Noto Serif CJK SC")
    assert found["subheading"][0] == "LXGW WenKai"
    assert found["heading"] == ("Noto Serif CJK SC",), "what is there stands in for what is not"
    assert needs_chinese("a 张")
    assert not needs_chinese("naïve — “quoted”")
