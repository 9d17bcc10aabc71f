"""Small inline SVG charts, made by pure functions of figures. One style: the page's stylesheet colours them.

Each says one thing, carries ``<title>`` and ``<desc>`` as its text alternative, and is legible without
colour: amounts by lightness or length, estimates by position.
"""

from __future__ import annotations

from reports.charts.bars import active_chart, hours_chart, weeks_chart
from reports.charts.calendar import calendar_chart
from reports.charts.estimates import bands_chart, time_effect_chart, trend_chart
from reports.charts.funnel import funnel_chart
from reports.charts.interval import axis, interval_dot
from reports.charts.items import item_map
from reports.charts.org_map import org_map_chart

__all__ = [
    "active_chart",
    "axis",
    "bands_chart",
    "calendar_chart",
    "funnel_chart",
    "hours_chart",
    "interval_dot",
    "item_map",
    "org_map_chart",
    "time_effect_chart",
    "trend_chart",
    "weeks_chart",
]
