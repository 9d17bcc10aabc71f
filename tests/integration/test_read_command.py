"""``xuejing query`` on a real store: what a person types, what comes out, what is said on errors."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from commands import query
from commands.connect import engine, store_folder
from commands.context import Context
from reports.withholding import always
from schemas.errors import InputError, StoreError
from schemas.settings import Settings
from sinks.clickhouse import ClickHouseSink
from sinks.client import Endpoint, Store
from sinks.migrate import migrate
from sinks.read import QUERIES
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.harness import Harness
from tests.support.world import lines, reference

pytest.importorskip("chdb", reason="the embedded engine is not installed")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a folder whose engine runs and has some days of events."""
    made = Settings(data_dir=str(tmp_path_factory.mktemp("data")), language="en")
    with engine(store_folder(made)) as process:
        store = Store(Endpoint(process.url, process.user, process.password))
        migrate(store)
        ensure_generation(store, "Asia/Shanghai", "{}")
        write_reference(store, reference(2), datetime.now(UTC))
        sink = ClickHouseSink(store)
        Harness(sink, StoreRosters(sink)).send(*[[line] for line in [*lines(2, 80), b"\xff"]])
        yield made
        store.close()


def run(settings: Settings, *arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(query.app, name="query")

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = Context(settings, {})

    return CliRunner().invoke(app, ["query", *arguments])


def test_every_query_in_every_format(settings: Settings) -> None:
    for name, declared in QUERIES.items():
        whole = run(settings, name, "--format", "json")
        if "named" not in declared.details or always(name):
            assert whole.exit_code != 0  # the operator is not the member, and asks by quarters where nobody sees rows
            continue
        assert whole.exit_code == 0, whole.output
        rows = json.loads(whole.stdout_bytes)
        assert all(list(row) == declared.names for row in rows)
        if name not in ("member-day", "answers", "rejected", "calibrations"):
            continue  # one of each kind of column is enough for the other formats
        read = csv.reader(io.StringIO(run(settings, name, "-f", "csv").stdout_bytes.decode(), newline=""))
        table = list(read)
        assert table[0] == declared.names
        assert len(table) == len(rows) + 1
        parquet = pl.read_parquet(io.BytesIO(run(settings, name, "--format", "parquet").stdout_bytes))
        assert parquet.shape == (len(rows), len(declared.names))
        shown = run(settings, name, "--limit", "1000")
        assert shown.exit_code == 0
        assert len(shown.stdout.splitlines()) == len(rows) + 1


def test_filters_and_columns(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "days.csv"
    arguments = ["member-day", "--from", "2026-03-01", "--to", "2026-03-10", "--org", "top", "--category", "学生党员",
                 "--course", "", "--columns", "day,member_id,study_seconds", "--out", str(out), "--bom"]  # fmt: skip
    result = run(settings, *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    text = out.read_bytes().decode()
    assert text.startswith("\ufeffday,member_id,study_seconds\r\n")
    days = [line.split(",")[0] for line in text.splitlines()[1:]]
    assert days
    assert max(days) <= "2026-03-10"


def test_a_table_is_short_unless_asked(settings: Settings) -> None:
    result = run(settings, "answers", "-n", "2", "--columns", "member_id,at")
    assert len(result.stdout.splitlines()) == 3
    assert "first 2 rows" in result.stderr
    assert "+08:00" in result.stdout


def test_what_can_not_be_asked_is_explained(settings: Settings) -> None:
    for arguments, said in [
        (["silent", "--org", "nowhere"], "nowhere"),
        (["member-day", "--from", "2026-03-02", "--to", "2026-03-01"], "before it begins"),
        (["member-day", "--columns", "nope"], "no column nope"),
        (["member-day", "--category", "robots"], "no member category"),
    ]:
        result = run(settings, *arguments)
        assert isinstance(result.exception, InputError)
        assert said in str(result.exception)
    assert run(settings, "ledger", "--course", "c1").exit_code == 2
    missing = run(Settings(data_dir="/nonexistent/xuejing"), "silent")
    assert isinstance(missing.exception, StoreError)


def test_help_teaches(settings: Settings) -> None:
    listed = run(settings, "list").stdout
    assert all(name in listed for name in QUERIES)
    text = " ".join(run(settings, "branch-day", "--help").stdout.replace("│", " ").split())
    assert "active_members" in text
    assert "--category" in text
    assert "--exam" not in text


def test_what_only_the_organisation_itself_sees_is_asked_of_one_by_name(settings: Settings) -> None:
    hint = "name it with --org"
    for name in ("dues", "service-requests", "appraisals"):
        assert hint in run(settings, name).stderr
        assert hint not in run(settings, name, "--org", "b1").stderr
    assert hint not in run(settings, "reflections").stderr
