"""Which fonts are installed, and which one stands for each role."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from reports.errors import ReportError
from reports.formats.layout import FONTS, LATIN

if TYPE_CHECKING:
    import typst

Families = Mapping[str, tuple[str, ...]]


class FormatUnavailable(ReportError):
    """A format can't be made on this machine: a library or a font is missing. The others can."""


@lru_cache(maxsize=1)
def book() -> typst.Fonts:
    """The fonts of this machine, looked for once. Raises FormatUnavailable without the typesetter."""
    try:
        import typst
    except ImportError as error:
        raise FormatUnavailable(
            f"PDF and Word need the Python package typst: {error}", hint="pip install 'xuejing[documents]'"
        ) from error
    return typst.Fonts()


@lru_cache(maxsize=1)
def installed() -> frozenset[str]:
    """Names of the families that are installed."""
    return frozenset(book().families())


def families(chinese: bool, present: Collection[str]) -> Families:
    """For each role the installed families in order of preference, for text in Chinese or in English.

    Raises FormatUnavailable when Chinese is to be set and there is no font for it.
    """
    chains = {role: tuple(name for name in chain if name in present) for role, chain in FONTS.items()}
    latin = tuple(name for name in LATIN if name in present)
    if not chinese:
        return {role: (*latin, *chain) for role, chain in chains.items()}
    anything = tuple(dict.fromkeys(name for chain in chains.values() for name in chain))
    if not anything:
        raise FormatUnavailable(
            "no font for Chinese is installed, so PDF and Word can't be made",
            hint="Debian, Ubuntu: apt-get install fonts-noto-cjk; Windows and macOS bring fonts",
        )
    return {role: chain or anything[:1] for role, chain in chains.items()}


def needs_chinese(text: str) -> bool:
    """Whether there is a character that only fonts for Chinese have."""
    return not text.isascii() and any(unicodedata.east_asian_width(c) in "WF" for c in text)
