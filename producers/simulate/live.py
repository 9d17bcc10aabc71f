"""A term of which today is a day: what was received until now, and the rest played as if it happened now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import Any

from producers.simulate.clock import Stamper
from producers.simulate.delivery import event_id
from producers.simulate.engine import Simulation
from producers.simulate.model import Flush, Scenario
from producers.simulate.scenario import DEFAULT_DAYS, DEFAULT_SEED, default_scenario

WEEKS_BEFORE = 15
"""How many weeks of the term are over: most of it, so that there is something to see, and some are left to play."""
_TIMES = ("occurred_at", "sent_at")
_REFERENCES = ("answer_id", "target_event_id", "replaces")


def current_scenario(today: datetime, seed: int = DEFAULT_SEED, weeks: int = WEEKS_BEFORE) -> Scenario:
    """The default college in a term that began ``weeks`` weeks ago, on a Monday. ``today`` is aware, local."""
    day = today.date()
    start = day - timedelta(days=day.weekday(), weeks=weeks)
    return default_scenario(seed=seed, start=start, days=DEFAULT_DAYS)


class Split:
    """The flushes of a run before and after a moment (aware). ``before`` is consumed first, once."""

    def __init__(self, scenario: Scenario, now: datetime) -> None:
        self._flushes = Simulation(scenario).flushes()
        self._now = now
        self._first: list[Flush] = []

    def before(self) -> Iterator[Flush]:
        """What was received until then."""
        for flush in self._flushes:
            if flush.received_at > self._now:
                self._first = [flush]
                return
            yield flush

    def after(self) -> Iterator[Flush]:
        """The rest."""
        return chain(self._first, self._flushes)


def retold(flush: Flush, now: datetime, ids: dict[str, str], rng: Random, stamp: Stamper) -> list[dict[str, Any]]:
    """The events of a flush as if it came at ``now`` (aware): moved in time, with ids of their own.

    ``ids`` maps those of events that were told before to theirs now; what corrects one of them still does. Lines that
    were made to be rejected, and sign-in sheets of sessions that are yet to be held, are left out.
    """
    ahead = now - flush.received_at
    bad = {index for index, _ in flush.spoiled}
    found: list[dict[str, Any]] = []
    for index, line in enumerate(flush.lines):
        if index in bad:
            continue
        event: dict[str, Any] = json.loads(line)
        if event["event_type"] == "attendance":
            continue
        for name in _TIMES:
            if name in event:
                event[name] = stamp(_ms(datetime.fromisoformat(event[name]) + ahead))
        known = _known(event, ids)
        ids[event["event_id"]] = known["event_id"] = event_id(_ms(now), rng)
        found.append(known)
    return found


def _known(event: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    return {k: ids.get(v, v) if k in _REFERENCES else v for k, v in event.items()}


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
