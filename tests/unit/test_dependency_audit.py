"""``make audit`` fails on a finding, tells when nobody answered, and knows one from the other."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dependency_audit", ROOT / "requirements" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_finding_fails_whatever_else_could_not_be_looked_up(audit: ModuleType) -> None:
    document = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "unknown", "skip_reason": "not found on PyPI"},
            {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]},
        ]
    }
    found = audit.read(document)
    assert (found.audited, found.skipped, found.findings) == (2, ["unknown"], ["bad 2: PYSEC-1, mended in 3"])
    status, text = audit.judge(found, required=False)
    assert status == 1
    assert "PYSEC-1" in text


def test_no_answer_is_told_and_fails_where_it_is_required(audit: ModuleType) -> None:
    partly = audit.read({"dependencies": [{"name": "unknown", "skip_reason": "x"}]})
    for nothing in (None, partly):
        assert audit.judge(nothing, required=False)[0] == 0
        assert audit.judge(nothing, required=False)[1].startswith("NOT AUDITED")
        assert audit.judge(nothing, required=True)[0] == 1
    good = audit.read({"dependencies": [{"name": "good", "version": "1", "vulns": []}]})
    assert audit.judge(good, required=True) == (0, "1 packages without a finding")


def test_the_build_asks(audit: ModuleType) -> None:
    assert "make audit" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert audit.LOCK == "dev"
