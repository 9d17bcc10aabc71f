"""What is brought to a destination, and how it can fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reports.schedule.manifest import Parcel
from schemas.errors import XuejingError


class NotDelivered(XuejingError):
    """A try failed. ``again``: whether the same try may work in a moment. The text never holds a secret."""

    def __init__(self, what: str, *, again: bool, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.again = again


@dataclass(frozen=True, slots=True)
class Bundle:
    """A parcel and where its files are. ``run``: name of the run's folder at the destination, unique to it."""

    parcel: Parcel
    root: Path
    run: str
    subject: str
    text: str
    made_at: datetime

    @property
    def place(self) -> str:
        """The parcel's folder at a destination, relative."""
        return f"{self.run}/{self.parcel.folder}"

    @property
    def sums(self) -> bytes:
        """SHA256SUMS of the files, as sha256sum writes and checks it."""
        return "".join(f"{f.sha256}  {f.path}\n" for f in self.parcel.files).encode()


@dataclass(frozen=True, slots=True)
class Notice:
    """What a robot may tell a group: figures about a run, no names of anybody and no files."""

    title: str
    lines: tuple[str, ...]
    link: str


SUMS = "SHA256SUMS"
