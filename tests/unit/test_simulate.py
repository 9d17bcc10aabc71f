"""The simulator is a pure function of its seed and tells a plausible, contract-true story."""

from __future__ import annotations

import hashlib

from producers.simulate import Scenario, default_scenario, simulate


def _digest(scenario: Scenario) -> str:
    digest = hashlib.sha256()
    for flush in simulate(scenario):
        digest.update(f"{flush.member_id} {flush.received_at.isoformat()}\n".encode())
        digest.update(b"\n".join(flush.lines))
    return digest.hexdigest()


def test_same_seed_same_bytes() -> None:
    assert _digest(default_scenario(5, days=30)) == _digest(default_scenario(5, days=30))


def test_other_seed_other_bytes() -> None:
    assert _digest(default_scenario(5, days=30)) != _digest(default_scenario(6, days=30))
