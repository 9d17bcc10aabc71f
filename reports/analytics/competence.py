"""Profiles by competence: of each member the latest answer to each question, by what shows the competence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from reports.catalogue import Catalogue
from reports.competences import CompetenceMap, Item
from reports.measures.competence import Profile, profile

Cells = Mapping[Item, tuple[int, int]]
"""(right, questions) of each item with answers."""
_KEYS = ("member_id", "question_id")
_EMPTY: Mapping[str, Cells] = {}


@dataclass(frozen=True, slots=True)
class MemberCells:
    """Of each member and competence what was answered, by item; only where something was."""

    cells: Mapping[str, Mapping[str, Cells]]

    def of(self, member_id: str) -> Mapping[str, Cells]:
        """One member's, by competence."""
        return self.cells.get(member_id, _EMPTY)

    def profiles(self, competence_id: str) -> dict[str, Profile]:
        """Profiles in one competence by member, in order of member."""
        found = ((m, profile(list(c[competence_id].values()))) for m, c in self.cells.items() if competence_id in c)
        return {member: one for member, one in found if one is not None}


def latest_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Of each member and question the latest graded answer that was not rapid; ``answers`` with ``rapid``.

    The latest: who has put a mistake right has closed that part of the gap.
    """
    kept = answers.filter(pl.col("correct").is_not_null() & ~pl.col("rapid").fill_null(False))
    return kept.sort("at", "event_id").unique(_KEYS, keep="last", maintain_order=True)


def member_cells(answers: pl.DataFrame, catalogue: Catalogue, known: CompetenceMap) -> MemberCells:
    """From answers with ``rapid``. A question counts once for a competence: for the first of its knowledge points that
    the competence names, else for its course."""
    if not known:
        return MemberCells({})
    latest = latest_answers(answers).select(*_KEYS, "course_id", "knowledge_points", "correct")
    rows = pl.concat([_by_point(latest, catalogue, known), _by_course(latest, known)])
    first = rows.sort("rank").unique((*_KEYS, "competence_id"), keep="first", maintain_order=True)
    sums = first.group_by("member_id", "competence_id", "kind", "item").agg(pl.col("correct").sum(), pl.len())
    found: dict[str, dict[str, dict[Item, tuple[int, int]]]] = {}
    for member, competence, kind, item, x, n in sums.sort("member_id", "competence_id", "kind", "item").iter_rows():
        found.setdefault(member, {}).setdefault(competence, {})[Item(kind, item)] = int(x), int(n)
    return MemberCells(found)


def _by_point(latest: pl.DataFrame, catalogue: Catalogue, known: CompetenceMap) -> pl.DataFrame:
    named = pl.when(pl.col("knowledge_points").list.len() > 0).then(pl.col("knowledge_points"))
    listed = latest.join(catalogue.points_of_questions, on="question_id", how="left").with_columns(
        named.otherwise(pl.col("_points")).alias("item")
    )
    ranked = listed.with_columns(pl.int_ranges(pl.col("item").list.len()).alias("rank")).explode("item", "rank")
    return _joined(ranked, known, "point")


def _by_course(latest: pl.DataFrame, known: CompetenceMap) -> pl.DataFrame:
    # After every knowledge point that the question may name.
    ranked = latest.with_columns(pl.col("course_id").alias("item"), pl.lit(1 << 30, pl.Int64).alias("rank"))
    return _joined(ranked, known, "course")


def _joined(ranked: pl.DataFrame, known: CompetenceMap, kind: str) -> pl.DataFrame:
    pairs = [(node.id, item.id) for node in known.nodes for item in node.items if item.kind == kind]
    wanted = pl.DataFrame(
        {"competence_id": [c for c, _ in pairs], "item": [i for _, i in pairs]},
        schema={"competence_id": pl.String, "item": pl.String},
    )
    return (
        ranked.drop_nulls("item")
        .join(wanted, on="item", how="inner")
        .select(*_KEYS, "competence_id", pl.lit(kind).alias("kind"), "item", pl.col("rank").cast(pl.Int64), "correct")
    )


def weakest(cells: Cells, items: Sequence[Item], most: int) -> list[Item]:
    """What to turn to next, formative: items without any answer first, then those not all right, the lowest first."""
    untouched = [item for item in items if item not in cells]
    tried = sorted((x / n, items.index(item), item) for item, (x, n) in cells.items() if x < n and item in items)
    return [*untouched, *(item for _, _, item in tried)][:most]


def members_by_organisation(
    answers: pl.DataFrame, catalogue: Catalogue, known: CompetenceMap
) -> dict[str, dict[str, int]]:
    """Of each competence, by the organisation of the day, how many members something shows it of; ``answers`` with
    ``rapid`` and ``org_id``."""
    kept = answers.filter(pl.col("correct").is_not_null() & ~pl.col("rapid").fill_null(False))
    # The organisation goes with the member, so that who moved is counted in both.
    both = kept.select(
        pl.concat_str("org_id", "member_id", separator="\0").alias("member_id"),
        "question_id", "course_id", "knowledge_points", "correct",
    )  # fmt: skip
    rows = pl.concat([_by_point(both, catalogue, known), _by_course(both, known)])
    found: dict[str, dict[str, int]] = {}
    pairs = rows.select("competence_id", "member_id").unique().sort("competence_id", "member_id")
    for competence, member in pairs.iter_rows():
        org = member.partition("\0")[0]
        by_org = found.setdefault(competence, {})
        by_org[org] = by_org.get(org, 0) + 1
    return found
