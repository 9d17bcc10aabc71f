"""Reference data: organisations, members and the catalogue, with the tables people fill in for them.

Each row type declares its table: headers in Chinese and English, types, meaning and examples stand in the
annotations of its fields. ``TABLES`` holds the declarations, ``check_reference`` the rules that need more
than one cell, ``Roster`` the dated look-ups. Days are local days of the organisation's time zone, from
inclusive, to exclusive; instants are UTC.
"""

from __future__ import annotations

from schemas.reference.catalogue_rows import COURSES, EXAMS, UNITS, Course, Exam, Unit
from schemas.reference.columns import Choice, Column, ColumnKind, Language, Table, Text, declare, normalise
from schemas.reference.competence_rows import COMPETENCES, WINGS, Competence
from schemas.reference.credit_rows import CREDIT_KINDS, EXEMPTIONS, QUOTAS, Exemption, QuotaRow
from schemas.reference.organisation_rows import (
    MEMBER_CATEGORIES,
    MEMBER_ROLES,
    MEMBER_STATUSES,
    MEMBERS,
    ORGANISATION_KINDS,
    ORGANISATIONS,
    Member,
    Organisation,
)
from schemas.reference.place_rows import PLACES, Place
from schemas.reference.question_rows import (
    KNOWLEDGE_POINTS,
    QUESTION_KINDS,
    QUESTIONS,
    KnowledgePoint,
    Question,
    option_letters,
)
from schemas.reference.roster import Roster
from schemas.reference.rules import check_reference
from schemas.reference.tables import TABLES, Problem, ReferenceTables

__all__ = [
    "COMPETENCES",
    "COURSES",
    "CREDIT_KINDS",
    "EXAMS",
    "EXEMPTIONS",
    "KNOWLEDGE_POINTS",
    "MEMBERS",
    "MEMBER_CATEGORIES",
    "MEMBER_ROLES",
    "MEMBER_STATUSES",
    "ORGANISATIONS",
    "ORGANISATION_KINDS",
    "PLACES",
    "QUESTIONS",
    "QUESTION_KINDS",
    "QUOTAS",
    "TABLES",
    "UNITS",
    "WINGS",
    "Choice",
    "Column",
    "ColumnKind",
    "Competence",
    "Course",
    "Exam",
    "Exemption",
    "KnowledgePoint",
    "Language",
    "Member",
    "Organisation",
    "Place",
    "Problem",
    "Question",
    "QuotaRow",
    "ReferenceTables",
    "Roster",
    "Table",
    "Text",
    "Unit",
    "check_reference",
    "declare",
    "normalise",
    "option_letters",
]
