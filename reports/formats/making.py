"""From a report and its page to files in the formats that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from reports.formats.csv_file import to_csv
from reports.formats.definitions import definitions
from reports.formats.fonts import FormatUnavailable, families, installed
from reports.formats.from_page import read_page
from reports.formats.made import digest, program
from reports.formats.names import PRINTED, TABLES, Format
from reports.formats.parquet import to_parquet
from reports.formats.tables import sheets
from reports.formats.typed import Typed, typed
from reports.formats.workbook import to_workbook
from reports.paths import page_name
from reports.plain import to_json
from reports.text import Words
from schemas.reference.columns import Language


@dataclass(frozen=True, slots=True)
class File:
    """A file to be: ``source`` is the hash of all that it depends on, ``make`` gives its bytes."""

    path: str
    format: Format
    source: str
    make: Callable[[], bytes]


def unavailable(formats: Collection[Format], languages: Collection[Language]) -> dict[Format, FormatUnavailable]:
    """Which of these formats can't be made on this machine, and why."""
    found: dict[Format, FormatUnavailable] = {}
    for wanted in PRINTED:
        if wanted not in formats:
            continue
        try:
            families("zh" in languages, installed())
            _maker(wanted)
        except FormatUnavailable as error:
            found[wanted] = error
    return found


Printer = Callable[[Any, datetime], bytes]


def _maker(wanted: Format) -> Printer:
    if wanted == "pdf":
        from reports.formats.pdf import to_pdf

        return to_pdf
    from reports.formats.word import to_word

    return to_word


def printed(page: str, language: Language, moment: datetime, stem: str, formats: Collection[Format]) -> Iterator[File]:
    """Documents of one page. Raises FormatUnavailable while they are made, ReportError for markup it doesn't know."""
    wanted = [one for one in PRINTED if one in formats]
    if not wanted:
        return
    document = read_page(page, language)
    content = msgspec.json.encode(document)
    fonts = msgspec.json.encode(sorted(installed()))
    stamp = moment.isoformat().encode()
    for one in wanted:
        source = digest(one.encode(), program(), fonts, stamp, content)
        yield File(page_name(stem, language, one), one, source, lambda one=one: _maker(one)(document, moment))  # type: ignore[misc]


def tabulated(report: Any, stem: str, formats: Collection[Format]) -> Iterator[File]:
    """Workbook, CSV files and Parquet of one report."""
    wanted = [one for one in TABLES if one in formats]
    if not wanted:
        return
    source = digest(program(), *(to_json(report, words) for words in (_ZH, _EN)))
    tables = [*map(typed, sheets(report)), definitions(report)] if set(wanted) - {"parquet"} else []
    title, moment = f"{report.head.name} {report.head.id}", report.head.as_of
    made_by = (report.head.provenance and report.head.provenance.made_by) or ""
    for one in wanted:
        if one == "csv":
            yield from _csv_files(tables, stem, source)
        elif one == "xlsx":
            yield File(f"{stem}.xlsx", one, source, lambda: to_workbook(tables, title, moment, made_by))
        else:
            yield File(f"{stem}.parquet", one, source, lambda: to_parquet(report))


def _csv_files(tables: list[Typed], stem: str, source: str) -> Iterator[File]:
    for table in tables:
        yield File(f"{stem}.tables/{table.id}.csv", "csv", source, lambda table=table: to_csv(table))  # type: ignore[misc]


_ZH, _EN = Words("zh"), Words("en")
