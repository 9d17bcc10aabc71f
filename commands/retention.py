"""``xuejing retention``: drop raw events by age; figures stay."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from schemas.errors import ConfigError
from schemas.retention import RULES, ttl, without_ttl
from schemas.settings import Settings
from schemas.tables import DUPLICATES, REJECTED, RETENTION
from sinks.audit import retire
from sinks.client import Store

from . import context as contexts
from .auditing import auditor
from .connect import connected
from .rebuild import broker_of, wait_for_workers

LEAST_DAYS = 62
"""Raw events are kept at least two months: dropping goes by whole months, and late events need their day open."""


def cutoff(now: datetime, days: int) -> datetime:
    """First instant (UTC) that is kept: the beginning of the month in which ``now - days`` lies."""
    oldest = now - timedelta(days=days)
    return datetime(oldest.year, oldest.month, 1, tzinfo=UTC)


def partitions_before(store: Store, moment: datetime) -> list[str]:
    """Months of ``events`` that lie wholly before a month's first instant, as far as something in them may go."""
    sql = f"""
        SELECT toYYYYMM(at) AS month FROM events
        WHERE at < {_BEFORE} AND (member_id, event_id) NOT IN ({_KEPT}) GROUP BY month ORDER BY month"""
    return [str(r[0]) for r in store.rows(sql, _parameters(moment))]


def drop(store: Store, month: str, moment: datetime) -> None:
    """Remove a month's events, except for those that days still open depend on."""
    parameters = _parameters(moment) | {"month": int(month)}
    kept = f"SELECT count() FROM events WHERE toYYYYMM(at) = {{month:UInt32}} AND (member_id, event_id) IN ({_KEPT})"
    if store.rows(kept, parameters) == [(0,)]:
        store.command("ALTER TABLE events DROP PARTITION {p:String}", {"p": month})
    else:
        # Rewrites the month: rows are not only hidden, as DELETE FROM would do.
        store.command(
            f"ALTER TABLE events DELETE WHERE toYYYYMM(at) = {int(month)} "
            f"AND (member_id, event_id) NOT IN ({_KEPT}) SETTINGS mutations_sync = 2",
            parameters,
        )


def _parameters(moment: datetime) -> dict[str, Any]:
    return {"before": int(moment.timestamp() * 1000)}


_BEFORE = "fromUnixTimestamp64Milli({before:Int64}, 'UTC')"
_STRADDLES = f"HAVING min(at) < {_BEFORE} AND max(at) >= {_BEFORE}"
_KEPT = f"""
    SELECT member_id, event_id FROM events WHERE isNotNull(target_id)
    UNION ALL
    SELECT member_id, event_id FROM events GROUP BY member_id, event_id {_STRADDLES}
    UNION ALL
    SELECT member_id, event_id FROM events
    WHERE event_type IN ('answer', 'error') AND (member_id, course_id, question_id) IN (
        SELECT member_id, course_id, question_id FROM events WHERE event_type IN ('answer', 'error')
        GROUP BY member_id, course_id, question_id {_STRADDLES} AND countIf(event_type = 'error') > 0)
    UNION ALL
    SELECT member_id, event_id FROM events
    WHERE exam_id != '' AND (member_id, course_id, question_id, exam_id, attempt) IN (
        SELECT member_id, course_id, question_id, exam_id, attempt FROM events WHERE exam_id != ''
        GROUP BY member_id, course_id, question_id, exam_id, attempt {_STRADDLES})
    UNION ALL
    SELECT member_id, event_id FROM events
    WHERE subject_id != '' AND (member_id, event_type, subject_id) IN (
        SELECT member_id, event_type, subject_id FROM events WHERE subject_id != ''
        GROUP BY member_id, event_type, subject_id {_STRADDLES})"""
"""Events that figures of open days depend on, however old: without them what was withdrawn would come back, a body
that lost would count, an error would lose its answer and be a second wrong one, and the rows, resting on fewer bodies,
would carry smaller versions than those that stand and never replace them. They go when those days have expired too;
withdrawals stay."""


def _check(settings: Settings) -> None:
    if settings.raw_days < LEAST_DAYS:
        raise ConfigError(f"raw_days must be at least {LEAST_DAYS}, not {settings.raw_days}", where="raw_days")


def apply(settings: Settings, store: Store, now: datetime) -> list[str]:
    """Close the period, wait until no worker has older events in hand, drop; returns the months dropped."""
    _check(settings)
    until = cutoff(now, settings.raw_days)
    months = partitions_before(store, until)
    if not months:
        return []
    row = {"closed_to": int(until.timestamp() * 1000), "decided_at": now}
    store.insert(RETENTION.name, RETENTION.rows([row]))
    reached = broker_of(settings)
    if reached is not None:
        wait_for_workers(reached, reached.events_topic)
    for month in months:
        drop(store, month, until)
    for table in (DUPLICATES, REJECTED):
        store.command(
            f"DELETE FROM {table.name} WHERE received_at < fromUnixTimestamp64Milli({{t:Int64}})",
            {"t": row["closed_to"]},
        )
    return months


def by_age(settings: Settings, store: Store) -> list[str]:
    """Statements that are still to be run so that ClickHouse drops by age what schemas/retention.toml declares."""
    found = []
    for rule in RULES:
        if rule.how == "ttl":
            ((made,),) = store.rows(
                "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {t:String}",
                {"t": rule.table},
            )
            has = _ttl_in(str(made), rule.fields)
            wanted = f"toIntervalDay({rule.days(settings)})" if rule.days(settings) else ""
            if wanted and wanted not in has:
                found += ttl(rule, settings)
            elif has and not wanted:
                found += without_ttl(rule)
    return found


def _ttl_in(made: str, names: Collection[str]) -> str:
    """What a CREATE statement says about the age of rows, or of a column."""
    columns, _, table = made.partition(") ENGINE")
    if "*" in names:
        return table.partition(" TTL ")[2]
    return " ".join(found[1] for n in names if (found := re.search(rf"`{n}` [^\n]*? TTL ([^`]*)", columns)))


def expired_audit(settings: Settings, store: Store, now: datetime) -> list[int]:
    """Months (YYYYMM) of the audit that lie wholly before what is kept."""
    rows = store.rows(
        "SELECT DISTINCT toYYYYMM(at) AS m FROM audit WHERE at < {t:DateTime64(6, 'UTC')} ORDER BY m",
        {"t": cutoff(now, settings.audit_days)},
    )
    return [int(r[0]) for r in rows]


def _declared(context: contexts.Context, store: Store, now: datetime, dry_run: bool) -> None:
    statements, months = by_age(context.settings, store), expired_audit(context.settings, store, now)
    for statement in statements:
        if dry_run:
            typer.echo(statement)
        else:
            store.command(statement)
    if months and not dry_run:
        retire(store, auditor(context.settings, store), months)
    listed = ", ".join(map(str, months)) or "–"
    context.say(
        f"按期自动删除的设置：{len(statements)} 处变更；审计月份：{listed}",
        f"dropped by age: {len(statements)} changes; months of the audit: {listed}",
    )


def retention(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只列出 · only list what would be dropped")] = False,
) -> None:
    """按保存期删除 · Drop what is older than its retention: events by whole months (raw_days), the rest as declared.

    What ClickHouse drops by age (body_days, rejected_days) is set up; expired months of the audit go (audit_days).

    Figures stay. Their days are closed: later events for them are rejected as period_closed, and rebuild and
    reconcile begin behind them. Withdrawals stay, and answers that figures of open days depend on (by an error, or in
    one attempt at an exam). Run it on a schedule.
    """
    context = contexts.of(ctx)
    settings, now = context.settings, datetime.now(UTC)
    if settings.raw_days:
        _check(settings)  # before anything is changed
    with connected(settings) as store:
        _declared(context, store, now, dry_run)
    if not settings.raw_days:
        context.say("未设保存期（raw_days = 0），不删除", "no retention is set (raw_days = 0): nothing is dropped")
        return
    with connected(settings) as store:
        months = partitions_before(store, cutoff(now, settings.raw_days)) if dry_run else apply(settings, store, now)
    listed = ", ".join(months) or "–"
    context.say(f"月份：{listed}", f"months: {listed}")
