"""Schedules on a real engine with real receivers: due → made → delivered, once, whatever happens in between."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from producers.embedded_broker import free_port
from reports.issued.register import Register
from reports.schedule.manifest import decode
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.engine import EVERY
from tests.support.harness import RECEIVED, Harness
from tests.support.receivers import PASSWORD, USER, Certificates, MailServer, Robots, Storage
from tests.support.world import lines, reference

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300
"""Seconds for what takes a few: how long a loaded machine may need, never how long anything takes."""
SCHEDULE = """
timezone = "Asia/Shanghai"
state = "{folder}/state"

[[job]]
name = "branches"
title = "月度评价报告"
cron = "0 6 1 * *"
start = {start}
catch_up = {catch_up}
period = {{ first = 2026-03-03, last = 2026-03-19 }}
report = "branch"
scope = {{ organisations = ["left", "right"], include = "branches" }}
formats = ["html", "json"]
destinations = ["box", "cloud", "post", "group", "ding"]

[[job]]
name = "members"
title = "成员报告"
cron = "30 6 1 * *"
start = {start}
period = {{ first = 2026-03-03, last = 2026-03-19 }}
report = "member"
scope = {{ organisations = ["l1", "r1"] }}
formats = ["json"]
destinations = ["post", "group"]

[[job]]
name = "annexes"
cron = "0 5 1 * *"
start = {start}
period = {{ first = 2026-03-03, last = 2026-03-19 }}
report = "annex"
scope = {{ organisations = ["left"], include = "below" }}
destinations = ["named-box", "ding"]

[[job]]
name = "exam"
cron = "0 5 1 * *"
start = {start}
period = {{ first = 2026-03-03, last = 2026-03-19 }}
report = "exam"
exam = "e1"
formats = ["html", "xlsx", "csv"]
destinations = ["named-box"]

[destination.named-box]
kind = "folder"
path = "{folder}/out"
named_scope = ["l1"]

[destination.box]
kind = "folder"
path = "{folder}/out"

[destination.cloud]
kind = "s3"
bucket = "{bucket}"
endpoint = "{endpoint}"
access_key_env = "TEST_S3_KEY"
secret_key_env = "TEST_S3_SECRET"

[destination.post]
kind = "email"
host = "127.0.0.1"
port = {mail}
ca_file = "{ca}"
from = "reports@example.org"
user = "{user}"
password_env = "TEST_MAIL_PASSWORD"
named_scope = ["l1"]

[destination.post.to]
l1 = ["l1@example.org", "deputy-l1@example.org"]
"*" = ["office@example.org"]

[destination.group]
kind = "wecom"
webhook_env = "TEST_WECOM"
link = "https://reports.example.org/"

[destination.ding]
kind = "dingtalk"
webhook_env = "TEST_DING"
sign_env = "TEST_DING_SIGN"
"""

BOTH = ("branches", "members")


@dataclass
class Place:
    """A folder with a schedule, and who receives."""

    folder: Path
    environment: Mapping[str, str]
    mail: MailServer
    robots: Robots
    storage: Storage

    def write(self, certificates: Certificates, start: str = "2026-04-15", catch_up: str = '"latest"') -> None:
        text = SCHEDULE.format(
            folder=self.folder, start=start, catch_up=catch_up, endpoint=self.storage.endpoint,
            bucket=self.storage.bucket,
            mail=self.mail.port,
            ca=certificates.ca_file, user=USER,
        )  # fmt: skip
        (self.folder / "schedule.toml").write_text(text, "utf-8")

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start ``xuejing --lang en schedule …`` here."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "--lang", "en", "schedule", *arguments],
            cwd=self.folder, env={**self.environment, **more}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def call(self, *arguments: str, **more: str) -> tuple[int, str]:
        """Status and output."""
        with self.start(*arguments, **more) as process:
            output, _ = process.communicate(timeout=PATIENCE)
            return process.returncode, output

    def runs(self, job: str) -> list[Any]:
        return [decode(p.read_bytes()) for p in sorted((self.folder / "state/runs" / job).glob("*/manifest.json"))]

    def boxed(self) -> dict[str, bytes]:
        out = self.folder / "out"
        return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def inbox(self) -> dict[str, list[str]]:
        """Recipient → subjects."""
        found: dict[str, list[str]] = {}
        for to, message in self.mail.received:
            found.setdefault(to[0], []).append(str(message["Subject"]))
        return {address: sorted(subjects) for address, subjects in found.items()}


@pytest.fixture(scope="module")
def world(engine_store: Store) -> Store:
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    ensure_generation(engine_store, "Asia/Shanghai", "{}")
    sink = ClickHouseSink(engine_store)
    write_reference(sink, reference(7, 60), datetime(2026, 9, 1, tzinfo=UTC))
    harness = Harness(sink, StoreRosters(sink))
    sent = lines(7, 500)
    for start in range(0, len(sent), 100):
        harness.send(*[[line] for line in sent[start : start + 100]], received=RECEIVED + start)
    return engine_store


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def place(world: Store, certificates: Certificates, tmp_path: Path) -> Iterator[Place]:
    mail, robots, storage = MailServer(certificates), Robots(), Storage()
    endpoint = world.endpoint
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("XUEJING_")},
        "XUEJING_CLICKHOUSE_URL": endpoint.url,
        "XUEJING_CLICKHOUSE_USER": endpoint.user,
        "XUEJING_CLICKHOUSE_PASSWORD": endpoint.password,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "TEST_S3_KEY": "key",
        "TEST_S3_SECRET": "s3-secret-value",
        "TEST_MAIL_PASSWORD": PASSWORD,
        "TEST_WECOM": robots.wecom,
        "TEST_DING": robots.dingtalk,
        "TEST_DING_SIGN": robots.SECRET,
    }
    (tmp_path / "out").mkdir()
    found = Place(tmp_path, environment, mail, robots, storage)
    found.write(certificates)
    yield found
    for server in (mail, robots, storage):
        server.stop()


def test_due_made_delivered_once(place: Place) -> None:
    assert place.call("check")[0] == 0
    status, output = place.call("run", *BOTH, "--due", "--textfile", str(place.folder / "x.prom"))
    assert status == 0, output
    (run,) = place.runs("branches")
    assert run.state == "done"
    organisations = [p.organisation for p in run.parcels]
    assert organisations == ["l1", "r1"] or set(organisations) == {"l1", "l2", "r1", "r2"}
    boxed = place.boxed()
    for parcel in run.parcels:  # each branch has its own files and no other's
        mine = {k: v for k, v in boxed.items() if f"/{parcel.folder}/" in k}
        assert {k.rsplit("/", 1)[1] for k in mine} >= {f"{parcel.folder}.html", f"{parcel.folder}.json", "SHA256SUMS"}
        assert all(f"{other}." not in k for k in mine for other in organisations if other != parcel.folder)
    assert place.storage.objects() == boxed, "the bucket has what the folder has"
    inbox = place.inbox()
    assert len(inbox["office@example.org"]) == len(organisations) - 1
    assert inbox["l1@example.org"] == inbox["deputy-l1@example.org"]
    assert len(inbox["l1@example.org"]) == 2, "the branch's report and those of its members"
    assert [path for path, _ in place.robots.messages] == [
        "/cgi-bin/webhook/send", "/robot/send", "/cgi-bin/webhook/send"
    ]  # fmt: skip
    metrics = (place.folder / "x.prom").read_text()
    assert 'xuejing_schedule_open_runs{schedule="members"} 0.0' in metrics
    before = (place.robots.calls, len(place.mail.received), place.boxed())
    status, output = place.call("run", *BOTH, "--due")
    assert (status, "nothing is due" in output) == (0, True)
    assert (place.robots.calls, len(place.mail.received), place.boxed()) == before
    assert "done" in place.call("list")[1]


def test_names_go_only_where_the_file_says_so(place: Place) -> None:
    assert place.call("run", *BOTH, "--due")[0] == 0
    (run,) = place.runs("members")
    assert {(d.organisation, d.destination, d.state) for d in run.deliveries} == {
        ("l1", "post", "delivered"),
        ("r1", "post", "withheld"),
        ("", "group", "delivered"),
    }
    told = json.dumps(place.robots.messages, ensure_ascii=False)
    assert not re.search(r"Name \d|m\d\d", told), "no names, no ids"
    assert "报告" in told
    for key, content in place.boxed().items():
        assert not re.search(rb"Name \d", content), f"{key} is about a group"
    states = [p.read_text() for p in (place.folder / "state/runs").glob("*/*/manifest.json")]
    assert not any(
        secret in text for text in states for secret in (PASSWORD, Robots.KEY, "s3-secret", "l1@example", "office@")
    )
    text = (place.folder / "schedule.toml").read_text().replace('named_scope = ["l1"]', "")
    (place.folder / "schedule.toml").write_text(text)
    status, output = place.call("check")
    assert status == 1
    assert "named_scope" in output
    assert re.search(r"schedule\.toml:\d+, job\.destinations", output)


def test_annexes_and_exams(place: Place) -> None:
    status, output = place.call("run", "annexes", "exam", "--due")
    assert status == 0, output
    assert "2 withheld" in output
    (annexes,), (exam,) = place.runs("annexes"), place.runs("exam")
    assert {(d.organisation, d.destination, d.state) for d in annexes.deliveries} == {
        ("l1", "named-box", "delivered"),
        ("l2", "named-box", "withheld"),
        ("left", "named-box", "withheld"),
        ("", "ding", "delivered"),
    }
    keys = {key.split("/", 2)[2] for key in place.boxed()}
    assert "l1/secretary/l1.html" in keys
    assert not any(key.startswith(("left/", "l2/")) for key in keys)
    (parcel,) = exam.parcels
    assert {f"{parcel.folder}/exams/e1.{suffix}" for suffix in ("html", "xlsx")} <= keys
    assert not parcel.named


FILED = """
[[job]]
name = "filed"
cron = "0 5 1 * *"
start = 2026-04-15
catch_up = "latest"
period = { first = 2026-03-03, last = 2026-03-19 }
report = "branch"
scope = { organisations = ["left"], include = "below" }
formats = ["html", "json"]
issue = true
destinations = ["box"]
"""


def test_a_job_issues_what_it_delivers(place: Place, world: Store) -> None:
    path = place.folder / "schedule.toml"
    path.write_text(path.read_text("utf-8") + FILED, "utf-8")
    status, output = place.call("run", "filed", "--due")
    assert status == 0, output
    register = Register(world)
    issued = {i.series.subject: i for i in register.all() if i.series.kind == "group"}
    (run,) = place.runs("filed")
    assert set(issued) == {p.organisation for p in run.parcels} == {"left", "l1", "l2"}
    boxed = place.boxed()
    for parcel in run.parcels:  # what is registered is what was delivered, and says its number
        entry = issued[parcel.organisation]
        assert entry.files == {f.path: f.sha256 for f in parcel.files}
        (page,) = [v for k, v in boxed.items() if f"/{parcel.folder}/" in k and k.endswith(".html")]
        assert entry.series.id in page.decode()
        assert entry.cut_off == run.cut_off
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--lang", "en", "report", "branch", "l1", "--from", "2026-03-03", "--to",
         "2026-03-19", "--as-of", issued["l1"].cut_off.isoformat(), "-o", "again"],
        cwd=place.folder, env=place.environment, text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert "byte by byte what was issued" in done.stdout + done.stderr
    assert place.call("run", "filed", "--due")[0] == 0
    assert max(i.version for i in register.all()) == 1
    path.write_text(path.read_text("utf-8").replace('report = "member"', 'report = "member"\nissue = true'), "utf-8")
    status, output = place.call("check")
    assert (status, "reports that may name members are not issued" in " ".join(output.split())) == (1, True)


def test_a_failed_destination_does_not_stop_the_others(place: Place) -> None:
    place.robots.answers = [(500, 0)] * 3
    status, output = place.call("run", *BOTH, "--due", TEST_S3_SECRET="", TEST_MAIL_PASSWORD="wrong-password")
    assert status == 3, output
    (run,) = place.runs("branches")
    states = {(d.destination, d.state) for d in run.deliveries}
    assert states == {
        ("box", "delivered"), ("cloud", "failed"), ("post", "failed"), ("group", "failed"), ("ding", "delivered")
    }  # fmt: skip
    assert "wrong-password" not in output
    assert "TEST_S3_SECRET" in output
    assert [len(d.attempts) for d in run.deliveries if d.destination == "group"] == [3]
    calls = place.robots.calls
    assert place.call("run", *BOTH, "--due")[0] == 4, "too early to try again, and it is still wrong"
    assert place.robots.calls == calls
    status, output = place.call("run", *BOTH, "--due", "--now")
    assert status == 0, output
    assert place.runs("branches")[0].state == "done"
    assert place.storage.objects() == place.boxed()
    assert set(place.mail.ids().values()) == {1}
    assert place.robots.calls == calls + 1, "the others were told already"


def test_damaged_files_are_made_again_and_never_delivered(place: Place) -> None:
    (place.folder / "out").rmdir()
    assert place.call("run", "exam", "--due")[0] == 3
    (page,) = (place.folder / "state/runs/exam").rglob("e1.html")
    page.write_text("damaged")
    (place.folder / "out").mkdir()
    status, output = place.call("run", "exam", "--due", "--now")
    assert status == 0, output
    assert "made again" in output
    (exam,) = place.runs("exam")
    assert exam.state == "done"
    assert not any(b"damaged" in content for content in place.boxed().values())


def test_missed_runs_are_caught_up(place: Place, certificates: Certificates) -> None:
    place.write(certificates, start="2026-01-15", catch_up="3")
    assert place.call("run", "branches", "--due")[0] == 0
    runs = place.runs("branches")
    assert len(runs) == 3
    assert all(run.state == "done" for run in runs)
    assert len({key.split("/")[1] for key in place.boxed()}) == 3, "each due time has its own folder"
    status, _ = place.call("run", "branches", "--at", "2026-02-01T06:00")
    assert status == 0
    assert len(place.runs("branches")) == 4


def test_two_at_once_do_not_clash(place: Place) -> None:
    processes = [place.start("run", *BOTH, "--due") for _ in range(3)]
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert sorted(process.returncode for process in processes) in ([0, 6, 6], [0, 0, 6], [0, 0, 0]), outputs
    assert place.call("run", *BOTH, "--due", "--wait", "120")[0] == 0
    assert set(place.mail.ids().values()) == {1}
    assert len(place.robots.messages) == 3


def test_killed_at_any_point_it_resumes(place: Place) -> None:
    # Killed as soon as one more of these is there, in the order in which a run makes them.
    points: tuple[Callable[[], int], ...] = (
        lambda: len(list((place.folder / "state/runs").glob("*/*/manifest.json"))),
        lambda: len(list((place.folder / "state/runs").rglob("*.json"))),
        lambda: len(place.boxed()),
        lambda: len(place.storage.objects()),
        lambda: len(place.mail.received),
        lambda: len(place.robots.messages),
    )
    kills = 0
    for count in points:
        before = count()
        process = place.start("run", *BOTH, "--due", "--wait", "120")
        while process.poll() is None and count() == before:
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    status, output = place.call("run", *BOTH, "--due", "--now")
    assert status == 0, output
    assert kills > 0
    (run,) = place.runs("branches")
    assert run.state == "done"
    expected = {f"{p.folder}/{f.path}" for p in run.parcels for f in p.files}
    boxed = place.boxed()
    assert {k.split("/", 2)[2] for k in boxed} == expected | {f"{p.folder}/SHA256SUMS" for p in run.parcels}
    assert place.storage.objects() == boxed
    # Mail and robots can't tell what was cut off: at least once, and no more often than there were kills.
    mails, times = place.mail.ids(), place.mail.ids().total()
    assert len(mails) == len([p for p in run.parcels if p.organisation != "l1"]) + 2 + 2
    assert times - len(mails) <= kills
    assert 3 <= len(place.robots.messages) <= 3 + kills


def test_the_daemon_works_and_stops(place: Place) -> None:
    port = free_port()
    with place.start("daemon", XUEJING_METRICS_PORT=str(port)) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not all(runs and runs[0].state == "done" for runs in map(place.runs, (*BOTH, "annexes", "exam"))):
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, place.runs("branches")
                time.sleep(0.2)
            for path in ("live", "ready", "metrics"):
                with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE) as answer:
                    assert answer.status == 200
            assert place.call("run", "--due", "--wait", "120")[0] == 0, "the daemon holds the lock only while it works"
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0, output
    assert "no longer kept" in output
    assert set(place.mail.ids().values()) == {1}


def test_check_knows_the_roster_and_the_folders(place: Place) -> None:
    file = place.folder / "schedule.toml"
    good = file.read_text()
    file.write_text(good.replace('organisations = ["left"]', 'organisations = ["o-stuff"]'))
    status, output = place.call("check")
    assert (status, "'o-stuff' is not in the roster" in output) == (1, True), output
    (place.folder / "out").rename(place.folder / "elsewhere")
    assert "does not exist" in place.call("check")[1]
    assert place.call("check", "--no-here")[0] == 0


def test_nothing_configured(place: Place) -> None:
    (place.folder / "schedule.toml").write_text('timezone = "Asia/Shanghai"\n')
    assert place.call("run", *BOTH, "--due")[0] == 5
    (place.folder / "schedule.toml").unlink()
    status, output = place.call("run", *BOTH, "--due")
    assert status == 1
    assert "schedule.example.toml" in output
