"""Every table whose rows become events."""

from __future__ import annotations

from producers.tables.attendance_layout import ATTENDANCE
from producers.tables.family_layouts import APPRAISAL, DUES
from producers.tables.layouts import ANSWERS, STUDY
from schemas.reference import Table

RECORDS: dict[str, Table] = {table.name: table for table in (STUDY, ANSWERS, ATTENDANCE, DUES, APPRAISAL)}
"""By name."""
