"""The pieces of WordprocessingML that python-docx has no words for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from reports.formats.layout import FONTS, SIZES, WORD_FONTS

MARGIN = 57
"""Of table cells, left and right, in twentieths of a point: one millimetre."""
_AFTER_SPACING = ("w:w", "w:kern", "w:position", "w:sz", "w:szCs", "w:highlight", "w:u", "w:lang")
_AFTER_BORDERS = ("w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook")


def element(name: str, **attributes: object) -> Any:
    """``element("w:spacing", line=579)``."""
    made = OxmlElement(name)
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), str(value))
    return made


def set_fonts(properties: Any, latin: str, chinese: str) -> None:
    """Fonts of a style or run; a theme's fonts would win over them and are taken out."""
    for old in properties.findall(qn("w:rFonts")):
        properties.remove(old)
    properties.insert(0, element("w:rFonts", ascii=latin, hAnsi=latin, cs=latin, eastAsia=chinese))


def set_language(properties: Any, chinese: bool) -> None:
    """The language of the text, for spelling and for screen readers. Latin letters are English in Chinese text too:
    as Chinese, their words would be broken anywhere."""
    for old in properties.findall(qn("w:lang")):
        properties.remove(old)
    properties.append(element("w:lang", val="en-GB", eastAsia="zh-CN" if chinese else "en-GB"))


def set_pitch(section: Any, properties: Any) -> None:
    """28 characters on a line, by the space between letters; 22 lines, by the height of lines. A grid of characters
    would say it in one word, but programs disagree about what it does to smaller type."""
    for old in section._sectPr.findall(qn("w:docGrid")):
        section._sectPr.remove(old)
    section._sectPr.append(element("w:docGrid", linePitch=int(SIZES.pitch * 20)))
    _insert(properties, element("w:spacing", val=floor(SIZES.tracking * 20)), _AFTER_SPACING)


def page_field(paragraph: Any) -> None:
    """— 1 —"""
    paragraph.add_run("— ")
    run = paragraph.add_run()
    for kind in ("begin", "instr", "separate", "text", "end"):
        if kind == "instr":
            made = element("w:instrText")
            made.text = " PAGE "
        elif kind == "text":
            made = element("w:t")
            made.text = "1"
        else:
            made = element("w:fldChar", fldCharType=kind)
        run._r.append(made)
    paragraph.add_run(" —")


def borders(table: Any, **lines: tuple[int, str]) -> None:
    """Rules of a table: side → eighths of a point, colour."""
    properties = table._tbl.tblPr
    made = element("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        size, colour = lines.get(side, (0, "auto"))
        made.append(element(f"w:{side}", val="single" if size else "nil", sz=size, space=0, color=colour))
    _insert(properties, made, _AFTER_BORDERS)
    margins = element("w:tblCellMar")
    margins.append(element("w:left", w=MARGIN, type="dxa"))
    margins.append(element("w:right", w=MARGIN, type="dxa"))
    _insert(properties, margins, ("w:tblLook",))


def _insert(properties: Any, made: Any, before: Sequence[str]) -> None:
    """Puts an element where its schema wants it: before the first of ``before``, else last."""
    names = {qn(name) for name in before}
    after = next((child for child in properties if child.tag in names), None)
    if after is None:
        properties.append(made)
    else:
        after.addprevious(made)


def cell_border(cell: Any, side: str, size: int, colour: str = "auto") -> None:
    """One rule of one cell."""
    properties = cell._tc.get_or_add_tcPr()
    made = properties.find(qn("w:tcBorders"))
    if made is None:
        made = element("w:tcBorders")
        _insert(properties, made, ("w:shd", "w:noWrap", "w:tcMar", "w:vAlign"))
    made.append(element(f"w:{side}", val="single", sz=size, space=0, color=colour))


def row_kind(row: Any, *, head: bool) -> None:
    """No row is split between pages; the heading row is said again on each."""
    properties = row._tr.get_or_add_trPr()
    properties.append(element("w:cantSplit"))
    if head:
        properties.append(element("w:tblHeader"))


def describe(picture: Any, text: str) -> None:
    """The text alternative of a picture."""
    picture._inline.docPr.set("descr", text)


def declare_fonts(package: Any) -> None:
    """Writes the chains of fonts into the font table: what to use where the first one is not installed."""
    part = next(part for part in package.iter_parts() if str(part.partname).endswith("fontTable.xml"))
    entries = "".join(_font(WORD_FONTS[role], chain) for role, chain in _chains().items())
    part._blob = part.blob.replace(b"</w:fonts>", entries.encode() + b"</w:fonts>")


def _chains() -> Mapping[str, Sequence[str]]:
    return {role: [name for name in FONTS[role] if name != WORD_FONTS[role]] for role in WORD_FONTS}


def _font(name: str, chain: Sequence[str]) -> str:
    return (
        f'<w:font w:name="{name}"><w:altName w:val="{",".join(chain)}"/><w:charset w:val="86"/>'
        '<w:family w:val="auto"/><w:pitch w:val="variable"/></w:font>'
    )
