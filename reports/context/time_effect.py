"""Study time against results, with intervals: of a member by course, of a group by members in bands of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports.figures import Figure, ratio, share
from schemas.reference import Text

BANDS = 4
"""Bands that members are put into at most: more would show persons, not a pattern."""


@dataclass(frozen=True, slots=True)
class TimePoint:
    """Study time (of a band its mean) and the share right with its interval."""

    label: Text
    study: Figure
    effect: Figure
    members: Figure | None = None


@dataclass(frozen=True, slots=True)
class TimeEffect:
    """Points in order of study time for a group, of id for a member. No line joins them: it is no law."""

    points: tuple[TimePoint, ...]


def by_course(courses: Iterable[tuple[Text, Figure, Figure]]) -> TimeEffect:
    """Of a member: (title, study time, accuracy) of courses that have both."""
    return TimeEffect(tuple(TimePoint(t, s, e) for t, s, e in courses if s.value and e.value is not None))


def by_members(study: Mapping[str, float], graded: Mapping[str, tuple[int, int]], k: int) -> TimeEffect:
    """Of a group: members who studied and answered, in up to four bands of equally many, each of k or more."""
    both = sorted((study[m], m) for m in study if study[m] > 0 and graded.get(m, (0, 0))[1])
    count = min(BANDS, len(both) // k)
    points = []
    for i in range(count) if count > 1 else ():
        band = both[i * len(both) // count : (i + 1) * len(both) // count]
        right, n = (sum(graded[m][j] for _, m in band) for j in (0, 1))
        name = Text(f"第 {i + 1} 组", f"band {i + 1}")
        mean = ratio("mean_study", sum(s for s, _ in band), len(band))
        points.append(TimePoint(name, mean, share("accuracy", right, n), Figure("participants", len(band))))
    return TimeEffect(tuple(points))
