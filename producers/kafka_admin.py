"""Topics, partitions, offsets and lag: what doctor, set-up and tests ask a Kafka cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, RetriableError, TopicAlreadyExistsError
from kafka.partitioner.default import murmur2

from schemas.errors import ConfigError, XuejingError

Security = Mapping[str, Any]

_LATEST, _EARLIEST = -1, -2
_SECURITY_PREFIXES = ("security_", "ssl_", "sasl_")


class BrokerUnavailable(XuejingError):
    """No broker answered, or it answered with an error."""


def check_security(security: Security | None) -> dict[str, Any]:
    """The security settings as kafka-python takes them. Raises ConfigError on any other setting."""
    given = dict(security or {})
    for name in given:
        if not name.startswith(_SECURITY_PREFIXES):
            raise ConfigError("not a security setting", where=name, hint="security_protocol, ssl_… or sasl_…")
    return given


@lru_cache(maxsize=1 << 17)
def partition_for(member_id: str, partitions: int) -> int:
    """Partition of a member's events: murmur2 of the UTF-8 key, as Java's and kafka-python's clients do."""
    return int((murmur2(member_id.encode()) & 0x7FFFFFFF) % partitions)


@contextlib.contextmanager
def _admin(bootstrap: str, security: Security | None, timeout: float) -> Iterator[Any]:
    ms = max(1, int(timeout * 1000))
    client = None
    try:
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap,
            client_id="xuejing-admin",
            bootstrap_timeout_ms=ms,
            request_timeout_ms=max(1000, ms),
            **check_security(security),
        )
        yield client
    except KafkaError as e:
        raise BrokerUnavailable(_say(e), where=bootstrap, hint="is the broker up, and the address right?") from e
    finally:
        if client is not None:
            client.close()


def ensure_topics(
    bootstrap: str,
    topics: Mapping[str, int],
    *,
    replication_factor: int = -1,
    append_time: bool = True,
    retention_ms: int | None = None,
    max_message_bytes: int | None = None,
    configs: Mapping[str, str] | None = None,
    security: Security | None = None,
    timeout: float = 30.0,
) -> None:
    """Creates the topics that are missing (name -> partitions) and sets the settings of those that exist.

    ``append_time`` asks for LogAppendTime, so that the time of receipt is the broker's; ``retention_ms`` -1
    keeps for ever; ``replication_factor`` -1 is the broker's default. The embedded broker takes settings and
    ignores them. Raises ConfigError when a topic exists with another number of partitions (it is fixed for a
    generation: changing it would move members), BrokerUnavailable when there's no answer.
    """
    settings = dict(configs or {})
    if append_time:
        settings["message.timestamp.type"] = "LogAppendTime"
    if retention_ms is not None:
        settings["retention.ms"] = str(retention_ms)
    if max_message_bytes is not None:
        settings["max.message.bytes"] = str(max_message_bytes)
    with _admin(bootstrap, security, timeout) as admin:
        existing = _partition_counts(admin, list(topics))
        missing = {name: n for name, n in topics.items() if name not in existing}
        if missing:
            wanted = {
                name: {"num_partitions": n, "replication_factor": replication_factor, "configs": settings}
                for name, n in missing.items()
            }
            # Another process may create it between the look and the request: what it made is checked below.
            with contextlib.suppress(TopicAlreadyExistsError):
                admin.create_topics(wanted)
            admin.wait_for_topics(list(missing), timeout_ms=int(timeout * 1000))
        for name in existing.keys() & topics.keys():
            _update_configs(admin, name, settings)
        found = _partition_counts(admin, list(topics))
    for name, n in topics.items():
        if found.get(name) != n:
            raise ConfigError(
                f"the topic has {found.get(name, 0)} partitions, not {n}",
                where=f"{bootstrap} {name}",
                hint="the partition count is fixed for a generation: use the existing count or a new topic",
            )


def _partition_counts(admin: Any, names: list[str]) -> dict[str, int]:
    found = {}
    for topic in admin.describe_topics(names):
        if topic["error_code"] == 0 and topic["partitions"]:
            found[str(topic["name"])] = len(topic["partitions"])
    return found


def _update_configs(admin: Any, name: str, settings: dict[str, str]) -> None:
    now = _topic_configs(admin, name)
    changes = {k: v for k, v in settings.items() if k in now and now[k] != v}
    if changes:
        values = {k: (AlterConfigOp.SET, v) for k, v in changes.items()}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, values)])


def _topic_configs(admin: Any, name: str) -> dict[str, str]:
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {k: str(v["value"]) for k, v in described.get("topic", {}).get(name, {}).items()}


def topic_configs(
    bootstrap: str, topic: str, *, security: Security | None = None, timeout: float = 10.0
) -> dict[str, str]:
    """Settings of a topic as the broker reports them; the embedded broker reports none."""
    with _admin(bootstrap, security, timeout) as admin:
        return _topic_configs(admin, topic)


def has_append_time(bootstrap: str, topic: str, *, security: Security | None = None, timeout: float = 10.0) -> bool:
    """Whether the broker stamps the time of receipt; otherwise the producer must (``stamp_received``)."""
    settings = topic_configs(bootstrap, topic, security=security, timeout=timeout)
    return settings.get("message.timestamp.type") == "LogAppendTime"


def topic_partitions(
    bootstrap: str, topics: list[str], *, security: Security | None = None, timeout: float = 10.0
) -> dict[str, int]:
    """Partition counts of the topics that exist."""
    with _admin(bootstrap, security, timeout) as admin:
        return _partition_counts(admin, topics)


def end_offsets(
    bootstrap: str, topic: str, *, security: Security | None = None, timeout: float = 10.0
) -> dict[int, int]:
    """Partition -> offset that the next message will get. Empty when the topic doesn't exist.

    ListOffsets alone won't do: the embedded broker answers with the last batch's first offset plus one. The
    high watermark of a fetch is right everywhere, so each partition is fetched once, at its supposed end.
    """
    with _admin(bootstrap, security, timeout) as admin:
        claimed = _list_offsets(admin, topic, _LATEST)
    if not claimed:
        return {}
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="xuejing-admin",
        group_id=None,
        enable_auto_commit=False,
        fetch_max_wait_ms=10,
        check_crcs=False,
        **check_security(security),
    )
    try:
        parts = {p: TopicPartition(topic, p) for p in claimed}
        consumer.assign(list(parts.values()))
        for p, offset in claimed.items():
            consumer.seek(parts[p], offset)
        deadline = time.monotonic() + timeout
        while True:
            consumer.poll(timeout_ms=50)
            marks = {p: consumer.highwater(tp) for p, tp in parts.items()}
            if None not in marks.values():
                return {p: max(claimed[p], int(mark)) for p, mark in marks.items()}
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"no answer about the end of {topic}", where=bootstrap)
    except KafkaError as e:
        raise BrokerUnavailable(_say(e), where=bootstrap) from e
    finally:
        consumer.close()


def _list_offsets(admin: Any, topic: str, spec: int) -> dict[int, int]:
    n = _partition_counts(admin, [topic]).get(topic, 0)
    if not n:
        return {}
    asked = admin.list_partition_offsets({TopicPartition(topic, p): spec for p in range(n)})
    return {tp.partition: int(found.offset) for tp, found in asked.items()}


def committed_offsets(
    bootstrap: str, group: str, topic: str, *, security: Security | None = None, timeout: float = 10.0
) -> dict[int, int]:
    """Partition -> offset of the next message that the group will read; only where it has committed one."""
    with _admin(bootstrap, security, timeout) as admin:
        return _committed(admin, group, topic)


def _committed(admin: Any, group: str, topic: str, patience: float = 10.0) -> dict[int, int]:
    n = _partition_counts(admin, [topic]).get(topic, 0)
    if not n:
        return {}
    deadline = time.monotonic() + patience
    while True:
        try:
            asked = admin.list_group_offsets({group: [TopicPartition(topic, p) for p in range(n)]})
            break
        except RetriableError:  # a cluster makes its offsets topic when the first group is asked for
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    return {tp.partition: int(o.offset) for tp, o in asked.get(group, {}).items() if o.offset >= 0}


def lag(
    bootstrap: str, group: str, topic: str, *, security: Security | None = None, timeout: float = 10.0
) -> dict[int, int]:
    """Partition -> messages not yet committed by the group, counted from the oldest one still kept."""
    ends = end_offsets(bootstrap, topic, security=security, timeout=timeout)
    with _admin(bootstrap, security, timeout) as admin:
        done, first = _committed(admin, group, topic), _list_offsets(admin, topic, _EARLIEST)
        return {p: max(0, end - max(done.get(p, 0), first.get(p, 0))) for p, end in ends.items()}


def wait_until_committed(
    bootstrap: str,
    group: str,
    topic: str,
    *,
    until: Mapping[int, int] | None = None,
    security: Security | None = None,
    timeout: float = 120.0,
    poll: float = 0.1,
) -> bool:
    """Waits until the group has committed ``until`` (default: the end offsets now). False: too late."""
    deadline = time.monotonic() + timeout
    patience = max(1.0, min(30.0, timeout))
    goal = dict(until or {}) or end_offsets(bootstrap, topic, security=security, timeout=patience)
    with _admin(bootstrap, security, patience) as admin:
        while True:
            done = _committed(admin, group, topic)
            if all(done.get(p, 0) >= end for p, end in goal.items()):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(poll)


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
