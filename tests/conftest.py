"""Shared fixtures. Reference data lives beside the checkout; tests that need it skip with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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
