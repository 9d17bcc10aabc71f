"""Charts: well-formed, with text alternatives, legible without colour, and true to their figures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from itertools import pairwise

import pytest
from markupsafe import Markup

from reports import charts
from reports.charts.calendar import shade, thresholds
from reports.charts.interval import PAD, SCALE
from reports.charts.svg import nice_count, nice_step
from reports.data import Period
from reports.figures import Figure, Series, share
from reports.pattern import LONGEST_CALENDAR, calendar, weeks
from reports.render import Renderer
from reports.text import Words

EN = Words("en")
FIRST = date(2026, 3, 4)  # a Wednesday


def svg(chart: Markup) -> ET.Element:
    return ET.fromstring(chart)


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
