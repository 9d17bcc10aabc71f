"""Settings of the embedded engine, and the configuration file that it starts with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

# The engine's own user, which has no password inside the process: the endpoint asks for it.
_USERS = """<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users><default>
    <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
    <access_management>1</access_management><named_collection_control>1</named_collection_control>
  </default></users>
</clickhouse>
"""
_QUERY_LOG = """  <query_log>
    <database>system</database><table>query_log</table><flush_interval_milliseconds>1000</flush_interval_milliseconds>
  </query_log>
"""


def default_settings() -> dict[str, str]:
    """Settings that leave a laptop usable: two threads, at most half of the memory and 4 GiB a query, spilling
    to disk before that."""
    memory = min(_memory() // 2, 4 << 30)
    return {
        "max_threads": "2",
        "max_insert_threads": "1",
        "max_memory_usage": str(memory),
        "max_bytes_before_external_group_by": str(memory // 2),
        "max_bytes_before_external_sort": str(memory // 2),
    }


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@dataclass(frozen=True)
class EngineOptions:
    """How an engine runs.

    ``settings``: ClickHouse settings of every connection, over ``default_settings``. ``backup_dir``: the one
    directory that BACKUP … TO File('…') and RESTORE may use (default: ``backups`` in the data directory).
    ``users_config``: a ClickHouse users file; the rules of its user ``default`` (row policies, readonly, quotas)
    then hold for every request. ``memory_share``: part of the machine's memory for the engine as a whole.
    ``fsync``: an insert is acknowledged once its part is on disk, not only with the operating system; a table's
    own settings (``fsync_after_insert``, ``fsync_part_directory``) come before this default. ``query_log``: keep
    ``system.query_log``, which is costly to have and needed only to measure.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    backup_dir: Path | None = None
    users_config: Path | None = None
    memory_share: float = 0.6
    fsync: bool = True
    query_log: bool = False

    def all_settings(self) -> dict[str, str]:
        """Defaults and what was set over them."""
        return {**default_settings(), **self.settings}


def write_config(data_dir: Path, options: EngineOptions) -> Path:
    """Write the engine's configuration into ``data_dir`` and return the file, which only its owner may read."""
    backups = (options.backup_dir or data_dir / "backups").resolve()
    backups.mkdir(parents=True, exist_ok=True)
    users = (options.users_config or _write_private(data_dir / "users.xml", _USERS)).resolve()
    text = (
        "<clickhouse>\n"
        f"  <backups><allowed_path>{escape(str(backups))}/</allowed_path></backups>\n"
        f"  <max_server_memory_usage>{int(_memory() * options.memory_share)}</max_server_memory_usage>\n"
        f"  <merge_tree><fsync_after_insert>{options.fsync:d}</fsync_after_insert>"
        f"<fsync_part_directory>{options.fsync:d}</fsync_part_directory></merge_tree>\n"
        f"{_QUERY_LOG if options.query_log else ''}"
        f"  <users_config>{escape(str(users))}</users_config>\n"
        "</clickhouse>\n"
    )
    return _write_private(data_dir / "engine.xml", text)


def _write_private(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path
