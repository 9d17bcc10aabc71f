"""The rules of this suite can fail: a required service that is missing, a test that reaches for the world."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.io
ROOT = Path(__file__).resolve().parents[2]

INNER = """
import socket, subprocess
import pytest

@pytest.mark.browser
def test_browser():
    pytest.skip("no browser here")

def test_data(golden_dir):
    pass

def test_socket():
    socket.create_connection(("127.0.0.1", 9))

def test_process():
    subprocess.run(["true"])

@pytest.mark.io
def test_marked():
    subprocess.run(["true"], check=True)
"""


def outcomes(folder: Path, require: str) -> dict[str, str]:
    """Test → outcome of the inner file under this suite's conftest, with no reference data in sight."""
    (folder / "test_inner.py").write_text(INNER, "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XUEJING_")}
    # The plugin is a copy, so that it looks for reference data beside this folder.
    (folder / "repository" / "tests").mkdir(parents=True)
    (folder / "repository" / "tests" / "suite.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    command = [sys.executable, "-m", "pytest", "-p", "suite", "-c", ROOT / "pyproject.toml", "--rootdir", folder]
    done = subprocess.run(
        [*command, "-rA", "-p", "no:cacheprovider", "--override-ini", "addopts=", folder / "test_inner.py"],
        cwd=folder,
        env=environment | {"XUEJING_REQUIRE": require, "PYTHONPATH": str(folder / "repository" / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("PASSED", "FAILED", "SKIPPED", "ERROR"):
            for name in ("browser", "data", "socket", "process", "marked"):
                if f"::test_{name}" in rest or (word == "SKIPPED" and SKIPS.get(name, "\0") in rest):
                    found[name] = word
    assert len(found) == 5, done.stdout + done.stderr
    return found


SKIPS = {"browser": "headless Chromium", "data": "golden/"}


def test_without_requirements_what_is_missing_skips(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "") == {
        "browser": "SKIPPED",
        "data": "SKIPPED",
        "socket": "FAILED",
        "process": "FAILED",
        "marked": "PASSED",
    }


def test_what_is_required_may_not_skip(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "browser,data") == {
        "browser": "FAILED",
        "data": "ERROR",
        "socket": "FAILED",
        "process": "FAILED",
        "marked": "PASSED",
    }
