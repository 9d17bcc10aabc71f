"""Rules of reference data that need more than one cell: keys, periods, times, answer keys, the tree."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.reference.columns import Table, Text
from schemas.reference.organisation_rows import Organisation
from schemas.reference.references import check_references
from schemas.reference.roster import period
from schemas.reference.tables import TABLES, Problem, ReferenceTables


def check_reference(tables: ReferenceTables, known: ReferenceTables | None = None) -> list[Problem]:
    """Every broken rule, in the order of tables and lines. ``known``: what is already stored, to refer to.

    Keys, periods and the tree are checked within ``tables``. A reference into a table that is neither
    present nor in ``known`` is not checked: a roster may be imported without a catalogue.
    """
    problems: list[Problem] = []
    for table in TABLES.values():
        problems += _periods(table, tables) if "valid_from" in table.key else _keys(table, tables)
    problems += _times(tables)
    problems += _answer_keys(tables)
    problems += check_references(tables, known or ReferenceTables())
    problems += _cycles(tables)
    rank = {name: index for index, name in enumerate(TABLES)}
    return sorted(problems, key=lambda problem: (rank[problem.table], problem.line))


def _keys(table: Table, tables: ReferenceTables) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in tables.located(table.name):
        key = tuple(getattr(row, name) for name in table.key)
        if key in seen:
            rule = Text(f"编号重复，第 {seen[key]} 行已有", f"is a duplicate of line {seen[key]}")
            yield Problem(table.name, line, table.key[-1], key[-1], rule)
        else:
            seen[key] = line


def _periods(table: Table, tables: ReferenceTables) -> Iterator[Problem]:
    id_column = table.key[0]
    groups: dict[str, list[tuple[int, int, int]]] = {}
    for line, row in tables.located(table.name):
        start, end = period(row)
        if start >= end:
            rule = Text(
                f"失效日期必须晚于生效日期 {row.valid_from}",
                f"must be later than valid_from {row.valid_from}",
            )
            yield Problem(table.name, line, "valid_to", str(row.valid_to), rule)
        else:
            groups.setdefault(getattr(row, id_column), []).append((start, end, line))
    for value, rows in groups.items():
        rows.sort()
        _, reach, holder = rows[0]
        for start, end, line in rows[1:]:
            if start < reach:
                first, second = sorted((holder, line))
                rule = Text(
                    f"同一编号的有效期重叠：第 {first} 行与第 {second} 行",
                    f"periods of one id overlap: lines {first} and {second}",
                )
                yield Problem(table.name, second, id_column, value, rule)
            if end > reach:
                reach, holder = end, line


def _times(tables: ReferenceTables) -> Iterator[Problem]:
    for name in ("courses", "exams"):
        for line, row in tables.located(name):
            if row.assigned_at and row.due_at and row.due_at <= row.assigned_at:
                rule = Text("截止时间必须晚于布置时间", "must be later than assigned_at")
                yield Problem(name, line, "due_at", row.due_at.isoformat(), rule)


def _answer_keys(tables: ReferenceTables) -> Iterator[Problem]:
    for line, row in tables.located("questions"):
        if row.kind not in ("single", "multiple") or not row.answer_key:
            continue
        letters = row.key_letters
        if not letters or (row.options and not row.options.keys() >= set(letters)):
            rule = Text(
                "选择题的答案必须是有文字的选项字母，如 A 或 A;C",
                "the key of a choice question names options that have a text, such as A or A;C",
            )
            yield Problem("questions", line, "answer_key", row.answer_key, rule)
        elif row.kind == "single" and len(letters) > 1:
            rule = Text("单选题只能有一个答案", "a single choice question has one key")
            yield Problem("questions", line, "answer_key", row.answer_key, rule)


def _cycles(tables: ReferenceTables) -> Iterator[Problem]:
    rows = [(*period(row), line, row) for line, row in tables.located("organisations")]
    reported: set[frozenset[str]] = set()
    # A loop can only begin on a day on which a row begins.
    for day in sorted({start for start, end, _, _ in rows if start < end}):
        valid: dict[str, tuple[int, Organisation]] = {
            row.org_id: (line, row) for start, end, line, row in rows if start <= day < end
        }
        done: set[str] = set()
        for origin in valid:
            path: dict[str, None] = {}
            node = origin
            while node in valid and node not in done and node not in path:
                path[node] = None
                node = valid[node][1].parent_id
            if node in path:
                names = list(path)
                loop = names[names.index(node) :]
                if frozenset(loop) not in reported:
                    reported.add(frozenset(loop))
                    line, org_id = min((valid[name][0], name) for name in loop)
                    chain = " → ".join([*loop, node])
                    rule = Text(f"上级关系成环：{chain}", f"the organisations form a loop: {chain}")
                    yield Problem("organisations", line, "parent_id", valid[org_id][1].parent_id, rule)
            done.update(path)
