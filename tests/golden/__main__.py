"""``python -m tests.golden``: write the files again; look at ``git diff tests/golden`` before committing."""

from __future__ import annotations

from tests.golden.made import FOLDER, files

for name, text in files():
    path = FOLDER / name
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
        print(f"written: {name}")
