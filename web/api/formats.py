"""Which format an answer has: by the parameter ``format``, else by the header ``Accept``. Pure."""

from __future__ import annotations

from typing import Literal, get_args

Form = Literal["json", "ndjson", "csv", "parquet", "arrow"]
FORMS: tuple[Form, ...] = get_args(Form)

MEDIA_TYPES: dict[Form, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""Format → media type of the answer, the preferred one first."""


def negotiate(accept: str) -> Form | None:
    """The format that suits an Accept header best; the earlier of ``FORMS`` where several do; None where none does."""
    if not accept.strip():
        return "json"
    wanted = [_read(part) for part in accept.split(",") if part.strip()]
    best: Form | None = None
    most = 0.0
    for form in FORMS:
        quality = _quality(MEDIA_TYPES[form].split(";")[0], wanted)
        if quality > most:
            best, most = form, quality
    return best


def _quality(media: str, wanted: list[tuple[str, float]]) -> float:
    """The weight of the most specific range that a media type is in."""
    kind = media.split("/")[0]
    for pattern in (media, f"{kind}/*", "*/*"):
        found = [quality for name, quality in wanted if name == pattern]
        if found:
            return max(found)
    return 0.0


def _read(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name.lower(), quality
