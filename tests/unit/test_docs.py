"""The documentation can't drift: generated pages are fresh, commands and settings documented, links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest

import cli
from docs.command_line import walk
from docs.generate import PAGES
from schemas.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES_OF_TEXT = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(name: str) -> None:
    path = ROOT / name
    assert path.is_file(), f"{name} is missing: make docs"
    assert path.read_text("utf-8") == PAGES[name](), f"{name} is stale: make docs"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    for setting in fields(Settings):
        assert setting.metadata["doc"].strip()
        assert f"`{PREFIX}{setting.name.upper()}`" in page


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    for path, command in walk(cli.application()):
        assert f"## `{path}`" in page
        assert (command.help or "").strip(), f"{path} has no help"
        for parameter in command.params:
            if "completion" in parameter.name or parameter.name == "help":
                continue
            assert parameter.help, f"{path}: {parameter.name} has no help"


def _anchors(text: str) -> set[str]:
    """Anchors of headings as GitHub makes them, and explicit ones."""
    found = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


def _links(path: Path) -> Iterator[str]:
    text = FENCE.sub("", path.read_text("utf-8"))
    yield from (m.group(1) for m in LINK.finditer(re.sub(r"`[^`\n]*`", "", text)))


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = unquote(link).partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists():
            broken.append(link)
        elif anchor and path.suffix == ".md" and anchor not in _anchors(path.read_text("utf-8")):
            broken.append(f"{link} (no such heading)")
    assert not broken, f"{page.name}: {broken}"


def test_every_page_can_be_reached() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        links = (unquote(link).partition("#")[0] for link in _links(page) if not re.match(r"[a-z]+:", link))
        waiting += [(page.parent / link).resolve() for link in links if link]
    pages = {p for p in PAGES_OF_TEXT if "tests" not in p.parts}
    assert not pages - reached, f"linked from nowhere: {sorted(str(p.relative_to(ROOT)) for p in pages - reached)}"


def test_make_targets_named_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for page in PAGES_OF_TEXT for name in re.findall(r"`make ([a-z-]+)", page.read_text("utf-8"))}
    assert named <= targets, f"no such targets: {named - targets}"


def test_commands_named_in_the_documentation_exist() -> None:
    """``xuejing WORD`` in a page is a command of this version."""
    known = {path.split()[1] for path, _ in walk(cli.application()) if " " in path}
    for page in PAGES_OF_TEXT:
        named = set(re.findall(r"(?:^|`|bin/)xuejing ([a-z][a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named <= known, f"{page.name} names commands that do not exist: {named - known}"
