"""A worker for the tests: its durable store is a file of lines ``partition offset key timestamp headers value``.

Usage: python shell_worker.py '{"bootstrap": …, "topic": …, "partitions": 4, "group": …, "out": …, …}'
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from streams.faust_shell import build_app, run_app, run_blocking
from streams.records import PartitionSet, RecordBatch


class Worker:
    """Handles batches as the options say: slowly, failing at a call, or never returning."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.out = os.open(options["out"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.calls = 0

    def store(self, batches: Sequence[RecordBatch]) -> None:
        lines = []
        for batch in batches:
            for r in batch.records:
                headers = json.dumps([[k, v.decode()] for k, v in r.headers])
                key = (r.key or b"").decode()
                value = (r.value or b"").decode()
                lines.append(f"{batch.partition}\t{r.offset}\t{key}\t{r.timestamp_ms}\t{headers}\t{value}\n")
        time.sleep(self.options.get("slow", 0.0))
        os.write(self.out, "".join(lines).encode())

    async def handle(self, batches: Sequence[RecordBatch]) -> None:
        self.calls += 1
        if self.calls == self.options.get("fail_at"):
            raise ValueError("boom")
        if self.calls == self.options.get("hang_at"):
            print("HANGING", flush=True)
            if self.options.get("hang_for"):
                await asyncio.sleep(self.options["hang_for"])
            else:
                await asyncio.Event().wait()
        if self.options.get("noop"):
            return
        await run_blocking(self.store, batches)

    async def assigned(self, places: PartitionSet) -> None:
        print("ASSIGNED", json.dumps(sorted(places)), flush=True)

    async def revoked(self, places: PartitionSet) -> None:
        print("REVOKED", json.dumps(sorted(places)), flush=True)


def main() -> int:
    options = json.loads(sys.argv[1])
    worker = Worker(options)
    app = build_app(
        app_id=options["group"],
        bootstrap=options["bootstrap"],
        routes={options["topic"]: worker.handle},
        partitions={options["topic"]: options["partitions"]},
        embedded=True,
        on_assigned=worker.assigned,
        on_revoked=worker.revoked,
        on_fatal=lambda e: print("FATAL", type(e).__name__, flush=True),
        **options.get("settings", {}),
    )
    return run_app(app, loglevel=options.get("loglevel", "INFO"))


if __name__ == "__main__":
    sys.exit(main())
