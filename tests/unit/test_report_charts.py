"""Charts: well-formed, with text alternatives, legible without colour, and true to their figures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from itertools import combinations, pairwise

import pytest
from markupsafe import Markup

from reports import charts
from reports.charts.calendar import shade, thresholds
from reports.charts.funnel import PLOT, TOP
from reports.charts.interval import PAD, SCALE
from reports.charts.scatter import RADIUS
from reports.charts.svg import nice_count, nice_step
from reports.context.group_compare import Comparison, comparison
from reports.data import Period
from reports.figures import Figure, Series, share
from reports.measures.funnel import ACTION, WARNING, funnel_limits
from reports.pattern import LONGEST_CALENDAR, calendar, weeks
from reports.render import Renderer
from reports.text import Words
from schemas.reference import Text

EN = Words("en")
FIRST = date(2026, 3, 4)  # a Wednesday


def svg(chart: Markup) -> ET.Element:
    return ET.fromstring(chart)


def compared(counts: dict[str, tuple[int, int]]) -> Comparison:
    found = comparison({org: Text(f"<{org}>", f"<{org}>") for org in counts}, counts, {}, 5)
    assert found is not None
    return found


COUNTS = {"a": (20, 40), "b": (55, 80), "c": (31, 60), "d": (60, 120), "e": (2, 4), "f": (15, 100)}


def rects(chart: Markup, kind: str) -> list[ET.Element]:
    return [r for r in svg(chart).iter("rect") if r.get("class", "").split()[0] == kind]


def all_charts() -> list[Markup]:
    period = Period(FIRST, FIRST + timedelta(days=40))
    by_day = {FIRST: 600.0, FIRST + timedelta(days=12): 7200.0}
    bars = weeks(period, by_day, {date(2026, 3, 2): 3})
    return [
        charts.calendar_chart(calendar(period, by_day), EN),
        charts.calendar_chart(calendar(Period(FIRST, FIRST), {}), EN),
        charts.hours_chart(Series("hour_seconds", tuple(float(h) for h in range(24))), EN),
        charts.hours_chart(Series("hour_answers", (0.0,) * 24), EN),
        charts.weeks_chart(bars, EN),
        charts.active_chart(bars, EN),
        charts.interval_dot(share("accuracy", 3, 7), EN, 0.5),
        charts.interval_dot(Figure("accuracy", None), EN),
        charts.axis(EN),
        charts.funnel_chart(compared(COUNTS), EN),
    ]


@pytest.mark.parametrize("chart", all_charts())
def test_charts_are_images_with_a_title_and_scale_down(chart: Markup) -> None:
    root = svg(chart)
    assert root.get("role") == "img"
    assert root[0].tag == "title"
    assert root[0].text
    assert root[1].tag == "desc"
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    for r in root.iter("rect"):
        x, y, w, h = (float(r.get(k, "")) for k in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= width
        assert y >= 0
        assert y + h <= height + 0.1


def test_calendar_has_a_square_a_day_in_its_weekday_row() -> None:
    period = Period(FIRST, FIRST + timedelta(days=9))
    chart = charts.calendar_chart(calendar(period, {FIRST: 60.0, FIRST + timedelta(days=9): 6000.0}), EN)
    squares = list(svg(chart).iter("rect"))[:-5]
    assert len(squares) == 10
    assert [s.find("title").text for s in squares if s.find("title") is not None] == [
        "4 Mar 1 min",
        "13 Mar 1 h 40 min",
    ]  # type: ignore[union-attr]
    assert float(squares[0].get("y", "")) - 18 == 2 * 17, "Wednesday is the third row"


def test_long_calendars_are_cut_and_say_so() -> None:
    long = calendar(Period(date(2020, 1, 1), date(2026, 3, 1)), {date(2020, 1, 1): 60.0})
    assert long.cut
    assert len(long.values.values) == LONGEST_CALENDAR
    assert not calendar(Period(FIRST, FIRST), {}).cut
    assert float(svg(charts.calendar_chart(long, EN)).get("width", "")) < 400, "broken into rows"


def test_shades_grow_with_time_and_nothing_is_blank() -> None:
    limits = thresholds(7200)
    levels = [shade(s, limits) for s in (0, 1, limits[0], limits[0] + 1, limits[1] + 1, limits[2] + 1)]
    assert levels == [0, 1, 1, 2, 3, 4]


def test_shades_are_told_apart_without_colour() -> None:
    style = str(Renderer("zh")._environment.globals["style"])
    colours = re.findall(r"--s[1-4]:#([0-9a-f]{6})", style)
    lightness = [
        0.299 * int(c[:2], 16) + 0.587 * int(c[2:4], 16) + 0.114 * int(c[4:], 16) for c in ["ffffff", *colours]
    ]
    assert len(lightness) == 5
    assert all(a - b > 30 for a, b in pairwise(lightness)), lightness


def test_weeks_that_the_period_cuts_are_hollow() -> None:
    period = Period(FIRST, date(2026, 3, 17))
    by_day = dict.fromkeys((FIRST, date(2026, 3, 10), date(2026, 3, 17)), 600.0)
    bars = rects(charts.weeks_chart(weeks(period, by_day), EN), "bar")
    assert [b.get("class") for b in bars] == ["bar part", "bar", "bar part"]


def test_bar_heights_are_in_proportion() -> None:
    values = [0.0] * 24
    values[8], values[20] = 1800.0, 3600.0
    low, high = rects(charts.hours_chart(Series("hour_seconds", tuple(values)), EN), "bar")
    assert float(high.get("height", "")) == pytest.approx(2 * float(low.get("height", "")), abs=0.2)
    assert low.find("title").text == "8:00–9:00 30 min"  # type: ignore[union-attr]


def test_interval_dot_stands_at_its_value() -> None:
    chart = svg(charts.interval_dot(share("accuracy", 1, 4), EN, 0.5))
    circle = next(chart.iter("circle"))
    assert float(circle.get("cx", "")) == pytest.approx(PAD + SCALE / 4, abs=0.1)
    line = next(e for e in chart.iter("line") if e.get("class") == "range")
    assert float(line.get("x1", "")) < float(circle.get("cx", "")) < float(line.get("x2", ""))
    assert chart.find("title").text == "25.0% (1/4)"  # type: ignore[union-attr]


def test_without_a_value_there_is_no_dot() -> None:
    assert "circle" not in charts.interval_dot(Figure("accuracy", None, hidden=True), EN)


@pytest.mark.parametrize(
    ("largest", "step"), [(0, 60), (100, 60), (4000, 1800), (30_000, 10_800), (100_000, 36_000), (10**6, 360_000)]
)
def test_axes_of_time_are_readable(largest: float, step: float) -> None:
    assert nice_step(largest, 3) == step


@pytest.mark.parametrize(("largest", "step"), [(0, 1), (3, 1), (5, 2), (14, 5), (17, 8), (215, 80), (4600, 2000)])
def test_axes_of_counts_are_round(largest: float, step: float) -> None:
    assert nice_count(largest, 3) == step


def test_funnel_shows_numbered_points_where_they_are_and_nothing_of_small_organisations() -> None:
    data = compared(COUNTS)
    chart = svg(charts.funnel_chart(data, EN))
    tips = [t.text or "" for t in chart.iter("title")][1:]
    assert [tip.split()[:2] for tip in tips] == [[str(i), f"<{org}>"] for i, org in enumerate("abcdf", 1)]
    assert "<e>" not in charts.funnel_chart(data, EN).replace("&lt;", "<").replace("&gt;", ">")
    points = {
        (p.find("title").text or "")[0]: p for p in chart.iter() if p.find("title") is not None and p is not chart
    }  # type: ignore[union-attr]
    assert {n: p.get("class") for n, p in points.items()} == {
        "1": "point", "2": "beyond far", "3": "point", "4": "point", "5": "beyond far"
    }  # fmt: skip
    across = {n: float(p.get("cx") or 0) or float(p.get("x", "")) + RADIUS for n, p in points.items()}
    assert [n for n, _ in sorted(across.items(), key=lambda pair: pair[1])] == ["1", "3", "2", "5", "4"], "by members"
    assert {t.text for t in chart.iter("text") if t.get("class") == "num"} == set("12345")
    assert (chart[1].text or "").endswith("Beyond the 95 % limits: numbers 2, 5.")


def test_funnel_limits_are_those_of_the_measure() -> None:
    chart = svg(charts.funnel_chart(compared(COUNTS), EN))
    p0 = 181 / 400
    for kind, confidence in (("warning", WARNING), ("action", ACTION)):
        upper, lower = (p.get("d", "") for p in list(chart.iter("path")) if p.get("class") == kind)
        right = [float(path.rsplit("L", 1)[1].split()[1]) for path in (upper, lower)]
        n = 4 * nice_count(120 * 1.04, 4)
        limits = funnel_limits(p0, n, confidence)
        assert limits is not None
        shares = sorted(1 - (y - TOP) / PLOT for y in right)
        assert shares == pytest.approx([limits.low, limits.high], abs=0.001)


def test_funnel_without_doubt_is_not_drawn_and_many_points_keep_their_labels_apart() -> None:
    assert charts.funnel_chart(compared({org: (20 + i, 20 + i) for i, org in enumerate("abc")}), EN) == ""
    crowd = svg(charts.funnel_chart(compared({f"o{i:02d}": (10 + i % 3, 20) for i in range(30)}), EN))
    places = [(float(t.get("x", "")), float(t.get("y", ""))) for t in crowd.iter("text") if t.get("class") == "num"]
    assert 3 <= len(places) < 30
    assert all(abs(a[0] - b[0]) > 6 or abs(a[1] - b[1]) >= 9 for a, b in combinations(places, 2))
