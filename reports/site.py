"""Writes reports as a folder that links itself: an index, organisations, and, apart from them, persons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from reports.attempts import of_exams
from reports.context.exam import ExamReport
from reports.context.group import GroupReport, Groups
from reports.context.head import Head, make_head
from reports.context.member import MemberReport, member_report
from reports.context.quality import Deliveries
from reports.context.secretary import SecretaryReport
from reports.data import EVERYTHING, Content, Policy, ReportData
from reports.errors import ReportError
from reports.extra_pages import annex_stems, exam_stems, write_annexes, write_exams
from reports.formats.fonts import FormatUnavailable
from reports.formats.made import Made, digest
from reports.formats.making import File, printed, tabulated, unavailable
from reports.formats.names import DEFAULT, LABELS
from reports.formats.names import FORMATS as FORMATS
from reports.formats.names import Format as Format
from reports.index import write_index
from reports.load import check_content, load
from reports.measures.suppression import DEFAULT_K
from reports.order import natural
from reports.parts import rows_of
from reports.paths import link, page_name, slugs
from reports.plain import to_json
from reports.population import Populations
from reports.render import Page, Renderer
from reports.settled import settled
from reports.text import LANGUAGES
from schemas.credit import CreditPolicy
from schemas.reference.columns import Language, Text
from sinks.read import Reader, Scope

MOST_CONTENT_REPORTS = 500
Report: TypeAlias = MemberReport | GroupReport | ExamReport | SecretaryReport
Progress = Callable[[int, int], None]
"""Called with the reports made so far and how many there will be."""


@dataclass
class ReportIndex:
    """What was written. Paths are relative to ``folder``; of each subject the page (or data) in the first
    language. ``contents``: pages of the top organisation about one content. ``annexes``: of branches,
    for their secretaries alone. ``hashes``: path → SHA-256 of each file.
    ``kept``: files that stood there as they would have been made; ``unavailable``: formats that this machine can't
    make, and why."""

    folder: Path
    index: str = ""
    members: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    exams: dict[str, str] = field(default_factory=dict)
    annexes: dict[str, str] = field(default_factory=dict)
    files: int = 0
    kept: int = 0
    unavailable: dict[Format, FormatUnavailable] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def start(self) -> Path:
        """The file to open first."""
        return self.folder / self.index


def write_reports(
    reader: Reader,
    scope: Scope,
    out_dir: Path | str,
    *,
    first: date | None = None,
    last: date | None = None,
    content: Content = EVERYTHING,
    languages: Sequence[Language] = LANGUAGES,
    formats: Sequence[Format] = DEFAULT,
    as_of: datetime | None = None,
    k: int = DEFAULT_K,
    progress: Progress | None = None,
    credit: CreditPolicy | None = None,
) -> ReportIndex:
    """Every report that the scope allows, in ``out_dir`` (created).

    ``first`` and ``last`` are local days, both included; without them the period begins and ends with the
    data. ``content`` restricts all reports to one course or exam; without it organisations also get a report
    for each course and exam. ``credit``: what credit hours are counted by; without it reports have none.
    Raises ReportError for an unknown content, StoreError when the store is away.
    """
    data = load(reader, scope, first=first, last=last, as_of=as_of, credit=credit)
    check_content(data, content)
    return Site(data, scope, Path(out_dir), content, languages, formats, k, progress).write()


class Site:
    """One run. The constructor reads nothing and writes nothing.

    ``alone``: a single report is wanted, so pages link to nothing that is not written with them.
    """

    def __init__(
        self,
        data: ReportData,
        scope: Scope,
        folder: Path,
        content: Content = EVERYTHING,
        languages: Sequence[Language] = LANGUAGES,
        formats: Sequence[Format] = DEFAULT,
        k: int = DEFAULT_K,
        progress: Progress | None = None,
        *,
        alone: bool = False,
    ) -> None:
        if not languages or not formats:
            raise ReportError("no language or no format was asked for", hint=f"zh, en; {', '.join(FORMATS)}")
        self.data, self.scope, self.folder, self.content = data, scope, folder, content
        self.languages, self.formats, self.progress = tuple(languages), tuple(formats), progress
        self.policy = Policy(scope.detail, k)
        self.populations = Populations(data.roster, data.period)
        self.deliveries = Deliveries(data)
        self.renderers = {language: Renderer(language, k) for language in self.languages}
        self.index = ReportIndex(folder, unavailable=unavailable(formats, languages))
        self.made = Made(folder, remember=not alone)
        self.nodes = self._nodes() if scope.detail != "own" else []
        self.members = self._members() if scope.detail != "aggregate" else []
        self.alone = alone
        self.contents = self._contents() if content.kind == "all" and not alone else []
        roots = [n for n in self.nodes if not any(n in self.populations.children(p) for p in self.nodes)]
        self.roots = frozenset(roots)
        self.top = roots[0] if len(roots) == 1 else ""
        names = slugs(self.nodes)
        inner = {n for n in self.nodes if self.populations.children(n)}
        self.stems = {n: f"{'organisations' if n in inner else 'branches'}/{names[n]}" for n in self.nodes}
        content_names = slugs(c.id for c in self.contents)
        self.content_stems = {
            (n, c): f"{stem}/{c.kind}-{content_names[c.id]}" for n, stem in self.stems.items() for c in self.contents
        }
        member_names = slugs(m for m, _ in self.members)
        self.member_stems = {m: f"members/{member_names[m]}" for m, _ in self.members}

    def write(self, *, members: bool = True, groups: bool = True) -> ReportIndex:
        """Write everything; returns what there is."""
        single = len(self.with_contents(self.nodes)) * len(self.contents)
        exams, annexes = exam_stems(self) if groups else {}, annex_stems(self) if members else {}
        total = members * len(self.members) + groups * (len(self.nodes) + single) + len(exams) + len(annexes)
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            if self.progress:
                self.progress(done, total)

        if groups:
            self.write_groups(self.nodes, step)
        write_exams(self, exams, step)
        write_annexes(self, annexes, step)
        if members:
            self.write_members([m for m, _ in self.members], step)
        write_index(self, members=members)
        return self.index

    @settled()
    def write_members(self, members: Iterable[str], step: Callable[[], None] = lambda: None) -> None:
        """Reports of these members."""
        for member, report in self.member_reports(members):
            self.index.members[member] = self.save("member", report, self.member_stems[member])
            step()

    def member_reports(self, members: Iterable[str]) -> Iterable[tuple[str, MemberReport]]:
        """Contexts of these members, in their order."""
        for member, own in rows_of(self.data, members):
            yield member, member_report(self.data, self.deliveries, self.content, member, own)

    @settled()
    def write_groups(self, nodes: Iterable[str], step: Callable[[], None] = lambda: None) -> None:
        """Reports of these organisations, over all and for each content."""
        wanted = list(nodes)
        groups = Groups(self.data, self.populations, self.deliveries, self.content, self.policy)
        for node in wanted:
            stem = self.stems[node]
            single = node in self.with_contents(wanted)
            pages = [(c, self.content_stems[node, c]) for c in self.contents] if single else []
            self.index.groups[node] = self.save("group", groups.report(node), stem, self.stems, pages)
            step()
        for content in self.contents:
            groups = Groups(self.data, self.populations, self.deliveries, content, self.policy)
            stems = {n: self.content_stems[n, content] for n in self.with_contents(wanted)}
            for node in self.with_contents(wanted):
                path = self.save("group", groups.report(node), stems[node], stems)
                if node == self.top:
                    self.index.contents[content.kind, content.id] = path
                step()

    def with_contents(self, nodes: Sequence[str]) -> Sequence[str]:
        """Which organisations get a report for each course and exam: all, but in large trees the roots only."""
        if len(nodes) * len(self.contents) <= MOST_CONTENT_REPORTS:
            return nodes
        return [n for n in nodes if n in self.roots]

    def save(
        self,
        template: str,
        report: Report,
        stem: str,
        stems: Mapping[str, str] | None = None,
        pages: Sequence[tuple[Content, str]] = (),
    ) -> str:
        """Write one report in every language and format; returns the path of the first. Formats that can't be
        made are noted; raises FormatUnavailable when nothing else was asked for."""
        written: list[str] = []
        tables = list(tabulated(report, stem, self.formats))
        for language, renderer in self.renderers.items():
            html, moment = page_name(stem, language), report.head.as_of
            if set(self.formats) & {"html", "pdf", "docx"}:
                page = self._page(stem, html, language)
                links = {n: link(html, page_name(s, language)) for n, s in (stems or {}).items() if not self.alone}
                contents = [(self.title(c), link(html, page_name(s, language))) for c, s in pages]
                text = renderer.report(template, report, page, links=links, contents=contents)
                if "html" in self.formats:
                    self.put(html, text.encode())
                    written.append(html)
                possible = [f for f in self.formats if f not in self.index.unavailable]
                for file in printed(text, language, moment, stem, possible):
                    written += self.make(file)
            if "json" in self.formats:
                path = page_name(stem, language, "json")
                self.put(path, to_json(report, renderer.words))
                written.append(path)
        for file in tables:
            written += self.make(file)
        if not written:
            raise next(iter(self.index.unavailable.values()))
        return written[0]

    def _page(self, stem: str, path: str, language: Language) -> Page:
        """Where the page links to: what is written beside it."""
        beside = [f for f in self.formats if f in LABELS and f != "json" and f not in self.index.unavailable]
        names = {f: page_name(stem, language, f) if f in ("pdf", "docx") else f"{stem}.{f}" for f in beside}
        return Page(
            index="" if self.alone else link(path, page_name("index", language)),
            json=link(path, page_name(stem, language, "json")) if "json" in self.formats else "",
            other=self.other(stem, path, language) if "html" in self.formats else "",
            files=tuple((LABELS[f], link(path, name)) for f, name in names.items()),
        )

    def make(self, file: File) -> list[str]:
        """Make one file, unless it stands there already; its path, or nothing where its format can't be made."""
        if file.format in self.index.unavailable:
            return []
        if (content := self.made.kept(file.path, file.source)) is not None:
            self.index.hashes[file.path] = content
            self.index.kept += 1
            return [file.path]
        try:
            self.put(file.path, file.make())
        except FormatUnavailable as error:
            self.index.unavailable[file.format] = error
            return []
        self.made.add(file.path, file.source, self.index.hashes[file.path])
        return [file.path]

    def put(self, path: str, content: bytes) -> None:
        """Write one file below the folder: whole or not at all."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)
        self.index.files += 1
        self.index.hashes[path] = digest(content)

    def other(self, stem: str, path: str, language: Language) -> str:
        """The same page in the other language, if it is written."""
        others = [other for other in self.languages if other != language]
        return link(path, page_name(stem, others[0])) if others else ""

    def title(self, content: Content) -> Text:
        """Title of a course or exam."""
        catalogue = self.data.catalogue
        return catalogue.course(content.id) if content.kind == "course" else catalogue.exam(content.id)

    def head(self) -> Head:
        """The head of the index."""
        events = self.data.days.filter(pl.col("course_id") == self.data.study_course(self.content))["events"]
        return make_head(self.data, self.content, "index", "", "", (), int(events.sum()))

    def _nodes(self) -> list[str]:
        every = self.populations.nodes()
        if self.scope.node is None:
            return every
        under = {n for s in self.populations.stretches for n in self.data.roster.subtree(self.scope.node, s.first)}
        return [n for n in every if n in under]

    def _members(self) -> list[tuple[str, str]]:
        """(member, organisation) of everybody in the period, and of those outside the roster with records."""
        found: dict[str, str] = {}
        if self.scope.member_id is not None:
            return [(self.scope.member_id, "")]
        for node in self.nodes:
            for member, belonging in self.populations.of(node, own=True).members.items():
                if found.get(member) is None or belonging.until == self.data.period.last:
                    found[member] = node
        if self.scope.node is None:
            for member in sorted(self.data.days["member_id"].unique().to_list()):
                found.setdefault(member, "")
        return sorted(found.items(), key=lambda pair: natural(pair[0]))

    def _contents(self) -> list[Content]:
        """Courses and exams with records, by id."""
        inside = self.data.answers.filter(pl.col("day") >= self.data.period.first)
        courses = set(self.data.days["course_id"].unique()) | set(inside["course_id"].unique())
        exams = set(of_exams(inside)["exam_id"].unique())
        made: list[Any] = [Content("course", c) for c in sorted(courses - {""}, key=natural)]
        return made + [Content("exam", e) for e in sorted(exams - {""}, key=natural)]
