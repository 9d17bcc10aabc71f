"""Further families of events, each declared in a module of its own (docs/event-families.md)."""

from __future__ import annotations

from schemas.families.attendance import ATTENDANCE, Attendance
from schemas.families.family import Family, family_table

__all__ = ["FAMILIES", "FAMILY_OF", "Attendance", "Family", "family_table"]

FAMILIES: dict[str, Family] = {f.name: f for f in (ATTENDANCE,)}
"""By event type."""
FAMILY_OF: dict[type, Family] = {f.event: f for f in FAMILIES.values()}
"""By the type of the event."""
