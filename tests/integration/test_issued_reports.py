"""Reports as of a moment, on the engine: the same bytes again after everything that may change the figures."""

from __future__ import annotations

import io
import json
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import cli
from commands.context import Context
from commands.issued_erasing import erase_members
from commands.issuing import IssuingBusy, Made, Wanted, data_of, one_issues, register_version, to_issue
from commands.rebuild import run as rebuild
from commands.retention import apply as drop_old
from reports.data import EVERYTHING
from reports.errors import ReportError
from reports.formats.names import FORMATS
from reports.issued.frames import names_of
from reports.issued.register import Register
from reports.measures.bkt import DEFAULTS
from reports.site import Site
from schemas.credit import DEFAULT_PATH
from schemas.errors import InputError
from schemas.reference import Course, Exam, Member, ReferenceTables
from schemas.settings import Settings
from schemas.tables import CALIBRATIONS, ITEM_THRESHOLDS
from sinks.clickhouse import ClickHouseSink
from sinks.client import Store
from sinks.read import Scope
from sinks.read.families import SURVEY_QUARTERS
from sinks.read.generations import ensure_generation
from sinks.reference import write_reference
from sinks.rosters import StoreRosters
from streams.rules import Rules
from tests.support.harness import RECEIVED, Harness, event, uid
from tests.support.world import DAYS, day, lines, reference

FIRST, LAST = day(2), day(DAYS - 3)
PERIOD = ("--from", str(FIRST), "--to", str(LAST))
QUARTER = ("--from", "2026-01-01", "--to", "2026-03-31")
DAY_ONE = datetime(2026, 9, 1, tzinfo=UTC)


class Running:
    """A store that takes events and imports, and the command line on it."""

    def __init__(self, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.folder = store, folder
        ensure_generation(store, "Asia/Shanghai", Rules().to_json())
        sink = ClickHouseSink(store)
        write_reference(sink, reference(7), DAY_ONE)
        self.harness = Harness(sink, StoreRosters(sink))
        self.clock = datetime(2026, 10, 1, tzinfo=UTC)
        self.harness.members.now_us = lambda: round(self.clock.timestamp() * 1_000_000)
        for name, value in {
            "XUEJING_CLICKHOUSE_URL": store.endpoint.url,
            "XUEJING_CLICKHOUSE_USER": store.endpoint.user,
            "XUEJING_CLICKHOUSE_PASSWORD": store.endpoint.password,
            "XUEJING_DATA_DIR": str(folder / "data"),
            "XUEJING_LANGUAGE": "en",
        }.items():
            monkeypatch.setenv(name, value)

    def send(self, sent: list[bytes], at: datetime) -> None:
        """Archive lines at a moment."""
        self.clock = at
        self.harness.send(*[[line] for line in sent], received=RECEIVED)

    def run(self, *arguments: str) -> Any:
        """A command; the test fails where it does."""
        result = CliRunner().invoke(cli.application(), list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    def report(
        self, name: str, kind: str, subject: str, *options: str, period: tuple[str, ...] = PERIOD
    ) -> dict[str, bytes]:
        """The files of a report."""
        out = self.folder / name
        self.run("report", kind, *([subject] if subject else []), *period, "--out", str(out), *options)
        return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def further(number: int, choice: str = "A") -> list[bytes]:
    """Events of further families in March, with ids from ``number`` on: answers of two branches to a survey, steps of
    an improvement that was sent down, and what members did."""
    found: list[bytes] = []

    def add(kind: str, at: str, member: str, **fields: Any) -> None:
        found.append(event(number + len(found), kind, f"2026-03-{at}+08:00", member, "", **fields))

    for org in ["l1"] * 7 + ["r1"] * 5:
        add("survey", "10T14:30:00", f"org:{org}", survey_id="s1", item_id="s1-1", choice=choice)
    about = {"improvement_id": "improved-1", "target_org": "l1", "from_org": "left", "problem": "study"}
    add("improvement", "04T09:00:00", "m07", step="raised", **about)
    add("improvement", "05T09:00:00", "m08", step="assigned", due="2026-03-12", **about)
    add("improvement", "06T09:00:00", "m08", step="acted", action="talk", **about)
    for n in range(8):
        add("reflection", "09T10:00:00", f"m{n:02}", reflection_id=f"r{n}", step="submitted")
        add("push", "09T11:00:00", f"m{n:02}", content_id="c", step="delivered")
    return found


def calibrated(store: Store, at: datetime) -> None:
    """A threshold that makes most answers rapid, and knowledge tracing of a point."""
    threshold = {"question_id": "q1", "version": 1, "ms": 60_000.0, "n": 50, "mean_ms": 9e4, "frozen_at": at}
    store.insert(ITEM_THRESHOLDS.name, ITEM_THRESHOLDS.rows([threshold | {"generation": 1}]))
    row = {"kind": "bkt", "subject": "k1", "version": 1, "calibrated_at": at, "generation": 1, "model": "fitted"}
    parameters = {"params": {**asdict(DEFAULTS), "s": 0.3}}
    row |= {"n": 9, "answers": 99, "fingerprint": "f", "parameters": json.dumps(parameters)}
    store.insert(CALIBRATIONS.name, CALIBRATIONS.rows([row]))


def everything_changes(running: Running) -> None:
    """Late events, withdrawals, a transfer, new titles, a calibration, and a rebuild, all after October."""
    later = datetime(2026, 11, 2, tzinfo=UTC)
    late = lines(99, 300)
    running.send([line.replace(b'"00000000', b'"10000000') for line in late], later)
    running.send(further(300_000, "B"), later)
    running.send([event(400_000, "withdraw", "2026-03-20T10:00:00+08:00", "org:l1", "", target_event_id=uid(200_000),
                        reason="r")], later)  # fmt: skip
    closed = {"improvement_id": "improved-1", "target_org": "l1", "problem": "study", "step": "closed"}
    running.send([event(400_001, "improvement", "2026-03-15T09:00:00+08:00", "m07", "", **closed)], later)
    running.send(
        [
            event(90_000 + n, "withdraw", "2026-03-20T10:00:00+08:00", f"m{n:02}", target_event_id=uid(n))
            for n in range(1, 20)
        ],
        later,
    )
    moved = [Member(member_id=f"m{n:02}", name=f"Moved {n}", org_id="r1", category="staff") for n in (1, 4, 9)]
    tables = ReferenceTables(
        members=tuple(moved),
        courses=(Course(course_id="c1", title="Another title"),),
        exams=(Exam(exam_id="e1", course_id="c1", title="Another exam", max_score=50.0),),
        present=frozenset({"members", "courses", "exams"}),
    )
    write_reference(running.harness.sink, tables, later)
    calibrated(running.store, later)
    settings = Settings(data_dir=str(running.folder / "data"))
    rebuild(Context(settings, {}), running.store, "Asia/Shanghai", Rules(), lambda *_: None)


@pytest.fixture
def running(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    found = Running(store, tmp_path, monkeypatch)
    found.send(lines(7, 700), found.clock)
    found.send(further(200_000), found.clock)
    return found


SUBJECTS = (("member", "m03"), ("branch", "top"), ("branch", "l1"), ("all", ""))


def test_issued_reports_are_made_again_byte_by_byte(running: Running) -> None:
    issued = {s: running.report(f"first-{s[0]}-{s[1]}", *s, "--issue") for s in SUBJECTS}
    cut_offs = {
        (str(k), str(s)): str(c)
        for k, s, c in running.store.rows("SELECT kind, subject, cut_off FROM issued_reports FINAL")
    }
    assert len(cut_offs) == len(SUBJECTS)
    everything_changes(running)
    for (kind, subject), files in issued.items():
        # Of the top only how many are open is said: it sent none down.
        assert told(files) == ({"improved-1"} if subject in ("l1", "") else set())
        moment = cut_offs["group" if kind == "branch" else kind, subject].replace(" ", "T") + "+00:00"
        again = running.report(f"again-{kind}-{subject}", kind, subject, "--as-of", moment)
        assert again == files, (kind, subject)
        now = running.report(f"now-{kind}-{subject}", kind, subject)
        assert now.keys() >= files.keys()
        assert now != files


def told(files: dict[str, bytes]) -> set[str]:
    """Ids of surveys and improvements that stand in the English pages of reports, and the family that all have."""
    pages = b"".join(content for name, content in files.items() if name.endswith(".en.html"))
    return {name for name in ("improved-1", "s1-1") if name.encode() in pages}


def test_a_quarter_with_a_survey_is_made_again_byte_by_byte(running: Running) -> None:
    issued = {s: running.report(f"first-{s}", "branch", s, "--issue", period=QUARTER) for s in ("l1", "left")}
    entries = {i.series.subject: i for i in Register(running.store).all()}
    everything_changes(running)
    for subject, files in issued.items():
        assert told(files) == {"improved-1", "s1-1"}
        moment = entries[subject].cut_off.isoformat()
        assert running.report(f"again-{subject}", "branch", subject, "--as-of", moment, period=QUARTER) == files
        now = running.report(f"now-{subject}", "branch", subject, "--format", "json", "--lang", "en", period=QUARTER)
        then, found = (json.loads(next(v for k, v in f.items() if k.endswith(".en.json"))) for f in (files, now))
        (line,) = then["report"]["surveys"]["lines"]
        assert (line["choice"], line["answers"]["value"]) == ("A", 7)
        lines_now = found["report"]["surveys"]["lines"]
        assert [(n["choice"], n["chosen"]["x"], n["answers"]["value"]) for n in lines_now] == [
            ("A", 6, 13),
            ("B", 7, 13),
        ]


def test_what_was_issued_before_surveys_stood_in_reports_is_made_again_without(running: Running) -> None:
    running.report("first", "branch", "l1", "--issue", period=QUARTER)
    register = Register(running.store)
    (entry,) = register.all()
    kept = register.snapshot(entry)
    assert data_of(entry, kept).surveys["answers"].to_list() == [7, 5]
    asked = {call for call in kept.frames if SURVEY_QUARTERS in call}
    assert len(asked) == 1
    assert not any("member_id" in kept.frames[call].columns for call in asked)
    earlier = replace(kept, frames={call: frame for call, frame in kept.frames.items() if call not in asked})
    assert data_of(entry, earlier).surveys.is_empty()


def test_a_moment_that_was_not_issued_is_computed_from_the_archive(running: Running) -> None:
    before = {}
    moment = running.clock + timedelta(days=3)
    for kind, subject in SUBJECTS:
        before[kind, subject] = running.report(f"first-{kind}-{subject}", kind, subject, "--as-of", moment.isoformat())
    live = running.report("live", "branch", "top", "--format", "json", "--lang", "en")
    everything_changes(running)
    for kind, subject in SUBJECTS:
        again = running.report(f"again-{kind}-{subject}", kind, subject, "--as-of", moment.isoformat())
        assert again == before[kind, subject], (kind, subject)
    (name,) = live
    then, now = json.loads(before["branch", "top"][name]), json.loads(live[name])
    for report in (then, now):
        del report["report"]["head"]["as_of"]
    assert then == now
    assert not list((running.folder / "data" / "as-of").iterdir())


def test_what_changed_is_told_with_its_causes(running: Running) -> None:
    running.report("first", "member", "m03", "--issue")
    ((cut_off,),) = running.store.rows("SELECT toString(cut_off) FROM issued_reports FINAL")
    running.clock = datetime.now(UTC) + timedelta(hours=1)
    running.send([event(70_001, "study", "2026-03-15T11:00:00+08:00", "m03", duration_ms=1_800_000)], running.clock)
    moment = f"{cut_off.replace(' ', 'T')}+00:00"
    files = running.report("now", "member", "m03", "--compare", moment, "--lang", "en")
    (name,) = (n for n in files if n.endswith("changes.en.json"))
    found = json.loads(files[name])["report"]
    by_metric = {c["metric_id"]: c for c in found["changes"] if not c["rows"]}
    study = by_metric["study_seconds"]
    assert 0 < study["after"]["value"] - study["before"]["value"] <= 1800
    assert study["causes"] == ["records"]
    assert not any(c["withheld"] for c in found["changes"])


def test_a_moment_that_can_not_be_compared_leaves_no_files(running: Running) -> None:
    for subject, said in (("top", "no figures yet|not in the roster"), ("nowhere", "is not in the roster of the")):
        out = running.folder / f"nothing-{subject}"
        call = ["report", "branch", subject, "--out", str(out), "--compare", "2001-01-01", "--issue"]
        result = CliRunner().invoke(cli.application(), call)
        assert result.exit_code == 1
        assert re.search(said, str(result.exception)), result.exception
        assert not out.exists()
    assert not running.store.rows("SELECT 1 FROM issued_reports")


def test_every_format_is_the_same_again(running: Running) -> None:
    formats = ("--format", ",".join(FORMATS), "--lang", "zh")
    issued = running.report("first", "branch", "l1", "--issue", *formats, period=QUARTER)
    assert "branches/l1.tables/surveys_lines.csv" in issued
    assert {name.rpartition(".")[2] for name in issued} >= {"html", "json", "csv", "parquet", "xlsx"}
    ((cut_off,),) = running.store.rows("SELECT toString(cut_off) FROM issued_reports FINAL")
    everything_changes(running)
    again = running.report("again", "branch", "l1", "--as-of", f"{cut_off.replace(' ', 'T')}+00:00", period=QUARTER)
    assert again.keys() == issued.keys()
    assert [name for name in again if again[name] != issued[name]] == []


def test_the_register_tells_versions_and_knows_its_files(running: Running) -> None:
    running.report("one", "member", "m03", "--issue")
    running.report("two", "member", "m03", "--issue", "--reason", "correction")
    listed = json.loads(running.run("reports", "list", "--subject", "m03", "--format", "json").stdout)
    assert [(r["version"], r["reason"]) for r in listed] == [(1, "first issue"), (2, "correction")]
    page = running.folder / "one/members/m03.html"
    told = running.run("reports", "verify", str(page)).output
    assert "version 1" in told
    assert "there is a version 2" in told
    page.write_bytes(page.read_bytes() + b" ")
    result = CliRunner().invoke(cli.application(), ["reports", "verify", str(page)])
    assert result.exit_code == 1
    # Both versions by their own cut-offs, in the form in which they are listed.
    again = running.report("again", "member", "m03", "--as-of", listed[1]["cut_off"])
    second = {str(p.relative_to(running.folder / "two")): p.read_bytes() for p in (running.folder / "two").rglob("*.*")}
    assert again == second


def test_who_is_erased_is_in_no_report_afterwards(running: Running) -> None:
    """Own reports go; others are issued again and say so; what only held rows is the same, byte by byte."""
    for kind, subject in (("member", "m03"), ("member", "m05"), ("branch", "top"), ("branch", "alone")):
        running.report(f"first-{subject}", kind, subject, "--issue", "--lang", "en", "--format", "json")
    before = {i.series.subject: i for i in Register(running.store).all()}
    counted = {s for s, in running.store.rows(
        "SELECT subject FROM issued_reports FINAL WHERE (report_id, version) IN "
        "(SELECT report_id, version FROM issued_members FINAL WHERE member_id = 'm03' AND contained)")}  # fmt: skip
    assert {"m03", "top"} <= counted

    written: dict[str, dict[str, bytes]] = {}

    def render(made: Made) -> dict[str, str]:
        assert made.issued is not None
        series = made.issued.series
        scope = Scope.own(series.subject) if series.kind == "member" else Scope.everything()
        folder = running.folder / f"erased-{series.subject}"
        site = Site(
            made.data, scope, folder, languages=["en"], formats=["json"], k=int(made.option("k", "5")), alone=True
        )
        site.write_members([series.subject]) if series.kind == "member" else site.write_groups([series.subject])
        written[series.subject] = {p: (folder / p).read_bytes() for p in site.index.hashes}
        return site.index.hashes

    done = erase_members(running.store, ["m03"], render)
    assert [s.subject for s in done.removed] == ["m03"]
    assert {i.series.subject for i in done.reissued} >= counted - {"m03"}
    (report,) = (json.loads(b) for b in written["top"].values())
    edition = report["report"]["head"]["provenance"]["edition"]
    assert (edition["version"], edition["reason"]) == ("2", "a person's data were erased")
    # Nothing is left: neither in the register nor in any frame.
    for table, column in (("issued_members", "member_id"), ("issued_reports", "subject")):
        assert running.store.rows(f"SELECT count() FROM {table} WHERE {column} = 'm03'") == [(0,)]
    assert not any("m03" in r[0] for r in running.store.rows("SELECT files FROM issued_reports"))
    register = Register(running.store)
    for issued in register.all():
        if not issued.erased:
            assert "m03" not in register.snapshot(issued).members()
    named = {n for i in register.all() for n in names_of(i.snapshot)}
    assert {h for (h,) in running.store.rows("SELECT DISTINCT hash FROM issued_data")} == named
    assert erase_members(running.store, ["m03"], render).reissued == ()
    # The old cut-off gives the new version.
    again = running.report("again", "branch", "top", "--as-of", before["top"].cut_off.isoformat())
    assert list(again.values()) == list(written["top"].values())


def test_after_retention_only_what_was_issued_comes_back(running: Running) -> None:
    issued = running.report("first", "member", "m03", "--issue")
    ((cut_off,),) = running.store.rows("SELECT toString(cut_off) FROM issued_reports FINAL")
    now = datetime(2027, 6, 1, tzinfo=UTC)
    assert drop_old(Settings(data_dir=str(running.folder / "data"), raw_days=100), running.store, now)
    moment = f"{cut_off.replace(' ', 'T')}+00:00"
    assert running.report("again", "member", "m03", "--as-of", moment) == issued
    with pytest.raises(InputError, match="raw events before 2027-02-01 have been dropped since"):
        running.report("other", "member", "m03", "--as-of", (running.clock + timedelta(days=1)).isoformat())


def test_a_version_is_given_once(running: Running, tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "data"))
    wanted = Wanted("group", "l1", EVERYTHING, FIRST, LAST)
    one, other = (to_issue(settings, running.store, wanted, None, {}, None) for _ in range(2))
    kept = register_version(running.store, one, {"a.html": "1"})
    with pytest.raises(ReportError, match="version 1 of the report was issued meanwhile"):
        register_version(running.store, other, {"a.html": "2"})
    assert Register(running.store).versions(kept.series)[0].files == {"a.html": "1"}
    with one_issues(settings), pytest.raises(IssuingBusy), one_issues(settings, wait=0.0):
        pass
    with one_issues(settings, wait=0.0):
        assert to_issue(settings, running.store, wanted, None, {}, None).issued is not None


def test_by_whom_and_for_what_is_said_and_kept(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUEJING_MADE_BY", "Office <A>")
    asked = ("--format", "html,json,xlsx,csv,parquet", "--lang", "en")
    first = running.report("said", "branch", "l1", *asked, "--issue", "--purpose", "Quarterly review")
    (page,) = [v.decode() for k, v in first.items() if k.startswith("branches/") and k.endswith(".html")]
    assert "Made by Office &lt;A&gt;" in page
    assert "Purpose: Quarterly review" in page
    book = load_workbook(io.BytesIO(first["branches/l1.xlsx"]))
    said = {value for row in book.worksheets[0].iter_rows(values_only=True) for value in row}
    assert {"Office <A>", "Quarterly review"} <= said
    assert book.properties.creator == "Office <A>"
    assert b"Quarterly review" in first["branches/l1.tables/about.csv"]
    monkeypatch.setenv("XUEJING_MADE_BY", "Office B")
    (entry,) = Register(running.store).all()
    again = running.report("again", "branch", "l1", *asked, "--as-of", entry.cut_off.isoformat())
    assert again == first
    other = running.report("other", "branch", "l1", "--format", "html", "--lang", "en")
    assert any(b"Office B" in page for page in other.values())


def test_an_issued_report_keeps_its_credit_rules(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "credit.toml"
    text = DEFAULT_PATH.read_text("utf-8")
    own.write_text(text.replace('version = "default-1"', 'version = "ours-1"'), "utf-8")
    monkeypatch.setenv("XUEJING_CREDIT_RULES", str(own))
    asked = ("--format", "html,json", "--lang", "en")
    first = running.report("first", "branch", "l1", *asked, "--issue")
    assert any(b"ours-1" in page for page in first.values())
    own.write_text(text.replace("hour_minutes = 45", "hour_minutes = 60").replace("default-1", "ours-2"), "utf-8")
    monkeypatch.setenv("XUEJING_FAMILIES", "")
    (entry,) = Register(running.store).all()
    assert running.report("again", "branch", "l1", *asked, "--as-of", entry.cut_off.isoformat()) == first
    now = running.report("now", "branch", "l1", *asked)
    assert not any(b"ours-1" in page for page in now.values())
    assert any(b"ours-2" in page for page in now.values())
