"""What pages get of the tracker: small, whole, cached; and the demo course page with its tokens."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
from typing import Any

import httpx
import pytest

from commands.collecting import COURSE_PAGE, LOCAL_ORIGINS
from producers.collector.app import Collector
from producers.collector.keys import Apps
from producers.collector.pages import DEMO_SECONDS, TRACKER, Demo, Pages
from producers.tables import read_reference
from producers.tracker.build import FILES, joined
from tests.unit.test_collector import Kept, event

LARGEST = {"xuejing.js": 6_700, "xuejing.module.js": 6_700, "miniprogram.js": 6_200}
"""Bytes as sent, gzip: what a page pays. Raise it knowingly."""


class Served:
    """A collector with its pages; ``demo``: also with the demo course page."""

    def __init__(self, *, demo: bool) -> None:
        self.demo = Demo(COURSE_PAGE, LOCAL_ORIGINS) if demo else None
        self.kept = Kept()
        apps = Apps({self.demo.app.id: self.demo.app} if self.demo else {})
        self.collector = Collector(apps, self.kept, None, Pages(self.demo))  # type: ignore[arg-type]

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.collector)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
                return await client.request(method, path, **more)

        return asyncio.run(go())


@pytest.mark.parametrize("name", FILES)
def test_a_few_kilobytes(name: str) -> None:
    size = len(gzip.compress(FILES[name]().encode(), 9))
    print(f"{name}: {size} bytes")
    assert size <= LARGEST[name]


def test_nothing_is_lost_when_the_sources_are_joined() -> None:
    text = joined("core", "stores", "browser")
    assert "import " not in text
    assert "export " not in text
    for name in ("track", "indexedStore", "textStore", "start"):
        assert f"function {name}(" in text
    with pytest.raises(ValueError, match=r"declared in browser\.js and wechat\.js"):
        joined("core", "stores", "browser", "wechat")


def test_the_tracker_is_served_to_every_page_and_kept() -> None:
    served = Served(demo=False)
    for name in TRACKER:
        plain = served.call("GET", f"/tracker/{name}", headers={"Accept-Encoding": "identity"})
        packed = served.call("GET", f"/tracker/{name}", headers={"Accept-Encoding": "gzip"})
        assert plain.status_code == packed.status_code == 200
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert plain.headers["access-control-allow-origin"] == "*"
        again = served.call("GET", f"/tracker/{name}", headers={"If-None-Match": plain.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert served.call("GET", "/tracker/").status_code == 404
    for path in ("/tracker/build.py", "/tracker/../build.py", "/tracker/src/core.js", "/demo/"):
        assert served.call("GET", path).status_code == 404
    assert served.call("POST", "/demo/session", json={"code": "", "member": "m"}).status_code == 404


def test_the_demo_page_gives_short_tokens_for_its_course_alone() -> None:
    served = Served(demo=True)
    assert served.demo
    page = served.call("GET", "/demo/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert served.demo.code not in page.text
    for code in ("", "x", served.demo.code[:-1]):
        assert served.call("POST", "/demo/session", json={"code": code, "member": "m1"}).status_code == 401
    for bad in ("", "m" * 65):
        assert served.call("POST", "/demo/session", json={"code": served.demo.code, "member": bad}).status_code == 400
    assert served.call("POST", "/demo/session", content=b"{").status_code == 400
    found = served.call("POST", "/demo/session", json={"code": served.demo.code, "member": "m1"}).json()
    assert found["seconds"] == DEMO_SECONDS
    body = {**found, "events": [event(course_id="demo-learning"), event(), event("m2", course_id="demo-learning")]}
    origin = {"Origin": "http://127.0.0.1:8650", "Content-Type": "text/plain"}
    results = served.call("POST", "/v1/events", content=json.dumps(body), headers=origin).json()["results"]
    assert [r.get("reason", "") for r in results] == ["", "course_not_allowed", "other_member"]


def test_the_course_page_and_its_catalogue_say_the_same() -> None:
    course = json.loads((COURSE_PAGE / "course.json").read_text("utf-8"))
    for part in ("roster", "catalogue"):
        read_reference(COURSE_PAGE / part)
    with (COURSE_PAGE / "catalogue" / "questions.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["question_id"]: row for row in csv.DictReader(file)}
    asked = {q["question_id"]: (unit, q) for unit in course["units"] for q in unit["questions"]}
    assert listed.keys() == asked.keys()
    for name, (unit, question) in asked.items():
        row = listed[name]
        assert (row["course_id"], row["unit_id"]) == (course["course_id"], unit["unit_id"])
        assert (row["text"], row["text_en"]) == (question["text"]["zh"], question["text"]["en"])
        assert row["answer_key"] == question["key"]
        assert row["explanation"] == question["explanation"]["zh"]
        assert row["knowledge_points"] == question["knowledge_point"]
        assert {letter: row[f"option_{letter.lower()}"] for letter in question["options"]} == {
            letter: words["zh"] for letter, words in question["options"].items()
        }
