"""Tables that people have, as events and reference data: CSV and XLSX in, line-numbered errors out."""

from __future__ import annotations

from producers.tables.attendance_layout import ATTENDANCE
from producers.tables.events import NAMESPACE, TableEvent, read_events
from producers.tables.issues import TableError, TableErrors, TableWarning, listing
from producers.tables.layouts import ANSWERS, STUDY
from producers.tables.records import RECORDS
from producers.tables.reference import ReadTables, inspect_reference, read_reference
from producers.tables.sheets import is_table
from producers.tables.templates import KINDS, write_template

__all__ = [
    "ANSWERS",
    "ATTENDANCE",
    "KINDS",
    "NAMESPACE",
    "RECORDS",
    "STUDY",
    "ReadTables",
    "TableError",
    "TableErrors",
    "TableEvent",
    "TableWarning",
    "inspect_reference",
    "is_table",
    "listing",
    "read_events",
    "read_reference",
    "write_template",
]
