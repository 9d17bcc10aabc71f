"""``xuejing access`` on a store of its own, and what aggregates give through the same door as the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from cli import application
from commands.connect import engine
from commands.stack import store_folder
from reports.asking import ALL, Question, frames
from schemas.errors import ConfigError, InputError, XuejingError
from schemas.settings import Settings
from sinks.access import Access
from sinks.client import Endpoint, Store
from sinks.migrate import migrate
from sinks.read import Filters, Reader, Scope
from tests.support.loaded import load
from tests.support.world import lines, reference

ANALYST = Scope("top", "aggregate")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a data folder of its own."""
    return replace(Settings(), data_dir=str(tmp_path_factory.mktemp("access")), small_group=2)


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    """A filled store on a running engine: the commands find it by themselves."""
    pytest.importorskip("chdb", reason="the embedded engine is not installed")
    with engine(store_folder(settings), durable=False) as process:
        found = Store(Endpoint(process.url, process.user, process.password))
        migrate(found)
        load(found, lines(3, 900), reference(3), "Asia/Shanghai")
        yield found
        found.close()


def whole(reader: Reader, query: Question, scope: Scope, filters: Filters, settings: Settings) -> pl.DataFrame:
    return pl.concat(list(frames(reader, query, scope, filters, settings)))


def cli(settings: Settings, *arguments: str) -> Result:
    result = CliRunner().invoke(
        application("access"), ["--data", settings.data_dir, "--lang", "en", "access", *arguments]
    )
    if result.exception is not None:
        raise result.exception
    return result


def test_tokens_from_the_command_line(store: Store, settings: Settings) -> None:
    assert Access(store).principals() == []
    token = cli(settings, "token", "create", "branch_secretary", "--org", "l1", "--label", "spring").stdout.strip()
    principal_id = token.split("_")[1]
    shown = cli(settings, "token", "list").stdout
    assert principal_id in shown
    assert "active" in shown
    assert token not in shown
    planned = cli(settings, "sync", "--dry-run").stdout
    assert f"CREATE USER IF NOT EXISTS xj_{principal_id}" in planned
    assert token not in planned
    cli(settings, "token", "revoke", principal_id)
    assert "revoked" in cli(settings, "token", "list").stdout
    assert f"DROP USER IF EXISTS xj_{principal_id}" in cli(settings, "sync", "--dry-run").stdout
    with pytest.raises(InputError):
        cli(settings, "token", "revoke", "nobody")
    with pytest.raises(ConfigError, match="one user"):
        cli(settings, "sync")
    assert "committee_analyst" in cli(settings, "roles").stdout


def test_aggregates_are_withheld_where_they_are_few(store: Store, settings: Settings) -> None:
    reader = Reader(store)
    own = whole(reader, ALL["branch-day"], ANALYST, Filters(), settings)
    everything = whole(reader, ALL["branch-day"], Scope("top", "named"), Filters(course=""), settings)
    assert own.height == everything.height
    joined = everything.join(own, on=["org_id", "day"], suffix="_seen")
    shown = joined.filter(joined["events_seen"].is_not_null())
    hidden = joined.filter(joined["events_seen"].is_null())
    assert shown["active_members"].min() >= 2  # type: ignore[operator]
    assert shown["events"].to_list() == shown["events_seen"].to_list()
    assert hidden.height > shown.height / 10
    assert hidden["active_members"].max() >= 2  # type: ignore[operator]  # complementary
    below = whole(reader, ALL["branch-day"], Scope("left", "aggregate"), Filters(), settings)
    same = below.join(own, on=["org_id", "day"], suffix="_top")
    assert same["events"].to_list() == same["events_top"].to_list()  # who asks does not matter


def test_questions_are_about_enough_members_of_one_quarter(store: Store, settings: Settings) -> None:
    reader, strict = Reader(store), replace(settings, small_group=14)
    quarter = Filters(first=date(2026, 1, 1), last=date(2026, 3, 31))
    for name in (
        "questions",
        "wrong-questions",
        "items",
        "tests",
        "branches",
        "credit-branches",
        "competence-branches",
        "gain",
        "item-options",
    ):
        found = whole(reader, ALL[name], ANALYST, quarter, strict)
        assert found.columns == ALL[name].names
        with pytest.raises(InputError, match="quarters"):
            whole(reader, ALL[name], ANALYST, Filters(), strict)
    found = whole(reader, ALL["questions"], ANALYST, quarter, strict)
    named = whole(reader, ALL["questions"], Scope("top", "named"), quarter, strict)
    assert 0 < found.height < named.height
    assert found["members"].min() >= 14  # type: ignore[operator]
    wrong = whole(reader, ALL["wrong-questions"], ANALYST, quarter, settings)
    assert wrong.height
    assert wrong["first_wrong_at"].null_count() == wrong.height
    for name in ("member-day", "answers", "events", "silent", "recorded-days", "members", "suggestions", "meetings"):
        with pytest.raises(XuejingError, match="aggregate"):
            whole(reader, ALL[name], ANALYST, Filters(), strict)


def test_the_folder_is_private(store: Store, settings: Settings) -> None:
    assert store.version()
    assert Path(store_folder(settings)).stat().st_mode & 0o077 == 0
