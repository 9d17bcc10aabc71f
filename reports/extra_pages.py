"""Reports beside those of members and organisations: of exams, and the annexes that are for secretaries alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from reports.attempts import of_exams
from reports.context.exam import Exams
from reports.context.secretary import Secretaries
from reports.order import natural
from reports.paths import slugs

if TYPE_CHECKING:
    from reports.site import Site

EXAMS, ANNEXES = "exams", "secretary"
"""Folders. Annexes name persons: they have a folder of their own, so that what is filed or sent can leave it out."""


def exam_stems(site: Site) -> Mapping[str, str]:
    """Exam → path without suffix, of the exams that have answers in the period and are reported on; by id."""
    if site.scope.detail == "own" or site.content.kind == "course":
        return {}
    inside = of_exams(site.data.answers).filter(pl.col("day") >= site.data.period.first)
    exams = set(inside["exam_id"].unique().to_list())
    if site.content.kind == "exam":
        exams &= {site.content.id}
    names = slugs(exams)
    return {exam: f"{EXAMS}/{names[exam]}" for exam in sorted(exams, key=natural)}


def annex_stems(site: Site) -> Mapping[str, str]:
    """Branch → path without suffix, where the scope names members and somebody belongs to the branch itself."""
    if site.scope.detail != "named" or site.content.kind != "all":
        return {}
    names = slugs(site.nodes)
    return {n: f"{ANNEXES}/{names[n]}" for n in site.nodes if site.populations.has_own_members(n)}


def write_exams(site: Site, exams: Iterable[str], step: Callable[[], None] = lambda: None) -> None:
    """Reports of these exams over everybody in the data; one without answers in the period says so."""
    stems = exam_stems(site)
    branches: Collection[str] = [n for n in site.nodes if site.populations.has_own_members(n)]
    made = Exams(site.data, site.populations, branches, site.policy.k)
    for exam in exams:
        stem = stems.get(exam) or f"{EXAMS}/{slugs([exam])[exam]}"
        site.index.exams[exam] = site.save("exam", made.report(exam, site.top), stem)
        step()


def write_annexes(site: Site, nodes: Iterable[str], step: Callable[[], None] = lambda: None) -> None:
    """Annexes of those of these organisations that have one."""
    stems = annex_stems(site)
    made = Secretaries(site.data, site.populations, site.policy.k)
    for node in nodes:
        if node in stems:
            site.index.annexes[node] = site.save("secretary", made.report(node), stems[node])
            step()
