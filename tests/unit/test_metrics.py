"""Metrics are declared completely, in both languages, and documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.figures import Figure, Series, metrics_used, share
from schemas.metrics import DIRECTIONS, METRICS, UNITS, UnknownMetric, metric, metrics_markdown, metrics_rows
from tests.support.texts import CHINESE, chinese_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("metric_id", METRICS)
def test_every_metric_says_everything_in_both_languages(metric_id: str) -> None:
    m = METRICS[metric_id]
    for text in (m.name, m.definition, m.not_said):
        assert CHINESE.search(text.zh), text
        assert text.en.strip()
        assert not chinese_in(text.en)
    assert m.definition.zh.endswith("。")
    assert m.definition.en.endswith(".")
    assert m.formula
    assert not chinese_in(m.formula)
    assert m.source
    assert not chinese_in(m.source)
    assert m.unit in UNITS
    assert m.direction in DIRECTIONS
    assert m.smallest_n >= 0


def test_names_are_unique_so_that_a_column_heading_names_one_metric() -> None:
    for language in ("zh", "en"):
        names = [m.name.of(language) for m in METRICS.values()]  # type: ignore[arg-type]
        assert len(set(names)) == len(names)


def test_documentation_is_fresh_and_names_every_metric() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    assert page == metrics_markdown(), "stale: python -m schemas.metrics > docs/metrics.md"
    for metric_id in METRICS:
        assert f"## {metric_id}\n" in page


def test_rows_for_queries_have_every_metric_once() -> None:
    rows = metrics_rows()
    assert [r["metric_id"] for r in rows] == list(METRICS)
    assert {frozenset(r) for r in rows} == {frozenset(rows[0])}


def test_a_figure_of_an_undeclared_metric_can_not_be_made() -> None:
    with pytest.raises(UnknownMetric, match="attitude_score"):
        Figure("attitude_score", 87)
    with pytest.raises(UnknownMetric):
        Series("streak", (1.0,))
    with pytest.raises(UnknownMetric, match=r"metrics\.toml"):
        metric("streak")


def test_metrics_used_finds_figures_at_any_depth() -> None:
    context = ((share("accuracy", 3, 4), None), "text", (Series("day_seconds", (1.0,)),))
    assert metrics_used(context) == ("day_seconds", "accuracy")
