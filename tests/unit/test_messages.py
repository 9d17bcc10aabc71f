"""Every error that a command can end with has a Chinese text, and its values survive."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.messages import ZH, chinese, sentence, system
from producers.tables import read_reference, write_template
from producers.tables.events import read_events
from schemas import errors
from schemas.errors import InputError, XuejingError

CHINESE = r"[\u4e00-\u9fff]"
ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("commands", "producers", "reports", "schemas", "sinks", "web")
OURS = {name for name in dir(errors) if isinstance(getattr(errors, name), type)} | {
    "BrokerUnavailable", "BrokerError", "WorkerStopped", "Differences", "EngineFailed", "EngineInUse",
    "ReportError", "Unbalanced", "Unexplained", "NotDelivered", "ScheduleBusy", "IssuingBusy"}  # fmt: skip


def texts(node: ast.expr) -> Iterator[str]:
    """What a literal says, ``{}`` for values; nothing for what is put together elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)


def said() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in OURS:
                    given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "hint")]
                    for value in given:
                        for text in texts(value):
                            yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def test_every_error_has_a_chinese_text() -> None:
    found = list(said())
    assert len(found) > 80
    lacking = {
        f"{place}: {text}"
        for place, text in found
        # Bilingual already, or a name, a command or a pattern that is the same in every language.
        if text not in ZH and not re.search(r"[\u4e00-\u9fff]", text) and re.search(r"[a-z] [a-z]", text)
        and not text.startswith(("xuejing ", "pip ", "security_protocol"))
    }  # fmt: skip
    assert not lacking, "add them to commands/messages.py"


@pytest.mark.parametrize("english", ZH)
def test_values_survive_and_nothing_is_taken_for_another(english: str) -> None:
    count = english.count("{}")
    values = [f"v{n}" for n in range(count)]
    text = english.format(*values) if count else english
    told = chinese(text)
    assert told != text or not re.search("[a-z]{4} [a-z]{4}", text)
    assert told == ZH[english].format(*values)


def test_sentences() -> None:
    error = InputError("there is no such backup", where="a.tar", hint="xuejing query silent")
    assert sentence(error, "zh") == "错误：a.tar：没有这份备份（xuejing query silent）"
    assert sentence(error, "en") == "error: a.tar: there is no such backup (xuejing query silent)"
    assert sentence(XuejingError("words of ClickHouse"), "zh") == "错误：words of ClickHouse"
    assert sentence(InputError("can't be read: No such file or directory", where="a"), "zh") == (
        "错误：a：无法读取：没有这个文件或文件夹"
    )
    assert system(PermissionError(13, "Permission denied", "/x"), "zh") == "错误：/x：没有权限"
    assert system(PermissionError(13, "Permission denied", "/x"), "en") == "error: /x: Permission denied"


def test_errors_of_tables_are_wholly_in_one_language(tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text("member_id,org_id\n,b\n", "utf-8")
    (tmp_path / "empty.csv").write_text("", "utf-8")
    (tmp_path / "text.xlsx").write_text("no workbook", "utf-8")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", "utf-8")
    (tmp_path / "events.csv").write_text("a,b\n1,2\n", "utf-8")
    (tmp_path / "packed.csv.gz").write_bytes(b"")
    for name in ("missing.xlsx", "members.csv", "empty.csv", "text.xlsx", "other.csv", "packed.csv.gz", "x.xls"):
        with pytest.raises(InputError) as caught:
            read_reference(tmp_path / name)
        both_ways(caught.value)
    with pytest.raises(InputError) as caught:
        read_events(tmp_path / "events.csv", "Asia/Shanghai")
    both_ways(caught.value)
    for kind, file in (("study", "events.csv"), ("nothing", "x.csv"), ("roster", "x.csv")):
        with pytest.raises(InputError) as caught:
            write_template(kind, tmp_path / file)
        both_ways(caught.value)


def both_ways(error: XuejingError) -> None:
    what, hint = error.words("zh")
    assert re.search(CHINESE, what), what
    assert not re.search(r"[a-z] [a-z]{2,} [a-z]", re.sub(r'File is not a zip file|"[^"]*"', "", what)), what
    assert re.search(CHINESE, hint) or not hint
    assert not re.search(CHINESE, str(error))
    assert " / " not in sentence(error, "zh") + sentence(error, "en")


def test_levels_of_detail_are_in_chinese() -> None:
    assert chinese("contests does not answer a scope of detail named") == "contests 不能按“具名”的详细程度查询"
    assert chinese("competence can't be asked for aggregate detail") == "competence 不能按“汇总”的详细程度查询"
    assert chinese("it answers aggregate, named") == "可查询的详细程度：汇总、具名"
    assert chinese("ownership does not answer a scope of detail own") == "ownership 不能按“本人”的详细程度查询"
