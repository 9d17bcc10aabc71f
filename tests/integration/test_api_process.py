"""``xuejing api`` as a process of its own, and the example client against it."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3

from commands.connect import engine, store_folder
from schemas.settings import Settings
from sinks.access import Access
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.migrate import migrate
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.harness import Harness
from tests.support.world import lines, reference

pytest.importorskip("chdb", reason="the embedded engine is not installed")
ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 120


@pytest.fixture(scope="module")
def secretary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address of a running API over an embedded engine, and the token of a branch secretary."""
    made = Settings(data_dir=str(tmp_path_factory.mktemp("data")))
    with engine(store_folder(made), durable=False) as process:
        store = Store(Endpoint(process.url, process.user, process.password))
        migrate(store)
        ensure_generation(store, "Asia/Shanghai", "{}")
        write_reference(store, reference(2), datetime.now(UTC))
        sink = ClickHouseSink(store)
        Harness(sink, StoreRosters(sink)).send(*[[line] for line in lines(2, 80)])
        token = Access(store).create("branch_secretary", by="test", node="l1").token
        store.close()
        command = [sys.executable, "-m", "cli", "--data", made.data_dir, "--lang", "en", "api", "--port", "0"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("XUEJING_")}
        api = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            assert api.stderr is not None
            said = api.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert found, said
            yield found.group(), token
            api.send_signal(signal.SIGTERM)
            api.wait(DEADLINE)
            assert "Traceback" not in api.stderr.read()
        finally:
            if api.poll() is None:
                api.kill()
                api.wait()


def example(url: str, token: str, *arguments: str, cwd: Path) -> bytes:
    """Standard output of the example."""
    command = [sys.executable, str(ROOT / "examples" / "api_client.py"), url, *arguments]
    environment = {**os.environ, "XUEJING_API_TOKEN": token}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_process_answers(secretary: tuple[str, str]) -> None:
    url, token = secretary
    http = urllib3.PoolManager(retries=urllib3.Retry(10, backoff_factor=0.2), timeout=DEADLINE)
    assert http.request("GET", f"{url}/healthz").json() == {"status": "ok"}
    me = http.request("GET", f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"}).json()
    assert me["scope"]["node"] == "l1"


def test_the_example_fetches_rows_and_a_report(secretary: tuple[str, str], tmp_path: Path) -> None:
    url, token = secretary
    rows = list(csv.DictReader(io.StringIO(example(url, token, "members", "limit=2", cwd=tmp_path).decode())))
    assert len(rows) > 2, "page after page"
    assert {row["org_id"] for row in rows} == {"l1"}
    example(url, token, "report", "group", "l1", "l1.zip", "purpose=a test", cwd=tmp_path)
    with zipfile.ZipFile(tmp_path / "l1.zip") as archive:
        assert any(name.endswith(".html") for name in archive.namelist())
    for arguments, said in [(("members", "org=r1"), "'r1'"), (("members", "from=x"), "query.from"), ((), "python")]:
        with pytest.raises(AssertionError) as refused:
            example(url, token, *arguments, cwd=tmp_path)
        assert said in str(refused.value)
        assert "Traceback" not in str(refused.value)
