"""The page of the organisation map: a picture of a node and what is below it, which opens to any node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from reports.catalogue import typed
from reports.charts.places import Seat
from reports.context.head import organisation_name
from reports.context.org_map import MapNode, OrgMap, org_map
from reports.data import ReportData
from schemas.reference import Place
from sinks.read import Reader, Scope
from web.dashboard.asking import Asked
from web.dashboard.gather import Freshness, Gatherer
from web.dashboard.viewers import Viewer

MOST = 400
"""Organisations on one page; of more, whole levels are left out, which open on pages of their own."""
WIDE, NARROW = 1176.0, 334.0
"""Widths of the picture on a desk and on a telephone: tiles keep their size, so that their text can be read."""


@dataclass(frozen=True, slots=True)
class MapPage:
    """What the page shows. ``above``: names and addresses of the maps above within the scope, from the top down;
    ``links``: address by organisation, of those that open; ``report``: that of the page with all figures."""

    map: OrgMap
    links: Mapping[str, str]
    above: tuple[tuple[str, str], ...]
    report: str
    seats: tuple[Seat, ...]
    named: bool
    wide: float
    narrow: float
    fresh: Freshness


def map_page(gatherer: Gatherer, viewer: Viewer, asked: Asked) -> MapPage:
    """The page; figures about few are withheld as on that of a committee."""
    reader = gatherer.reader()
    groups = gatherer.groups(reader, viewer, asked)
    found = org_map(groups, asked.subject, MOST)
    # Who may see names once they have said what for gets there by the same links.
    links = viewer.rights.detail == "named"
    return MapPage(
        found,
        {node.org_id: address for node in found.nodes if (address := _address(node, asked, links))},
        _above(groups.data, viewer.scope, asked),
        asked.about("committee" if found.root.inner or not links else "branch", asked.subject).address,
        _seats(reader, found, groups.data.period.last),
        viewer.scope.detail == "named",
        WIDE,
        NARROW,
        gatherer.freshness(reader, viewer.scope),
    )


def _address(node: MapNode, asked: Asked, named: bool) -> str:
    """Where a node leads: its own map, of a branch its page, which names persons; '' for none, as for the root."""
    if node.depth == 0:
        return ""
    if node.inner:
        return asked.about("map", node.org_id).address
    return asked.about("branch", node.org_id).address if named else ""


def _above(data: ReportData, scope: Scope, asked: Asked) -> tuple[tuple[str, str], ...]:
    found = []
    for org in data.roster.ancestors(asked.subject, data.period.last) if asked.subject != scope.node else ():
        found.append((organisation_name(data, org), asked.about("map", org).address))
        if org == scope.node:
            break
    return tuple(reversed(found))


def _seats(reader: Reader, found: OrgMap, day: date) -> tuple[Seat, ...]:
    """Nodes of the map that have a place on the day; none where fewer than two have."""
    nodes = {node.org_id: node for node in found.nodes}
    places = [
        p
        for p in typed(Place, reader.reference("places").iter_rows(named=True))
        if p.org_id in nodes and (p.valid_from or date.min) <= day < (p.valid_to or date.max)
    ]
    order = list(nodes)
    seats = [
        Seat(nodes[p.org_id], p.latitude, p.longitude) for p in sorted(places, key=lambda p: order.index(p.org_id))
    ]
    return tuple(seats) if len(seats) > 1 else ()
