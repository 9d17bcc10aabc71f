"""Queries that are made from the declarations of further families: the rows of each as people may ask for them, and
all of them for programs that draw figures or a member's own page. Of anonymous answers programs get sums by quarter."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.families import FAMILIES, Family
from schemas.reference.columns import Text
from schemas.table import Column as TableColumn

from .query import Column, Query, Type
from .scope import Detail, FilterName

PLACE = (
    Column("member_id", "text", Text("成员编号", "member")),
    Column("org_id", "text", Text("当日所属组织；空 = 无所属", "organisation on that day; '' = none in the roster")),
    Column("category", "text", Text("当日人员类别", "category of the member on that day")),
    Column("day", "day", Text("当地日期", "local day")),
)  # fmt: skip
_COMMON = {
    "course_id": "课程；空 = 无",
    "events": "计入的事件数",
    "event_ids": "计入的事件",
    "version": "背后不同事件的个数，随变化增大",
}
_TYPES: Mapping[str, Type] = {
    "String": "text", "Bool": "boolean", "Date": "day", "DateTime64(3, 'UTC')": "time",
    "Array(String)": "texts", "Array(Int64)": "numbers", "Array(UUID)": "texts",
}  # fmt: skip


def _type(column: TableColumn) -> Type:
    plain = column.type
    for wrapper in ("Nullable(", "LowCardinality("):
        plain = plain.removeprefix(wrapper).removesuffix(")") if plain.startswith(wrapper) else plain
    plain = plain.replace("LowCardinality(String)", "String")
    return _TYPES.get(plain, "integer")


def _columns(family: Family) -> list[TableColumn]:
    """Those that a query of rows gives after the place: subject, contents, version."""
    return list(family.table.columns[3:])


def template(family: Family, *, disclosed: bool) -> str:
    """The SQL of a family's rows; ``disclosed``: only rows that people in the scope may see."""
    columns = _columns(family)
    values = {c.name: f"a.`{c.name}`" for c in columns}
    values |= {c.name: f"arrayMap(id -> toString(id), a.`{c.name}`)" for c in columns if c.type == "Array(UUID)"}
    listed = [f"{value} AS `{name}`" for name, value in values.items()]
    course = " AND @equal(course_id, course)" if _has_course(family) else ""
    where = "\nWHERE @own_branch(home.org_id)" if disclosed and family.audience == "branch" else ""
    return f"""WITH
    @homes
SELECT a.member_id AS member_id, home.org_id AS org_id, home.category AS category, a.day AS day,
    {", ".join(listed)}
FROM (
    SELECT * FROM {family.table.name} FINAL
    WHERE generation = {{generation:UInt16}} AND @members(member_id) AND @on_days(day){course} AND {family.counted}
) AS a
@home(a.member_id, a.day){where}
ORDER BY member_id, day, `{family.table.columns[3].name}`"""


def view_sql(family: Family) -> str:
    """The statement that makes the view of a family's rows that count, with the comment above it: what its migration
    says. Rows are seen as those of the table are."""
    names = [c.name for c in _columns(family) if c.name != "version"]
    listed = ",\n    ".join(f"a.`{name}` AS `{name}`" for name in names)
    return f"""\
-- {family.table.description.rstrip(".")}, with the organisation and category of the day.
CREATE OR REPLACE VIEW {family.view} AS
SELECT
    a.member_id AS member_id, m.org_id AS org_id, m.category AS category, a.day AS day,
    {listed}
FROM (
    SELECT * FROM {family.table.name} FINAL
    WHERE generation = (SELECT generation FROM v_generation) AND {family.counted}
) AS a
LEFT JOIN v_memberships AS m ON m.member_id = a.member_id AND m.since <= a.day AND a.day < m.until;
"""


def _has_course(family: Family) -> bool:
    return any(c.name == "course_id" for c in family.contents)


def _filters(family: Family) -> frozenset[FilterName]:
    found: set[FilterName] = {"first", "last", "org", "member", "category"}
    return frozenset(found | ({"course"} if _has_course(family) else set()))


def _query(family: Family, name: str, title: Text, description: Text, *, disclosed: bool) -> Query:
    texts = _COMMON | dict(family.rows.texts if family.rows else {})
    columns = [
        Column(c.name, _type(c), Text(texts.get(c.name, c.name), c.description), "ms" if c.name.endswith("_ms") else "")
        for c in _columns(family)
    ]
    details: set[Detail] = {"own"} if disclosed and family.audience == "self" else {"own", "named"}
    return Query(
        name=name,
        title=title,
        description=description,
        columns=(*PLACE, *columns),
        filters=_filters(family),
        details=frozenset(details),
        template=template(family, disclosed=disclosed),
    )


ROW_QUERIES: Mapping[str, Query] = {
    f.rows.name: _query(f, f.rows.name, f.rows.title, f.rows.description, disclosed=True)
    for f in FAMILIES.values()
    if f.rows
}
"""Queries that people ask, by name."""

_FOR_PROGRAMS = Text("供程序使用", "for programs")


def all_rows(family: Family) -> str:
    """Name of the query of all rows of a family."""
    return f"all rows of {family.name}"


SURVEY_QUARTERS = "answers to surveys by quarter"
_SURVEY_QUARTERS = Query(
    name=SURVEY_QUARTERS,
    title=FAMILIES["survey"].title,
    description=_FOR_PROGRAMS,
    columns=(
        Column("org_id", "text", Text("组织", "organisation of whoever answered, without what is below it")),
        Column("quarter", "day", Text("季度首日", "first local day of the quarter")),
        Column("survey_id", "text", Text("问卷", "the survey")),
        Column("item_id", "text", Text("题目", "question of the survey")),
        Column("choice", "text", Text("选项", "option")),
        Column("answers", "integer", Text("次数", "how often it was chosen")),
    ),
    filters=frozenset({"first", "last"}),
    details=frozenset({"named"}),
    template="""
SELECT substring(member_id, 5) AS org_id, toStartOfQuarter(day) AS quarter, survey_id, item_id, pair.1 AS choice,
    sum(pair.2) AS answers
FROM (
    SELECT member_id, day, survey_id, item_id, arrayZip(choices, answers) AS pairs
    FROM survey FINAL
    WHERE @operator AND generation = {generation:UInt16} AND @on_days(day) AND events > 0
)
ARRAY JOIN pairs AS pair
GROUP BY org_id, quarter, survey_id, item_id, choice
ORDER BY org_id, quarter, survey_id, item_id, choice""",
)

PROGRAM_QUERIES: Mapping[str, Query] = {
    **{
        all_rows(f): _query(f, all_rows(f), f.title, _FOR_PROGRAMS, disclosed=False)
        for f in FAMILIES.values()
        if f.measures
    },
    SURVEY_QUARTERS: _SURVEY_QUARTERS,
}
"""All rows of the families that have figures, and sums of anonymous answers, by name. No command and no address asks
them: who reads them applies what the family says of its audience."""
