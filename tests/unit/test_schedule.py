"""Files of schedules say what is wrong with them; runs are due once; records keep their promises."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import application
from commands.messages import sentence
from commands.schedule_checking import Places, missing_folders, unknown
from commands.schedule_sending import agree, notice
from reports.data import Period
from reports.errors import ReportError
from reports.schedule.config import Job, MailPlace, RobotPlace, Schedule
from reports.schedule.due import due_times, next_times
from reports.schedule.manifest import MadeFile, Manifest, Parcel, decode, encode, plan
from reports.schedule.periods import Term, resolve
from reports.schedule.read import MOST_CAUGHT_UP, parse

EXAMPLE = (Path(__file__).resolve().parents[2] / "deploy/schedule.example.toml").read_text("utf-8")
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
SMALL = """\
[[job]]
name = "monthly"
cron = "0 6 1 * *"
start = 2026-03-01
period = "last-month"
report = "branch"
destinations = ["box"]

[destination.box]
kind = "folder"
path = "/srv/box"
"""


def parsed(text: str) -> Schedule:
    return parse(text, "s.toml", "Asia/Shanghai")


def the_job(text: str = SMALL) -> Job:
    found = parsed(text)
    assert not found.problems
    (job,) = found.jobs
    return job


def test_the_example_is_good_and_shows_every_kind() -> None:
    found = parsed(EXAMPLE)
    assert not found.problems
    assert {job.report for job in found.jobs} == {"branch", "committee", "member", "annex"}
    assert {type(place).__name__ for place in found.destinations.values()} == {
        "FolderPlace", "S3Place", "MailPlace", "RobotPlace"
    }  # fmt: skip
    mail = found.destinations["secretaries"]
    assert isinstance(mail, MailPlace)
    assert mail.port == 587
    robot = EXAMPLE[EXAMPLE.index("# [destination.staff-group]") :].replace("# ", "", 4)
    assert isinstance(parsed(EXAMPLE + robot).destinations["staff-group"], RobotPlace)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('cron = "0 6 1 * *"', 'cron = "0 6 1 *"', 3, "five fields"),
        ('cron = "0 6 1 * *"', 'cron = "0 6 31 2 *"', 3, "never due"),
        ('cron = "0 6 1 * *"', 'cron = "61 6 1 * *"', 3, "not valid"),
        ("start = 2026-03-01", 'start = "2026-03-01"', 4, "without quotes"),
        ("start = 2026-03-01\n", "", 1, "start is missing"),
        ('"last-month"', '"last-mnth"', 5, "write last-month"),
        ('"last-month"', '"last-term"', 5, "needs terms"),
        ('"last-month"', "{ first = 2026-03-02, last = 2026-03-01 }", 5, "before it begins"),
        ('report = "branch"', 'report = "leaderboard"', 6, "is not known"),
        ('report = "branch"', 'report = "exam"', 1, "needs its id"),
        ('report = "branch"', 'report = "member"', 7, "no named_scope"),
        ('report = "branch"', 'report = "annex"', 7, "no named_scope"),
        ('report = "branch"', 'report = "exam"\nexam = "e"\nscope = { include = "below" }', 8, "about everybody"),
        ('["box"]', '["bx"]', 7, "add [destination.bx]"),
        ('["box"]', '["box"]\nformat = ["html"]', 8, "did you mean formats?"),
        ('["box"]', '["box"]\nformats = ["doc"]', 8, "is not known"),
        ('["box"]', '["box"]\ncatch_up = "some"', 8, '"latest", "all"'),
        ('["box"]', '["box"]\ntimezone = "Mars/Olympus"', 8, "IANA"),
        ('["box"]', '["box"]\nscope = { organisation = "x" }', 8, "did you mean organisations?"),
        ('"/srv/box"', '"srv/box"', 11, "absolute"),
        ('"folder"\npath = "/srv/box"', '"s3"\nbucket = "b"\nsecret_key = "x"', 12, "secrets do not belong"),
        ('"folder"\npath = "/srv/box"', '"wecom"\nwebhook_env = "A"\nnamed_scope = ["*"]', 12, "never gets names"),
        ('"folder"\npath = "/srv/box"', '"dingtalk"', 9, "webhook is missing"),
        ('"folder"\npath = "/srv/box"', '"email"\nhost = "h"\nfrom = "a@b"\nto = ["a"]', 13, "no address of mail"),
    ],
)  # fmt: skip
def test_mistakes_are_said_with_line_key_and_what_to_do(old: str, new: str, line: int, said: str) -> None:
    assert old in SMALL
    problems = parsed(SMALL.replace(old, new)).problems
    assert problems
    error = next(e for e in problems if said in str(e))
    assert error.where.startswith(f"s.toml:{line}, "), str(error)
    assert error.hint
    assert re.search("[\u4e00-\u9fff]", sentence(error, "zh"))


def test_all_mistakes_are_said_at_once() -> None:
    found = parsed(SMALL.replace("branch", "brnch").replace("/srv", "srv").replace('"0 6 1 * *"', "7"))
    assert len(found.problems) >= 3
    assert not found.jobs


def test_what_is_due() -> None:
    job = the_job()
    assert due_times(job, NOW, ()) == [datetime(2026, 10, 31, 22, tzinfo=UTC)]
    whole = the_job(SMALL.replace('["box"]', '["box"]\ncatch_up = "all"'))
    assert whole.catch_up == MOST_CAUGHT_UP
    found = due_times(whole, NOW, ())
    assert len(found) == 9  # March, whose first day is the start, to November
    done = [made(whole, due, "done") for due in found[:-1]]
    assert due_times(whole, NOW, done) == found[-1:]
    begun = made(job, found[2], "made")
    assert due_times(job, NOW, [begun]) == [found[2], found[-1]], "what was begun is finished"
    assert due_times(job, NOW, [*done, made(job, found[-1], "done")]) == []
    assert due_times(job, datetime(2026, 2, 28, 15, tzinfo=UTC), ()) == [], "before the start nothing is"
    assert next_times(job, datetime(2020, 1, 1, tzinfo=UTC), 1) == [datetime(2026, 2, 28, 22, tzinfo=UTC)]


PARCELS = tuple(Parcel(o, f"组织 {o}", o, ("top",), True, 2, (MadeFile("a.html", 1, "0" * 64),)) for o in ("b1", "b2"))


def made(job: Job, due: datetime, state: str = "made") -> Manifest:
    found = plan(job, due, NOW, ())
    found.state = state  # type: ignore[assignment]
    found.parcels = PARCELS
    return found


def test_a_record_survives_writing() -> None:
    run = made(the_job(), NOW)
    run.deliveries = []
    agree(run, the_job(), parsed(SMALL).destinations)
    run.deliveries[0].tried(NOW, ReportError("no", where="x", hint="y"))
    run.deliveries[0].rest(NOW)
    assert decode(encode(run)) == run
    assert str(decode(encode(run)).deliveries[0].attempts[0].trouble) == "x: no (y)"


def test_what_fails_waits_longer_each_time_and_is_given_up() -> None:
    job = the_job(SMALL.replace('kind = "folder"', 'kind = "folder"\nnamed_scope = ["top"]'))
    destinations = parsed(SMALL.replace('kind = "folder"', 'kind = "folder"\nnamed_scope = ["top"]')).destinations
    run = made(job, NOW)
    agree(run, job, destinations)
    waits = []
    for n in range(1, 40):
        run.deliveries[0].tried(NOW, ReportError("no"))
        if n % 3 == 0:
            run.deliveries[0].rest(NOW)
            assert run.deliveries[0].not_before
            waits.append(run.deliveries[0].not_before - NOW)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=2), timedelta(hours=6))
    run.give_up(NOW + timedelta(days=6), 7)
    assert run.open
    run.give_up(NOW + timedelta(days=7), 7)
    assert not run.open
    assert {d.state for d in run.deliveries} == {"given_up"}


def test_deliveries_follow_the_file() -> None:
    text = SMALL.replace(
        'kind = "folder"\npath = "/srv/box"',
        'kind = "email"\nhost = "h"\nfrom = "a@b.org"\nnamed_scope = ["b1"]\n'
        '[destination.box.to]\nb1 = ["old@b.org"]\n',
    )
    job, run = the_job(text), made(the_job(text), NOW)
    agree(run, job, parsed(text).destinations)
    assert [(d.organisation, d.state) for d in run.deliveries] == [("b1", "waiting"), ("b2", "withheld")]
    assert "@" not in encode(run).decode(), "no addresses in records"
    run.deliveries[0].tried(NOW, ReportError("no"))
    agree(run, job, parsed(text.replace("old@", "new@").replace('["b1"]', '["top"]')).destinations)
    states = {(d.organisation, d.state) for d in run.deliveries}
    assert states == {("b1", "dropped"), ("b1", "waiting"), ("b2", "waiting")}
    agree(run, job, {})
    assert {d.state for d in run.deliveries} == {"dropped"}


def test_robots_are_told_figures() -> None:
    run = made(the_job(), NOW)
    agree(run, the_job(), parsed(SMALL).destinations)
    run.deliveries[0].state = "failed"
    said = notice(run, "https://x.org")
    assert said.lines == ("统计时段：2026-10-01 – 2026-10-31", "报告 4 份，涉及组织 2 个，文件 2 个", "尚有 1 项未送达")
    assert not any(p.title in str(said) for p in PARCELS)


def test_terms() -> None:
    spring = Term("2026-spring", date(2026, 2, 23), date(2026, 7, 10))
    autumn = Term("2026-autumn", date(2026, 9, 1), date(2027, 1, 20))
    assert resolve("last-term", date(2026, 7, 11), (autumn, spring)).label == "2026-spring"
    assert resolve("last-term", date(2027, 1, 20), (autumn, spring)).label == "2026-spring"
    with pytest.raises(ReportError, match="no term has ended"):
        resolve("last-term", date(2026, 7, 10), (autumn, spring))
    explicit = Period(date(2026, 1, 1), date(2026, 2, 3))
    assert resolve(explicit, date(2030, 1, 1)).period == explicit


def test_what_is_named_and_not_there_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(NAMES.replace("/srv/box", str(tmp_path / "box")), "utf-8")
    schedule = parse(file.read_text("utf-8"), str(file), "Asia/Shanghai")
    assert not schedule.problems
    found = [*missing_folders(schedule, Places(file)), *unknown(schedule, Places(file), {"b1"}, {"m1"})]
    assert [(e.where.removeprefix(f"{file}:"), e.what) for e in found] == [
        ("14, destination.box.path", f"the folder {str(tmp_path / 'box')!r} does not exist"),
        ("8, job.scope", "organisation 'o-stuff' is not in the roster"),
        ("8, job.scope", "member 'm2' is not in the roster"),
        ("15, destination.box.named_scope", "organisation 'b2' is not in the roster"),
        ("25, destination.post.to", "organisation 'b3' is not in the roster"),
    ]
    assert all(re.search("[\u4e00-\u9fff]", sentence(e, "zh").partition(": ")[2] or sentence(e, "zh")) for e in found)
    (tmp_path / "box").mkdir()
    assert not [*missing_folders(schedule, Places(file))]
    assert not [*unknown(schedule, Places(file), {"b1", "b2", "b3", "o-stuff"}, {"m1", "m2"})]


NAMES = """\
[[job]]
name = "monthly"
cron = "0 6 1 * *"
start = 2026-03-01
period = "last-month"
report = "member"
destinations = ["box", "post"]
scope.organisations = ["b1", "o-stuff"]
scope.members = ["m1", "m2"]


[destination.box]
kind = "folder"
path = "/srv/box"
named_scope = ["b1", "b2"]

[destination.post]
kind = "email"
host = "h.example.org"
from = "a@example.org"
user = "a"
password_env = "P"
named_scope = ["*"]

[destination.post.to]
b3 = ["b@example.org"]
"*" = ["c@example.org"]
"""


@pytest.mark.parametrize(("language", "said"), [("zh", "同一学期再次"), ("en", "the same term again")])
def test_next_says_where_the_file_lacks_a_newer_term(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    terms = '[[term]]\nname = "2020-spring"\nfirst = 2020-02-23\nlast = 2020-07-10\n'
    (tmp_path / "s.toml").write_text(SMALL.replace("last-month", "last-term") + terms, "utf-8")
    call = ["--data", str(tmp_path / "data"), "--lang", language, "schedule", "next", "--file", "s.toml"]
    result = CliRunner().invoke(application("schedule"), call)
    rows = [line for line in result.stdout.splitlines() if "monthly" in line]
    assert [said in row for row in rows] == [False, *[True] * (len(rows) - 1)]
    assert len(rows) >= 3, result.output
    assert all("2020-02-23 – 2020-07-10" in row for row in rows), "a pipe gets whole cells"


def test_check_tells_of_folders_and_of_a_roster_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SMALL.replace("/srv/box", str(tmp_path / "box")), "utf-8")
    call = ["--data", str(tmp_path / "data"), "--lang", "en", "schedule", "check", "--file", str(tmp_path / "s.toml")]
    result = CliRunner().invoke(application("schedule"), call)
    assert result.exit_code == 1
    (tmp_path / "box").mkdir()
    assert CliRunner().invoke(application("schedule"), call).exit_code == 0
    (tmp_path / "box").rmdir()
    assert CliRunner().invoke(application("schedule"), [*call, "--no-here"]).exit_code == 0
