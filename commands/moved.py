"""After a roster import: count moved members again for their branches, and try rejected lines again."""

from __future__ import annotations

from typing import Any

from producers.kafka_admin import BrokerUnavailable
from schemas.days import day_number
from schemas.errors import XuejingError
from schemas.reference import Roster
from schemas.reference.moves import moves
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read.generations import active_generation
from sinks.reference import current_reference, touched_branch_days
from streams.contributions import again, encode

from .context import Context
from .rejected import retry
from .stack import with_broker
from .worker import event_producer


def publish_moves(context: Context, store: Store, before: Roster) -> None:
    """Ask the branch agent to compute again what the new roster changes, and retry unknown members.

    Without a running broker there is no branch agent either: it reads the roster when it starts, and the
    days are computed again when the import is repeated.
    """
    sink = ClickHouseSink(store, patience=30)
    now = current_reference(sink)
    after = Roster(now.organisations, now.members)
    days = touched_branch_days(store, active_generation(store).number, moves(before, after))
    unknown = _unknown(sink, after)
    if not days and not unknown:
        return
    try:
        settings = with_broker(context.settings)
    except BrokerUnavailable as error:
        raise XuejingError(
            f"the roster is imported, but {len(days)} branch days and {len(unknown)} rejected lines wait for a broker",
            hint=f"start it and import again: {error}",
        ) from error
    generation = active_generation(store).number
    with event_producer(settings, settings.contributions_topic) as producer:
        for org_id, day in days:
            producer.send(org_id, [encode(again(org_id, generation, day_number(day)))])
    with event_producer(settings) as events:
        retry(events, sink, unknown)
    context.say(
        f"重新计算 {len(days)} 个支部日，重试 {len(unknown)} 条被拒记录",
        f"{len(days)} branch days are computed again, {len(unknown)} rejected lines are tried again",
    )


def _unknown(sink: ClickHouseSink, roster: Roster) -> list[dict[str, Any]]:
    return [r for r in sink.rejected("unknown_member") if roster.known(r["member_id"])]
