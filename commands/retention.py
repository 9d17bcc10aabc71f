"""``xuejing retention``: drop raw events by age; figures stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from schemas.errors import ConfigError
from schemas.settings import Settings
from schemas.tables import DUPLICATES, EVENTS, REJECTED, RETENTION
from sinks.client import Store

from . import context as contexts
from .connect import connected
from .rebuild import broker_of, wait_for_workers

LEAST_DAYS = 62
"""Raw events are kept at least two months: dropping goes by whole months, and late events need their day open."""


def cutoff(now: datetime, days: int) -> datetime:
    """First instant (UTC) that is kept: the beginning of the month in which ``now - days`` lies."""
    oldest = now - timedelta(days=days)
    return datetime(oldest.year, oldest.month, 1, tzinfo=UTC)


def partitions_before(store: Store, moment: datetime) -> list[str]:
    """Monthly partitions of ``events`` that lie wholly before a month's first instant."""
    rows = store.rows(
        "SELECT DISTINCT partition FROM system.parts WHERE active AND table = {t:String} "
        "AND database = currentDatabase() AND toUInt32(partition) < {p:UInt32} ORDER BY partition",
        {"t": EVENTS.name, "p": moment.year * 100 + moment.month},
    )
    return [str(r[0]) for r in rows]


def apply(settings: Settings, store: Store, now: datetime) -> list[str]:
    """Close the period, wait until no worker has older events in hand, drop; returns the months dropped."""
    if settings.raw_days < LEAST_DAYS:
        raise ConfigError(f"raw_days must be at least {LEAST_DAYS}, not {settings.raw_days}", where="raw_days")
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
        store.command("ALTER TABLE events DROP PARTITION {p:String}", {"p": month})
    for table in (DUPLICATES, REJECTED):
        store.command(
            f"DELETE FROM {table.name} WHERE received_at < fromUnixTimestamp64Milli({{t:Int64}})",
            {"t": row["closed_to"]},
        )
    return months


def retention(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只列出 · only list what would be dropped")] = False,
) -> None:
    """按保存期删除原始事件 · Drop raw events older than the setting raw_days, by whole months.

    Figures stay. Their days are closed: later events for them are rejected as period_closed, and rebuild and
    reconcile begin behind them. Run it on a schedule.
    """
    context = contexts.of(ctx)
    settings, now = context.settings, datetime.now(UTC)
    if not settings.raw_days:
        context.say("未设保存期（raw_days = 0），不删除", "no retention is set (raw_days = 0): nothing is dropped")
        return
    with connected(settings) as store:
        months = partitions_before(store, cutoff(now, settings.raw_days)) if dry_run else apply(settings, store, now)
    listed = ", ".join(months) or "–"
    context.say(f"月份：{listed}", f"months: {listed}")
