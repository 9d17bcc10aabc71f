"""Whether what arrives is about somebody who was erased. The list holds keyed hashes, never ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Protocol

_WORD = re.compile(r"[\w.-]+")
_PART = re.compile(r"""[^\s,;|=(){}\[\]<>"'`\\]+""")
_QUOTED = re.compile(r"""(?=["'`]([^"'`\\]{1,64})["'`])""")
"""Ids are opaque: one may hold spaces or punctuation. Such a one is found where it is quoted or stands apart."""
REMEMBERED = 1 << 18
"""Members whose answer is remembered: a keyed hash costs microseconds."""


class Erased:
    """A list of erased members, asked by plain id. An empty one needs no secret."""

    def __init__(self, keys: Collection[str] = (), key_of: Callable[[str], str] = str) -> None:
        self.keys, self._key_of = frozenset(keys), key_of
        self._known: dict[str, bool] = {}

    def __contains__(self, member_id: str) -> bool:
        if not self.keys:
            return False
        found = self._known.get(member_id)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[member_id] = self._key_of(member_id) in self.keys
        return found

    def named_in(self, text: str) -> bool:
        """Whether one of them stands in a text as a word of its own: in a line that could not be read."""
        return bool(self.keys) and any(word in self for word in _candidates(text))

    def __len__(self) -> int:
        return len(self.keys)


def _candidates(text: str) -> set[str]:
    """What may be an id in a text; a full stop or dash behind it may belong to the sentence."""
    found = {*_WORD.findall(text), *_PART.findall(text), *_QUOTED.findall(text)}
    return {c for one in found for c in (one, one.strip(".-"), one.rstrip(".:!?-。：")) if 0 < len(c) <= 64}


class ErasedSource(Protocol):
    """The list as the store has it now; the same object while nothing changed."""

    def current(self) -> Erased:
        """The list."""


class NobodyErased:
    """For a pipeline without a store of its own."""

    def __init__(self) -> None:
        self._nobody = Erased()

    def current(self) -> Erased:
        """See ``ErasedSource``."""
        return self._nobody
