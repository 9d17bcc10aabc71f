"""What the store needs of ClickHouse, on the embedded engine: engines, mutations, TTL, backup, concurrency."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from sinks.embedded import EngineOptions, EngineProcess
from tests.integration.embedded_engine import client, connect, engine  # noqa: F401

# ruff: noqa: F811
pytestmark = pytest.mark.io


def test_replacing_merge_tree(client: Client) -> None:
    client.command("CREATE TABLE r (k UInt8, v String, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY k")
    client.insert("r", [[1, "new", 2], [2, "b", 1]], column_names=["k", "v", "version"])
    client.insert("r", [[1, "old", 1]], column_names=["k", "v", "version"])
    assert client.query("SELECT k, v FROM r FINAL ORDER BY k").result_rows == [(1, "new"), (2, "b")]
    assert client.command("SELECT count() FROM r FINAL PREWHERE k = 1") == 1
    client.command("OPTIMIZE TABLE r FINAL")
    assert client.command("SELECT count() FROM r") == 2


def test_alter_mutate_and_expire(client: Client) -> None:
    client.command("CREATE TABLE m (k UInt32, at DateTime, v String) ENGINE = MergeTree ORDER BY k")
    client.command("INSERT INTO m SELECT number, now() - INTERVAL number DAY, 'x' FROM numbers(10)")
    client.command("ALTER TABLE m ADD COLUMN w UInt8 DEFAULT 7")
    client.command("ALTER TABLE m UPDATE v = 'y' WHERE k < 3 SETTINGS mutations_sync = 1")
    client.command("ALTER TABLE m DELETE WHERE k = 0 SETTINGS mutations_sync = 1")
    client.command("DELETE FROM m WHERE k = 1")
    assert client.query("SELECT k, v, w FROM m WHERE v = 'y'").result_rows == [(2, "y", 7)]
    client.command("ALTER TABLE m MODIFY TTL at + INTERVAL 5 DAY SETTINGS mutations_sync = 1")
    client.command("OPTIMIZE TABLE m FINAL")
    assert client.query("SELECT k FROM m ORDER BY k").result_rows == [(2,), (3,), (4,)]
    assert (
        client.command("SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done") == 0
    )


def test_views_and_projections(client: Client) -> None:
    client.command("CREATE TABLE e (member String, day Date, ms UInt32) ENGINE = MergeTree ORDER BY member")
    client.command(
        "CREATE MATERIALIZED VIEW d ENGINE = SummingMergeTree ORDER BY (member, day) AS "
        "SELECT member, day, sum(ms) AS ms FROM e GROUP BY member, day"
    )
    client.command("CREATE VIEW v AS SELECT member, sum(ms) AS ms FROM d GROUP BY member")
    for _ in range(2):
        client.raw_insert("e", ["member", "day", "ms"], "a,2024-01-01,5\na,2024-01-02,6\n", fmt="CSV")
    assert client.query("SELECT * FROM v").result_rows == [("a", 22)]
    plan = client.query("EXPLAIN indexes = 1 SELECT * FROM e WHERE member = 'a'").result_rows
    assert any("PrimaryKey" in row[0] for row in plan)
    assert client.query("SHOW TABLES").result_columns[0][-1] == "v"
    assert "MergeTree" in client.command("SHOW CREATE TABLE e FORMAT TabSeparatedRaw")
    assert client.command("EXISTS TABLE e") == 1
    assert client.query("DESCRIBE TABLE e").row_count == 3
    assert (
        client.command(
            "SELECT sum(rows) FROM system.parts WHERE table = 'e' AND active AND database = currentDatabase()"
        )
        == 4
    )


def test_constraints_and_deduplication(client: Client) -> None:
    client.command(
        "CREATE TABLE c (a UInt8, CONSTRAINT small CHECK a < 10) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    with pytest.raises(DatabaseError) as caught:
        client.insert("c", [[1], [11]], column_names=["a"])
    assert caught.value.code == 469
    assert client.command("SELECT count() FROM c") == 0
    for _ in range(2):
        client.insert("c", [[1]], column_names=["a"], settings={"insert_deduplication_token": "batch-1"})
    client.insert("c", [[1]], column_names=["a"], settings={"insert_deduplication_token": "batch-2"})
    assert client.command("SELECT count() FROM c") == 2


def test_a_commit_that_fails_is_not_acknowledged(client: Client) -> None:
    """chDB's own way to feed an insert chunk by chunk reports success here."""
    client.command(
        "CREATE TABLE f (a UInt8) ENGINE = MergeTree ORDER BY a "
        "SETTINGS parts_to_throw_insert = 2, parts_to_delay_insert = 1, max_delay_to_insert = 1"
    )
    client.command("SYSTEM STOP MERGES f")
    for _ in range(2):
        client.insert("f", [[1]], column_names=["a"])
    with pytest.raises(DatabaseError) as caught:
        client.insert("f", [[1]], column_names=["a"])
    assert (caught.value.code, caught.value.name) == (252, "TOO_MANY_PARTS")
    assert client.command("SELECT count() FROM f") == 2


def test_backup_and_restore(engine: EngineProcess, client: Client) -> None:
    client.command("CREATE TABLE k (a UInt32) ENGINE = ReplacingMergeTree ORDER BY a")
    client.command("INSERT INTO k SELECT number FROM numbers(1000)")
    target = engine.data_dir / "backups" / "one"
    done = client.query(f"BACKUP DATABASE {client.database} TO File('{target}')").result_rows
    assert done[0][1] == "BACKUP_CREATED"
    client.command("INSERT INTO k SELECT number FROM numbers(1000, 500)")
    more = client.command(
        f"BACKUP DATABASE {client.database} TO File('{target}-2.tar.zst') SETTINGS base_backup = File('{target}')"
    )
    assert more[1] == "BACKUP_CREATED"
    client.command(f"RESTORE DATABASE {client.database} AS back FROM File('{target}-2.tar.zst')")
    assert client.command("SELECT count() FROM back.k FINAL") == 1500
    client.command("DROP DATABASE back")
    with pytest.raises(DatabaseError) as caught:
        client.command(f"BACKUP DATABASE {client.database} TO File('/tmp/elsewhere')")
    assert caught.value.code == 36


def test_backup_moves_to_another_engine(engine: EngineProcess, client: Client, tmp_path: Path) -> None:
    client.command("CREATE TABLE k (a UInt32) ENGINE = MergeTree ORDER BY a")
    client.command("INSERT INTO k VALUES (1), (2)")
    target = engine.data_dir / "backups" / "moved.tar"
    client.command(f"BACKUP TABLE k TO File('{target}')")
    options = EngineOptions(backup_dir=target.parent, fsync=False)
    with EngineProcess(tmp_path, options=options) as other:
        there = connect(other)
        there.command(f"RESTORE TABLE {client.database}.k AS default.k FROM File('{target}')")
        assert there.command("SELECT sum(a) FROM k") == 3


def test_many_clients_at_once(engine: EngineProcess, client: Client) -> None:
    client.command("CREATE TABLE p (worker UInt8, n UInt32) ENGINE = MergeTree ORDER BY worker")

    def work(worker: int) -> int:
        own = connect(engine, database=client.database)
        for number in range(5):
            own.insert("p", [[worker, number]], column_names=["worker", "n"])
            assert own.command(f"SELECT count() FROM p WHERE worker = {worker}") == number + 1
        own.close()
        return worker

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(work, range(16))) == sum(range(16))
    assert client.command("SELECT uniqExact(worker, n) FROM p") == 80


def test_memory_is_limited(client: Client) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT groupArray(number) FROM numbers(100000000)", settings={"max_memory_usage": 50_000_000})
    assert caught.value.code == 241
    assert client.command("SELECT 1") == 1
