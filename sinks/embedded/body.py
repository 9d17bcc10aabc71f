"""Request bodies: decoded from their content coding, read no faster than they are used."""

from __future__ import annotations

from aiohttp import BodyPartReader, web

from sinks.embedded import compression
from sinks.embedded.errors import server_exception

CHUNK = 1 << 20


class Body:
    """The decoded body of ``http``; None for a body that was read as a form."""

    def __init__(self, http: web.BaseRequest | None) -> None:
        self._content = http.content if http is not None and http.can_read_body else None
        self._coding = http.headers.get("Content-Encoding", "") if http is not None else ""
        self._decoder = compression.decoder(self._coding)

    async def more(self) -> bytes:
        """Some more of the body, about ``CHUNK`` bytes; empty at its end.

        Raises ServerException when the body is not in the coding it names, ConnectionError when the client went.
        """
        parts: list[bytes] = []
        size = 0
        while size < CHUNK and self._content is not None:
            raw = await self._content.readany()
            try:
                if raw:
                    part = self._decoder.feed(raw)
                else:
                    part, self._content = self._decoder.finish(), None
            except Exception as error:
                raise compression.bad_body(self._coding, error) from None
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    async def head(self, limit: int) -> tuple[bytes, bool]:
        """The body's first ``limit`` bytes or a little more, and whether that is all of it."""
        parts: list[bytes] = []
        size = 0
        while size < limit:
            part = await self.more()
            if not part:
                return b"".join(parts), True
            parts.append(part)
            size += len(part)
        return b"".join(parts), False

    async def rest(self, limit: int) -> bytes:
        """What is left. Raises ServerException 229 when that is more than ``limit``."""
        data, complete = await self.head(limit)
        if not complete:
            raise server_exception(229, "QUERY_IS_TOO_LARGE", f"Query is too large (more than {limit} bytes)")
        return data


async def read_form(http: web.BaseRequest) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """Fields of a multipart form: those without a file name are parameters, the others external tables."""
    fields: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    async for part in await http.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise server_exception(36, "BAD_ARGUMENTS", "A part of the form has no name")
        data = bytes(await part.read(decode=True))
        if part.filename is None:
            fields.append((part.name, data.decode("utf-8", "surrogateescape")))
        else:
            files[part.name] = data
    return fields, files
