"""What the address of a store may hold, and what a cluster is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import ConfigError
from sinks import client
from sinks.client import Endpoint, Store


@pytest.mark.parametrize("url", ["http://user:secret@127.0.0.1:8123", "https://:secret@host"])
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        Store(Endpoint(url)).version()
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(("cluster", "asked"), [("", False), ("main", True)])
def test_a_cluster_is_asked_for_what_was_acknowledged(
    monkeypatch: pytest.MonkeyPatch, cluster: str, asked: bool
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(client.clickhouse_connect, "get_client", lambda **given: seen.update(given))
    store = Store(Endpoint("http://127.0.0.1:8123", cluster=cluster, settings={"max_threads": 1}))
    assert store.client is None
    assert ("select_sequential_consistency" in seen["settings"]) is asked
    assert seen["settings"]["max_threads"] == 1
