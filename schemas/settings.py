"""All settings in one model: built once by the command line, passed down, never read at import time.

Order, later wins: defaults, the TOML file named by ``XUEJING_CONFIG`` (or ``xuejing.toml`` in the current
folder), environment variables ``XUEJING_<NAME>``. Secrets are masked wherever settings are shown.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .families import FAMILIES

PREFIX = "XUEJING_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Addresses and names of this machine itself."""
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


DEFAULT_PASS_SHARE = 0.6
"""The usual mark of the tests that units of courses carry."""


def _setting(
    default: Any,
    doc: str,
    *,
    secret: bool = False,
    least: float | None = None,
    most: float | None = None,
    one_of: tuple[str, ...] = (),
) -> Any:
    limits = {"least": least, "most": most, "one_of": one_of}
    return field(default=default, metadata={"doc": doc, "secret": secret, **limits}, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default. ``describe`` gives them with their documentation."""

    language: str = _setting("zh", "language of messages and reports: zh or en", one_of=("zh", "en"))
    timezone: str = _setting("Asia/Shanghai", "IANA zone of local days, for new stores")
    data_dir: str = _setting("~/.xuejing", "folder of the embedded store and journal")
    made_by: str = _setting("", "who makes reports, as they say it: an office or a post; empty: not said")

    kafka_bootstrap: str = _setting("", "brokers as host:port,…; empty: the embedded broker")
    kafka_security_protocol: str = _setting(
        "PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", one_of=_PROTOCOLS
    )
    kafka_sasl_mechanism: str = _setting("SCRAM-SHA-512", "SASL mechanism")
    kafka_username: str = _setting("", "SASL user")
    kafka_password: str = _setting("", "SASL password", secret=True)
    kafka_ca_file: str = _setting("", "CA certificates of the brokers")
    kafka_cluster: str = _setting(
        "", "name of this life of the cluster in the ledger; another one if it lost its data; empty: address"
    )
    events_topic: str = _setting("xuejing.events", "topic of events")
    contributions_topic: str = _setting("xuejing.member-days", "internal topic from members to branches")
    consumer_group: str = _setting("xuejing", "consumer group of the workers")
    partitions: int = _setting(4, "partitions of new topics; fixed for a generation", least=1)
    replication: int = _setting(1, "replicas of new topics", least=1)

    clickhouse_url: str = _setting("", "http(s)://host:port of ClickHouse; empty: the embedded engine")
    clickhouse_user: str = _setting("default", "user of ClickHouse")
    clickhouse_password: str = _setting("", "password of ClickHouse", secret=True)
    clickhouse_database: str = _setting("default", "database")
    clickhouse_cluster: str = _setting("", "cluster name for ON CLUSTER and replicated tables")

    batch_records: int = _setting(60_000, "most Kafka messages in one batch", least=1)
    batch_bytes: int = _setting(32 << 20, "most bytes in one batch", least=1)
    cache_facts: int = _setting(1_000_000, "most facts a worker keeps in memory", least=1)
    raw_days: int = _setting(0, "days that raw events are kept (`xuejing retention`); 0: for ever", least=0)
    body_days: int = _setting(
        0,
        "days that archived events are kept as they were received, for `xuejing replay`; 0: as long as the event",
        least=0,
    )
    rejected_days: int = _setting(0, "days that rejected lines are kept; 0: as long as raw events", least=0)
    audit_days: int = _setting(
        400, "days that entries of the audit are kept (`xuejing retention`), at least six months", least=184
    )
    member_key: str = _setting(
        "",
        "secret of keyed hashes of members, 64 or more hexadecimal digits, the same for all processes; empty: "
        "member.key in data_dir, made once",
        secret=True,
    )
    small_group: int = _setting(5, "figures about fewer members than this are suppressed", least=2)
    pass_share: float = _setting(
        DEFAULT_PASS_SHARE,
        "share of an exam's points from which a unit's quiz counts as passed, 0 to 1",
        least=0,
        most=1,
    )
    up_schedules: str = _setting("on", "whether `xuejing up` keeps schedules too: on or off", one_of=("on", "off"))
    schedule_file: str = _setting("schedule.toml", "file of schedules (`xuejing schedule`)")
    families: str = _setting(
        "all", "further families of events that queries and reports show, separated by commas; all, or empty: none"
    )
    credit_rules: str = _setting("", "TOML file with the rules of credit hours; empty: schemas/credit.toml")
    metrics_host: str = _setting("127.0.0.1", "address on which a worker answers /metrics, /ready and /live")
    metrics_port: int = _setting(0, "its port; 0: none", least=0)
    dashboard_host: str = _setting("127.0.0.1", "address on which the dashboard listens")
    dashboard_port: int = _setting(8640, "its port; another one where that is taken; 0: the system chooses", least=0)
    dashboard_proxies: str = _setting(
        "127.0.0.1", "addresses of reverse proxies whose X-Forwarded-For and -Proto the dashboard believes, by commas"
    )
    dashboard_names: str = _setting("", "further names of the dashboard's machine, comma separated: those of a proxy")
    collector_host: str = _setting("127.0.0.1", "address on which the collector listens")
    collector_port: int = _setting(8650, "its port; `up` takes another one where that is taken; 0: any", least=0)
    collector_keys: str = _setting("app-keys.toml", "file of app keys, in data_dir unless the path is absolute")
    journal_mb: int = _setting(1024, "most MiB that the collector's journal may hold", least=8)
    probe_seconds: int = _setting(0, "how often a worker sends a probe through the pipeline; 0: never", least=0)
    wedged_seconds: int = _setting(
        300, "/live fails when messages wait and no batch ends for so long (the store being there); 0: never", least=0
    )
    api_host: str = _setting("127.0.0.1", "address on which `xuejing api` answers")
    api_port: int = _setting(8787, "its port; 0: any free one", least=0, most=65_535)
    api_tls_cert: str = _setting(
        "", "certificate chain (PEM) of the API; empty: plain HTTP, on loopback or behind a proxy"
    )
    api_tls_key: str = _setting("", "its private key (PEM)")
    api_proxies: str = _setting(
        "",
        "addresses of reverse proxies whose X-Forwarded-For and -Proto are believed, separated by commas; empty: none",
    )
    api_requests: int = _setting(120, "requests a minute of one token; half as many at once", least=1)
    api_rows: int = _setting(100_000, "most rows of a page of the API", least=1, most=1_000_000)
    api_seconds: int = _setting(120, "longest time that the store may take for a question of the API", least=1)
    api_job_minutes: int = _setting(60, "how long the API keeps a report that it made", least=1)
    api_url: str = _setting("", "address of an API that `xuejing query` asks instead of a store; empty: the store")
    api_token: str = _setting("", "token for it", secret=True)
    log_level: str = _setting("WARNING", "DEBUG, INFO, WARNING or ERROR", one_of=_LEVELS)
    log_format: str = _setting("text", "text, or json: one object a line", one_of=("text", "json"))

    @property
    def embedded_store(self) -> bool:
        """Whether the store is the embedded engine in ``data_dir``."""
        return not self.clickhouse_url

    @property
    def shown_families(self) -> frozenset[str]:
        """Event types of the further families that are shown. Raises ConfigError for one that there is not."""
        if self.families.strip() == "all":
            return frozenset(FAMILIES)
        named = frozenset(name.strip() for name in self.families.split(",") if name.strip())
        if unknown := sorted(named - FAMILIES.keys()):
            raise ConfigError(
                f"there is no family of events {', '.join(unknown)}",
                where="families",
                hint=", ".join(("all", *FAMILIES)),
            )
        return named

    @property
    def hidden_queries(self) -> dict[str, str]:
        """Names of queries about families that are not shown → the family. Raises ConfigError as ``shown_families``."""
        shown = self.shown_families
        return {query: name for name, family in FAMILIES.items() if name not in shown for query in family.all_queries}

    @property
    def folder(self) -> Path:
        """``data_dir`` as a path."""
        return Path(self.data_dir).expanduser()

    def kafka_security(self) -> dict[str, Any]:
        """Security settings for Kafka clients, empty for PLAINTEXT."""
        if self.kafka_security_protocol == "PLAINTEXT":
            return {}
        found: dict[str, Any] = {"security_protocol": self.kafka_security_protocol}
        if self.kafka_ca_file:
            found["ssl_cafile"] = self.kafka_ca_file
        if self.kafka_security_protocol.startswith("SASL"):
            found["sasl_mechanism"] = self.kafka_sasl_mechanism
            found["sasl_plain_username"] = self.kafka_username
            found["sasl_plain_password"] = self.kafka_password
        return found


@dataclass(frozen=True, slots=True)
class Described:
    """A setting with its value (masked if secret), where it came from, and what it means."""

    name: str
    variable: str
    value: str
    default: str
    origin: str
    doc: str


def load(environment: Mapping[str, str], folder: Path) -> tuple[Settings, dict[str, str]]:
    """Settings from a TOML file and the environment, and the origin of each that is not a default.

    Raises ConfigError naming the variable or the file, the value and the rule.
    """
    known = {f.name: f for f in fields(Settings)}
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    named = environment.get(PREFIX + "CONFIG")
    path = Path(named) if named else folder / "xuejing.toml"
    if named and not path.is_file():
        raise ConfigError("the file does not exist", where=str(path), hint=f"named by {PREFIX}CONFIG")
    if path.is_file():
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"not valid TOML: {error}", where=str(path)) from error
        for name, value in content.items():
            if isinstance(value, dict):
                continue  # tables of other parts, such as schedules
            values[name], origin[name] = value, str(path)
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name in known:
            values[name], origin[name] = text, variable
    for name in values:
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}", where=origin[name], hint="see docs/settings.md")
        values[name] = _convert(known[name], values[name], origin[name])
    return Settings(**values), origin


def _convert(spec: Any, value: Any, where: str) -> Any:
    if isinstance(spec.default, (int, float)):
        return _number(spec, value, where)
    if not isinstance(value, str):
        raise ConfigError(f"{spec.name} must be text, not {value!r}", where=where)
    if (choices := spec.metadata["one_of"]) and value not in choices:
        raise ConfigError(f"{spec.name} must be one of {', '.join(choices)}, not {value!r}", where=where)
    return value


def _number(spec: Any, value: Any, where: str) -> float:
    kind, meant = (int, "a whole number") if isinstance(spec.default, int) else (float, "a number")
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{spec.name} must be {meant}, not {value!r}", where=where) from None
    least, most = spec.metadata["least"], spec.metadata["most"]
    if isinstance(number, float) and not math.isfinite(number):
        raise ConfigError(f"{spec.name} must be {meant}, not {value!r}", where=where)
    if least is not None and number < least:
        raise ConfigError(f"{spec.name} must be at least {least}, not {number}", where=where)
    if most is not None and number > most:
        raise ConfigError(f"{spec.name} must be at most {most}, not {number}", where=where)
    return number


def describe(settings: Settings, origin: Mapping[str, str]) -> list[Described]:
    """All settings for display, secrets masked."""
    found = []
    for spec in fields(Settings):
        value = getattr(settings, spec.name)
        shown = "********" if spec.metadata["secret"] and value else str(value)
        found.append(
            Described(
                spec.name,
                PREFIX + spec.name.upper(),
                shown,
                str(spec.default),
                origin.get(spec.name, "default"),
                spec.metadata["doc"],
            )
        )
    return found


def settings_markdown() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "<!-- generated by `make docs` from schemas/settings.py -->",
        "",
        "From `xuejing.toml` in the current folder (or the file named by `XUEJING_CONFIG`), then from the",
        "environment. `xuejing doctor` prints what is in force and where it came from, secrets masked.",
        "",
        "| TOML | environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for d in describe(Settings(), {}):
        lines.append(f"| `{d.name}` | `{d.variable}` | `{d.default or ' '}` | {d.doc.replace('|', '/')} |")
    return "\n".join(lines) + "\n"
