"""Further families of events, each declared in a module of its own (docs/event-families.md)."""

from __future__ import annotations

from schemas.families.appraisal import APPRAISAL
from schemas.families.attendance import ATTENDANCE, Attendance
from schemas.families.contest import CONTEST
from schemas.families.discussion import DISCUSSION
from schemas.families.dues import DUES
from schemas.families.family import Family, Measure, family_table
from schemas.families.improvement import IMPROVEMENT
from schemas.families.push import PUSH
from schemas.families.reflection import REFLECTION
from schemas.families.service import SERVICE
from schemas.families.survey import SURVEY

__all__ = ["ANONYMOUS", "FAMILIES", "FAMILY_OF", "Attendance", "Family", "Measure", "family_table"]

FAMILIES: dict[str, Family] = {
    f.name: f
    for f in (ATTENDANCE, REFLECTION, DISCUSSION, CONTEST, PUSH, SERVICE, DUES, APPRAISAL, SURVEY, IMPROVEMENT)
}
"""By event type."""
FAMILY_OF: dict[type, Family] = {f.event: f for f in FAMILIES.values()}
"""By the type of the event."""
ANONYMOUS: frozenset[type] = frozenset(f.event for f in FAMILIES.values() if f.anonymous)
"""Types of events that are in the name of an organisation."""
