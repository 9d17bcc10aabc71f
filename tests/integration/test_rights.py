"""A member's rights on a running stack: erasure while events arrive, correction, what is held, who looked."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cli
from commands.erasing import Erasing, NotErased
from commands.issuing import reproduced
from commands.producing import event_producer
from commands.reconcile import run as reconcile
from commands.reissuing import into
from commands.stack import stack
from reports.issued.register import Register
from schemas.errors import ConfigError, InputError, XuejingError
from schemas.keyed import MemberKey
from schemas.settings import Settings
from schemas.tables import TABLES
from sinks.audit import verify
from sinks.audited import looked_at
from sinks.clickhouse import ClickHouseSink
from sinks.corrections import corrections
from sinks.erased import StoreErased
from sinks.erasing import STEPS, erasures, find, write
from sinks.member_key import member_key
from tests.integration.test_operations import Ops, study
from tests.support.harness import event, uid

pytestmark = pytest.mark.io
PEOPLE = ("m1", "m2", "m3", "m10")
ROSTER = [(m, "b1", "", "2026-03-03") if m == "m1" else (m, "b1", "", "") for m in PEOPLE]
ROSTER += [("m1", "b2", "2026-03-03", ""), ("n1", "b2", "", "")]


def lines() -> list[bytes]:
    """Study and answers of everybody on three days, and lines that do not count."""
    found = []
    for i, member in enumerate((*PEOPLE, "n1")):
        for d in (2, 3, 4):
            n = 100 * (i + 1) + d
            at = f"2026-03-0{d}T10:00:00+08:00"
            found.append(study(n, member, at, minutes=10 + i))
            found.append(event(n + 50, "answer", at, member, question_id="q1", correct=bool(i % 2)))
        found.append(b'{"event_id": "x", "member_id": "%s"}' % member.encode())
    return [*found, b'not json, and yet about m1: "m1"', found[0]]


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ops]:
    folder = tmp_path_factory.mktemp("forget")
    settings = Settings(data_dir=str(folder / "data"), language="en", partitions=2)
    (folder / "data").mkdir()
    with stack(settings, durable=False) as running:
        found = Ops(running, settings, folder)
        found.roster(*ROSTER)
        found.emit(*lines())
        yield found


def key(ops: Ops) -> MemberKey:
    return member_key(ops.settings)


def erasing(ops: Ops, **more: object) -> Erasing:
    render = into(ops.settings, ops.folder / "reissued")
    return Erasing(ops.settings, ops.running.store, key(ops), render, **more)  # type: ignore[arg-type]


def report(ops: Ops, kind: str, subject: str) -> None:
    ops.cli(
        "report", kind, subject, "--issue", "--lang", "en", "--format", "json", "--from", "2026-03-01",
        "--to", "2026-03-10", "--out", str(ops.folder / f"{kind}-{subject}"),
    )  # fmt: skip


class Ingest:
    """Sends everybody's lines again and again, under new ids, until it is stopped."""

    def __init__(self, ops: Ops) -> None:
        self.ops, self.stop, self.sent, self.errors = ops, threading.Event(), 0, list[BaseException]()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with event_producer(self.ops.running.settings) as producer:
                n = 10_000
                while not self.stop.is_set():
                    for member in PEOPLE:
                        n += 1
                        producer.send(member, [study(n, member, f"2026-03-0{2 + n % 3}T{8 + n % 9:02}:00:00+08:00", 5)])
                        self.sent += 1
                    producer.flush(60)
                    # Live, but no flood: everything after it would take its time over thousands of lines.
                    self.stop.wait(0.1)
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> Ingest:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(120)
        assert not self.thread.is_alive()
        assert not self.errors, self.errors


def test_a_person_is_erased_while_their_events_arrive(ops: Ops) -> None:
    store = ops.running.store
    for kind, subject in (("branch", "b1"), ("member", "m1"), ("member", "m2")):
        report(ops, kind, subject)
    before = erasing(ops).count("m1")
    assert {n for n, count in before.items() if count} >= {
        "ref_members", "memberships", "events", "member_day", "answers", "rejected_events", "duplicates",
        "issued_reports", "issued_members", "issued_data",
    }  # fmt: skip
    assert [r[1] for r in ops.branch("b1")][:1] == [4]
    with Ingest(ops) as ingest:
        while ingest.sent < 40:
            assert not ingest.errors, ingest.errors
        said = ops.cli("forget", "m1", "--reason", "asked for it", "--yes", "--out", str(ops.folder / "reissued"))
        assert "no row in any of" in said.stderr
        at_the_end = ingest.sent
        while ingest.sent < at_the_end + 40:
            assert not ingest.errors, ingest.errors
    ops.emit(*lines())  # the same file again
    ops.running.wait_until_processed()

    assert erasing(ops).count("m1") == dict.fromkeys(TABLES, 0)
    # Who is called nearly the same is all there.
    assert all(erasing(ops).count("m10")[n] for n in ("events", "member_day", "rejected_events"))
    gone = store.rows("SELECT DISTINCT raw, member_id, event_id, detail, status FROM rejected_events FINAL "
                      "WHERE reason = 'erased'")  # fmt: skip
    assert gone == [("", "", "", "", "discarded")]
    # Live figures are those that the archive gives without the person; the ledger adds up.
    report_ = reconcile(store)
    assert (report_.differences, report_.members) == ([], 4)
    assert {(r[1], r[2]) for r in ops.branch("b1")} == {(3, 3)}
    assert [r[1] for r in ops.branch("b2")] == [1, 1, 1]
    # Own reports are gone; that of the branch says why there is a second version.
    listed = store.rows("SELECT subject, version, reason FROM issued_reports FINAL ORDER BY subject, version")
    assert listed == [("b1", 1, "first"), ("b1", 2, "erasure"), ("m2", 1, "first")]
    pages = list((ops.folder / "reissued").rglob("*.json"))
    assert pages
    assert not any(b'"m1"' in page.read_bytes() for page in pages)
    # What is kept is proof without an id, and who did it.
    (erased,) = erasures(store)
    assert (erased.state, erased.proof) == ("done", dict.fromkeys(TABLES, 0))
    assert erased.plan.lines > 0
    kept = store.rows("SELECT * FROM erasures FINAL")
    assert "'m1'" not in str(kept)
    assert looked_at(store, key(ops), "m1")[0]["action"] == "forget"
    assert verify(store, key(ops))[1] == []


def test_a_roster_that_still_has_them_does_not_bring_them_back(ops: Ops) -> None:
    store = ops.running.store
    said = ops.cli("import", "roster", str(ops.folder / "roster"))
    assert "1 erased" in said.stderr
    ops.roster(*ROSTER, ("new", "b1", "", ""))
    assert store.rows("SELECT DISTINCT member_id FROM v_memberships ORDER BY member_id") == [
        (m,) for m in ("m10", "m2", "m3", "n1", "new")
    ]
    assert not any(erasing(ops).count("m1").values())
    ops.agree()


class Crash(Exception):
    pass


def test_an_erasure_that_ends_at_any_step_goes_on(ops: Ops) -> None:
    store = ops.running.store
    for step in STEPS[:-1]:

        def crash(state: str, step: str = step) -> None:
            if state == step:
                raise Crash

        with pytest.raises(Crash):
            erasing(ops, said=crash).run("m2", "asked", "os:test")
        found = find(store, key(ops), "m2")
        assert found is not None
        assert (found.state, found.proof) == (step, None)
        # Somebody's line that arrives in between is dropped already.
        ops.emit(study(900 + STEPS.index(step), "m2"))
        if step == "planned":
            # Half of the deletions were done.
            store.command("ALTER TABLE member_day DELETE WHERE member_id = 'm2' SETTINGS mutations_sync = 2")
    done, _ = erasing(ops).run("m2", "asked", "os:test")
    assert (done.state, set((done.proof or {}).values())) == ("done", {0})
    ops.agree()
    lines_before = done.plan.lines
    again, reports = erasing(ops).run("m2", "asked", "os:test")
    assert (again.state, again.plan.lines, reports.reissued, reports.removed) == ("done", lines_before, (), ())
    assert ops.running.store.rows("SELECT count() FROM erasures FINAL") == [(2,)]
    ops.agree()


def test_who_comes_back_with_a_backup_is_erased_again(ops: Ops) -> None:
    store = ops.running.store
    # What a restored store is like: rows of the person, and a list that does not have them yet.
    before = erasures(store)
    store.command("TRUNCATE TABLE erasures")
    store.command("INSERT INTO ref_members (member_id, name, org_id, import_id) VALUES ('m1', 'm1', 'b1', 1)")
    assert erasing(ops).back() == ["m1"]
    ops.cli("forget", "--again", "--yes", "--reason", "backup restored", "--out", str(ops.folder / "reissued"))
    assert erasing(ops).back() == []
    assert not any(erasing(ops).count("m1").values())
    shown = ops.cli("forget", "--list")
    assert key(ops).of("m1")[:8] in shown.stdout
    for e in before:  # the ledger was not restored with the rows: it has still counted their lines
        write(store, replace(e, version=100), e.state)


def test_nothing_is_erased_unasked_or_beside_a_rebuild(ops: Ops) -> None:
    result = CliRunner().invoke(
        cli.application("forget"), ["--data", ops.settings.data_dir, "forget", "m3"], input="n\n"
    )
    assert result.exit_code == 1
    assert erasing(ops).count("m3")["events"]
    with pytest.raises(InputError, match="nothing is held about 'm33'"):
        ops.cli("forget", "m33", "--yes")
    assert find(ops.running.store, key(ops), "m33") is None
    store = ops.running.store
    columns = "INSERT INTO generations (generation, timezone, rules, state, version) VALUES"
    store.command(f"{columns} (9, 'UTC', '{{}}', 'filling', 1)")
    with pytest.raises(NotErased, match="rebuild"):
        erasing(ops).run("m3", "asked", "os:test")
    store.command(f"{columns} (9, 'UTC', '{{}}', 'retired', 2)")
    assert find(store, key(ops), "m3") is None


def test_another_secret_stops_the_worker_instead_of_forgetting_who_was_erased(ops: Ops, tmp_path: Path) -> None:
    other = StoreErased(ClickHouseSink(ops.running.store), lambda: member_key(Settings(data_dir=str(tmp_path))))
    with pytest.raises(ConfigError, match="the secret is not the one"):
        other.current()


def says_it_waits(ops: Ops, kind: str, subject: str) -> bool:
    """Whether a report says that a correction of what it rests on is not decided."""
    out = ops.folder / f"waits-{subject}"
    asked = ("--lang", "en", "--format", "html,json", "--from", "2026-03-01", "--to", "2026-03-10", "--out", str(out))
    ops.cli("report", kind, subject, *asked)
    told = {"waits for a decision" in p.read_text() for p in out.rglob("*.html")}
    assert told == {json.loads(p.read_text())["report"]["head"]["provenance"]["contested"] for p in out.rglob("*.json")}
    return told == {True}


def test_a_correction_moves_the_figure_and_issues_the_report_again(ops: Ops) -> None:
    store, out = ops.running.store, ops.folder / "corrected"
    report(ops, "member", "m3")
    report(ops, "member", "n1")
    before = [r["study_seconds"] for r in ops.day("m3") if str(r["day"]) == "2026-03-02"]
    wrong = next(json.loads(line)["event_id"] for line in lines() if b'"m3"' in line and b'"study"' in line)
    number = ops.cli("correct", "request", "m3", "I did [not] study then", "--event", wrong).stdout.strip()
    refused = ops.cli("correct", "request", "m3", "count it twice").stdout.strip()
    ops.cli("correct", "refuse", refused, "--reason", "it was once")
    with pytest.raises(InputError, match="nothing is held"):
        ops.cli("correct", "request", "nobody", "x")
    listed = json.loads(ops.cli("correct", "list", "--format", "json").stdout)
    assert [(r["number"], r["state"], r["events"]) for r in listed] == [(number, "requested", [wrong])]
    assert number in ops.cli("correct", "list").stdout
    assert [says_it_waits(ops, *about) for about in (("member", "m3"), ("branch", "b1"), ("member", "n1"))] == [
        True, True, False]  # fmt: skip
    report(ops, "branch", "b1")
    with pytest.raises(InputError, match="nothing would be corrected"):
        ops.cli("correct", "accept", number, "--reason", "the app ran on")
    other = ops.folder / "other.ndjson"
    other.write_bytes(study(777, "n1"))
    with pytest.raises(InputError, match="another member"):
        ops.cli("correct", "accept", number, "--reason", "x", "--events", str(other))
    instead = ops.folder / "instead.ndjson"
    instead.write_bytes(study(778, "m3", minutes=1).replace(b"{", b'{"replaces": "%s", ' % wrong.encode(), 1))
    ops.cli("correct", "accept", number, "--reason", "the app ran on", "--events", str(instead), "--out", str(out))
    after = [r["study_seconds"] for r in ops.day("m3") if str(r["day"]) == "2026-03-02"]
    assert (before, after) == ([before[0]], [before[0] - 11 * 60])
    ops.agree()
    found = {c.correction_id: c for c in corrections(store)}
    assert (found[refused].state, found[refused].reason) == ("refused", "it was once")
    done = found[number]
    assert (done.state, done.effects, done.decided_by[:3]) == ("done", (uid(778),), "os:")
    listed = store.rows("SELECT concat(report_id, '/', toString(version)), reason FROM issued_reports FINAL "
                        "WHERE subject = 'm3' ORDER BY version")  # fmt: skip
    assert [reason for _, reason in listed] == ["first", "correction"]
    assert listed[1][0] in done.reports
    assert not any(json.loads(p.read_text())["report"]["head"]["provenance"]["contested"] for p in out.rglob("*.json"))
    register = Register(store)
    kept = (i for i in register.all() if i.series.subject == "b1" and not i.erased and i.reason != "correction")
    then = max(kept, key=lambda i: i.version)
    assert reproduced(register, then).data.contested == {"m3"}, "made again it says what it said"
    # What the correction does not touch is not issued again.
    assert store.rows("SELECT count() FROM issued_reports FINAL WHERE subject = 'n1'") == [(1,)]
    with pytest.raises(InputError, match="done already"):
        ops.cli("correct", "accept", number, "--reason", "x", "--withdraw", wrong)


def test_my_data_has_every_row_of_every_table(ops: Ops) -> None:
    store, out = ops.running.store, ops.folder / "mine" / "m3.zip"
    ops.cli("query", "member-day", "--member", "m3", "--purpose", "talk with the member", "--format", "json")
    ops.cli("my-data", "m3", "--out", str(out), "--purpose", "asked for it")
    with zipfile.ZipFile(out) as archive:
        names = set(archive.namelist())
        held = {n for n, count in erasing(ops).count("m3").items() if count} - {"issued_data"}
        assert {f"tables/{n}.{form}" for n in held for form in ("csv", "json")} <= names
        for name in held - {"issued_reports"}:
            ((count,),) = store.rows(f"SELECT count() FROM {name} FINAL WHERE member_id = 'm3'")
            assert len(json.loads(archive.read(f"tables/{name}.json"))) == count, name
        text = archive.read("README.md").decode()
        assert all(word in text for word in ("m3", "个人数据", "`tables/events`", "opaque member id"))
        events = json.loads(archive.read("tables/events.json"))
        assert uid(778) in {e["event_id"] for e in events}
        assert all(json.loads(e["raw"])["member_id"] == "m3" for e in events)
        assert any(n.startswith("reports/") for n in names)
        assert all(r["member_id"] == "m3" for n in names if n.startswith("reports/") and n.endswith(".json")
                   for r in json.loads(archive.read(n)))  # fmt: skip
        looked = json.loads(archive.read("audit.json"))
        assert ("export", "talk with the member") in {(e["action"], e["purpose"]) for e in looked}
    ops.cli("my-data", "m1", "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        assert set(archive.namelist()) == {"README.md", "audit.csv", "audit.json"}, "of who was erased"
    with pytest.raises(InputError, match="nothing is held"):
        ops.cli("my-data", "nobody", "--out", str(out))


def test_who_looked_and_that_the_record_is_whole(ops: Ops) -> None:
    store, heads = ops.running.store, ops.folder / "heads.json"
    ops.cli("query", "member-day", "--org", "b2", "--format", "csv", "--purpose", "inspection")
    found = json.loads(ops.cli("who-looked", "n1", "--format", "json").stdout)
    by = {(e["action"], e["org_id"], e["purpose"]) for e in found}
    assert {("export", "b2", "inspection"), ("report", "", "")} <= by
    assert all(e["principal_id"].startswith("os:") and e["role"] == "operator" for e in found)
    # Who belongs elsewhere was not looked at.
    other = json.loads(ops.cli("who-looked", "m10", "--format", "json").stdout)
    assert "inspection" not in {e["purpose"] for e in other}
    assert "m10" not in str(store.rows("SELECT what, member_keys FROM audit"))
    ops.cli("audit", "heads", "--out", str(heads))
    assert "0 faults" in ops.cli("audit", "verify", "--anchor", str(heads)).stderr
    store.command("ALTER TABLE audit UPDATE purpose = 'none' WHERE purpose = 'inspection' SETTINGS mutations_sync = 2")
    with pytest.raises(XuejingError, match="not as it was written"):
        ops.cli("audit", "verify")
    told = CliRunner().invoke(
        cli.application("audit"), ["--data", ops.settings.data_dir, "--lang", "en", "audit", "verify"]
    )
    assert "an entry was changed" in told.stdout
    listed = json.loads(ops.cli("audit", "list", "--format", "json").stdout)
    assert [e["at"] for e in listed] == sorted((e["at"] for e in listed), reverse=True)
    assert max(e["members"] for e in listed) > 1
    assert json.loads(ops.cli("audit", "list", "--to", "2026-01-01", "--format", "json").stdout) == []
    assert ops.cli("audit", "list", "--limit", "1").stdout.count("os:") == 1
    assert json.loads(ops.cli("audit", "list", "--refused", "--format", "json").stdout) == []
