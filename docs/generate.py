"""``python -m docs.generate``: writes every generated page and schema. A test fails when one of them is stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cli
from bench.page import performance_markdown
from docs.command_line import cli_markdown
from docs.privacy_page import privacy_markdown
from producers.tables.markdown import tables_markdown
from producers.tracker.build import FILES as TRACKER
from reports import withholding
from reports.analytics.computed import COMPUTED
from schemas.contract import event_schema_text, events_markdown
from schemas.metrics import metrics_markdown
from schemas.settings import settings_markdown
from sinks.read.docs import queries_markdown
from tests.chaos.report import reliability_markdown

ROOT = Path(__file__).resolve().parent.parent

PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": lambda: cli_markdown(cli.application()),
    "docs/events.md": events_markdown,
    "docs/metrics.md": metrics_markdown,
    "docs/privacy.md": privacy_markdown,
    "docs/queries.md": lambda: queries_markdown(COMPUTED.values(), withholding.notes()),
    "docs/performance.md": performance_markdown,
    "docs/reliability.md": reliability_markdown,
    "docs/settings.md": settings_markdown,
    "docs/tables.md": tables_markdown,
    "schemas/jsonschema/event.v1.json": event_schema_text,
    **{f"producers/tracker/{name}": make for name, make in TRACKER.items()},
}
"""Path in the repository → what makes its text."""


def main() -> None:
    """Write what has changed."""
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if not path.is_file() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print("written:", name)


if __name__ == "__main__":
    main()
