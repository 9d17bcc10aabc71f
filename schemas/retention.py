"""How long what is held about persons is kept: the declared table ``retention.toml``, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal

import msgspec

from .errors import ConfigError
from .families import FAMILIES
from .persons import PERSONS
from .reference.columns import Text
from .settings import Settings
from .tables import TABLES

PATH = Path(__file__).with_name("retention.toml")
SIX_MONTHS = 184
"""Days for which logs of access are kept at least."""
KEYED = frozenset({"audit", "erasures"})
"""Tables in which members stand as keyed hashes: their rows are about persons too."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages."""

    zh: str
    en: str


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule: for how long fields of a table are kept, and what for."""

    table: str
    fields: tuple[str, ...]
    how: Literal["ttl", "months", "event", "erasure", "roster"]
    purpose: Words
    setting: str = ""
    until: Words | None = None
    age: str = ""
    least_days: int = 0

    def days(self, settings: Settings) -> int:
        """Days for which it is kept, 0 for no end by age."""
        return int(getattr(settings, self.setting)) if self.setting else 0


class _File(msgspec.Struct, forbid_unknown_fields=True):
    kept: tuple[Kept, ...]


def read(text: str) -> tuple[Kept, ...]:
    """The rules of a declaration. Raises ConfigError for one that is not whole: a table about persons without a rule,
    an unknown table, field or setting, an audit that is kept for less than six months."""
    try:
        written = msgspec.convert(tomllib.loads(text), _File).kept
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"not valid rules of retention: {error}", where=PATH.name) from error
    rules = (*written, *_of_families({rule.table for rule in written}))
    known = {f.name: f for f in fields(Settings)}
    for rule in rules:
        columns = {c.name for c in TABLES[rule.table].columns} if rule.table in TABLES else set()
        sound = columns >= set(rule.fields) - {"*"} and bool(rule.setting) != bool(rule.until)
        sound &= rule.setting in known or not rule.setting
        sound &= (rule.how == "ttl") == bool(rule.age) and (not rule.age or rule.age in columns)
        if not columns or not sound:
            raise ConfigError(f"the rule of retention for {rule.table} is not sound", where=PATH.name)
        if rule.least_days and (known[rule.setting].metadata["least"] or 0) < rule.least_days:
            raise ConfigError(f"{rule.setting} may be set to less than {rule.least_days}", where=PATH.name)
    if {r.table for r in rules if "*" in r.fields} != about_persons():
        raise ConfigError("the rules of retention are not those of the tables about persons", where=PATH.name)
    if min((r.least_days for r in rules if r.table == "audit"), default=0) < SIX_MONTHS:
        raise ConfigError(f"the audit must be kept at least {SIX_MONTHS} days", where=PATH.name)
    return rules


def about_persons() -> set[str]:
    """Tables that need a rule."""
    return {name for name, held in PERSONS.items() if held.column or held.by_register} | KEYED


def _of_families(written: set[str]) -> tuple[Kept, ...]:
    """Rules of the tables of further families that have none of their own: kept for the purpose declared there."""
    until = Words("本人申请删除", "the member asks for erasure")
    return tuple(
        Kept(table=f.table.name, fields=("*",), purpose=Words(*f.purpose), how="erasure", until=until)
        for f in FAMILIES.values()
        if f.purpose.en and f.table.name not in written
    )


RULES = read(PATH.read_text("utf-8"))


def ttl(rule: Kept, settings: Settings) -> list[str]:
    """SQL that makes ClickHouse drop by age what a rule says; nothing where its setting is 0."""
    days = rule.days(settings)
    if rule.how != "ttl" or not days:
        return []
    end = f"TTL toDateTime({rule.age}) + INTERVAL {days} DAY"
    if "*" in rule.fields:
        return [f"ALTER TABLE {rule.table} MODIFY {end}"]
    return [f"ALTER TABLE {rule.table} MODIFY COLUMN `{name}` {end}" for name in rule.fields]


def without_ttl(rule: Kept) -> list[str]:
    """SQL that ends it."""
    if "*" in rule.fields:
        return [f"ALTER TABLE {rule.table} REMOVE TTL"]
    return [f"ALTER TABLE {rule.table} MODIFY COLUMN `{name}` REMOVE TTL" for name in rule.fields]


_HOW: Mapping[str, Text] = {
    "ttl": Text("数据库按期自动删除（TTL）", "dropped by ClickHouse (TTL)"),
    "months": Text("`xuejing retention` 按整月删除", "`xuejing retention` drops whole months"),
    "event": Text("随事件删除", "goes with its event"),
    "erasure": Text("`xuejing forget`", "`xuejing forget`"),
    "roster": Text("名册导入时替换", "replaced by roster imports"),
}


def retention_markdown() -> str:
    """The table in docs/privacy.md."""
    lines = ["| 数据 data | 字段 fields | 目的 | purpose | 保存期 kept | 如何执行 how |", "|---|---|---|---|---|---|"]
    defaults = Settings()
    for rule in RULES:
        named = ", ".join(f"`{f}`" for f in rule.fields if f != "*") or "全部 all"
        if rule.until:
            kept = f"{rule.until.zh} · {rule.until.en}"
        else:
            days = rule.days(defaults)
            default = f"{days} 天 days" if days else "不限 no end"
            least = f"，至少 at least {rule.least_days}" if rule.least_days else ""
            kept = f"`{rule.setting}`（默认 default {default}{least}）"
        how = _HOW[rule.how]
        shown = how.zh if how.zh == how.en else f"{how.zh} · {how.en}"
        lines.append(f"| `{rule.table}` | {named} | {rule.purpose.zh} | {rule.purpose.en} | {kept} | {shown} |")
    return "\n".join(lines)
