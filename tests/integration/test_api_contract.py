"""The API does what its OpenAPI document says: generated requests, valid and not, under every check of schemathesis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from reports.withholding import always
from schemas.settings import Settings
from sinks.access import Access
from sinks.client import Store
from tests.integration.test_read import world
from tests.support.api import running
from tests.support.world import World
from web.limits import Buckets

__all__ = ["world"]
EXAMPLES = {GenerationMode.POSITIVE: 2, GenerationMode.NEGATIVE: 3}


@pytest.fixture(scope="module")
def document(engine_store: Store, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of a running API, with the token of an operator."""
    folder = str(tmp_path_factory.mktemp("data"))
    made = Settings(data_dir=folder, language="en", api_port=0, api_requests=1_000_000, api_rows=50)
    token = Access(engine_store).create("operator", by="test").token
    with running(made, engine_store) as api:
        # Every operation is tried with wrong tokens too: more often than an address may.
        api.app.state.service.failures = Buckets(1_000_000, 1_000_000)
        found = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
        found.config.update(headers={"Authorization": f"Bearer {token}"})
        yield found


def meant(case: Case) -> Case:
    """What the document can't say: days in order, no page but one that was given out, an organisation that is there,
    whole quarters for what everybody is answered as aggregates."""
    given: dict[str, Any] = dict(case.query or {}) if isinstance(case.query, dict) else {}
    if case.operation.path.startswith("/v1/queries/"):
        given.pop("page", None)
        given["purpose"] = "a test"
        if "org" in given:
            given["org"] = "left"
        if {"from", "to"} <= given.keys():
            given["from"], given["to"] = sorted((given["from"], given["to"]), key=date.fromisoformat)
        if always(case.operation.path.rpartition("/")[2]):
            given |= {"from": "2026-01-01", "to": "2026-03-31"}
            given.pop("org", None)
        case.query = given
    if case.operation.path == "/v1/who-looked":
        # Of themselves members need not name anybody; everybody else must.
        case.query = {"member": "m01", "purpose": "a test", **given}
    return case


@pytest.mark.parametrize("mode", EXAMPLES, ids=lambda m: m.name.lower())
def test_requests_that_are_generated(document: Any, mode: GenerationMode) -> None:
    operations = [result.ok() for result in document.get_all_operations()]
    assert len(operations) > 45
    tried = 0
    for operation in operations:
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=EXAMPLES[mode], derandomize=True, deadline=None, database=None, print_blob=False,
            suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
        )  # fmt: skip
        @given(case=strategy)
        def check(case: Case) -> None:
            nonlocal tried
            tried += 1
            (meant(case) if mode is GenerationMode.POSITIVE else case).call_and_validate()

        with suppress(Unsatisfiable):  # nothing is wrong with a request that has no parameters
            check()
    assert tried > len(operations)
