"""A Word file as LibreOffice shows it: it opens, its pages have their size, and as many lines as they should."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reports.formats.layout import CHARACTERS, LINES, PAGE_HEIGHT, PAGE_WIDTH, TEXT_HEIGHT, TOP
from reports.formats.word import to_word
from tests.support.documents import MOMENT, POINT, Printed, document_of, plain_document, squeezed
from tests.unit.test_formats_pdf import KINDS

pytestmark = pytest.mark.usefixtures("chinese_font")


def shown(office: str, folder: Path, content: bytes) -> Printed:
    """The file as pages."""
    (folder / "report.docx").write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [
        office,
        profile,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(folder),
        str(folder / "report.docx"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert (folder / "report.pdf").exists(), done.stderr
    return Printed((folder / "report.pdf").read_bytes())


def test_a_page_of_text_has_22_lines_of_28_characters(office: str, tmp_path: Path) -> None:
    pdf = shown(office, tmp_path, to_word(plain_document("学" * CHARACTERS * LINES * 2), MOMENT))
    lines = pdf.lines(1, 16)
    assert len(lines) == LINES
    assert {len(line) for line in lines[:-1]} == {CHARACTERS}


def test_a_report_opens_with_everything_on_its_pages(office: str, tmp_path: Path) -> None:
    document = document_of("group", KINDS["group"])
    pdf = shown(office, tmp_path, to_word(document, MOMENT))
    for page in pdf.pages:
        assert (round(page.width * POINT), round(page.height * POINT)) == (PAGE_WIDTH, PAGE_HEIGHT)
        # Punctuation may hang over the end of a line.
        text = [c for c in page.chars if c["top"] * POINT < TOP + TEXT_HEIGHT and c["text"].isalnum()]
        assert min(c["x0"] for c in text) * POINT > 27
        assert max(c["x1"] for c in text) * POINT < 185
    assert squeezed(document.footer) in pdf.text
    assert sum(len(page.images) for page in pdf.pages) == len(document.charts)
