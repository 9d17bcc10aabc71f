"""Pages: complete in both languages, escaped, self-contained, and nothing in them that is not declared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports.context.group import GroupReport, Groups
from reports.context.member import MemberReport
from reports.context.quality import Deliveries
from reports.data import EVERYTHING, Policy, ReportData
from reports.figures import Figure, Series, metrics_used
from reports.plain import to_json
from reports.population import Populations
from reports.render import Page, Renderer
from reports.site import Site
from reports.text import LANGUAGES, Words
from schemas.metrics import METRICS
from schemas.reference import Member, Organisation
from schemas.reference.columns import Language
from sinks.read import Scope
from tests.support.small_reports import (
    FIRST,
    LAST,
    ORGANISATIONS,
    answer,
    answers_to_survey,
    make,
    members,
    study,
)
from tests.support.texts import CHINESE, chinese_in

VOID = {"meta", "br", "hr", "link", "img", "input"}
EVIL = "<script>alert('名字&\"')</script>" + "长" * 30


def full() -> ReportData:
    """Every part of both reports has something to show; all names are ASCII."""
    people = [*members("b1", 12), *members("b1", 3, prefix="s", category="student"), *members("b2", 6)]
    people.append(
        Member(member_id="new", name="New", org_id="b1", category="staff", valid_from=LAST - timedelta(days=3))
    )
    days = [
        study(m.member_id, FIRST + timedelta(days=i), 30 + i, course=c)
        for i, m in enumerate(people[:-1])
        for c in ("c1",)
    ]
    answers = []
    for i, m in enumerate(people[:-1]):
        for attempt in (1, 2):
            answers.append(
                answer(
                    m.member_id,
                    i % 3 == 0,
                    exam="e1",
                    attempt=attempt,
                    response="BC"[i % 3 > 0],
                    score=1.0,
                    day=FIRST + timedelta(days=attempt),
                )
            )
        answers.append(answer(m.member_id, False, "q2", response="Liberty"))
        answers.append(answer(m.member_id, None, "q2", day=LAST))
        answers.append(answer(m.member_id, i > 3, "q404", seconds=None, knowledge_points=["k9"]))
        answers += [answer(m.member_id, True, "q5", day=FIRST + timedelta(days=d)) for d in (1, 2, 3)]
        answers.append(answer(m.member_id, False, "q5"))
    lines = [{"member_id": "b1-m1", "reason": "invalid"}, {"member_id": "b1-m1", "reason": "new_reason"}]
    surveys = answers_to_survey(("b1", "i1", "A", 4), ("b1", "i1", "B", 3), ("b1", "i2", "A", 2), ("b2", "i1", "A", 5))
    return make(people, days, answers, rejected=lines, surveys=surveys)


def side_by_side() -> ReportData:
    """Organisations that are compared, one too small for it, and one that would let it be worked out."""
    more = [Organisation(org_id=o, parent_id="top", name=f"Branch {o}", kind="branch") for o in ("b4", "b5")]
    orgs = [*ORGANISATIONS, *more]
    sizes = {"b1": 9, "b2": 12, "b3": 3, "b4": 20, "b5": 16}
    people = [m for org, count in sizes.items() for m in members(org, count)]
    active = [m.member_id for i, m in enumerate(people) if m.org_id != "b4" or i % 3]
    answers = [answer(m, i % 3 > 0) for i, m in enumerate(active)]
    return make(people, [study(m) for m in active], answers, organisations=orgs)


def empty() -> ReportData:
    return make(members("b1", 1))


def reports_of(data: ReportData) -> list[tuple[str, MemberReport | GroupReport]]:
    site = Site(data, Scope.everything(), Path("/nowhere"))
    found: list[tuple[str, MemberReport | GroupReport]] = [
        ("member", r) for _, r in site.member_reports(m for m, _ in site.members)
    ]
    for detail in ("named", "aggregate"):
        groups = Groups(data, Populations(data.roster, data.period), Deliveries(data), EVERYTHING, Policy(detail))  # type: ignore[arg-type]
        found += [("group", groups.report(node)) for node in site.nodes]
    return found


CASES = [
    (name, r)
    for name, data in (("full", full()), ("compared", side_by_side()), ("empty", empty()))
    for r in reports_of(data)
    if name != "compared" or r[1].head.id == "top"
]
NAMES = [f"{case}-{kind}-{report.head.id}-{i}" for i, (case, (kind, report)) in enumerate(CASES)]
RENDERERS = {language: Renderer(language) for language in LANGUAGES}


@pytest.fixture(params=[r for _, r in CASES], ids=NAMES)
def kind_and_report(request: pytest.FixtureRequest) -> tuple[str, Any]:
    found: tuple[str, Any] = request.param
    return found


def html(kind: str, report: Any, language: Language) -> str:
    return RENDERERS[language].report(kind, report, Page("index.html", "data.json", "other.html"))


class Balanced(HTMLParser):
    """Raises when tags do not nest; collects text and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_nest_and_need_nothing_from_elsewhere(kind_and_report: tuple[str, Any], language: Language) -> None:
    page = parsed(html(*kind_and_report, language))
    assert not [a for a in page.attributes if a[1] in ("src", "srcset") or a[0] in ("script", "link", "iframe", "img")]
    assert not [a for a in page.attributes if a[1] == "href" and re.match(r"[a-z]+:|//", a[2])]
    assert "@import" not in html(*kind_and_report, language)
    assert "url(" not in html(*kind_and_report, language)
    assert len(page.ids) == len(set(page.ids))


def test_no_chinese_leaks_into_english(kind_and_report: tuple[str, Any]) -> None:
    page = html(*kind_and_report, "en")
    page = re.sub(r'<a [^>]*lang="zh"[^>]*>中文</a>', "", page)
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert chinese_in(page) == []
    assert chinese_in(to_json(kind_and_report[1], RENDERERS["en"].words).decode()) == []


def test_formulas_are_english_and_left_out_of_chinese_pages(kind_and_report: tuple[str, Any]) -> None:
    used = [METRICS[m] for m in metrics_used(kind_and_report[1])]
    english, chinese = ("".join(parsed(html(*kind_and_report, language)).text) for language in LANGUAGES[::-1])
    assert [m.id for m in used if m.formula not in english] == []
    assert [m.id for m in used if " " in m.formula and m.formula in chinese] == []


def test_headings_are_numbered_in_the_style_of_the_language(kind_and_report: tuple[str, Any]) -> None:
    for language, style in (("zh", "一二三四五六七八九"), ("en", "123456789")):
        numbers = re.findall(r'class="no">(.)', html(*kind_and_report, language))  # type: ignore[arg-type]
        assert "".join(numbers) == style[: len(numbers)]
        assert len(numbers) >= 3


def test_every_figure_shown_is_defined_on_the_page(kind_and_report: tuple[str, Any]) -> None:
    kind, report = kind_and_report
    page = html(kind, report, "en")
    names = re.findall(r"<dt>([^<]*)</dt>", page.split('<dl class="defs">')[1])
    assert names == [METRICS[m].name.en for m in metrics_used(report)]


def bare_numbers(value: Any, path: str = "") -> Iterator[str]:
    """Numbers in a context that belong to no metric."""
    if isinstance(value, (Figure, Series, bool)):
        return
    if isinstance(value, (int, float)):
        yield path
    elif is_dataclass(value):
        for f in fields(value):
            yield from bare_numbers(getattr(value, f.name), f"{path}.{f.name}")
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from bare_numbers(item, path + "[]")


def test_contexts_hold_no_number_without_a_metric(kind_and_report: tuple[str, Any]) -> None:
    assert list(bare_numbers(kind_and_report[1])) == []


def test_bare_numbers_would_be_found() -> None:
    assert list(bare_numbers((Page("x"), 3))) == ["[]"]


def test_what_matters_is_printed(kind_and_report: tuple[str, Any]) -> None:
    kind, report = kind_and_report
    page = "".join(parsed(html(kind, report, "zh")).text)
    for label in ("统计时段", "统计截止", "依据记录", "口径版本", "谁可以看到本报告", "数据质量与口径"):
        assert label in page
    assert report.head.rules in page
    if kind == "group":
        for label in ("填报单位（盖章）", "负责人（签名）", "填表人（签名）", "报出时间", "联系电话"):
            assert label in page
        order = [page.index(s) for s in ("基本情况", "组织生活", "数据质量与口径", "改进建议", "填报单位（盖章）")]
        assert order == sorted(order)


@pytest.mark.parametrize("language", LANGUAGES)
def test_json_has_the_same_figures_and_their_definitions(kind_and_report: tuple[str, Any], language: Language) -> None:
    _, report = kind_and_report
    found = json.loads(to_json(report, Words(language)))
    assert found["language"] == language
    assert list(found["definitions"]) == list(metrics_used(report))
    assert found["report"]["head"]["first"] == FIRST.isoformat()
    events = found["report"]["head"]["events"]
    assert events["value"] == report.head.events.value
    assert events["metric"] == "events"


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_with_markup_are_escaped(language: Language) -> None:
    people = [Member(member_id="m<1>", name=EVIL, org_id="b1", category="staff"), *members("b1", 6)]
    data = make(
        people,
        [study(m.member_id) for m in people[1:]],
        [answer("m<1>", False, "<q>", course="<c>", exam="<e>", response="<r>")],
    )
    for kind, report in reports_of(data):
        page = html(kind, report, language)
        assert "<script" not in page
        assert parsed(page)
    member = html("member", dict(reports_of(data)[:1])["member"], language)
    assert "&lt;script&gt;" in html("member", next(r for k, r in reports_of(data) if r.head.name == EVIL), language)
    assert member


def test_english_uses_english_titles_and_chinese_does_not() -> None:
    import msgspec

    from reports.catalogue import Catalogue
    from tests.support.small_reports import CATALOGUE

    course = msgspec.structs.replace(CATALOGUE.courses["c1"], title="党章学习", title_en="The Charter")
    data = make(members("b1", 1), [study("b1-m1")], catalogue=Catalogue({"c1": course}))
    (kind, report), *_ = reports_of(data)
    assert "The Charter" in html(kind, report, "en")
    assert "党章学习" not in html(kind, report, "en")
    assert "党章学习" in html(kind, report, "zh")
    assert CHINESE.search(html(kind, report, "zh"))


def test_the_funnel_is_on_the_page_of_organisations_compared_without_what_is_withheld() -> None:
    report = next(r for name, (_, r) in CASES if name == "compared")
    page = html("group", report, "en")
    chart = page[page.index('<svg class="chart funnel"') :].split("</svg>")[0]
    assert re.findall(r"<title>(\d) (\w+ \w+) ", chart) == [("1", "Branch two"), ("2", "Branch b4"), ("3", "Branch b5")]
    assert "Quiet branch" not in chart
    assert "Branch one" not in chart
    comparison = json.loads(to_json(report, Words("en")))["report"]["comparison"]
    assert comparison["phi"]["metric"] == "over_dispersion"
    assert len(comparison["lines"]) == 3
