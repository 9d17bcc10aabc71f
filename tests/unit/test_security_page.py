"""docs/security.md names a test for every abuse case, and each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
CASES = [line for line in PAGE.splitlines() if line.startswith("| ") and "`test_" in line]


def existing() -> set[str]:
    """Names of all test functions."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        found |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    return found


def test_every_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 30
    assert not named - existing(), f"no such tests: {sorted(named - existing())}"


def test_every_case_has_a_test() -> None:
    tables = re.findall(r"^\| what is tried .*?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
    rows = [row for table in tables for row in table.splitlines()[2:]]
    assert len(rows) == len(CASES) > 35
    assert all(re.search(r"\| `test_\w+` \|$", row) for row in rows)


def test_the_chapters_of_the_standard_are_told() -> None:
    assert {f"V{n}" for n in range(1, 15)} == set(re.findall(r"\bV\d+\b", PAGE))
