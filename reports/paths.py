"""Names of files: readable, safe on every file system, and never two subjects in one file."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping

from schemas.reference.columns import Language

_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)(\..*)?", re.IGNORECASE)


def slug(id_: str) -> str:
    """The id where it can be a file name as it is, else its safe characters and a digest of all of it."""
    safe = _UNSAFE.sub("-", id_)
    if safe == id_ and not id_.startswith((".", "-")) and not id_.endswith(".") and not _RESERVED.fullmatch(id_):
        return id_
    return f"{safe.strip('.-')[:40]}-{hashlib.sha256(id_.encode()).hexdigest()[:8]}".lstrip("-")


def slugs(ids: Iterable[str]) -> Mapping[str, str]:
    """A name for each id. Ids that differ only in case get a digest, for file systems that ignore it."""
    wanted = sorted(set(ids))
    folded: dict[str, int] = {}
    for id_ in wanted:
        folded[slug(id_).lower()] = folded.get(slug(id_).lower(), 0) + 1
    return {
        id_: slug(id_)
        if folded[slug(id_).lower()] == 1
        else f"{slug(id_)}-{hashlib.sha256(id_.encode()).hexdigest()[:8]}"
        for id_ in wanted
    }


def page_name(stem: str, language: Language, suffix: str = "html") -> str:
    """``stem.html`` in Chinese, ``stem.en.html`` in English."""
    return f"{stem}.{suffix}" if language == "zh" else f"{stem}.{language}.{suffix}"


def link(source: str, target: str) -> str:
    """The relative address of ``target`` on page ``source``, both relative to the folder of the run."""
    return posixpath.relpath(target, posixpath.dirname(source) or ".")
