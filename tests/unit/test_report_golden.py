"""Reports of a simulated month are what they were when somebody last looked at them."""

from __future__ import annotations

import difflib
import json
import re

import pytest

from tests.golden.made import FOLDER, contexts, files

UPDATE = "if this is what it should be: python -m tests.golden, and look at git diff tests/golden"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(files())


NAMES = [
    f"{kind}.{language}.{suffix}"
    for kind in ("member", "branch", "committee", "exam", "secretary")
    for language in ("zh", "en")
    for suffix in ("html", "json")
]


@pytest.mark.parametrize("name", NAMES)
def test_reports_are_what_they_were(made: dict[str, str], name: str) -> None:
    kept = (FOLDER / name).read_text("utf-8")
    if made[name] != kept:
        lines = difflib.unified_diff(kept.splitlines(), made[name].splitlines(), "kept", "made", n=0, lineterm="")
        pytest.fail("\n".join([UPDATE, *(line[:300] for line in list(lines)[:20])]))


def test_every_file_is_compared(made: dict[str, str]) -> None:
    assert set(made) == set(NAMES)
    assert {p.name for p in FOLDER.iterdir() if p.suffix in (".html", ".json")} == set(NAMES)


def test_they_show_what_reports_are_for(made: dict[str, str]) -> None:
    """Else the files could agree about pages that say nothing."""
    assert "试题地图" in made["exam.zh.html"]
    assert "与上期的自己相比" in made["member.zh.html"]
    assert "上期建议及变化" in made["committee.zh.html"]
    assert "各组织普遍薄弱的知识点" in made["committee.zh.html"]
    assert "成员台账" in made["secretary.zh.html"]
    assert json.loads(made["exam.en.json"])["report"]["items"]


def test_only_the_annex_and_a_members_own_report_name_anybody(made: dict[str, str]) -> None:
    names = {line.name for name, _, context in contexts() if name == "secretary" for line in context.ledger}
    assert len(names) > 5
    for name in NAMES:
        if not name.startswith(("secretary", "member")):
            assert not [n for n in names if n in made[name]], name
            assert not re.search(r"m-[0-9a-f]{10}", made[name]), name
