"""A document as blocks: what a page says, without how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from schemas.reference.columns import Language


class Block(msgspec.Struct, tag=str.lower):
    """One piece of a document, top to bottom. Not changed once it is made."""


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of text; ``blank``: a rule to write on instead of text."""

    text: str
    bold: bool = False
    soft: bool = False
    blank: bool = False


Runs = tuple[Run, ...]
Room = Literal["full", "small", "wide"]


class Heading(Block):
    """``level`` 1 is a section of the report; ``number`` is worded (一、 or 1.)."""

    level: int
    number: str
    text: str


class Para(Block):
    """``kind`` note: small print; box: what must not be overlooked."""

    runs: Runs
    kind: Literal["body", "note", "box"] = "body"


class Fact(msgspec.Struct, frozen=True):
    """A name, its value, and what more is said about it."""

    name: str
    value: str
    note: str = ""


class Facts(Block):
    """Names and values, at the head of a report (``kind`` head), as its main figures, or as definitions."""

    items: tuple[Fact, ...]
    kind: Literal["head", "figures", "definitions"] = "head"


class Chart(Block):
    """``svg`` stands for itself: styles included. ``alt`` says it in words."""

    svg: str
    alt: str
    width: float
    height: float
    caption: str = ""


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table cell. ``whole``: not broken into lines. ``chart``: a small one instead of text."""

    runs: Runs
    align: Literal["start", "end"] = "start"
    whole: bool = False
    head: bool = False
    rows: int = 1
    columns: int = 1
    chart: Chart | None = None

    @property
    def text(self) -> str:
        """The text alone."""
        return "".join(run.text for run in self.runs)


class Table(Block):
    """``head``: its heading row; ``widths``: of its columns as parts of the text width; ``room``: small where it only
    fits in small type, wide where it needs a page on its side; ``strong``: indexes of rows that are totals."""

    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...]
    room: Room = "full"
    strong: tuple[int, ...] = ()


class Option(msgspec.Struct, frozen=True):
    """One of the answers to choose from. ``mark`` says that it is right, or was chosen."""

    letter: str
    text: str
    mark: str = ""
    right: bool = False


class Item(Block):
    """A question with its options and what is said about it."""

    meta: tuple[str, ...]
    stem: str
    options: tuple[Option, ...]
    notes: tuple[Runs, ...]


class Listing(Block):
    """A list; ``ordered`` numbers it."""

    items: tuple[Runs, ...]
    ordered: bool = False


class Fill(Block):
    """Blanks to be filled in by hand, each with its label; two in a row."""

    items: tuple[Runs, ...]


class Lines(Block):
    """Empty lines to write on."""

    count: int


class Sign(Block):
    """Where people sign: each label with a rule."""

    labels: tuple[str, ...]


class Wide(Block):
    """A page on its side: a table that fits no other, with its heading and introduction."""

    blocks: tuple[Heading | Para | Table, ...]


AnyBlock = Heading | Para | Facts | Table | Chart | Item | Listing | Fill | Lines | Sign | Wide


class Document(msgspec.Struct, frozen=True):
    """A whole report."""

    language: Language
    title: str
    subject: str
    name: str
    blocks: tuple[AnyBlock, ...]
    footer: str = ""

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts in order, those in tables too."""
        return tuple(_charts(self.blocks))


def _charts(blocks: Iterable[AnyBlock]) -> Iterator[Chart]:
    for block in blocks:
        if isinstance(block, Chart):
            yield block
        elif isinstance(block, Table):
            yield from (cell.chart for row in (block.head, *block.rows) for cell in row if cell.chart)
        elif isinstance(block, Wide):
            yield from _charts(block.blocks)
