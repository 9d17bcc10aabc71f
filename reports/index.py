"""The index pages: organisations as a tree; members apart from them, by organisation and in pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.context.head import CATEGORIES, KINDS, named, organisation_name
from reports.extra_pages import annex_stems, exam_stems
from reports.order import natural
from reports.paths import link, page_name, slugs
from reports.render import LONGEST_LIST, Page
from schemas.reference.columns import Language, Text

if TYPE_CHECKING:
    from reports.context.head import Head
    from reports.site import Site


@dataclass(frozen=True, slots=True)
class Node:
    """An organisation with a link to its report."""

    name: str
    kind: Text
    href: str
    below: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The first page."""

    head: Head
    tree: tuple[Node, ...]
    contents: tuple[tuple[Text, str], ...]
    exams: tuple[tuple[Text, str], ...]
    members_href: str
    member_count: str


@dataclass(frozen=True, slots=True)
class Person:
    """A member with a link to the own report."""

    id: str
    name: str
    category: Text
    href: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A page that lists members' reports, or the organisations that have such pages."""

    title: str
    groups: tuple[tuple[str, str, str], ...] = ()
    annexes: tuple[tuple[str, str], ...] = ()
    members: tuple[Person, ...] = ()
    page: str = ""
    previous: str = ""
    next: str = ""


def write_index(site: Site, *, members: bool) -> None:
    """Write the index pages of every language; links are made only to reports that were written."""
    if "html" not in site.formats:
        return
    for language, renderer in site.renderers.items():
        path = page_name("index", language)
        site.index.index = site.index.index or path
        written = bool(members and site.index.members)
        index = Index(
            head=site.head(),
            tree=tuple(_tree(site, path, language)),
            contents=tuple(
                (site.title(c), link(path, page_name(site.content_stems[site.top, c], language)))
                for c in site.contents
                if (c.kind, c.id) in site.index.contents
            ),
            exams=tuple(
                (site.data.catalogue.exam(e), link(path, page_name(stem, language)))
                for e, stem in exam_stems(site).items()
                if e in site.index.exams
            ),
            members_href=link(path, page_name("members/index", language)) if written else "",
            member_count=str(len(site.index.members)),
        )
        page = Page(other=site.other("index", path, language))
        site.put(path, renderer.page("index", page, index=index).encode())
        if written:
            _write_listings(site, language)


def _tree(site: Site, path: str, language: Language) -> Iterator[Node]:
    nodes = [n for n in site.nodes if n in site.index.groups]
    children = {n: [c for c in site.populations.children(n) if c in nodes] for n in nodes}
    below = {c for found in children.values() for c in found}

    def make(node: str) -> Node:
        row = site.data.roster.organisation(node, site.data.period.last)
        return Node(
            organisation_name(site.data, node),
            named(KINDS, row.kind) if row else Text("", ""),
            link(path, page_name(site.stems[node], language)),
            tuple(make(c) for c in children[node]),
        )

    for node in nodes:
        if node not in below:
            yield make(node)


def _write_listings(site: Site, language: Language) -> None:
    words = site.renderers[language].words
    groups: dict[str, list[str]] = {}
    for member, org_id in site.members:
        if member in site.index.members:
            groups.setdefault(org_id, []).append(member)
    names = slugs(groups.keys() - {""})
    first = page_name("members/index", language)
    linked = []
    for org_id in sorted(groups, key=natural):
        name = organisation_name(site.data, org_id) if org_id else words("index.no_organisation")
        stem = f"members/in/{names[org_id]}" if org_id else "members/not-in-roster"
        linked.append((name, link(first, page_name(stem, language)), str(len(groups[org_id]))))
        _write_pages(site, language, stem, words("index.members_of", name=name), groups[org_id])
    page = Page(index=link(first, page_name("index", language)), other=site.other("members/index", first, language))
    annexes = tuple(
        (organisation_name(site.data, org_id), link(first, page_name(stem, language)))
        for org_id, stem in annex_stems(site).items()
        if org_id in site.index.annexes
    )
    listing = Listing(words("index.members"), groups=tuple(linked), annexes=annexes)
    site.put(first, site.renderers[language].page("members", page, listing=listing).encode())


def _write_pages(site: Site, language: Language, stem: str, title: str, members: list[str]) -> None:
    count = -(-len(members) // LONGEST_LIST)

    def path_of(number: int) -> str:
        return page_name(stem if number == 1 else f"{stem}.{number}", language)

    for number in range(1, count + 1):
        path = path_of(number)
        part = members[(number - 1) * LONGEST_LIST : number * LONGEST_LIST]
        listing = Listing(
            title,
            members=tuple(_person(site, m, path, language) for m in part),
            page=f"{number}/{count}",
            previous=link(path, path_of(number - 1)) if number > 1 else "",
            next=link(path, path_of(number + 1)) if number < count else "",
        )
        twin = stem if number == 1 else f"{stem}.{number}"
        page = Page(index=link(path, page_name("index", language)), other=site.other(twin, path, language))
        site.put(path, site.renderers[language].page("members", page, listing=listing).encode())


def _person(site: Site, member: str, path: str, language: Language) -> Person:
    rows = site.data.roster.memberships(member)
    return Person(
        member,
        (rows[-1].name if rows else "") or member,
        named(CATEGORIES, rows[-1].category) if rows else Text("", ""),
        link(path, page_name(site.member_stems[member], language)),
    )
