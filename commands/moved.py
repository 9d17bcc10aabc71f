"""After a roster import: count moved members again for their branches, and try rejected lines again.

An import is written to the store first and published afterwards. Where publishing fails, the import stays marked
as unpublished: the next import, ``xuejing import resume`` or the next start of a worker completes it. Doing it twice
does no harm: a branch's day is computed from the store, and the same event twice is one event.
"""

from __future__ import annotations

from typing import NamedTuple

from producers.kafka_admin import BrokerUnavailable, topic_partitions
from producers.kafka_client import EventProducer
from schemas.errors import ConfigError, DeliveryError, XuejingError
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.imports import mark_published, unpublished, waiting_branch_days
from sinks.rosters import read_roster

from .context import Context
from .outbox import Contributions
from .producing import event_producer
from .rejected import retry
from .stack import with_broker


class Published(NamedTuple):
    """What was sent: branch days to compute again, and rejected lines of members who are known now."""

    imports: int = 0
    branch_days: int = 0
    retried: int = 0


def complete(sink: ClickHouseSink, events: EventProducer, contributions: EventProducer) -> Published:
    """Publish every import that waits; marked only when Kafka has acknowledged all of it."""
    waiting = unpublished(sink.store)
    if not waiting:
        return Published()
    days = waiting_branch_days(sink.store, waiting)
    Contributions(contributions).ask_again(days)
    contributions.flush()
    roster, retried = read_roster(sink), 0
    for page in sink.rejected("unknown_member"):
        retried += retry(events, sink, [r for r in page if roster.known(r["member_id"])])
    mark_published(sink.store, waiting)
    return Published(len(waiting), len(days), retried)


def publish_moves(context: Context, store: Store) -> None:
    """Publish what waits. Without a running broker of our own there is no worker either, and the next one completes
    it; a configured broker that does not answer is an error, because its workers may be running."""
    settings = context.settings
    later = (
        "没有 worker 在运行：下次启动时（`xuejing up`）会重算相关支部并重试被拒记录",
        "no worker runs: the next one to start (`xuejing up`) computes the branches again and retries rejected lines",
    )
    try:
        reached = with_broker(settings)
        names = [reached.events_topic, reached.contributions_topic]
        if len(topic_partitions(reached.kafka_bootstrap, names, security=reached.kafka_security())) < len(names):
            context.say(*later)
            return
        with (
            event_producer(reached) as events,
            event_producer(reached, reached.contributions_topic) as contributions,
        ):
            done = complete(ClickHouseSink(store, patience=30), events, contributions)
    except (BrokerUnavailable, DeliveryError, ConfigError) as error:
        if not settings.kafka_bootstrap:
            context.say(*later)
            return
        raise XuejingError(
            f"the import is stored, but its branches could not be told: {error.what}",
            where=error.where or settings.kafka_bootstrap,
            hint="when Kafka answers again: xuejing import resume (a worker that starts does it too)",
        ) from error
    if done.branch_days or done.retried:
        context.say(
            f"重新计算 {done.branch_days} 个支部日，重试 {done.retried} 条被拒记录",
            f"{done.branch_days} branch days are computed again, {done.retried} rejected lines are tried again",
        )
