"""What a report rests on, beside its figures: which rules, imports and calibrations, and the hash of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from schemas.reference import Text

Reason = Literal["first", "update", "correction", "erasure"]
REASONS: Mapping[str, Text] = {
    "first": Text("首次印发", "first issue"),
    "update": Text("数据更新", "newer data"),
    "correction": Text("更正", "correction"),
    "erasure": Text("依法删除了个人数据", "a person's data were erased"),
}
"""Why a version was issued. Codes, not free text: a reason must not name anybody."""
assert set(get_args(Reason)) == set(REASONS)


@dataclass(frozen=True, slots=True)
class Edition:
    """An entry of the register of issued reports. ``version`` counts from 1; ``issued_at`` is in local time."""

    report_id: str
    version: str
    issued_at: datetime
    reason: Text


@dataclass(frozen=True, slots=True)
class Provenance:
    """``roster`` and ``catalogue``: numbers of the latest imports, 0 before the first. ``calibrations``: how many
    calibrations and thresholds had been made. Numbers are text: they name versions, they are no figures.
    ``thresholds``: of the rules, as JSON. ``data_hash``: SHA-256 over all that the report was made from.
    ``made_by`` and ``purpose``: by whom and for what, where that was said. ``contested``: a request for correction by
    somebody whom the report is about waited for a decision at its cut-off."""

    roster: str
    catalogue: str
    calibrations: str
    thresholds: str
    data_hash: str
    edition: Edition | None = None
    made_by: str | None = None
    purpose: str | None = None
    contested: bool = False

    @property
    def short_hash(self) -> str:
        """As much of the hash as a page shows."""
        return self.data_hash[:16]
