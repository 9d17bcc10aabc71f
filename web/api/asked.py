"""What a request asks of a query: typed parameters, as filters, columns, format and page. Pure."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query as Parameter
from pydantic import BeforeValidator, WithJsonSchema

from reports.asking import Question
from schemas.reference import MEMBER_CATEGORIES
from sinks.read import Filters

from .formats import FORMS, Form

EARLIEST, LATEST = date(1900, 1, 1), date(2299, 12, 31)
"""Days that the store knows. What is asked beyond them is what lies within."""
TEXT = r"^[^\x00-\x1f\x7f]*$"
"""One line of text."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def day(text: Any) -> date:
    """A local day written YYYY-MM-DD, brought into what the store knows. Raises ValueError."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("write YYYY-MM-DD")
    return min(max(date.fromisoformat(text), EARLIEST), LATEST)


Day = Annotated[date, BeforeValidator(day), WithJsonSchema({"type": "string", "format": "date"})]
Lang = Literal["zh", "en"]
_CATEGORY: Any = Literal[tuple(c.code for c in MEMBER_CATEGORIES)]
_NAMED: Mapping[str, tuple[str, Any, str, Any]] = {
    "first": ("from", Day, "首日（含，当地）· first day, included, local", "2026-03-01"),
    "last": ("to", Day, "末日（含，当地）· last day, included, local", "2026-03-31"),
    "org": ("org", str, "组织及其下级 · organisation and what is below it", "b1"),
    "member": ("member", str, "成员 · member", "m1"),
    "category": ("category", _CATEGORY, "人员类别 · category of members", "staff"),
    "course": ("course", str, "课程；空 = 全部课程合计 · course; empty: over all courses", "c1"),
    "exam": ("exam", str, "考试；空 = 练习 · exam; empty: practice", "e1"),
}
"""Filter → its parameter, type, meaning and an example."""
WHERE = {name: parameter for name, (parameter, *_) in _NAMED.items()}
"""Filter → its parameter."""


def _parameter(name: str, type_: Any, description: str, **more: Any) -> inspect.Parameter:
    about = Parameter(description=description, **more)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[type_ | None, about]
    )


def parameters(query: Question, most_rows: int) -> list[inspect.Parameter]:
    """The parameters of a query's endpoint: the filters that it has, and what all have in common."""
    found = []
    for name, (alias, type_, description, example) in _NAMED.items():
        if name in query.filters:
            bounds: dict[str, Any] = {"max_length": 64, "pattern": TEXT} if type_ is str else {}
            found.append(_parameter(name, type_, description, alias=alias, examples=[example], **bounds))
    one = "|".join(query.names)
    listed = ",".join(query.names[:2])
    return [
        *found,
        _parameter("columns", str, "只要这些列，以逗号分隔 · only these columns, comma separated",
                   pattern=f"^({one})(,({one}))*$", max_length=4000, examples=[listed]),
        _parameter("limit", int, f"每页最多行数，默认 {most_rows} · most rows of a page", ge=1, le=most_rows,
                   examples=[100]),
        _parameter("page", str, "下一页：取自响应头 Link · the next page: from the header Link", max_length=1000,
                   pattern=r"^[A-Za-z0-9_-]+$"),
        _parameter("purpose", str, "用途：上级具名查阅时必填，记入审计 · what for: needed above a branch where members "
                   "are named; audited, and shown to them", max_length=200, pattern=TEXT,
                   examples=["2026 年第一季度学习情况检查"]),
        _parameter("format", Literal[FORMS], "格式；优先于 Accept · format; goes before Accept"),
        _parameter("lang", Lang, "错误信息的语言；优先于 Accept-Language · language of errors"),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``columns``: those asked for, in that order; ``page``: the token, '' for the first page."""

    query: Question
    filters: Filters
    columns: tuple[str, ...]
    limit: int
    page: str
    purpose: str
    form: Form

    @classmethod
    def of(cls, query: Question, values: Mapping[str, Any], form: Form, most_rows: int) -> Asked:
        """From the values of the parameters. Raises InputError for a period that ends before it begins."""
        filters = Filters(**{name: values[name] for name in _NAMED if values.get(name) is not None})
        columns = values.get("columns")
        return cls(
            query=query,
            filters=filters,
            columns=tuple(dict.fromkeys(columns.split(","))) if columns else tuple(query.names),
            limit=values.get("limit") or most_rows,
            page=values.get("page") or "",
            purpose=(values.get("purpose") or "").strip(),
            form=form,
        )

    def given(self) -> dict[str, Any]:
        """The filters that were given, by parameter."""
        return {WHERE[name]: getattr(self.filters, name) for name in sorted(self.filters.given())}

    def digest(self, *more: str) -> str:
        """A name for what is asked; ``more``: what the answer depends on beside it."""
        text = json.dumps([self.query.name, self.given(), *more], default=str, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
