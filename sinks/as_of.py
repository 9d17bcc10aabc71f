"""Which rows of each table were there at a moment, and a copy of them in another store.

Reference data counts by the time of its recording, calibrations by the time of their fitting, events by the time of
their archiving. Lines that were rejected or repeated have the time of their first receipt only. Rows that are computed
are not copied: they are computed again, except for days that retention had closed by then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from schemas.days import day_date
from schemas.errors import InputError
from schemas.families import FAMILIES
from schemas.tables import ANSWERS, EVENTS, GENERATIONS, MEMBER_DAY, MEMBERSHIPS, REFERENCE, TABLES, Table

from .clickhouse import chunks, cost, utc
from .client import Store
from .closure import membership_rows
from .read.generations import GenerationInfo
from .read.reader import Reader

_T = "{t:DateTime64(6, 'UTC')}"
_IMPORTED = f"""import_id IN (
    SELECT import_id FROM imports FINAL WHERE kind != 'pending' AND recorded_at <= {_T})"""
_POSITION = "cluster, topic, partition, offset, line"
_LOST = f"""({_POSITION}) IN (
    SELECT {_POSITION} FROM (
        SELECT member_id, event_id, body_hash, {_POSITION} FROM events FINAL WHERE archived_at <= {_T}
        UNION ALL
        SELECT member_id, event_id, body_hash, {_POSITION} FROM duplicates FINAL WHERE received_at <= {_T}
    ) AS known
    INNER JOIN (
        SELECT member_id, event_id, min(body_hash) AS best FROM events WHERE archived_at <= {_T}
        GROUP BY member_id, event_id HAVING uniqExact(body_hash) > 1
    ) AS won USING (member_id, event_id)
    WHERE body_hash > best)"""
"""A line loses to another body under its id when that one is archived, which may be long after its own receipt."""
COMPUTED = "computed"
"""Rule of tables whose rows are made again."""
NOT_READ = "not read"
"""Rule of tables that no report reads."""

RULES: Mapping[str, str] = {
    **{table.name: _IMPORTED for table in REFERENCE.values()},
    **{family.table.name: COMPUTED for family in FAMILIES.values()},
    "org_closure": _IMPORTED,
    "imports": f"kind != 'pending' AND recorded_at <= {_T}",
    "events": f"archived_at <= {_T}",
    "rejected_events": f"received_at <= {_T} AND (reason != 'conflict' OR {_LOST})",
    "duplicates": f"received_at <= {_T}",
    "ledger": f"received_at <= {_T}",
    "calibrations": f"calibrated_at <= {_T}",
    "item_thresholds": f"frozen_at <= {_T}",
    "retention": f"decided_at <= {_T}",
    "memberships": COMPUTED,
    "member_day": COMPUTED,
    "answers": COMPUTED,
    "generations": COMPUTED,
    "branch_day": NOT_READ,
    "probes": NOT_READ,
    "issued_reports": NOT_READ,
    "issued_members": NOT_READ,
    "issued_data": NOT_READ,
    "principals": NOT_READ,
    "audit": NOT_READ,
    "erasures": NOT_READ,
    "corrections": NOT_READ,
}
"""Table → which rows of it were there at ``t``; every table has a rule."""
_SETTINGS = {
    "output_format_arrow_string_as_string": 0,  # raw lines may be any bytes
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    "do_not_merge_across_partitions_select_final": 1,
}


def generation_at(store: Store, moment: datetime) -> GenerationInfo:
    """The generation that readers used at a moment (UTC). Raises InputError where there was none yet.

    A generation is used from the time the next smaller one was retired; one that was given up while it was being
    filled was retired before that.
    """
    rows = store.rows(
        "SELECT generation, timezone, rules, state, changed_at FROM generations FINAL ORDER BY generation"
    )
    for number, zone, rules, state, changed in reversed(rows):
        if state == "active" and _aware(changed) <= moment:
            return GenerationInfo(number, zone, rules)
    for number, zone, rules, state, changed in rows:
        if state == "active" or (state == "retired" and _aware(changed) > moment):
            return GenerationInfo(number, zone, rules)
    raise InputError("there were no figures yet at that moment", where="--as-of")


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def closed_at(store: Store, moment: datetime) -> int:
    """Up to which instant (ms UTC) raw events had been dropped at a moment; 0 for none.

    Raises InputError when more have been dropped since: what was known then can't be computed any more.
    """
    ((then, now),) = store.rows(
        f"SELECT maxIf(closed_to, decided_at <= {_T}), max(closed_to) FROM retention",
        {"t": utc(moment.astimezone(UTC))},
    )
    if now > then:
        day = datetime.fromtimestamp(now / 1000, UTC).date()
        raise InputError(
            f"raw events before {day} have been dropped since, so that what was known at that moment can't be computed",
            where="--as-of",
            hint="only reports that were issued can be made again: xuejing reports list",
        )
    return int(then)


def archived_between(
    store: Store, first: datetime, last: datetime, until: datetime, members: Collection[str] | None = None
) -> dict[str, tuple[int, int]]:
    """Type of event → events that were archived after ``first`` and not after ``last`` and happened before ``until``
    (all aware), and how many members they are of; ``members``: only of these."""
    found: dict[str, tuple[int, int]] = {}
    given = {"a": utc(first.astimezone(UTC)), "b": utc(last.astimezone(UTC)), "u": utc(until.astimezone(UTC))}
    for part in _parts(members):
        mine = "1" if part is None else "member_id IN {members:Array(String)}"
        rows = store.rows(
            "SELECT event_type, count(), uniqExact(member_id) FROM events FINAL "
            "WHERE archived_at > {a:DateTime64(6, 'UTC')} AND archived_at <= {b:DateTime64(6, 'UTC')} "
            f"AND at < {{u:DateTime64(6, 'UTC')}} AND {mine} GROUP BY event_type ORDER BY event_type",
            given | ({} if part is None else {"members": list(part)}),
        )
        for kind, events, people in rows:
            had = found.get(kind, (0, 0))
            found[str(kind)] = had[0] + int(events), had[1] + int(people)
    return found


def copy_as_of(source: Store, target: Store, moment: datetime, members: Collection[str] | None = None) -> None:
    """Put the rows that were there at a moment (UTC) into an empty, migrated store.

    ``members``: of events and what is about lines only theirs (of reference data everybody's); None for all. The raw
    lines are left out: nobody reads them to compute.
    """
    for name, rule in RULES.items():
        if rule in (COMPUTED, NOT_READ):
            continue
        for rows in _read(source, TABLES[name], rule, moment, members):
            if rows.num_rows:
                target.insert(name, rows)
    _write_memberships(target)


def write_generation(target: Store, info: GenerationInfo, since: datetime) -> None:
    """Make a generation the active one of the store."""
    row = {"generation": info.number, "timezone": info.timezone, "rules": info.rules, "state": "active"}
    target.insert(GENERATIONS.name, GENERATIONS.rows([row | {"changed_at": since, "version": 1}]))


def copy_closed_days(
    source: Store, target: Store, info: GenerationInfo, first_open: int, members: Collection[str] | None = None
) -> None:
    """Rows of days before a local day (number): they were closed, so that they stand as they were."""
    where = "generation = {g:UInt16} AND day < {first:Date32}"
    for table in (MEMBER_DAY, ANSWERS, *(family.table for family in FAMILIES.values())):
        given = {"g": info.number, "first": day_date(max(first_open, 0))}
        for part in _parts(members):
            sql, parameters = _select(table, where, part)
            for rows in source.batches(sql, parameters | given, _SETTINGS):
                if rows.num_rows:
                    target.insert(table.name, _declared(table, rows))


def _read(
    source: Store, table: Table, rule: str, moment: datetime, members: Collection[str] | None
) -> Iterator[pa.Table]:
    by_member = table.personal and table.name not in {t.name for t in REFERENCE.values()}
    for part in _parts(members if by_member else None):
        sql, parameters = _select(table, rule, part)
        for rows in source.batches(sql, parameters | {"t": utc(moment.astimezone(UTC))}, _SETTINGS):
            yield _declared(table, rows)


def _parts(members: Collection[str] | None) -> Iterator[Sequence[str] | None]:
    if members is None:
        yield None
    else:
        yield from chunks(sorted(members), cost)


def _select(table: Table, rule: str, members: Sequence[str] | None) -> tuple[str, dict[str, object]]:
    columns = ", ".join(
        "'' AS raw" if c.name == "raw" and table is EVENTS else f"t.`{c.name}` AS `{c.name}`" for c in table.columns
    )
    mine = "1" if members is None else "t.member_id IN {members:Array(String)}"
    # An alias keeps `raw` of the row apart from the one that is written here.
    sql = f"SELECT {columns} FROM {table.name} AS t FINAL WHERE {rule} AND {mine}"
    return sql, {} if members is None else {"members": list(members)}


def _declared(table: Table, rows: pa.Table) -> pa.Table:
    """With the types in which rows are handed over; ClickHouse may give days as numbers and text as bytes."""
    rows = rows.select(table.arrow.names)
    for i, field in enumerate(table.arrow):
        if field.type == pa.date32() and rows.schema.field(i).type != pa.date32():
            rows = rows.set_column(i, field.name, rows.column(i).cast(pa.int32()).cast(pa.date32()))
    return rows.cast(table.arrow)


def _write_memberships(target: Store) -> None:
    """What a roster import derives, from the roster that was copied."""
    reader = Reader(target)
    if number := reader.imports().get("roster"):
        rows = list(membership_rows(reader.roster(), number))
        if rows:
            target.insert(MEMBERSHIPS.name, MEMBERSHIPS.rows(rows))
