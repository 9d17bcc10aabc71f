"""Loaded into the tests of a mutant: one failing example is enough, it need not be made small."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings


def pytest_sessionstart() -> None:
    """After the profile of the conftest."""
    settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
