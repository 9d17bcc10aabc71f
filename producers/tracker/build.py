"""What is handed to pages, out of ``src/``: one file for each way of loading it, without comments and indentation.

The sources are ES modules. A file is their concatenation in order of dependency, in a function of its own, so that
nothing of it is global but its name. ``make docs`` writes the files; a test says when they are stale.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAD = "/* Xuejing tracker. Apache-2.0. Made from producers/tracker/src by `make docs`. */\n"

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./[a-z]+\.js\";$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const )", re.MULTILINE)
_NAME = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def joined(*names: str) -> str:
    """The sources as one script body. Raises ValueError where two declare one name at the top."""
    seen: dict[str, str] = {}
    parts = []
    for name in names:
        text = _EXPORT.sub("", _IMPORT.sub("", (HERE / "src" / f"{name}.js").read_text("utf-8")))
        if re.search(r"^(?:import|export)\b", text, re.MULTILINE):
            raise ValueError(f"{name}.js has an import or export that is not understood")
        lines = (line.strip() for line in text.splitlines())
        for found in _NAME.findall(text):
            if found in seen:
                raise ValueError(f"{found} is declared in {seen[found]}.js and {name}.js")
            seen[found] = name
        parts.append("\n".join(line for line in lines if line and not line.startswith("//")))
    return "\n".join(parts)


def classic() -> str:
    """For ``<script src>``: ``Xuejing.start(…)``."""
    body = joined("core", "stores", "browser")
    return f'{HEAD}var Xuejing = (() => {{\n"use strict";\n{body}\nreturn {{start}};\n}})();\n'


def module() -> str:
    """For ``import {start} from``."""
    return f"{HEAD}{joined('core', 'stores', 'browser')}\nexport {{start}};\n"


def miniprogram() -> str:
    """For ``require`` in a WeChat mini program."""
    body = joined("core", "stores", "wechat")
    return f'{HEAD}"use strict";\n{body}\nmodule.exports = {{start}};\n'


FILES = {"xuejing.js": classic, "xuejing.module.js": module, "miniprogram.js": miniprogram}
"""Name below ``producers/tracker/`` → what makes its text."""
