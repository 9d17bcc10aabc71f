"""Reports of every kind in small, for what turns them into other formats; and reading of PDFs."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pdfplumber
import pytest

from reports.data import ReportData
from reports.figures import Figure, field_names
from reports.formats.document import Document, Para, Run
from reports.formats.fonts import FormatUnavailable, families, installed
from reports.formats.from_page import read_page
from reports.render import Page, Renderer
from reports.site import Site
from schemas.reference.columns import Language
from sinks.read import Scope

MOMENT = datetime(2026, 3, 30, 8, tzinfo=UTC)
POINT = 25.4 / 72
RENDERERS = {language: Renderer(language) for language in ("zh", "en")}


class _Collecting(Site):
    """Keeps reports instead of writing them."""

    def save(self, template: str, report: Any, stem: str, *_: Any, **__: Any) -> str:
        self.collected.append((template, report))
        return stem

    def put(self, *_: Any) -> None:
        """The index is not wanted."""

    def write(self, **_: Any) -> Any:
        self.collected: list[tuple[str, Any]] = []
        return super().write()


def reports_of(data: ReportData, scope: Scope | None = None) -> list[tuple[str, Any]]:
    """Template and context of every report about the data."""
    site = _Collecting(data, scope or Scope.everything(), Path("/nowhere"))
    site.write()
    return site.collected


def page_of(template: str, report: Any, language: Language) -> str:
    """Its page."""
    return RENDERERS[language].report(template, report, Page())


def document_of(template: str, report: Any, language: Language = "zh") -> Document:
    """Its blocks."""
    return read_page(page_of(template, report, language), language)


def plain_document(*texts: str, language: Language = "zh", title: str = "报告") -> Document:
    """A document of body paragraphs."""
    return Document(language, title, "", f"{title} 1", tuple(Para((Run(text),)) for text in texts))


def figures(value: Any) -> list[Figure]:
    """All figures of a context, wherever they are."""
    if isinstance(value, Figure):
        return [value]
    if isinstance(value, tuple):
        return [f for item in value for f in figures(item)]
    return [f for name in field_names(type(value)) for f in figures(getattr(value, name))]


@lru_cache(maxsize=1)
def lacking() -> str:
    """Why documents can't be printed here; '' if they can."""
    try:
        families(True, installed())
    except FormatUnavailable as error:
        return str(error)
    return ""


def need_fonts() -> None:
    """Skips the test where no document can be printed."""
    if lacking():
        pytest.skip(lacking())


def squeezed(text: str) -> str:
    """Text without white space, as lines are broken anywhere."""
    return re.sub(r"\s", "", text)


class Printed:
    """A PDF, read."""

    def __init__(self, content: bytes) -> None:
        self.pdf = pdfplumber.open(io.BytesIO(content))
        self.pages: Sequence[Any] = self.pdf.pages

    @property
    def text(self) -> str:
        """All text in the order of its characters in the file, without white space."""
        return squeezed("".join(char["text"] for page in self.pages for char in page.chars))

    @property
    def catalogue(self) -> Mapping[str, Any]:
        """The document's root object."""
        found: Mapping[str, Any] = self.pdf.doc.catalog
        return found

    def fonts(self) -> list[Mapping[str, Any]]:
        """Descriptors of all fonts used."""
        from pdfminer.pdftypes import resolve1

        found = []
        for page in self.pages:
            for font in (resolve1(resolve1(page.page_obj.resources)["Font"]) or {}).values():
                font = resolve1(font)
                below = resolve1(resolve1(font["DescendantFonts"])[0]) if "DescendantFonts" in font else font
                found.append({"Subtype": font["Subtype"], **resolve1(below.get("FontDescriptor", {}))})
        return found

    def alternatives(self) -> list[str]:
        """Text alternatives of pictures, as a screen reader says them."""
        from pdfminer.utils import decode_text

        ids = {number for table in self.pdf.doc.xrefs for number in table.get_objids()}
        found = (self.pdf.doc.getobj(number) for number in sorted(ids) if number)
        return [decode_text(one["Alt"]) for one in found if isinstance(one, dict) and "Alt" in one]

    def lines(self, page: int, size: float) -> list[list[Any]]:
        """Characters of one size on a page, by line from the top."""
        rows: dict[int, list[Any]] = {}
        for char in self.pages[page].chars:
            if abs(char["size"] - size) < 0.1 and char["text"].strip():
                rows.setdefault(round(char["bottom"]), []).append(char)
        return [rows[key] for key in sorted(rows)]
