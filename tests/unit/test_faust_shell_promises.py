"""What the Faust app must be told so that nothing is thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from streams.faust_shell import build_app
from streams.records import RecordBatch


async def _nothing(batches: Sequence[RecordBatch]) -> None: ...


def test_resuming_does_not_throw_away_what_is_fetched() -> None:
    """After a recovery Faust resumes the partitions first and the queues later: by then they hold records."""

    async def scenario() -> int:
        app = build_app(app_id="promises", bootstrap="127.0.0.1:9", routes={"events": _nothing})
        queue = app.FlowControlQueue(maxsize=10)
        app.flow_control.resume()
        await queue.put("fetched")
        app.flow_control.suspend()
        app.flow_control.resume()
        return int(queue.qsize())

    assert asyncio.run(scenario()) == 1


def test_faust_commits_nothing_by_itself_and_keeps_no_tables() -> None:
    app = build_app(app_id="promises", bootstrap="127.0.0.1:9", routes={"events": _nothing})
    assert not app.tables
    assert app.conf.table_standby_replicas == 0
    assert app.conf.processing_guarantee.value == "at_least_once"
