"""What a person may type wrong: one clear line in their language, a status that is not 0, never a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
from commands.connect import engine, store_folder
from commands.stack import prepare
from producers.embedded_broker import free_port
from schemas.settings import Settings
from sinks.client import Endpoint, Store

CHINESE = re.compile(r"[\u4e00-\u9fff]")

WRONG: list[tuple[str, dict[str, str]]] = [
    ("emit {tmp}/nothing.ndjson", {}),
    ("emit {tmp}/nothing.ndjson", {"KAFKA_BOOTSTRAP": "127.0.0.1"}),
    ("reconcile --day yesterday", {}),
    ("replay --from 2026-13-01 --to 2026-12-01", {}),
    ("replay --from 2026-03-02 --to 2026-03-01", {}),
    ("replay --from 2026-03-01 --to 2026-03-02", {}),
    ("withdraw notuuid --reason x", {}),
    ("withdraw 0190d3c1-7b1e-7cc3-8000-000000000001 --reason x", {}),
    ("rejected show --reason nosuch", {}),
    ("rejected discard --reason nosuch", {}),
    ("import roster {tmp}/nowhere", {}),
    ("import roster {tmp}/text.xlsx", {}),
    ("import catalogue {tmp}/empty", {}),
    ("template study /proc/nowhere/y.csv", {}),
    ("simulate /proc/nowhere", {}),
    ("analyse {tmp}/nothing.csv --roster {tmp}/nothing --out {tmp}/out", {}),
    ("rebuild --timezone Mars/Base", {}),
    ("backup {tmp}/no/such/folder.tar", {}),
    ("restore {tmp}/nothing.tar", {}),
    ("restore {tmp}/text.xlsx", {"DATA_DIR": "{tmp}/other"}),
    ("query member-day --from tomorrow", {}),
    ("query member-day --org nosuch", {}),
    ("query member-day --columns nosuch", {}),
    ("query member-day --format nosuch", {}),
    ("doctor --format xml", {}),
    ("migrate", {"TIMEZONE": "Nowhere"}),
    ("migrate", {"TIMEZONE": "Europe/Rome"}),
    ("migrate", {"PARTITIONS": "many"}),
    ("migrate", {"PARTITIONS": "0"}),
    ("migrate", {"LOG_LEVEL": "LOUD"}),
    ("migrate", {"LANGUAGE": "fr"}),
    ("migrate", {"CONFIG": "{tmp}/nothing.toml"}),
    ("migrate", {"CLICKHOUSE_URL": "foo"}),
    ("query member-day", {"CLICKHOUSE_URL": "http://127.0.0.1:{port}"}),
    ("migrate", {"DATA_DIR": "/proc/nowhere"}),
    ("query member-day", {"DATA_DIR": "{tmp}/other"}),
    ("--lang fr doctor", {}),
    ("retention", {"RAW_DAYS": "3"}),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("wrong")
    settings = Settings(data_dir=str(folder))
    with engine(store_folder(settings)) as process:
        store = Store(Endpoint(process.url, process.user, process.password))
        prepare(settings, store)
        store.close()
        yield folder


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("line", "environment"), WRONG, ids=lambda v: v if isinstance(v, str) else "".join(v.values()))
def test_one_clear_line(
    data: Path, tmp_path: Path, line: str, environment: dict[str, str], language: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "text.xlsx").write_text("no workbook", "utf-8")
    (tmp_path / "empty").mkdir()
    port = str(free_port())
    if language == "en" and ("nowhere" in line or "http" in "".join(environment.values())):
        pytest.skip("once is enough: the words are the system's, or it takes long")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XUEJING_KAFKA_BOOTSTRAP", raising=False)
    for name, value in {"LANGUAGE": language, "DATA_DIR": str(data), **environment}.items():
        monkeypatch.setenv(f"XUEJING_{name}", value.format(tmp=tmp_path, port=port))
    monkeypatch.setattr("sys.argv", ["xuejing", *line.format(tmp=tmp_path).split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    assert told.out == ""
    assert ended.value.code in (1, 2)
    assert "Traceback" not in told.err
    lines = [x for x in told.err.splitlines() if x.strip()]
    if ended.value.code == 1:
        assert lines[0].startswith("错误：" if "LANGUAGE" in environment or language == "zh" else "error: "), told.err
        assert len(lines) <= 3
        if language == "zh" and "/proc" not in line + "".join(environment.values()):
            assert CHINESE.search(lines[0].removeprefix("错误：")), told.err
    assert len(told.err) < 1200


def test_a_file_that_can_not_be_written_and_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setattr("sys.argv", ["xuejing", "--lang", "en", "template", "study", str(tmp_path / "file" / "x.csv")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("commands.data.write_template", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
