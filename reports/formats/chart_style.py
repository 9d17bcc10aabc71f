"""Charts outside of a page: the styles that the page gave them, put into them."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from importlib.resources import files

from reports.errors import ReportError
from reports.formats.document import Chart

_RULE = re.compile(r"(\.chart[^{}]*)\{([^{}]*)\}")
_NAME = re.compile(r"--([\w-]+):([^;}]*)")
_VALUE = re.compile(r"var\(--([\w-]+)\)")
_SIZE = re.compile(r'^<svg [^>]*width="([\d.]+)" height="([\d.]+)"')
_TITLE = re.compile(r"<title>(.*?)</title><desc>(.*?)</desc>", re.DOTALL)
FAMILY = "XUEJING"
"""Stands for the font family until it is known which one is installed."""


@lru_cache(maxsize=1)
def style() -> str:
    """The rules of the page's style sheet that are about charts, with their values in place."""
    sheet = files("reports").joinpath("templates/style.css").read_text("utf-8").split("@media")[0]
    values = dict(_NAME.findall(sheet)) | {"sans": FAMILY}
    rules = "".join(f"{selector}{{{body}}}" for selector, body in _RULE.findall(sheet))
    return _VALUE.sub(lambda match: values[match[1]], rules)


def chart(svg: str, caption: str) -> Chart:
    """A chart of a page as a picture that stands for itself. Raises ReportError if it is none of ours."""
    size, said = _SIZE.match(svg), _TITLE.search(svg)
    if size is None or said is None:
        raise ReportError("a chart has no size, title or description", where=svg[:120], hint="use charts.svg.figure")
    alone = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    body = alone.replace("><title>", f"><style>{style()}</style><title>", 1)
    alt = " ".join(unescape(part) for part in said.groups() if part)
    return Chart(body, alt, float(size[1]), float(size[2]), caption)
