"""Errors as clients get them: problem details (RFC 9457), in the client's language, nothing about our insides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.reference.columns import Language, Text

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem: HTTP status and title."""

    status: int
    title: Text


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(400, Text("请求无法读取", "the request can't be read")),
    "unauthorized": Kind(401, Text("需要有效的令牌", "a valid token is needed")),
    "forbidden": Kind(403, Text("令牌的范围不允许此操作", "the scope of the token does not allow this")),
    "purpose-required": Kind(403, Text("须说明用途", "a purpose must be given")),
    "not-found": Kind(404, Text("没有这项内容", "there is no such thing")),
    "method-not-allowed": Kind(405, Text("不支持此方法", "the method is not allowed here")),
    "not-acceptable": Kind(406, Text("不支持所要的格式", "none of the formats asked for is there")),
    "not-ready": Kind(409, Text("尚未完成", "it is not ready yet")),
    "too-large": Kind(413, Text("请求过大", "the request is too large")),
    "unsupported": Kind(415, Text("请求的格式不受支持", "the request has another format than JSON")),
    "invalid": Kind(422, Text("参数有误", "a parameter is wrong")),
    "too-many": Kind(429, Text("请求过于频繁", "too many requests")),
    "internal": Kind(500, Text("内部错误", "something went wrong here")),
    "unavailable": Kind(503, Text("暂时无法应答", "no answer is possible for the moment")),
}
"""Every kind of problem by name."""


class Problem(Exception):
    """Ends a request with a problem. ``detail`` is for the person who asked; ``fields``: further members of the
    document, whose texts are told in the client's language; ``headers``: of the response."""

    def __init__(
        self,
        kind: str,
        detail: str | Text = "",
        *,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind, self.detail = kind, detail
        self.fields, self.headers = dict(fields or {}), dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def document(self, language: Language, request_id: str) -> bytes:
        """The body: JSON in UTF-8. ``request_id`` is what the log knows the request by."""
        found: dict[str, Any] = {
            "type": f"urn:xuejing:problem:{self.kind}",
            "title": KINDS[self.kind].title.of(language),
            "status": self.status,
        }
        if self.detail:
            found["detail"] = self.detail
        found |= self.fields | {"request_id": request_id}
        return json.dumps(_spoken(found, language), ensure_ascii=False).encode()


def _spoken(value: Any, language: Language) -> Any:
    """The same with each text in one language."""
    if isinstance(value, Text):
        return value.of(language)
    if isinstance(value, dict):
        return {k: _spoken(v, language) for k, v in value.items()}
    return [_spoken(v, language) for v in value] if isinstance(value, list) else value


def language_of(accepted: str, otherwise: Language) -> Language:
    """The language of an answer by ``Accept-Language``: the best of zh and en, else ``otherwise``."""
    best, most = otherwise, 0.0
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        primary = tag.strip().lower().split("-")[0]
        if primary in ("zh", "en") and quality > most:
            best, most = ("en" if primary == "en" else "zh"), quality
    return best
