"""The tracker where it lives: a collector as a process on the embedded broker, and a host application with a page."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kafka import KafkaConsumer, TopicPartition

from commands.collecting import LOCAL_ORIGINS, collector_of, course_page_of
from commands.stack import spawn
from producers.collector.keys import App, add_app, make_token, new_app
from producers.embedded_broker import EmbeddedBroker
from producers.kafka_client import end_offsets
from schemas.decode import SKEW_HEADER
from schemas.settings import Settings

PATIENCE = 120.0

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page that is tracked</title>
<h1>A page that is tracked</h1><p>Words.</p><input aria-label="note"><div style="height:3000px"></div>
<script src="%COLLECTOR%/tracker/xuejing.js"></script>
<script>
"use strict";
const asked = new URLSearchParams(location.search), member = asked.get("member"), rejected = [], tokens = [];
// What is true, found out by other means than the tracker's.
let total = 0, since = null;
function see() {
  const now = performance.now();
  if (since !== null) total += now - since;
  since = document.visibilityState === "visible" && document.hasFocus() ? now : null;
  return total;
}
for (const name of ["visibilitychange", "freeze", "resume"]) document.addEventListener(name, see, true);
for (const name of ["focus", "blur", "pagehide", "pageshow"]) addEventListener(name, see, true);
addEventListener("pagehide", () => { sessionStorage.seen = Number(sessionStorage.seen || 0) + total; }, true);
see();
const tracker = Xuejing.start({
  url: "%COLLECTOR%", key: asked.has("slow") ? "%SLOW%" : "%KEY%", member, course: "course-1", unit: "unit-1",
  idleMs: Number(asked.get("idle")) || undefined,
  maxWaiting: Number(asked.get("room")) || undefined,
  consent: asked.has("ask") ? undefined : true,
  token: async expired => {
    tokens.push(expired);
    const seconds = expired ? 900 : asked.get("seconds") || 900, app = asked.has("slow") ? "&app=slow" : "";
    const answer = await fetch("/token?member=" + member + "&seconds=" + seconds + app);
    return answer.text();
  },
  onRejected: (event, why) => rejected.push([event.event_id, why.reason]),
});
</script></html>"""


class HostApplication(ThreadingHTTPServer):
    """Knows who is logged in: the page, and tokens for its members."""

    daemon_threads = True

    def __init__(self, page: str, apps: dict[str, App]) -> None:
        self.page, self.apps = page.encode(), apps
        super().__init__(("127.0.0.1", 0), _Answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: HostApplication

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(where.query).items()}
        if where.path == "/token":
            seconds = int(asked["seconds"])
            # Below nothing: one that has expired.
            token = make_token(
                self.server.apps[asked.get("app", "")], asked["member"], seconds, time.time() - max(0, -seconds) - 60
            )
            body, kind = token.encode(), "text/plain"
        else:
            body, kind = self.server.page, "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests say what they see."""


@dataclass(frozen=True)
class Taken:
    """An event on the topic, and the clock error that the collector found."""

    event: dict[str, Any]
    skew_ms: int

    @property
    def end(self) -> int:
        """ms UTC, by the right clock."""
        return round(datetime.fromisoformat(self.event["occurred_at"]).timestamp() * 1000) + self.skew_ms

    @property
    def interval(self) -> tuple[int, int]:
        return self.end - int(self.event["duration_ms"]), self.end


def union_ms(intervals: list[tuple[int, int]]) -> int:
    """Length of the union."""
    total, reached = 0, -1
    for start, end in sorted(intervals):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


@dataclass
class Tracked:
    """A collector at ``url``, the host application's page at ``page``, and what has come to the topic."""

    settings: Settings
    url: str
    course_page: str
    host: HostApplication
    app: App
    key: str
    collector: subprocess.Popen[bytes]

    def page(self, member: str, **asked: object) -> str:
        more = "".join(f"&{name}={value}" for name, value in asked.items())
        return f"{self.host.url}/page?member={member}{more}"

    def taken(self, member: str) -> list[Taken]:
        """Every event of a member on the topic, repetitions included."""
        bootstrap, topic = self.settings.kafka_bootstrap, self.settings.events_topic
        ends = end_offsets(bootstrap, topic)
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
        places = [TopicPartition(topic, p) for p in ends]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        found = []
        while any(consumer.position(p) < ends[p.partition] for p in places):
            for batch in consumer.poll(timeout_ms=500).values():
                for message in batch:
                    skew = next((int(v) for k, v in message.headers if k == SKEW_HEADER), 0)
                    found += [Taken(json.loads(line), skew) for line in message.value.split(b"\n")]
        consumer.close()
        return [t for t in found if t.event["member_id"] == member]


@contextmanager
def tracked(folder: Path) -> Iterator[Tracked]:
    """All of it for the time of the block."""
    with ExitStack() as exits:
        broker = exits.enter_context(EmbeddedBroker())
        settings = Settings(
            data_dir=str(folder), kafka_bootstrap=broker.bootstrap, partitions=2, language="en", collector_port=0
        )
        app, key = new_app("test", origins=LOCAL_ORIGINS)
        slow, slow_key = new_app("slow", origins=LOCAL_ORIGINS, member_rate=3.0, member_burst=3.0)
        for one in (app, slow):
            add_app(folder / settings.collector_keys, one)
        with (folder / "collector.log").open("ab") as log:
            process = spawn(settings, ["collector", "--course-page"], log)
        exits.callback(process.wait)
        exits.callback(process.terminate)
        found = wait(lambda: process.poll() is None and collector_of(settings, process.pid), "the collector")
        page = PAGE.replace("%COLLECTOR%", str(found)).replace("%KEY%", key).replace("%SLOW%", slow_key)
        host = HostApplication(page, {"": app, "slow": slow})
        exits.callback(host.server_close)
        exits.callback(host.shutdown)
        threading.Thread(target=host.serve_forever, daemon=True).start()
        link = course_page_of(settings, process.pid) or ""
        yield Tracked(settings, str(found), link, host, app, key, process)


def wait(condition: Callable[[], Any], what: str) -> Any:
    """What it gives, once it gives something."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)
    return found
