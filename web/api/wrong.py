"""What is wrong with a parameter, as people read it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.reference.columns import Text

_BY_TYPE: Mapping[str, tuple[str, str]] = {
    "literal_error": ("应为 {expected}", "it must be {expected}"),
    "enum": ("应为 {expected}", "it must be {expected}"),
    "greater_than_equal": ("不得小于 {ge}", "it must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "it must be at most {le}"),
    "string_too_long": ("最多 {max_length} 个字符", "at most {max_length} characters"),
    "string_too_short": ("至少 {min_length} 个字符", "at least {min_length} characters"),
    "too_long": ("最多 {max_length} 项", "at most {max_length} of them"),
    "too_short": ("至少 {min_length} 项", "at least {min_length} of them"),
    "int_parsing": ("应为整数", "it must be a whole number"),
    "json_invalid": ("不是合法的 JSON", "this is no valid JSON"),
    "missing": ("缺少此项", "it is missing"),
    "extra_forbidden": ("没有此项", "there is no such member"),
    "string_type": ("应为文本", "it must be text"),
    "list_type": ("应为列表", "it must be a list"),
    "string_pattern_mismatch": ("格式不符", "it has another form than it must have"),
}
"""Type of pydantic's error → what it says, with values of its context."""
_COLUMNS = Text("没有这样的列；各列见 /v1/queries", "there is no such column; /v1/queries lists them")
_DAY = Text("应写作 YYYY-MM-DD，且须是存在的日期", "write YYYY-MM-DD, a day that exists")


def what_is_wrong(error: Mapping[str, Any]) -> Text:
    """One error of pydantic in both languages; one that is not known here as pydantic says it."""
    kind, where = error["type"], error["loc"][-1:]
    if kind == "value_error" and where in (("from",), ("to",)):
        return _DAY
    if kind == "string_pattern_mismatch" and where == ("columns",):
        return _COLUMNS
    if kind not in _BY_TYPE:
        return Text(error["msg"], error["msg"])
    given = dict(error.get("ctx", {}))
    zh, en = _BY_TYPE[kind]
    in_chinese = given | {"expected": str(given.get("expected", "")).replace(" or ", "、").replace(", ", "、")}
    return Text(zh.format(**in_chinese), en.format(**given))
