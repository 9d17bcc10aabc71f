"""What random principals get through the query object, against an independent filter: a short run.

The long one is ``python -m tests.access --cases 100000``.
"""

from __future__ import annotations

import random

import pytest

from schemas.access import new_principal
from sinks.client import Store
from sinks.read import Filters, Reader, Scope
from tests.access.cases import EVERYBODY, QUESTIONS, fill, run
from tests.access.world import NOW, world


def test_nothing_outside_and_nothing_missing(store: Store) -> None:
    tally = run(store, 100, seed=2, a_world=25)
    assert tally.cases == 100
    assert tally.rows > 500
    assert tally.withheld > 500


def test_the_comparison_finds_a_filter_that_sees_too_much(store: Store) -> None:
    found = world(random.Random(5))
    fill(store, found)
    node = sorted(found.places)[-1]
    narrow = new_principal("p", "organisation_officer", NOW, node=node)
    for name, (columns, expected) in QUESTIONS.items():
        got = set(Reader(store).frame(name, Scope.of(EVERYBODY), Filters()).select(columns).iter_rows())
        assert got - expected(found, narrow, Filters()), name


def test_a_case_that_differs_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.access.world.World.within", lambda *_: True)
    with pytest.raises(AssertionError, match="missing"):
        run(store, 200, seed=4, a_world=40)
