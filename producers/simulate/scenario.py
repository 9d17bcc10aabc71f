"""The two scenarios: the college that the project was asked for, and the same shape at any size."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from producers.simulate.bank import load_catalogue
from producers.simulate.catalogue import Catalogue
from producers.simulate.draw import draw_items, draw_points
from producers.simulate.life import HAPPENINGS
from producers.simulate.maps import college_competences, college_places
from producers.simulate.meetings import college_sessions
from producers.simulate.model import Messiness, Scenario
from producers.simulate.roster import college_exemptions, college_members, college_organisations, tree, tree_members
from schemas.errors import ConfigError

DEFAULT_SEED = 20260302
DEFAULT_START = date(2026, 3, 2)
DEFAULT_DAYS = 131  # to 2026-07-10, the last day of the term
DEFAULT_TIMEZONE = "Asia/Shanghai"
_SHORTEST = 14  # exam windows are fractions of the term and need at least a day each


def default_scenario(
    seed: int = DEFAULT_SEED,
    *,
    start: date = DEFAULT_START,
    days: int = DEFAULT_DAYS,
    timezone: str = DEFAULT_TIMEZONE,
    messiness: Messiness | None = None,
) -> Scenario:
    """A college of five branches, 43 teacher and 26 student members, one term of study, exams and practice.

    Raises ConfigError when ``days`` is below 14.
    """
    _check("days", days, _SHORTEST)
    chosen = messiness or Messiness()
    catalogue = load_catalogue(start, days)
    organisations, members = college_organisations(start), college_members(seed, start, days, chosen)
    return Scenario(
        seed=seed,
        timezone=timezone,
        start=start,
        days=days,
        organisations=organisations,
        members=members,
        catalogue=catalogue,
        items=draw_items(seed, catalogue, defects=2),
        points=draw_points(seed, catalogue),
        messiness=chosen,
        sessions=college_sessions(seed, start, days, organisations, members),
        exemptions=college_exemptions(start, days, members),
        families=tuple(HAPPENINGS),
        competences=college_competences(catalogue),
        places=college_places(organisations),
    )


def scaled_scenario(
    members: int,
    branches: int,
    days: int,
    *,
    seed: int = DEFAULT_SEED,
    start: date = DEFAULT_START,
    timezone: str = DEFAULT_TIMEZONE,
    messiness: Messiness | None = None,
    life: bool = False,
) -> Scenario:
    """The same catalogue and behaviour for any number of members and branches. ``life``: with organised sessions and
    what else happens in a branch.

    Exams here carry no shift and no defective questions, so that one ability per member explains all
    first attempts and estimates can be compared with the parameters directly. Raises ConfigError when
    a size is too small (``members`` ≥ ``branches`` ≥ 1, ``days`` ≥ 14).
    """
    _check("days", days, _SHORTEST)
    _check("branches", branches, 1)
    _check("members", members, branches)
    chosen = messiness or Messiness()
    catalogue = _without_shifts(load_catalogue(start, days))
    organisations, people = tree(branches, start), tree_members(seed, members, branches, start, chosen)
    return Scenario(
        seed=seed,
        timezone=timezone,
        start=start,
        days=days,
        organisations=organisations,
        members=people,
        catalogue=catalogue,
        items=draw_items(seed, catalogue, defects=0),
        points=draw_points(seed, catalogue),
        messiness=chosen,
        sessions=college_sessions(seed, start, days, organisations, people) if life else (),
        families=tuple(HAPPENINGS) if life else (),
    )


def _without_shifts(catalogue: Catalogue) -> Catalogue:
    return replace(catalogue, exams=tuple(replace(e, shift=0.0) for e in catalogue.exams))


def _check(name: str, value: int, smallest: int) -> None:
    if value < smallest:
        raise ConfigError(f"{name} is {value}, at least {smallest} is needed", where="simulated scenario")
