"""Exams that are no exams of the college: sets of questions of a family whose rows are for the member alone, such as a
contest. What one member reached in them is told to nobody else.

An id is one of them as soon as an event of the family that counts names it, whoever sent it: answers may come before
the event of the same member, or without it. What the catalogue lists is an exam, whatever an event calls it, so that
nobody can take the results of an exam out of sight by naming it.
"""

from __future__ import annotations

from schemas.families import FAMILIES

GENERATION = "{generation:UInt16}"


def private_exams(generation: str = GENERATION, database: str = "") -> str:
    """SELECT of their ids, once each, over everybody. ``generation``: SQL of its number; ``database``: where the
    tables are, '' for the one at hand."""
    at = f"{database}." if database else ""
    families = (f for f in FAMILIES.values() if f.answered and f.audience == "self")
    named = (
        f"SELECT {f.subject} AS exam_id FROM {at}{f.table.name} FINAL WHERE generation = {generation} AND {f.counted}"
        for f in families
    )
    return (
        f"SELECT DISTINCT exam_id FROM ({' UNION ALL '.join(named)}) "
        f"WHERE exam_id NOT IN (SELECT exam_id FROM {at}v_exams)"
    )
