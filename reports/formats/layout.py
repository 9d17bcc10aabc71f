"""The layout of official documents (GB/T 9704-2012), once for PDF and Word; and which fonts stand for which.

Lengths are millimetres, sizes of type are points: 二号 is 22, 三号 16, 四号 14, 小四 12, 五号 10.5.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PAGE_WIDTH, PAGE_HEIGHT = 210.0, 297.0
TOP, LEFT = 37.0, 28.0
TEXT_WIDTH, TEXT_HEIGHT = 156.0, 225.0
LINES, CHARACTERS = 22, 28
"""Of body text on a page, and on a line."""
FOOT_GAP = 7.0
"""From the text down to the line of the page number."""
POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of type in points. ``pitch``: from one line of body text to the next."""

    title: float = 22.0
    body: float = 16.0
    page_number: float = 14.0
    small: float = 12.0
    table: float = 10.5
    tiny: float = 9.0
    pitch: float = TEXT_HEIGHT / LINES / POINT
    tracking: float = TEXT_WIDTH / CHARACTERS / POINT - 16.0


SIZES = Sizes()
ENGLISH = Sizes(title=20.0, body=12.0, page_number=11.0, small=10.5, table=10.0, pitch=18.0, tracking=0.0)
"""The rule is about Chinese type; letters of 16 points would be those of a poster."""

FONTS: dict[str, tuple[str, ...]] = {
    "title": (
        "FZXiaoBiaoSong-B05S",
        "方正小标宋简体",
        "方正小标宋_GBK",
        "STZhongsong",
        "Noto Serif CJK SC",
        "Source Han Serif SC",
        "Noto Serif SC",
        "Songti SC",
        "SimSun",
        "AR PL SungtiL GB",
        "AR PL UMing CN",
    ),
    "body": (
        "FangSong_GB2312",
        "仿宋_GB2312",
        "FangSong",
        "STFangsong",
        "Zhuque Fangsong (technical preview)",
        "FandolFang R",
        "Noto Serif CJK SC",
        "Source Han Serif SC",
        "Noto Serif SC",
        "Songti SC",
        "SimSun",
        "AR PL SungtiL GB",
        "AR PL UMing CN",
    ),
    "heading": (
        "SimHei",
        "STHeiti",
        "FandolHei",
        "Noto Sans CJK SC",
        "Source Han Sans SC",
        "Noto Sans SC",
        "PingFang SC",
        "Microsoft YaHei",
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
        "Noto Serif CJK SC",
    ),
    "subheading": (
        "KaiTi_GB2312",
        "楷体_GB2312",
        "KaiTi",
        "STKaiti",
        "FandolKai",
        "LXGW WenKai",
        "AR PL UKai CN",
        "AR PL KaitiM GB",
        "Noto Serif CJK SC",
        "Source Han Serif SC",
        "Noto Serif SC",
        "SimSun",
    ),
}
"""For each role the names in order of preference: first what the rule names, then what is free."""

LATIN = ("Times New Roman", "Liberation Serif", "Noto Serif", "DejaVu Serif", "Libertinus Serif")
"""For English reports; the last one comes with the typesetter."""
WORD_FONTS = {"title": "方正小标宋简体", "body": "仿宋", "heading": "黑体", "subheading": "楷体"}
"""What a Word file names first: the reader's office has these; the chain is declared as their substitutes."""


def numbers(chinese: bool) -> dict[str, Any]:
    """Everything that the typesetter needs, as plain values."""
    return {
        "width": PAGE_WIDTH,
        "height": PAGE_HEIGHT,
        "top": TOP,
        "left": LEFT,
        "text_width": TEXT_WIDTH,
        "text_height": TEXT_HEIGHT,
        "foot_gap": FOOT_GAP,
        **{f"size_{name}": value for name, value in asdict(SIZES if chinese else ENGLISH).items()},
    }
