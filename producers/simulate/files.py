"""Writes a run to a folder: events, roster, catalogue and the truth."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from producers.simulate.engine import Simulation
from producers.simulate.model import Scenario
from producers.simulate.tables import COLUMNS
from producers.simulate.truth import Truth, TruthCollector


def write_simulation(
    scenario: Scenario, out_dir: Path | str, *, wire_path: str = "events.ndjson", with_truth: bool = True
) -> Truth:
    """Write the run into ``out_dir`` (created) and return its truth ({} without it).

    Files: ``wire_path`` (one line per event in order of receipt; a name ending in .gz or .zst is compressed),
    one CSV a reference table (UTF-8 with BOM, ready for spreadsheets) and ``truth.json``. Equal scenarios
    give byte-identical files. Leave the truth out for runs of millions of events: it keeps them in memory.
    """
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    write_reference(scenario, folder)
    run = Simulation(scenario)
    collector = TruthCollector(scenario) if with_truth else None
    with _writer(folder / wire_path) as write:
        for flush in run.flushes():
            write(b"\n".join(flush.lines) + b"\n")
            if collector:
                collector.add(flush)
    if collector is None:
        return {}
    found = collector.result(run)
    (folder / "truth.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return found


def write_reference(scenario: Scenario, folder: Path) -> list[Path]:
    """Write ``organisations.csv``, ``members.csv`` and the catalogue's CSVs; returns their paths."""
    written: list[Path] = []
    for name, rows in scenario.reference().tables().items():
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS[name], lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(rows)
        written.append(path)
    return written


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[bytes], object]]:
    with path.open("wb", buffering=1 << 20) as raw:
        if path.suffix == ".gz":
            # No name and no time in the header: the same run must give the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                yield packed.write
        elif path.suffix == ".zst":
            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as stream:
                yield stream.write
        else:
            yield raw.write
