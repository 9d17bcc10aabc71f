"""Office files are ZIP archives: packed again so that the same content gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP archive can name."""


def repacked(content: bytes, replace: Mapping[str, bytes] | None = None) -> bytes:
    """The same archive without the times at which its members were written; ``replace``: other members by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
            new.writestr(info, (replace or {}).get(name, old.read(name)))
    return out.getvalue()
