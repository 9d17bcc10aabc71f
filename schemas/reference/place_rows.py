"""Where organisations are, for the map. Places of persons are not kept anywhere."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from schemas.reference.columns import Column, Text, declare


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's seat during ``[valid_from, valid_to)``, local days; degrees, north and east positive."""

    org_id: Annotated[
        str,
        Column(
            kind="id",
            header=Text("组织编号", "Organisation ID"),
            description=Text("与名册一致；只有组织，没有个人", "The same id as in the roster; never a person's"),
            aliases=("组织代码", "支部编号", "organization id", "org"),
            examples=("college", "branch-1"),
        ),
    ]
    latitude: Annotated[
        float,
        Column(
            kind="number",
            header=Text("纬度", "Latitude"),
            description=Text("十进制度，北纬为正", "Decimal degrees, north is positive"),
            aliases=("lat",),
            examples=("39.9900", "39.9912"),
            minimum=-90,
            maximum=90,
        ),
    ]
    longitude: Annotated[
        float,
        Column(
            kind="number",
            header=Text("经度", "Longitude"),
            description=Text("十进制度，东经为正", "Decimal degrees, east is positive"),
            aliases=("lon", "lng"),
            examples=("116.3100", "116.3056"),
            minimum=-180,
            maximum=180,
        ),
    ]
    valid_from: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("生效日期", "Valid from"),
            description=Text("首日，含当日；空 = 自始", "First day, included; empty = since ever"),
            aliases=("开始日期", "起始日期", "from"),
        ),
    ] = None
    valid_to: Annotated[
        date | None,
        Column(
            kind="date",
            header=Text("失效日期", "Valid to"),
            description=Text(
                "末日之次日，不含；空 = 至另行通知", "First day no longer included; empty = until further notice"
            ),
            aliases=("结束日期", "终止日期", "to"),
        ),
    ] = None


PLACES = declare(
    Place,
    "places",
    Text("组织位置", "Places"),
    Text("组织所在地，供组织图使用；可不填", "Where organisations are, for the map; may be left out"),
    key=("org_id", "valid_from"),
    aliases=("位置", "坐标", "组织坐标"),
)
