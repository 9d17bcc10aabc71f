"""Reports from a real store: every figure equals the query of the same name, and the commands write them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import cli
from reports.data import Content
from reports.errors import ReportError
from reports.formats.names import FORMATS
from reports.site import ReportIndex, write_reports
from schemas.credit import CreditPolicy
from schemas.tables import EVENTS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import Filters, Reader, Scope
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from tests.support.engine import EVERY
from tests.support.harness import RECEIVED, Harness
from tests.support.world import DAYS, day, lines, reference

SCOPE = Scope.everything()
FIRST, LAST = day(2), day(DAYS - 3)
AS_OF = datetime(2026, 9, 2, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def reader(engine_store: Store) -> Reader:
    for table in EVERY:
        engine_store.command(f"TRUNCATE TABLE {table.name}")
    ensure_generation(engine_store, "Asia/Shanghai", "{}")
    sink = ClickHouseSink(engine_store)
    write_reference(sink, reference(7), datetime(2026, 9, 1, tzinfo=UTC))
    harness = Harness(sink, StoreRosters(sink))
    sent = lines(7, 900)
    for start in range(0, len(sent), 100):
        harness.send(*[[line] for line in sent[start : start + 100]], received=RECEIVED + start)
    harness.send([b"{", b"\xff", *sent[:9]])
    assert engine_store.rows(f"SELECT count() FROM {EVENTS.name}")[0][0] > 500
    return Reader(engine_store)


@pytest.fixture(scope="module")
def index(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> ReportIndex:
    folder = tmp_path_factory.mktemp("reports")
    counted = CreditPolicy.of()
    return write_reports(
        # k = 1: every organisation is compared with the queries, also the small ones.
        reader, SCOPE, folder, first=FIRST, last=LAST, languages=("en",), as_of=AS_OF, k=1, credit=counted
    )  # fmt: skip


def read(index: ReportIndex, path: str) -> dict[str, Any]:
    text = (index.folder / path).with_suffix(".json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)["report"]
    return found


def whole(reader: Reader, **filters: Any) -> Filters:
    return Filters(first=FIRST, last=LAST, **filters)


def same(figure: dict[str, Any], value: float) -> bool:
    return bool(figure["value"] == pytest.approx(value, abs=1e-6))


def test_members_equal_the_queries(reader: Reader, index: ReportIndex) -> None:
    days = reader.frame("member-day", SCOPE, whole(reader))
    wrong = reader.frame("wrong-questions", SCOPE, whole(reader))
    rejected = reader.frame("rejected", SCOPE, whole(reader))
    sums = reader.frame("delivery", SCOPE, whole(reader)).group_by("member_id").agg(pl.col("late", "duplicates").sum())
    delivery = {r["member_id"]: r for r in sums.iter_rows(named=True)}
    assert sum(r["late"] for r in delivery.values()) > 0
    assert len(index.members) >= 20
    seen = 0
    for member, path in index.members.items():
        report, mine = read(index, path), days.filter(pl.col("member_id") == member)
        main = mine.filter(pl.col("course_id") == "")
        assert same(report["study"]["study"], main["study_seconds"].sum())
        assert same(report["study"]["sessions"], main["sessions"].sum())
        for name in ("answers", "graded", "correct"):
            assert same(report["effect"][name], main[name].sum()), (member, name)
        assert same(report["effect"]["score"], main["score"].sum())
        assert report["effect"]["score"]["n"] == pytest.approx(main["max_score"].sum())
        assert same(report["effect"]["response_seconds"], main["response_ms"].sum() / 1000)
        assert same(report["head"]["events"], main["events"].sum())
        assert same(report["book"]["wrong"], wrong.filter(pl.col("member_id") == member).height)
        assert same(report["quality"]["rejected"], rejected.filter(pl.col("member_id") == member).height)
        arrived = delivery.get(member, {"late": 0, "duplicates": 0})
        assert same(report["quality"]["late"], arrived["late"])
        assert same(report["quality"]["duplicates"], arrived["duplicates"])
        for line in report["courses"]:
            course = mine.filter(pl.col("course_id") == line["course_id"])
            assert same(line["study"], course["study_seconds"].sum())
            assert same(line["effect"]["answers"], course["answers"].sum())
            seen += 1
    assert seen > 20


def test_exam_attempts_equal_the_query(reader: Reader, index: ReportIndex) -> None:
    rows = reader.frame("exams", SCOPE, whole(reader)).rows(named=True)
    assert rows
    reports = {member: read(index, path) for member, path in index.members.items()}
    for row in rows:
        (exam,) = (e for e in reports[row["member_id"]]["exams"] if e["exam_id"] == row["exam_id"])
        (attempt,) = (a for a in exam["attempts"] if a["number"] == str(row["attempt"]))
        assert same(attempt["score"], row["score"])
        assert attempt["score"]["n"] == pytest.approx(row["exam_max_score"] or row["max_score"])
        assert same(attempt["effect"]["correct"], row["correct"])


def test_organisations_equal_the_queries(reader: Reader, index: ReportIndex) -> None:
    assert {"top", "left", "right", "alone"} <= index.groups.keys()
    for node, path in index.groups.items():
        report = read(index, path)
        days = reader.frame("branch-day", SCOPE, whole(reader, org=node)).filter(pl.col("course_id") == "")
        mine = reader.frame("member-day", SCOPE, whole(reader, org=node)).filter(pl.col("course_id") == "")
        silent = reader.frame("silent", SCOPE, whole(reader, org=node)).filter(pl.col("kind") == "member")
        assert same(report["study"]["total"], days["study_seconds"].sum())
        assert same(report["head"]["events"], days["events"].sum())
        assert same(report["effect"]["answers"], days["answers"].sum())
        assert same(report["effect"]["correct"], days["correct"].sum())
        assert same(report["people"]["active"], mine["member_id"].n_unique())
        exempt = silent.filter(pl.col("status") == "exempt").height
        assert same(report["people"]["silent"], silent.height - exempt)
        assert sum(report["pattern"]["calendar"]["values"]["values"]) == pytest.approx(days["study_seconds"].sum())
        arrived = reader.frame("delivery", SCOPE, whole(reader, org=node))
        assert same(report["quality"]["late"], arrived["late"].sum())
        assert same(report["quality"]["duplicates"], arrived["duplicates"].sum())
        assert same(report["quality"]["rejected"], reader.frame("rejected", SCOPE, whole(reader, org=node)).height)
        questions = {
            r["question_id"]: r for r in reader.frame("questions", SCOPE, whole(reader, org=node)).rows(named=True)
        }
        for missed in report["missed"]:
            row = questions[missed["question"]["question_id"]]
            assert missed["missed"]["x"] == row["members_wrong"]


def test_one_course_equals_the_query_of_the_course(reader: Reader, index: ReportIndex) -> None:
    report = read(index, "organisations/top/course-c2.en.json")
    days = reader.frame("branch-day", SCOPE, whole(reader, org="top", course="c2"))
    assert same(report["study"]["total"], days["study_seconds"].sum())
    assert same(report["effect"]["graded"], days["graded"].sum())


def test_the_period_is_that_of_the_data_when_none_is_given(reader: Reader, tmp_path: Path) -> None:
    index = write_reports(reader, SCOPE, tmp_path, languages=("zh",), formats=("json",), as_of=AS_OF)
    days = reader.frame("member-day", SCOPE)["day"]
    head = read(index, index.groups["top"])["head"]
    assert (head["first"], head["last"]) == (str(days.min()), str(days.max()))
    assert head["as_of"] == "2026-09-02T16:00:00+08:00"


def test_same_data_and_cut_off_give_the_same_bytes(reader: Reader, index: ReportIndex, tmp_path: Path) -> None:
    counted = CreditPolicy.of()
    again = write_reports(
        reader, SCOPE, tmp_path, first=FIRST, last=LAST, languages=("en",), as_of=AS_OF, k=1, credit=counted
    )
    assert again.files == index.files
    for path in index.folder.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / path.relative_to(index.folder)).read_bytes(), path


def test_unknown_contents_are_refused(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="course 'nothing'"):
        write_reports(reader, SCOPE, tmp_path, content=Content("course", "nothing"))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def run(reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a command against the store; returns its result."""
    endpoint = reader.store.endpoint
    for name in ("url", "user", "password"):
        monkeypatch.setenv(f"XUEJING_CLICKHOUSE_{name.upper()}", getattr(endpoint, name))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Any:
        return CliRunner().invoke(cli.application(), ["report", *arguments])

    return call


def test_commands_write_what_they_say(run: Any, reader: Reader, tmp_path: Path) -> None:
    member = random.Random(1).choice(reader.frame("member-day", SCOPE)["member_id"].unique().sort().to_list())
    period = ("--from", str(FIRST), "--to", str(LAST))
    assert run("member", member, *period, "--lang", "en", "-f", "json").exit_code == 0
    assert [p.name for p in (tmp_path / "report/members").iterdir()] == [f"{member}.en.json"]
    assert run("branch", "left", "--course", "c1", "-o", "b").exit_code == 0
    assert sorted(p.name for p in (tmp_path / "b/organisations").iterdir()) == [
        "left.en.html", "left.en.json", "left.html", "left.json"
    ]  # fmt: skip
    assert run("all", *period, "--lang", "zh", "--format", "html", "--exam", "e1", "-o", "a").exit_code == 0
    assert (tmp_path / "a/index.html").is_file()


@pytest.mark.usefixtures("chinese_font")
def test_commands_write_every_format(run: Any, tmp_path: Path) -> None:
    done = run("branch", "left", "--lang", "zh", "--format", ",".join(FORMATS), "-o", "f")
    assert done.exit_code == 0
    found = sorted(p.name for p in (tmp_path / "f/organisations").iterdir())
    assert found == sorted(["left.tables", *(f"left.{f}" for f in FORMATS if f != "csv")])


def test_a_format_that_cannot_be_made_is_told_and_the_others_are_written(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reports.formats.making.installed", lambda: frozenset({"DejaVu Serif"}))
    done = run("branch", "left", "--lang", "zh", "--format", "pdf,html,xlsx", "-o", "f")
    assert done.exit_code == 1
    assert "fonts-noto-cjk" in done.output + capfd.readouterr().err
    assert sorted(p.name for p in (tmp_path / "f/organisations").iterdir()) == ["left.html", "left.xlsx"]
    alone = run("branch", "left", "--lang", "zh", "--format", "pdf", "-o", "g")
    assert alone.exit_code != 0
    assert "fonts-noto-cjk" in str(alone.exception)


def test_a_members_report_alone_has_the_same_figures(run: Any, index: ReportIndex, tmp_path: Path) -> None:
    member = sorted(index.members)[3]
    assert run("member", member, "--from", str(FIRST), "--to", str(LAST), "--lang", "en").exit_code == 0
    alone = json.loads((tmp_path / f"report/members/{member}.en.json").read_text("utf-8"))["report"]
    among = read(index, index.members[member])
    for report in (alone, among):
        del report["head"]["as_of"], report["head"]["provenance"]  # read at another time, and for one member only
    assert alone == among


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("member", "nobody"), "nobody"),
        (("branch", "nowhere"), "nowhere"),
        (("branch", "top", "--course", "c1", "--exam", "e1"), "one course or one exam"),
        (("all", "--exam", "e99"), "e99"),
        (("all", "--lang", "fr"), "'fr'"),
        (("all", "--format", "rtf"), "'rtf'"),
        (("all", "--from", "2026-03-09", "--to", "2026-03-01"), "2026-03-01"),
    ],
)
def test_mistakes_are_said(run: Any, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert message in str(result.exception)
