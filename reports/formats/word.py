"""Word: blocks as a document of the same layout as the PDF, to be edited, signed and filed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from reports.formats.archive import repacked
from reports.formats.document import (
    AnyBlock,
    Cell,
    Chart,
    Document,
    Facts,
    Fill,
    Heading,
    Item,
    Lines,
    Listing,
    Para,
    Runs,
    Sign,
    Table,
    Wide,
)
from reports.formats.fonts import FormatUnavailable
from reports.formats.layout import ENGLISH, POINT, SIZES, TEXT_HEIGHT, TEXT_WIDTH
from reports.formats.pictures import pictures

try:
    from docx.enum.table import WD_ALIGN_VERTICAL
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.shared import Mm, Pt, RGBColor

    from reports.formats import word_parts as parts
    from reports.formats.word_page import new_document, sideways, upright
except ImportError as error:
    raise FormatUnavailable(
        f"Word needs the Python package python-docx: {error}", hint="pip install 'xuejing[documents]'"
    ) from error

SOFT = RGBColor(0x46, 0x46, 0x46)
CHART_SCALE = 0.94
"""Points to a unit of a chart, as in the PDF."""


def to_word(document: Document, moment: datetime) -> bytes:
    """The document as .docx; ``moment`` is the date that the file carries. Raises FormatUnavailable."""
    writer = _Writer(document)
    writer.write()
    properties = writer.word.core_properties
    properties.title, properties.author, properties.last_modified_by = document.name, "", ""
    properties.comments, properties.keywords, properties.revision = "", "", 1
    properties.language = "zh-CN" if document.language == "zh" else "en"
    properties.created = properties.modified = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    out = io.BytesIO()
    writer.word.save(out)
    return repacked(out.getvalue())


class _Writer:
    def __init__(self, document: Document) -> None:
        self.document, self.chinese = document, document.language == "zh"
        self.sizes = SIZES if self.chinese else ENGLISH
        self.word = new_document(self.chinese)
        self._pictures: Iterator[bytes] = iter(pictures(document))
        self._numbers = 0

    def write(self) -> None:
        """Everything, top to bottom."""
        self.word.add_paragraph(self.document.title, "Title")
        if self.document.subject:
            self.word.add_paragraph(self.document.subject, "Subtitle")
        for block in self.document.blocks:
            self.block(block)
        if self.document.footer:
            line = self._small(self.word.add_paragraph(), self.sizes.table)
            line.paragraph_format.space_before = Pt(self.sizes.pitch)
            line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            line.add_run(self.document.footer).font.size = Pt(self.sizes.table)

    def block(self, block: AnyBlock) -> None:
        """One block."""
        match block:
            case Heading():
                self.word.add_paragraph(block.number + block.text, f"Heading {min(block.level, 3)}")
            case Para():
                self._para(block)
            case Facts():
                self._facts(block)
            case Table():
                self._table(block)
            case Chart():
                self._chart(block)
            case Item():
                self._item(block)
            case Listing():
                for number, item in enumerate(block.items, 1):
                    paragraph = self.word.add_paragraph()
                    self._runs(paragraph, item, before=f"{number}. " if block.ordered else "· ")
            case Fill():
                self._fill(block)
            case Lines():
                for _ in range(block.count):
                    line = self._grid(1, (1.0,))
                    parts.borders(line)
                    self._rule(line.cell(0, 0))
            case Sign():
                self._sign(block)
            case Wide():
                sideways(self.word)
                for one in block.blocks:
                    self.block(one)
                upright(self.word)

    def _small(self, paragraph: Any, size: float, *, lead: float = 1.35) -> Any:
        """Small print: lines of its own height, not indented."""
        layout = paragraph.paragraph_format
        layout.first_line_indent, layout.line_spacing_rule = Pt(0), WD_LINE_SPACING.EXACTLY
        layout.line_spacing = Pt(size * lead)
        return paragraph

    def _runs(self, paragraph: Any, runs: Runs, size: float = 0, *, bold: bool = False, before: str = "") -> None:
        if before:
            paragraph.add_run(before)
        for run in runs:
            # Only the spaces between underlines are the blank.
            made = paragraph.add_run("\u3000" * 4 if run.blank else run.text)
            made.underline = run.blank or None
            made.bold = (run.bold or bold) or None
            if run.soft:
                made.font.color.rgb = SOFT
            if size:
                made.font.size = Pt(size)

    def _para(self, block: Para) -> None:
        paragraph = self.word.add_paragraph()
        if block.kind == "body":
            self._runs(paragraph, block.runs)
            return
        self._small(paragraph, self.sizes.small, lead=1.5)
        paragraph.paragraph_format.space_after = Pt(4)
        self._runs(paragraph, block.runs, self.sizes.small, bold=block.kind == "box")

    def _facts(self, block: Facts) -> None:
        if block.kind == "definitions":
            for fact in block.items:
                line = self._small(self.word.add_paragraph(), self.sizes.tiny)
                line.paragraph_format.space_after = Pt(3)
                for text, bold in ((fact.name + "　", True), (fact.value + " ", False), (fact.note, False)):
                    made = line.add_run(text)
                    made.bold, made.font.size = bold or None, Pt(self.sizes.tiny)
            return
        notes = block.kind == "figures"
        size = self.sizes.table if notes else self.sizes.small
        table = self._grid(len(block.items), (0.35, 0.3, 0.35) if notes else (0.22, 0.78))
        parts.borders(table, top=(4, "969696"), bottom=(4, "969696"), insideH=(4, "969696"))
        for row, fact in zip(table.rows, block.items, strict=True):
            texts = (fact.name, fact.value, fact.note) if notes else (fact.name, fact.value)
            for index, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
                made = self._small(cell.paragraphs[0], size, lead=1.5).add_run(text)
                made.font.size, made.bold = Pt(size), (notes and index == 1) or None
                if notes and index == 1:
                    cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self._gap()

    def _gap(self) -> None:
        """Word needs a paragraph between tables."""
        self._small(self.word.add_paragraph(), 6, lead=1)

    def _grid(self, rows: int, widths: tuple[float, ...], *, wide: bool = False) -> Any:
        table = self.word.add_table(rows, len(widths))
        table.autofit = False
        total = TEXT_HEIGHT if wide else TEXT_WIDTH
        for column, part in zip(table.columns, widths, strict=True):
            column.width = Mm(total * part)
            for cell in column.cells:
                cell.width = Mm(total * part)
        for row in table.rows:
            parts.row_kind(row, head=False)
        return table

    def _table(self, block: Table) -> None:
        rows = ((block.head, *block.rows)) if block.head else block.rows
        table = self._grid(len(rows), block.widths, wide=block.room == "wide")
        parts.borders(table, top=(8, "auto"), bottom=(8, "auto"), insideH=(2, "969696"))
        size = self.sizes.tiny if block.room == "small" else self.sizes.table
        grid = [row.cells for row in table.rows]
        taken: set[tuple[int, int]] = set()
        for y, row in enumerate(rows):
            head = bool(block.head) and y == 0
            if head:
                parts.row_kind(table.rows[0], head=True)
            x = 0
            for cell in row:
                while (x, y) in taken:
                    x += 1
                target = grid[y][x]
                if cell.rows > 1 or cell.columns > 1:
                    target = target.merge(grid[y + cell.rows - 1][x + cell.columns - 1])
                    taken |= {(x + i, y + j) for i in range(cell.columns) for j in range(cell.rows)}
                strong = head or y - bool(block.head) in block.strong
                self._cell(target, cell, size, block.widths[x] * TEXT_WIDTH, strong=strong)
                if head:
                    parts.cell_border(target, "bottom", 6)
                x += cell.columns
        self._gap()

    def _cell(self, target: Any, cell: Cell, size: float, width: float, *, strong: bool) -> None:
        paragraph = target.paragraphs[0]
        if cell.chart:
            paragraph.paragraph_format.first_line_indent = Pt(0)
            paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
            self._picture(paragraph, cell.chart, (width - 4) / POINT)
            return
        self._small(paragraph, size)
        if cell.align == "end":
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self._runs(paragraph, cell.runs, size, bold=strong)

    def _picture(self, paragraph: Any, chart: Chart, width: float) -> None:
        made = paragraph.add_run().add_picture(io.BytesIO(next(self._pictures)), width=Pt(width))
        parts.describe(made, chart.alt)

    def _chart(self, block: Chart) -> None:
        if block.caption:
            caption = self._small(self.word.add_paragraph(), self.sizes.small, lead=1.6)
            caption.alignment, caption.paragraph_format.keep_with_next = WD_ALIGN_PARAGRAPH.CENTER, True
            caption.add_run(block.caption).font.size = Pt(self.sizes.small)
        paragraph = self.word.add_paragraph()
        layout = paragraph.paragraph_format
        layout.first_line_indent, layout.line_spacing_rule = Pt(0), WD_LINE_SPACING.SINGLE
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        self._picture(paragraph, block, min(block.width * CHART_SCALE, TEXT_WIDTH / POINT))

    def _item(self, block: Item) -> None:
        lines: list[tuple[Runs | str, float, bool]] = []
        if block.meta:
            lines.append(("　".join(block.meta), self.sizes.tiny, False))
        lines.append((block.stem, self.sizes.small, True))
        for option in block.options:
            text = f"{option.letter}　{option.text}" + (f"　（{option.mark}）" if option.mark else "")
            lines.append((text, self.sizes.table, option.right))
        lines += [(note, self.sizes.table, False) for note in block.notes]
        for index, (content, size, bold) in enumerate(lines):
            paragraph = self._small(self.word.add_paragraph(), size, lead=1.4)
            layout = paragraph.paragraph_format
            layout.left_indent, layout.keep_with_next = Pt(10), index < len(lines) - 1
            layout.space_before = Pt(8 if index == 0 else 0)
            if isinstance(content, str):
                made = paragraph.add_run(content)
                made.font.size, made.bold = Pt(size), bold or None
            else:
                self._runs(paragraph, content, size, bold=bold)

    def _fill(self, block: Fill) -> None:
        table = self._grid(-(-len(block.items) // 2), (0.5, 0.5))
        parts.borders(table)
        for index, item in enumerate(block.items):
            paragraph = table.cell(index // 2, index % 2).paragraphs[0]
            paragraph.paragraph_format.first_line_indent = Pt(0)
            self._runs(paragraph, item)
        self._gap()

    def _rule(self, cell: Any) -> None:
        parts.cell_border(cell, "bottom", 4)

    def _sign(self, block: Sign) -> None:
        table = self._grid(len(block.labels), (0.4, 0.6))
        parts.borders(table)
        for row, label in zip(table.rows, block.labels, strict=True):
            row.height = Pt(self.sizes.pitch * 1.4)
            row.cells[0].vertical_alignment = WD_ALIGN_VERTICAL.BOTTOM
            paragraph = row.cells[0].paragraphs[0]
            paragraph.paragraph_format.first_line_indent = Pt(0)
            paragraph.paragraph_format.keep_with_next = True
            paragraph.add_run(label)
            self._rule(row.cells[1])
        self._gap()
