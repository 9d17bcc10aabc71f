"""What the collector serves besides: the tracker's script, and on one machine the demo course page with its tokens."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from producers.tracker.build import FILES, HERE

from .keys import App, Refused, make_token, new_app
from .web import Answer, Request

TRACKER = (*FILES, "xuejing-tracker.d.ts")
KINDS = {
    ".js": b"text/javascript; charset=utf-8",
    ".ts": b"text/plain; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".json": b"application/json",
    ".svg": b"image/svg+xml",
}
POLICY = b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'"
SESSION = "/demo/session"
DEMO_SECONDS = 300
"""How long a token of the demo page is valid."""


@dataclass(frozen=True, slots=True)
class Page:
    """A file, as it is and compressed."""

    body: bytes
    packed: bytes
    kind: bytes
    tag: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def page_of(path: Path, *headers: tuple[bytes, bytes]) -> Page:
    """A file of a known kind. Raises OSError."""
    body = path.read_bytes()
    tag = b'"%s"' % hashlib.sha256(body).hexdigest()[:16].encode()
    return Page(body, gzip.compress(body, 9, mtime=0), KINDS[path.suffix], tag, headers)


class Demo:
    """The demo course page: an application of its own, known until the process ends, for courses ``demo-*`` only.

    ``code`` opens it: whoever has the link may study as any member, which is what the operator may anyway.
    """

    def __init__(self, folder: Path, origins: tuple[str, ...]) -> None:
        self.app: App
        self.app, self.key = new_app("demo-course-page", origins=origins, courses=("demo-*",))
        self.code = secrets.token_urlsafe(24)
        policy = (b"content-security-policy", POLICY), (b"referrer-policy", b"no-referrer")
        self.pages = {
            f"/demo/{'' if path.name == 'index.html' else path.name}": page_of(path, *policy)
            for path in sorted(folder.iterdir())
            if path.suffix in KINDS
        }

    def session(self, body: bytes) -> Answer:
        """Key and a short token for the member that the page names. Raises Refused."""
        try:
            asked = msgspec.json.decode(body, type=_Asked)
        except msgspec.DecodeError as error:
            raise Refused(400, "malformed", f"not a request for a session: {error}") from None
        if not hmac.compare_digest(asked.code.encode(), self.code.encode()):
            raise Refused(401, "bad_code", "open the page by the link that was printed")
        if not 1 <= len(asked.member) <= 64:
            raise Refused(400, "malformed", "member must have 1 to 64 characters")
        token = make_token(self.app, asked.member, DEMO_SECONDS)
        answer = Answer(200, msgspec.json.encode({"key": self.key, "token": token, "seconds": DEMO_SECONDS}))
        answer.headers.append((b"cache-control", b"no-store"))
        return answer


class _Asked(msgspec.Struct):
    code: str
    member: str


class Pages:
    """Files by their path: the tracker's, and the demo's where there is one."""

    def __init__(self, demo: Demo | None = None) -> None:
        self.demo = demo
        anywhere = (b"access-control-allow-origin", b"*")  # a script, the same for everybody
        self._files: Mapping[str, Page] = {
            **{f"/tracker/{name}": page_of(HERE / name, anywhere) for name in TRACKER},
            **(demo.pages if demo else {}),
        }

    def answer(self, request: Request) -> Answer | None:
        """The file at a path; None where there is none."""
        page = self._files.get(request.path)
        if page is None:
            return None
        headers = [
            (b"etag", page.tag),
            (b"cache-control", b"no-cache"),
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
            *page.headers,
        ]
        if request.header(b"if-none-match") == page.tag.decode():
            return Answer(304, headers=headers)
        if "gzip" in request.header(b"accept-encoding"):
            return Answer(200, page.packed, page.kind, [*headers, (b"content-encoding", b"gzip")])
        return Answer(200, page.body, page.kind, headers)
