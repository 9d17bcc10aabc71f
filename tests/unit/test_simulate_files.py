"""Files on disk: byte-identical for the same seed, readable by people and by the importers."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
import zstandard

from producers.simulate import Scenario, default_scenario, simulate, write_simulation
from producers.tables.reference import inspect_reference

TABLES = (
    *("organisations", "members", "courses", "units", "exams", "questions", "knowledge_points", "exemptions"),
    *("competences", "places"),
)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return default_scenario(4, days=21)


@pytest.fixture(scope="module")
def wire(scenario: Scenario) -> bytes:
    return b"".join(line + b"\n" for flush in simulate(scenario) for line in flush.lines)


def test_a_folder_with_everything(scenario: Scenario, wire: bytes, tmp_path: Path) -> None:
    stated = write_simulation(scenario, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {"events.ndjson", "truth.json", *(f"{t}.csv" for t in TABLES)}
    assert (folder / "events.ndjson").read_bytes() == wire
    assert json.loads((folder / "truth.json").read_text("utf-8")) == stated
    assert stated["events"]["lines"] == wire.count(b"\n")


def test_twice_the_same_bytes(scenario: Scenario, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_simulation(scenario, tmp_path / name, wire_path="events.ndjson.gz")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_compressed_by_name(scenario: Scenario, wire: bytes, tmp_path: Path) -> None:
    assert write_simulation(scenario, tmp_path, wire_path="e.ndjson.zst", with_truth=False) == {}
    with (tmp_path / "e.ndjson.zst").open("rb") as packed:
        assert zstandard.ZstdDecompressor().stream_reader(packed).read() == wire
    write_simulation(scenario, tmp_path, wire_path="e.ndjson.gz", with_truth=False)
    assert gzip.decompress((tmp_path / "e.ndjson.gz").read_bytes()) == wire
    assert not (tmp_path / "truth.json").exists()


def test_tables_open_in_a_spreadsheet_and_in_the_importer(scenario: Scenario, tmp_path: Path) -> None:
    write_simulation(scenario, tmp_path)
    for table in TABLES:
        raw = (tmp_path / f"{table}.csv").read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        with (tmp_path / f"{table}.csv").open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert len(rows) == len(scenario.reference().tables()[table])
    found = inspect_reference(tmp_path)
    assert found.errors == ()
    assert found.warnings == ()
    assert len(found.tables.rows("questions")) == len(scenario.catalogue.questions)
