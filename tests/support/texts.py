"""Looking for the wrong language in user-facing text."""

from __future__ import annotations

import re

CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
"""Characters and punctuation that English text must not have."""


def chinese_in(text: str) -> list[str]:
    """Every stretch with Chinese characters or punctuation, with its surroundings."""
    return [text[max(0, m.start() - 20) : m.end() + 20] for m in CHINESE.finditer(text)]
