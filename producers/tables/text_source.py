"""Rows of delimited text files: encoding and delimiter found out, read as a stream, lines numbered."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from producers.tables.issues import TableError, Unusable
from schemas.reference import Text

_CHUNK = 1 << 20
_CERTAIN = 20
_DELIMITERS = ",;\t"
FIELD_LIMIT = 1 << 16
"""Longest cell, in characters. A quote that is never closed would otherwise swallow the file into memory."""

Row = tuple[int, list[str]]
"""Line on which the row begins, counted from 1, and its cells."""


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a file is written. ``encoding`` is utf-8-sig, utf-16 or gb18030."""

    encoding: str
    delimiter: str


def detect_encoding(path: Path) -> str:
    """The encoding of a text file, by its mark or by decoding it; reads a UTF-8 file once, in pieces.

    Everything that isn't UTF-8 is taken as GB18030, the superset of GBK and GB2312 that spreadsheets in
    Chinese write. Raises InputError for UTF-8 that is damaged in places: as GB18030 it would be gibberish.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    wide = offset = 0
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        while True:
            chunk = file.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode("utf-8")
                wide += _wide(good)
                # GB18030 text seldom forms three-byte UTF-8 sequences; twenty of them are no accident.
                if wide >= _CERTAIN:
                    at = offset + error.start - (len(error.object) - len(chunk))
                    raise Unusable(
                        Text(f"UTF-8 文本在第 {at} 字节处损坏", f"the UTF-8 text is damaged at byte {at}"),
                        where=str(path),
                        hint=Text("请从原程序重新导出", "export it again"),
                    ) from None
                return "gb18030"
            if wide < _CERTAIN:
                wide += _wide(text)
            offset += len(chunk)
            if not chunk:
                return "utf-8-sig"


def _wide(text: str) -> int:
    return 0 if text.isascii() else sum(character >= "\u0800" for character in text)


def detect_delimiter(header: str) -> str:
    """The delimiter that cuts the header line into most cells; a comma when none does."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=lambda delimiter: (bare.count(delimiter), delimiter == ","))


def open_text(path: Path) -> TextFormat:
    """Find out how the file is written. Raises InputError when it can't be read or is empty."""
    encoding = detect_encoding(path)
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            for line in file:
                declared = re.fullmatch(r"sep=(.)\s*", line)
                if declared:
                    return TextFormat(encoding, declared[1])
                if line.strip():
                    return TextFormat(encoding, detect_delimiter(line))
    except UnicodeError as error:  # UTF-16 has no escape for odd bytes
        raise Unusable(Text("不是有效的 UTF-16 文本", "not valid UTF-16 text"), where=str(path)) from error
    raise Unusable(Text("文件是空的", "the file is empty"), where=str(path))


def read_text(path: Path, form: TextFormat) -> Iterator[Row | TableError]:
    """Non-blank rows in order. A row that can't be cut into cells is an error; reading goes on after it."""
    csv.field_size_limit(FIELD_LIMIT)
    with path.open(encoding=form.encoding, errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=form.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                last = max(reader.line_num, line)
                rule = Text(
                    f"到第 {last} 行为止无法分列，请检查引号：{error}",
                    f"can't be cut into cells up to line {last}, check the quotes: {error}",
                )
                yield TableError(path.name, line, "", "", rule)
                continue
            if line == 1 and len(cells) <= 2 and cells and cells[0].startswith("sep="):
                continue
            if any(cell.strip() for cell in cells):
                yield line, cells
