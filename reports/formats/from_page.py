"""Reads a report's page into blocks, so that every format says what the page says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.errors import ReportError
from reports.formats.chart_style import chart
from reports.formats.document import (
    AnyBlock,
    Cell,
    Chart,
    Document,
    Fact,
    Facts,
    Fill,
    Heading,
    Item,
    Lines,
    Listing,
    Option,
    Para,
    Run,
    Runs,
    Sign,
    Table,
    Wide,
)
from reports.formats.page_tree import Node, parse
from reports.formats.tabulate import table
from schemas.reference.columns import Language

INLINE = frozenset({"span", "b", "strong", "em", "i", "a", "small", "br", "sup", "sub", "code", "time", "abbr"})
_IN_EVERY_FONT = str.maketrans("✓✗", "√×")
_DIGITS = "一二三四五六七八九十"


def read_page(page: str, language: Language) -> Document:
    """The document that a page of ``Renderer.report`` holds. Raises ReportError for markup that isn't known."""
    tree, charts = parse(page.translate(_IN_EVERY_FONT))
    main = tree.find("main")
    if main is None:
        raise ReportError("the page has no <main>", hint="only whole pages of reports can be printed")
    reader = _Reader(language, charts)
    blocks = tuple(_turned(reader.blocks(main)))
    title = tree.find("title")
    return Document(language, reader.title, reader.subject, title.text if title else "", blocks, reader.footer)


def _turned(blocks: Iterable[AnyBlock]) -> Iterator[AnyBlock]:
    """Tables that need it on pages on their side, together with the headings and small print before them."""
    held: list[Heading | Para | Table] = []
    for block in blocks:
        if isinstance(block, Heading) or (isinstance(block, Para) and block.kind == "note" and held):
            held.append(block)
        elif isinstance(block, Table) and block.room == "wide":
            yield Wide((*held, block))
            held = []
        else:
            yield from held
            held = []
            yield block
    yield from held


def runs(node: Node, *, bold: bool = False, soft: bool = False) -> Runs:
    """The text of a node as runs, white space folded; blanks to fill in are runs of their own."""
    found = [run for run in _runs(node, bold, soft) if run.text or run.blank]
    texts: list[Run] = []
    for run in found:
        if texts and not run.blank and not texts[-1].blank and (texts[-1].bold, texts[-1].soft) == (run.bold, run.soft):
            texts[-1] = Run(texts[-1].text + run.text, run.bold, run.soft)
        else:
            texts.append(run)
    return _trimmed(texts)


def _trimmed(found: list[Run]) -> Runs:
    """White space folded in each run, and none at either end."""
    folded_runs = []
    for index, run in enumerate(found):
        lines = [" ".join(line.split()) if line.strip() else "" for line in run.text.split("\n\n")]
        text = "\n".join(lines)
        if run.text[:1].isspace() and index and text:
            text = " " + text
        if run.text[-1:].isspace() and index < len(found) - 1 and text:
            text += " "
        folded_runs.append(Run(text, run.bold, run.soft, run.blank))
    return tuple(run for run in folded_runs if run.text or run.blank)


def _runs(node: Node, bold: bool, soft: bool) -> Iterator[Run]:
    for child in node.children:
        if isinstance(child, str):
            yield Run(child.replace("\n", " "), bold, soft)
        elif child.tag == "br":
            yield Run("\n\n", bold, soft)
        elif "blank" in child.classes:
            yield Run("", blank=True)
        elif child.tag in INLINE or child.tag in ("p", "div", "li"):
            yield from _runs(child, bold or child.tag in ("b", "strong"), soft or "quiet" in child.classes)
        elif child.tag != "x-chart":
            raise unknown(child)


def unknown(node: Node) -> ReportError:
    """Markup that printed documents don't know."""
    return ReportError(
        f"a page holds <{node.tag}>, which printed documents don't know",
        where=node.text[:60] or node.tag,
        hint="teach reports/formats/from_page.py, or write the template with known elements",
    )


class _Reader:
    def __init__(self, language: Language, charts: list[str]) -> None:
        self.language, self.charts = language, charts
        self.title = self.subject = self.footer = ""
        self.section = self.part = 0

    def blocks(self, parent: Node) -> Iterator[AnyBlock]:
        """Blocks of everything below a container."""
        for node in parent.nodes:
            yield from self.block(node)

    def block(self, node: Node) -> Iterator[AnyBlock]:
        """Blocks of one element. What is only for screens gives none."""
        kinds = node.classes
        if node.tag in ("nav", "hr") or "noprint" in kinds:
            return
        match node.tag:
            case "h1":
                self.title = node.text
            case "h2" | "h3" | "h4":
                yield self._heading(node)
            case "p" if "subject" in kinds:
                self.subject = node.text
            case "p":
                yield from self._para(node)
            case "dl":
                yield self._names(node)
            case "ol" | "ul":
                yield Listing(tuple(runs(item) for item in node.nodes if item.tag == "li"), node.tag == "ol")
            case "table":
                yield from self._table(node)
            case "figure":
                yield from self._figure(node)
            case "x-chart":
                yield chart(self.charts[int(node.attributes["number"])], "")
            case "article" if "q" in kinds:
                yield _item(node)
            case "footer":
                self.footer = "\n".join(part.text for part in node.nodes if part.tag == "p") or node.text
            case "header" | "section" | "article" | "main" | "details":
                yield from self.blocks(node)
            case "summary":
                yield Heading(3, "", node.text)
            case "div":
                yield from self._div(node)
            case _:
                raise unknown(node)

    def _heading(self, node: Node) -> Heading:
        level = int(node.tag[1]) - 1
        number = next((child.text for child in node.nodes if "no" in child.classes), "")
        text = node.text[len(number) :].strip() if number else node.text
        if level == 1:
            self.section, self.part = self.section + 1, 0
        elif level == 2:
            self.part += 1
            number = self._part_number()
        return Heading(level, f"{number} " if number and self.language != "zh" else number, text)

    def _part_number(self) -> str:
        if self.language != "zh":
            return f"{self.section}.{self.part}"
        tens, ones = divmod(self.part, 10)
        tail = _DIGITS[ones - 1] if ones else ""
        return f"（{_DIGITS[tens - 1] if tens > 1 else ''}{'十' if tens else ''}{tail}）"

    def _para(self, node: Node) -> Iterator[Para]:
        if found := runs(node):
            yield Para(found, "box" if "box" in node.classes else "note" if "quiet" in node.classes else "body")

    def _names(self, node: Node) -> Facts:
        """A ``dl``: pairs in ``div``, or terms and descriptions one after the other."""
        flat = [child for part in node.nodes for child in ([part] if part.tag in ("dt", "dd") else part.nodes)]
        items: list[Fact] = []
        for child in flat:
            if child.tag == "dt":
                items.append(Fact(child.text, ""))
            elif child.tag == "dd" and items:
                note = " ".join(part.text for part in child.nodes if "f" in part.classes)
                value = child.text[: len(child.text) - len(note)].strip() if note else child.text
                items[-1] = Fact(items[-1].name, value, note)
            else:
                raise unknown(child)
        return Facts(tuple(items), "definitions" if "defs" in node.classes else "head")

    def _div(self, node: Node) -> Iterator[AnyBlock]:
        kinds = node.classes
        if "cards" in kinds:
            yield Facts(tuple(_card(card) for card in node.nodes), "figures")
        elif "fill" in kinds:
            yield Fill(tuple(runs(item) for item in node.nodes))
        elif "lines" in kinds:
            yield Lines(1)
        elif "sign" in kinds:
            yield Sign(tuple(item.text for item in node.nodes))
        elif any(isinstance(child, str) and child.strip() for child in node.children) or (
            node.nodes and all(child.tag in INLINE for child in node.nodes)
        ):
            yield from self._para(node)
        else:
            yield from self.blocks(node)

    def _figure(self, node: Node) -> Iterator[AnyBlock]:
        caption = node.find("figcaption")
        text = caption.text if caption else ""
        for child in node.nodes:
            if child.tag == "figcaption":
                continue
            for block in self.block(child):
                yield (
                    Chart(block.svg, block.alt, block.width, block.height, text) if isinstance(block, Chart) else block
                )

    def _table(self, node: Node) -> Iterator[Table]:
        rows = [(row, [self._cell(c) for c in row.nodes]) for row in node.walk() if row.tag == "tr"]
        body = [(row, cells) for row, cells in rows if cells]
        head: list[Cell] = []
        if len(body) > 1 and len(body[0][1]) > 1 and all(cell.head for cell in body[0][1]):
            head = body.pop(0)[1]
        if body:
            strong = tuple(i for i, (row, _) in enumerate(body) if "total" in row.classes)
            yield table(head, [cells for _, cells in body], strong)

    def _cell(self, node: Node) -> Cell:
        kinds, span, drawn = node.classes, node.attributes.get, _number(node)
        return Cell(
            runs(node, soft="quiet" in kinds),
            "end" if "n" in kinds else "start",
            "c" in kinds,
            node.tag == "th",
            int(span("rowspan") or 1),
            int(span("colspan") or 1),
            chart(self.charts[drawn], "") if drawn >= 0 else None,
        )


def _number(node: Node) -> int:
    found = node.find("x-chart")
    return int(found.attributes["number"]) if found else -1


def _card(node: Node) -> Fact:
    value, note = node.find("b"), node.find("small")
    name = next((child.text for child in node.nodes if child.tag not in ("b", "small")), "")
    return Fact(name, value.text if value else "", note.text if note else "")


def _item(node: Node) -> Item:
    meta: list[str] = []
    stem, options, notes = "", [], []
    for child in node.nodes:
        if "meta" in child.classes:
            meta = [part.text for part in child.nodes if part.text]
        elif "stem" in child.classes:
            stem = child.text
        elif child.tag == "ol":
            options = [_option(option) for option in child.nodes]
        elif child.tag in ("p", "div"):
            notes.append(runs(child, soft="quiet" in child.classes))
        else:
            raise unknown(child)
    return Item(tuple(meta), stem, tuple(options), tuple(notes))


def _option(node: Node) -> Option:
    parts = {kind: child.text for child in node.nodes for kind in child.classes}
    return Option(parts.get("l", ""), parts.get("t", ""), parts.get("mark", ""), "right" in node.classes)
