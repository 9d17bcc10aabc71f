"""A seeded simulator of people who learn: pure functions from a scenario to flushes, tables and truth."""

from __future__ import annotations

from producers.simulate.engine import Simulation, simulate
from producers.simulate.files import write_reference, write_simulation
from producers.simulate.model import Flush, Messiness, ReferenceTables, Scenario
from producers.simulate.scenario import default_scenario, scaled_scenario
from producers.simulate.truth import TruthCollector, truth

__all__ = [
    "Flush",
    "Messiness",
    "ReferenceTables",
    "Scenario",
    "Simulation",
    "TruthCollector",
    "default_scenario",
    "scaled_scenario",
    "simulate",
    "truth",
    "write_reference",
    "write_simulation",
]
