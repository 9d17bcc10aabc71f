"""The read side: named, scoped queries over the store."""

from __future__ import annotations

from .declared import ALL_ANSWERS, QUERIES
from .macros import QueryError
from .query import Column, Query
from .reader import Reader
from .scope import Filters, Scope, ScopeError

__all__ = ["ALL_ANSWERS", "QUERIES", "Column", "Filters", "Query", "QueryError", "Reader", "Scope", "ScopeError"]
