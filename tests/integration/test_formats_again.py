"""The same report gives the same files in another process, whatever the order of its sets and dictionaries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import hashlib
from reports.formats.definitions import definitions
from reports.formats.parquet import to_parquet
from reports.formats.pdf import to_pdf
from reports.formats.tables import sheets
from reports.formats.typed import typed
from reports.formats.word import to_word
from reports.formats.workbook import to_workbook
from tests.support.documents import MOMENT, document_of
from tests.unit.test_formats_pdf import KINDS
for kind, report in KINDS.items():
    document = document_of(kind, report)
    tables = [*map(typed, sheets(report)), definitions(report)]
    made = to_pdf(document, MOMENT), to_word(document, MOMENT), to_workbook(tables, "t", MOMENT), to_parquet(report)
    print(kind, *(hashlib.sha256(content).hexdigest() for content in made))
"""


def hashes(seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("chinese_font")
def test_another_process_makes_the_same_bytes() -> None:
    first = hashes(1)
    assert len(first.splitlines()) == 3
    assert hashes(2) == first
