"""The loop on a running stack: a suggestion of a report is taken up, acted on, closed, and shown by the next report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from commands.reconcile import run as reconcile
from commands.stack import stack
from producers.simulate import default_scenario, write_simulation
from reports.asking import ALL, frames
from schemas.errors import InputError, XuejingError
from schemas.settings import Settings
from sinks.read import Filters, Reader, Scope
from tests.integration.test_operations import Ops

pytestmark = pytest.mark.io
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")
APRIL = ("--from", "2026-04-01", "--to", "2026-04-30")
BRANCH = "o-office"


class College(Ops):
    """The simulated college, without improvements of its own."""

    people: list[str]

    def name(self, org: str) -> str:
        return next(o.name for o in Reader(self.running.store).roster().organisations if o.org_id == org)

    def improve(self, *arguments: str) -> str:
        return self.cli("improve", *arguments).stdout.strip()

    def report(self, org: str, *period: str, env: dict[str, str] | None = None) -> dict[str, Any]:
        out = self.folder / f"report-{org}-{len(list(self.folder.iterdir()))}"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            self.cli("report", "branch", org, *period, "--lang", "en,zh", "--format", "html,json", "--out", str(out))
        pages = [path for path in out.rglob("*.json") if path.name.endswith(".en.json")]
        read = {path: json.loads(path.read_text("utf-8")).get("report", {}) for path in pages}
        (path,) = (path for path, report in read.items() if "children" in report)
        return read[path] | {"page": path.with_suffix(".html").read_text("utf-8")}

    def asked(self, **filters: Any) -> list[dict[str, Any]]:
        reader = Reader(self.running.store)
        found = frames(reader, ALL["improvements"], Scope.everything(), Filters(**filters), Settings())
        return [row for frame in found for row in frame.to_dicts()]


@pytest.fixture(scope="module")
def college(tmp_path_factory: pytest.TempPathFactory) -> Iterator[College]:
    folder = tmp_path_factory.mktemp("improve")
    settings = Settings(data_dir=str(folder / "data"), language="en", partitions=2)
    (folder / "data").mkdir()
    scenario = replace(default_scenario(days=60), families=(), sessions=())
    write_simulation(scenario, folder / "college", wire_path="events.ndjson")
    with stack(settings, durable=False) as running:
        found = College(running, settings, folder)
        found.people = [p.member_id for p in scenario.members if p.memberships[0].org_id == BRANCH]
        found.cli("import", "roster", str(folder / "college"))
        found.cli("import", "catalogue", str(folder / "college"))
        found.cli("emit", "--restart", str(folder / "college" / "events.ndjson"))
        running.wait_until_processed()
        yield found


def test_a_suggestion_becomes_an_improvement_and_the_next_report_shows_it(college: College) -> None:
    secretary, owner = college.people[:2]
    assert college.report(BRANCH, *MARCH)["improvements"] is None
    listed = college.cli("improve", "suggestions", BRANCH, *MARCH).stdout
    assert re.search(rf"^ *1 +{BRANCH} {college.name(BRANCH)} ", listed, re.MULTILINE), listed
    suggestion = ("raise", BRANCH, "--by", secretary, "--suggestion", "1", *MARCH, "--on", "2026-04-02")
    improvement = college.improve(*suggestion)
    with pytest.raises(InputError, match=f"{improvement}.*the same improvement is open"):
        college.improve(*suggestion)
    with pytest.raises(InputError, match=r"--on.*raised on 2026-04-02"):
        college.improve("assign", improvement, "--owner", owner, "--on", "2026-04-01")
    college.improve("assign", improvement, "--owner", owner, "--due", "2026-04-20", "--on", "2026-04-03")
    (row,) = college.asked()
    assert (row["org_id"], row["state"], row["due"]) == (BRANCH, "assigned", "2026-04-20")
    assert row["owner_role"] == "organisation_officer"
    assert row["problem"] in {"silent", "topic", "question"}
    assert (row["period_first"], row["period_last"]) == ("2026-03-01", "2026-03-31")

    college.improve("act", improvement, "--by", owner, "--action", "集中学习、专题辅导", "--on", "2026-04-10")
    college.improve("close", improvement, "--by", secretary, "--on", "2026-04-18")
    with pytest.raises(InputError, match="closed"):
        college.improve("act", improvement, "--by", owner, "--action", "talk")
    report = college.report(BRANCH, *APRIL)
    (line,) = report["improvements"]["own"]
    assert line["id"] == improvement
    assert (line["state"], line["acknowledged"], line["closed"]) == ("improve.closed", "2026-04-03", "2026-04-18")
    assert line["done"] == ["Joint session"]
    moved = line["line"]
    assert moved["before"]["value"] is not None
    assert moved["now"]["value"] is not None
    assert moved["change"]["low"] < moved["change"]["value"] < moved["change"]["high"]
    assert line["moved"] in {"change.better", "change.worse", "change.not_clear"}
    assert "Joint session" in report["page"]
    # Beside last period's suggestion, which it takes up, stands who took it on.
    taken = [f for f in report["change"]["followed"] if f["owner"]]
    assert [(f["state"], f["owner"], f["done"]) for f in taken] == [
        ("improve.closed", "Organisation officer", "Joint session")
    ]
    assert secretary not in report["page"]
    assert owner not in report["page"]
    # As it stood at the end of March there was nothing, and the report of May no longer lists what April closed.
    assert college.asked(last=date(2026, 3, 31)) == []

    college.improve("reopen", improvement, "--by", secretary, "--on", "2026-04-25", "--due", "2026-04-28")
    (line,) = college.report(BRANCH, *APRIL)["improvements"]["own"]
    assert (line["state"], line["overdue"], line["closed"]) == ("improve.reopened", True, None)
    assert reconcile(college.running.store).differences == []


def test_a_committee_sends_one_down_and_sees_it_acknowledged_and_how_old_it_is(college: College) -> None:
    somebody, owner = college.people[3], college.people[0]
    with pytest.raises(InputError, match="not below"):
        college.improve("raise", "o-college", "--by", somebody, "--problem", "accuracy", "--from-org", BRANCH)
    # A slip in an id would make an improvement that no figure could be followed for.
    topic = ("raise", BRANCH, "--by", somebody, "--problem", "topic", "--about")
    with pytest.raises(InputError, match=r"'k-law-highr' is not in the catalogue.*k-law-higher"):
        college.improve(*topic, "k-law-highr")
    with pytest.raises(InputError, match="--course"):
        college.improve(*topic, "k-law-higher", "--course", "c-nowhere")
    assert college.asked(org=BRANCH, last=date(2026, 3, 31)) == []
    sent = college.improve(
        "raise", "o-humanities", "--by", somebody, "--problem", "正确率偏低", "--from-org", "o-college", *MARCH,
        "--on", "2026-03-05",
    )  # fmt: skip
    report = college.report("o-college", *APRIL)
    (line,) = report["improvements"]["sent"]
    assert (line["id"], line["acknowledged"], line["state"]) == (sent, None, "improve.raised")
    assert line["line"] is None
    ages = {a["id"]: a for a in report["improvements"]["ages"]}
    assert (ages["o-humanities"]["waiting"]["value"], ages["o-humanities"]["middle"]["value"]) == (1, 1)
    assert "not assigned yet" in report["page"]

    # The branch sees it, although nobody of the branch has done anything yet.
    (mine,) = [r for r in college.asked(org="o-humanities") if r["improvement_id"] == sent]
    assert (mine["from_org"], mine["assigned_at"]) == ("o-college", None)
    below = Reader(college.running.store).frame("improvements", Scope("o-humanities", "named"))
    assert below["improvement_id"].to_list() == [sent]
    other = Reader(college.running.store).frame("improvements", Scope("o-engineering", "aggregate"))
    assert other.is_empty()

    college.improve("assign", sent, "--owner", owner, "--on", "2026-04-06")
    (line,) = college.report("o-college", *APRIL)["improvements"]["sent"]
    assert (line["acknowledged"], line["state"]) == ("2026-04-06", "improve.assigned")
    # Programs read it from stdout: ids come first, names behind them, an owner is an office.
    (row,) = [line for line in college.cli("improve", "list").stdout.splitlines() if line.startswith(f"{sent} ")]
    assert row.split()[1] == "o-humanities"
    assert f"o-humanities {college.name('o-humanities')}" in row
    assert f"o-college {college.name('o-college')}" in row
    assert re.search(r" assigned +2026-04-06 +Branch secretary ", row), row
    assert owner not in row


def test_a_step_taken_back_leaves_the_others(college: College) -> None:
    secretary, owner = college.people[:2]
    made = college.improve("raise", BRANCH, "--by", secretary, "--problem", "study", "--on", "2026-04-01")
    college.improve("assign", made, "--owner", owner, "--on", "2026-04-02")
    rows = college.running.store.rows(
        "SELECT event_id FROM events WHERE subject_id = {s:String} AND member_id = {m:String}",
        {"s": made, "m": secretary},
    )
    college.cli("withdraw", str(rows[0][0]), "--member", secretary, "--reason", "entered twice")
    college.running.wait_until_processed()
    (row,) = [r for r in college.asked(org=BRANCH) if r["improvement_id"] == made]
    assert (row["problem"], row["state"], str(row["raised_at"].date())) == ("study", "assigned", "2026-04-02")


def test_switched_off_it_leaves_no_trace(college: College, monkeypatch: pytest.MonkeyPatch) -> None:
    off = college.report(BRANCH, *APRIL, env={"XUEJING_FAMILIES": "attendance"})
    assert off["improvements"] is None
    assert "Improvements" not in off["page"]
    monkeypatch.setenv("XUEJING_FAMILIES", "attendance")
    with pytest.raises(XuejingError, match="not shown here"):
        college.cli("query", "improvements")
    with pytest.raises(InputError, match="switched off"):
        college.improve("raise", BRANCH, "--by", college.people[0], "--problem", "study")
    with pytest.raises(InputError, match="switched off"):
        college.improve("list")
    with pytest.raises(InputError, match="switched off"):
        college.improve("suggestions", BRANCH, *MARCH)
