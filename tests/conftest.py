"""What all tests share: which services must be there, no input or output by accident, brokers, reference data.

``XUEJING_REQUIRE=kafka,browser,data,fonts,office`` names what must not be missing: a test that would skip for want of
it fails.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.kafka_server import ApacheKafka

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = frozenset(os.environ.get("XUEJING_REQUIRE", "").replace(",", " ").split())
BOOTSTRAP = "XUEJING_KAFKA_BOOTSTRAP"
SERVICES = {
    "kafka": "needs Apache Kafka (Java 17 and Maven): make test-kafka",
    "browser": "needs headless Chromium: make test-browser",
}
DATA_FIXTURES = frozenset({"golden_dir", "data_dir"})

# A machine that runs other things too is no failure. In the build the examples are the same every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


_kafka: list[ApacheKafka] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Apache Kafka for the whole run where it is required and none is given."""
    if "kafka" in REQUIRED and BOOTSTRAP not in os.environ and not session.config.option.collectonly:
        from tests.kafka_server import ApacheKafka, KafkaServerError  # not needed, so not loaded, otherwise

        try:
            _kafka.append(ApacheKafka().start())
        except (OSError, KafkaServerError) as error:
            pytest.exit(f"Apache Kafka is required here and could not be started: {error}", returncode=3)
        os.environ[BOOTSTRAP] = _kafka[0].bootstrap


def pytest_sessionfinish() -> None:
    """End what this run started."""
    while _kafka:
        _kafka.pop().stop()


def _needs(item: pytest.Item) -> set[str]:
    needs = {name for name in SERVICES if item.get_closest_marker(name)}
    if DATA_FIXTURES & set(getattr(item, "fixturenames", ())):
        needs.add("data")
    if "chinese_font" in getattr(item, "fixturenames", ()):
        needs.add("fonts")
    if "office" in getattr(item, "fixturenames", ()):
        needs.add("office")
    return needs


def _wanted(service: str) -> bool:
    return service in REQUIRED or (service == "kafka" and BOOTSTRAP in os.environ)


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of whole processes may do input and output; services run only where they are asked for."""
    for item in items:
        if any(item.path.is_relative_to(ROOT / "tests" / folder) for folder in ("integration", "e2e", "chaos")):
            item.add_marker(pytest.mark.io)
        if "kafka_bootstrap" in getattr(item, "fixturenames", ()) and _wanted("kafka"):
            # Runs on the embedded broker everywhere, and on Apache Kafka in the suite that has it.
            item.add_marker(pytest.mark.kafka)
        for service, reason in SERVICES.items():
            if item.get_closest_marker(service):
                item.add_marker(pytest.mark.io)
                if not _wanted(service):
                    item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip for want of something that is required is a failure."""
    report = yield
    missing = _needs(item) & REQUIRED
    if report.skipped and not hasattr(report, "wasxfail") and missing:
        # The reason is kept: it says what to install.
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{', '.join(sorted(missing))} is required here, but the test skipped: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips as a whole says nothing about what it needs: not where anything is required."""
    report = yield
    if report.skipped and REQUIRED:
        report.outcome = "failed"
        report.longrepr = f"the module skipped as a whole: {report.longrepr}"
    return report


class Blocked(RuntimeError):
    """A test without the marker ``io`` opened a connection or started a process."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """The core is pure: a unit or property test that reaches for the world is a mistake."""
    if item.get_closest_marker("io"):
        return (yield)

    def refuse(_: object, *arguments: object, **__: object) -> None:
        if arguments and isinstance(arguments[0], list) and arguments[0][:1] == ["file"]:
            raise OSError("not here")  # croniter asks `platform` for 32 bits while it is imported
        raise Blocked(f"no sockets or processes here; mark the test with pytest.mark.io if it needs them: {arguments}")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "bind"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(subprocess.Popen, "__init__", refuse)
        return (yield)


def _beside(name: str) -> Path:
    folder = ROOT.parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"reference folder {name}/ is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Folder of published reference values."""
    return _beside("golden")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real data sets."""
    return _beside("data")


@pytest.fixture(scope="session")
def apache_kafka() -> str:
    """Address of an Apache Kafka broker. Tests that use it carry ``pytest.mark.kafka``; it is shared: make topics
    and groups with names of your own."""
    return os.environ[BOOTSTRAP]


@pytest.fixture
def chinese_font() -> None:
    """A font for Chinese, without which nothing is printed."""
    from tests.support.documents import need_fonts  # reads all fonts of the machine

    need_fonts()


@pytest.fixture(scope="session")
def office() -> str:
    """LibreOffice, which shows what a Word file looks like."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("needs LibreOffice (Debian, Ubuntu: apt-get install libreoffice-writer-nogui)")
    return program
