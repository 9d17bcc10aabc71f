"""Every error that a command can end with has a Chinese text, and its values survive."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.messages import ZH, chinese, sentence, system
from schemas import errors
from schemas.errors import InputError, XuejingError

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("commands", "producers", "reports", "schemas", "sinks")
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
    assert system(PermissionError(13, "Permission denied", "/x"), "en") == "error: /x: Permission denied"
