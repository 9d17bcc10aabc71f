"""What schedules remember of a person is gone when the person is erased."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from commands.schedule_erasing import erase
from commands.schedule_state import StateFolder
from reports.paths import slug
from reports.schedule.manifest import Attempt, Delivery, MadeFile, Manifest, Parcel, Plan
from schemas.settings import Settings

pytestmark = pytest.mark.io
DUE = datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 2, tzinfo=UTC)


def made(
    there: StateFolder, job: str, report: str, files: Sequence[str], members: Sequence[str] = (), **more: object
) -> Manifest:
    """A run with its files on the disk."""
    plan = Plan(report, date(2026, 3, 1), date(2026, 3, 31), "2026-03", (), "all", tuple(members), "", "",
                ("html",), ("zh",), "March")  # fmt: skip
    manifest = Manifest(job, DUE, DUE, plan, "made", deliveries=[Delivery("box", "b1")])
    with there.making(manifest) as folder:
        for path in files:
            (folder / "b1" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "b1" / path).write_bytes(path.encode())
    kept = tuple(MadeFile(p, len(p.encode()), hashlib.sha256(p.encode()).hexdigest()) for p in files)
    parcel = Parcel("b1", "one", "b1", (), report in ("member", "annex"), 1, kept)
    whole = msgspec.structs.replace(manifest, parcels=(parcel,), **more)
    there.save(whole)
    return whole


def test_files_and_records_of_runs_are_without_the_person(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), schedule_file=str(tmp_path / "none.toml"))
    assert erase(settings, "m1", NOW) == 0, "no schedules here"
    state = StateFolder(tmp_path / "schedule")
    both = ["members/m1.html", "members/m1.en.html", "members/m10.html"]
    error = Attempt(DUE, "member 'm1' belonged to no organisation", "m10, m1", "")
    done = made(state, "done", "member", both, state="done", done_at=DUE, making=[error])
    waits = made(state, "waits", "member", both, ["m1", "m10"])
    alone = made(state, "alone", "member", ["members/m1.html"], ["m1"])
    annex = made(state, "annex", "annex", ["secretary/b1.docx"])
    other = made(state, "other", "member", ["members/m10.html"])
    branch = made(state, "branch", "branch", ["branches/b1.html"])
    assert erase(settings, "m1", NOW) == 4
    assert [state.files(m).exists() for m in (done, waits, alone, annex, other, branch)] == [False] * 4 + [True] * 2

    def now(manifest: Manifest) -> Manifest:
        found = state.load(manifest.job, DUE)
        assert found is not None
        return found

    assert (now(done).state, now(done).making[0].error) == ("done", "member 'erased' belonged to no organisation")
    assert now(done).making[0].where == "m10, erased"
    assert (now(waits).state, now(waits).plan.members) == ("planned", ("m10",)), "made again without the person"
    assert (now(alone).state, now(alone).deliveries[0].state) == ("done", "dropped"), "and not for everybody"
    assert (now(annex).state, now(other), now(branch)) == ("planned", other, branch)
    text = "".join(p.read_text() for p in tmp_path.rglob("manifest.json"))
    assert "m10" in text
    assert '"m1"' not in text
    assert "m1." not in text
    assert erase(settings, "m1", NOW) == 0, "a second time finds nothing"


def test_ids_that_are_no_file_names(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(f'state = "{(tmp_path / "there").as_posix()}"\n')
    settings = Settings(data_dir=str(tmp_path), schedule_file=str(tmp_path / "s.toml"))
    state = StateFolder(tmp_path / "there")
    run = made(state, "x", "member", [f"members/{slug('王 1')}.html"], state="done", done_at=DUE)
    assert erase(settings, "王 2", NOW) == 0
    assert erase(settings, "王 1", NOW) == 1
    assert not state.files(run).exists()


@pytest.mark.parametrize(
    "name", ["m.1.html", "m.1.en.pdf", "m.1-0a1b2c3d.json", "m.1.tables/days.csv", "m.1-0a1b2c3d.tables/days.csv"]
)
def test_files_of_every_kind_are_known_by_the_id_in_their_names(tmp_path: Path, name: str) -> None:
    settings = Settings(data_dir=str(tmp_path), schedule_file=str(tmp_path / "none.toml"))
    state = StateFolder(tmp_path / "schedule")
    run = made(state, "x", "member", [f"members/{name}"], state="done", done_at=DUE)
    for other in ("m", "m.10", "1", "days", "members"):
        assert erase(settings, other, NOW) == 0, other
    assert erase(settings, "m.1", NOW) == 1
    assert not state.files(run).exists()
