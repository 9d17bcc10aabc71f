"""Builds the Faust app: one agent a topic, no tables, no changelogs, no web server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.types import Message

from schemas.errors import ConfigError
from streams.faust_shell.collector import Limits, MembershipCallback
from streams.faust_shell.consumer import ShellTransport
from streams.faust_shell.ledger import Run
from streams.faust_shell.scheduler import run_scheduler
from streams.faust_shell.shell import Settings, Shell
from streams.records import Handler


class RunSchema(faust.Schema[Any, Any]):
    """Lets the value through as it is: it's a run of records, not bytes."""

    def loads_key(self, app: Any, message: Message, **_: Any) -> Any:  # noqa: ARG002
        return message.key

    def loads_value(self, app: Any, message: Message, **_: Any) -> Any:  # noqa: ARG002
        return message.value


class NoTables(TableManager):
    """Faust waits a second for tables to be declared; there are none."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class ShellApp(faust.App):
    """A Faust app whose consumer, commits and flow control are the shell's."""

    shell: Shell

    def FlowControlQueue(self, maxsize: int | None = None, **_: Any) -> Any:  # noqa: N802
        """Never cleared on resume: Faust resumes partitions first, and would throw away what they brought."""
        return super().FlowControlQueue(maxsize, clear_on_resume=False)

    def _create_directories(self) -> None:
        """None: nothing is kept on disk."""

    def _new_transport(self) -> ShellTransport:
        return ShellTransport(self.conf.broker_consumer, self)


def build_app(
    *,
    app_id: str,
    bootstrap: str,
    routes: Mapping[str, Handler],
    partitions: Mapping[str, int] | None = None,
    embedded: bool = False,
    max_batch_records: int = 20_000,
    max_batch_bytes: int = 16 * 1024 * 1024,
    linger_ms: int = 50,
    fetch_wait_ms: int = 30,
    concurrency: int = 1,
    session_timeout: float | None = None,
    rebalance_timeout: float | None = None,
    heartbeat_interval: float | None = None,
    commit_interval: float = 0.5,
    stop_timeout: float = 25.0,
    on_assigned: MembershipCallback | None = None,
    on_revoked: MembershipCallback | None = None,
    on_fatal: Callable[[BaseException], None] | None = None,
    security: Mapping[str, Any] | None = None,
) -> ShellApp:
    """An app that calls ``routes[topic]`` with what is ready from that topic, and commits when it returns.

    ``app_id`` is the consumer group. ``bootstrap``: ``host:port``, several separated by commas. ``partitions``:
    the counts that the topics must have (another count stops the worker). ``embedded``: a short session,
    because the embedded broker makes a first member wait for half of it, and others until a dead one's ends.

    A handler call gets at most ``max_batch_records`` or ``max_batch_bytes`` of one topic (more only when a
    single record is larger), and comes at the latest ``linger_ms`` after the first record if no other is at
    work; ``concurrency`` is the number of calls at a time, always of different topics. ``on_revoked`` (all
    partitions, at each rebalance) and ``on_assigned`` (all that are owned now) run in order, never beside a
    handler. ``on_fatal`` is told why the process is about to end, once, from any thread. Timeouts and
    intervals in seconds. Raises ConfigError.
    """
    if not routes:
        raise ConfigError("no topic to read from", where="routes")
    session = session_timeout or (4.0 if embedded else 30.0)
    settings = Settings(
        session_timeout=session,
        rebalance_timeout=rebalance_timeout or (10.0 if embedded else 60.0),
        heartbeat_interval=heartbeat_interval or min(3.0, session / 5),
        limits=Limits(max_batch_records, max_batch_bytes, linger_ms / 1000),
        partitions=dict(partitions or {}),
        fetch_wait_ms=fetch_wait_ms,
        commit_interval=commit_interval,
        stop_timeout=stop_timeout,
    )
    app = ShellApp(
        app_id,
        broker="kafka://" + bootstrap.replace(",", ";"),
        broker_credentials=_credentials(security),
        broker_session_timeout=settings.session_timeout,
        broker_rebalance_timeout=settings.rebalance_timeout,
        broker_heartbeat_interval=settings.heartbeat_interval,
        broker_commit_interval=settings.commit_interval,
        broker_max_poll_records=max_batch_records,
        broker_max_poll_interval=300.0,
        broker_request_timeout=max(40.0, session + 10.0),
        consumer_max_fetch_size=settings.partition_fetch_bytes,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=10_000,  # a topic that is made after the worker started is noticed then
        ConsumerScheduler=run_scheduler(list(routes), max_batch_records, max_batch_bytes),
        TableManager=NoTables,
        store="memory://",
        table_standby_replicas=0,  # else Faust's assignor, made for tables, divides the partitions
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
    )
    app.shell = Shell(
        settings,
        routes,
        concurrency=concurrency,
        on_assigned=on_assigned,
        on_revoked=on_revoked,
        on_fatal=on_fatal,
    )
    for topic in routes:
        app.agent(app.topic(topic, schema=RunSchema()), name=f"collect-{topic}")(_collector_agent(app.shell))
    app.finalize()
    return app


def _collector_agent(shell: Shell) -> Callable[[Any], Any]:
    async def collect(stream: Any) -> None:
        # Nothing is acknowledged to Faust: what is committed comes from the ledger.
        async for event in stream.noack().events():
            run = event.message.value
            if isinstance(run, Run):
                shell.collector.offer(run)

    return collect


def _credentials(security: Mapping[str, Any] | None) -> Any:
    """Faust's credentials from settings named as kafka-python names them."""
    given = dict(security or {})
    protocol = given.pop("security_protocol", "PLAINTEXT")
    context = given.pop("ssl_context", None)
    names = {"ssl_cafile": "cafile"}
    files = {names[k]: given.pop(k) for k in list(given) if k in names}
    certificate = given.pop("ssl_certfile", None), given.pop("ssl_keyfile", None), given.pop("ssl_password", None)
    mechanism = given.pop("sasl_mechanism", "PLAIN")
    user, password = given.pop("sasl_plain_username", None), given.pop("sasl_plain_password", None)
    if given:
        raise ConfigError("not a security setting of the worker", where=", ".join(sorted(given)))
    if protocol == "PLAINTEXT":
        return None
    if "SSL" in protocol and context is None:
        import ssl

        context = ssl.create_default_context(**files)
        if certificate[0]:
            context.load_cert_chain(certificate[0], certificate[1], certificate[2])
    if protocol == "SSL":
        return faust.SSLCredentials(context)
    if protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        return faust.SASLCredentials(username=user, password=password, mechanism=mechanism, ssl_context=context)
    raise ConfigError(f"unknown protocol {protocol}", where="security_protocol")
