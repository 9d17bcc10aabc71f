"""An empty Word document in the layout of official documents: page, styles, page numbers."""

from __future__ import annotations

from typing import Any

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from reports.formats import word_parts as parts
from reports.formats.layout import (
    ENGLISH,
    FOOT_GAP,
    LATIN,
    LEFT,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    SIZES,
    TEXT_HEIGHT,
    TEXT_WIDTH,
    TOP,
    WORD_FONTS,
    Sizes,
)

BLACK = RGBColor(0, 0, 0)
INDENT = 2
"""Characters by which paragraphs and headings of Chinese text are indented."""


def new_document(chinese: bool) -> Any:
    """Page, styles and page numbers; nothing written yet."""
    word = docx.Document()
    sizes = SIZES if chinese else ENGLISH
    _styles(word.styles, sizes, chinese)
    section = word.sections[0]
    _upright(section)
    if chinese:
        parts.set_pitch(section, word.styles["Normal"].element.get_or_add_rPr())
    _page_numbers(word, section, sizes)
    parts.declare_fonts(word.part.package)
    return word


def _upright(section: Any) -> None:
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(PAGE_WIDTH), Mm(PAGE_HEIGHT)
    section.top_margin, section.left_margin = Mm(TOP), Mm(LEFT)
    section.right_margin = Mm(PAGE_WIDTH - LEFT - TEXT_WIDTH)
    section.bottom_margin = Mm(PAGE_HEIGHT - TOP - TEXT_HEIGHT)
    section.header_distance = Mm(15)
    section.footer_distance = Mm(PAGE_HEIGHT - TOP - TEXT_HEIGHT - FOOT_GAP) - Pt(SIZES.page_number * 1.3)


def sideways(word: Any) -> None:
    """What follows is on pages on their side."""
    section = word.add_section(WD_SECTION.NEW_PAGE)
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(PAGE_HEIGHT), Mm(PAGE_WIDTH)
    section.left_margin = section.right_margin = Mm((PAGE_HEIGHT - TEXT_HEIGHT) / 2)
    section.top_margin = section.bottom_margin = Mm((PAGE_WIDTH - TEXT_WIDTH) / 2)


def upright(word: Any) -> None:
    """What follows is on upright pages again."""
    _upright(word.add_section(WD_SECTION.NEW_PAGE))


def _styles(styles: Any, sizes: Sizes, chinese: bool) -> None:
    normal = styles["Normal"]
    _style(normal, "body", sizes.body, sizes, chinese)
    normal.paragraph_format.first_line_indent = Pt(sizes.body * INDENT if chinese else 0)
    parts.set_language(normal.element.get_or_add_rPr(), chinese)
    for name, role, size in (
        ("Title", "title", sizes.title),
        ("Subtitle", "subheading", sizes.body),
        ("Heading 1", "heading", sizes.body),
        ("Heading 2", "subheading", sizes.body),
        ("Heading 3", "body", sizes.body),
    ):
        style = styles[name]
        _style(style, role, size, sizes, chinese)
        style.font.color.rgb, style.font.italic = BLACK, False
        style.font.bold = name == "Title" or not chinese
        if name.startswith("Heading"):
            style.paragraph_format.keep_with_next = True
            style.paragraph_format.first_line_indent = Pt(sizes.body * INDENT if chinese else 0)
        else:
            style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
            style.paragraph_format.first_line_indent = Pt(0)
            for border in style.element.pPr.findall(qn("w:pBdr")):
                style.element.pPr.remove(border)


def _style(style: Any, role: str, size: float, sizes: Sizes, chinese: bool) -> None:
    parts.set_fonts(style.element.get_or_add_rPr(), LATIN[0], WORD_FONTS[role])
    style.font.size = Pt(size)
    for old in style.element.rPr.findall(qn("w:spacing")):
        style.element.rPr.remove(old)
    layout = style.paragraph_format
    layout.space_before = Pt(0 if chinese or not style.name.startswith("Heading") else 8)
    layout.space_after = Pt(0)
    layout.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    layout.line_spacing = Pt(max(sizes.pitch, size * 1.3) if role != "title" else size * 1.6)


def _page_numbers(word: Any, section: Any, sizes: Sizes) -> None:
    word.settings.odd_and_even_pages_header_footer = True
    for footer, side in (
        (section.footer, WD_ALIGN_PARAGRAPH.RIGHT),
        (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT),
    ):
        footer.is_linked_to_previous = False
        paragraph = footer.paragraphs[0]
        paragraph.alignment = side
        layout = paragraph.paragraph_format
        layout.first_line_indent, layout.line_spacing_rule = Pt(0), WD_LINE_SPACING.SINGLE
        layout.left_indent = layout.right_indent = Pt(sizes.page_number)
        parts.page_field(paragraph)
        for run in paragraph.runs:
            run.font.size = Pt(sizes.page_number)
