"""How many requests and events a second one collector process takes, beside handlers that do nothing.

    python -m bench.collector [--seconds S] [--connections N] [--events N …] [--out FILE]

The collector runs as in production, journal always on, with fsync, into a broker. The load comes from a process of its
own: keep-alive connections, each sending the next request when it has the answer. Every event has its own id.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from bench import machine
from commands.collecting import app_of, composed, first_key
from commands.producing import topics
from producers.collector.keys import make_token
from producers.embedded_broker import EmbeddedBroker
from schemas.settings import Settings

SIZES = (1, 20, 100)


def bare() -> Any:
    """Reads the body and says yes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    return app


def framework() -> Any:
    """The same in FastAPI."""
    app = FastAPI()

    @app.post("/v1/events")
    async def events(request: Request) -> dict[str, str]:
        await request.body()
        return {}

    return app


def serve(kind: str, settings: Settings, listening: socket.socket) -> None:
    """In a process of its own."""

    def run(app: Any, lifespan: str) -> None:
        config = uvicorn.Config(app, log_level="error", access_log=False, lifespan=lifespan)  # type: ignore[arg-type]
        uvicorn.Server(config).run(sockets=[listening])

    if kind == "collector":
        with composed(settings, always=True) as app:
            run(app, "on")
    else:
        run(bare() if kind == "bare" else framework(), "off")


@contextmanager
def serving(kind: str, settings: Settings) -> Iterator[int]:
    """Port of a server for the time of the block."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = multiprocessing.get_context("fork").Process(target=serve, args=(kind, settings, listening))
    process.start()
    try:
        yield listening.getsockname()[1]
    finally:
        process.terminate()
        process.join(60)
        listening.close()


def body_of(events: int, member: str) -> bytes:
    now = datetime.now(UTC).isoformat()
    return json.dumps(
        [
            {
                "event_id": str(uuid.uuid4()), "event_type": "answer", "member_id": member, "course_id": "c-1",
                "occurred_at": now, "sent_at": now, "device_id": "d-1", "question_id": f"q-{n}", "correct": True,
                "response": "B", "duration_ms": 12_345, "source": "bench/1",
            }
            for n in range(events)
        ]
    ).encode()  # fmt: skip


async def connection(port: int, heads: list[bytes], bodies: list[bytes], until: float, taken: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    n = 0
    while time.perf_counter() < until:
        body = bodies[n % len(bodies)]
        began = time.perf_counter()
        writer.write(heads[n % len(heads)] + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length"))
        answer = await reader.readexactly(length)
        assert b'"rejected":0' in answer or length == 2, answer[:300]
        taken.append(time.perf_counter() - began)
        n += 1
    writer.close()


def load(port: int, key: str, tokens: dict[str, str], events: int, seconds: float, connections: int) -> dict[str, Any]:
    """Requests and events a second, and the time to the answer."""
    import uvloop

    names = list(tokens)
    head = "POST /v1/events HTTP/1.1\r\nHost: c\r\nX-App-Key: {}\r\nAuthorization: Bearer {}\r\n"
    each = [
        ([head.format(key, tokens[m]).encode()], [body_of(events, m) for _ in range(max(4, 400 // events))])
        for m in (names[i % len(names)] for i in range(connections))
    ]
    taken: list[float] = []

    async def go() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(connection(port, h, b, began + seconds, taken) for h, b in each))
        return time.perf_counter() - began

    passed = uvloop.run(go())
    taken.sort()
    return {
        "requests_per_second": round(len(taken) / passed),
        "events_per_second": round(len(taken) * events / passed),
        "p50_ms": round(1000 * taken[len(taken) // 2], 2),
        "p99_ms": round(1000 * taken[int(len(taken) * 0.99)], 2),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--events", type=int, nargs="+", default=SIZES, help="events a request")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {
        "machine": machine.describe(" ".join(["python -m bench.collector", *sys.argv[1:]])),
        "connections": given.connections,
        "collector": {},
    }
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker() as broker:
        settings = replace(Settings(), data_dir=folder, kafka_bootstrap=broker.bootstrap, journal_mb=8192)
        topics(settings)
        key = first_key(settings)
        assert key
        keys = settings.folder / "app-keys.toml"
        text = keys.read_text()
        for name in ("rate", "burst", "member_rate", "member_burst"):
            text = "\n".join(f"{name} = 1e9" if line.startswith(f"{name} =") else line for line in text.split("\n"))
        keys.write_text(text)
        app = app_of(settings, "local")
        tokens = {f"m{n}": make_token(app, f"m{n}", 3600) for n in range(given.connections)}
        for events in given.events:
            rows = found["collector"][str(events)] = {}
            for kind in ("bare", "framework", "collector"):
                with serving(kind, settings) as port:
                    load(port, key, tokens, events, 1.0, given.connections)
                    rows[kind] = load(port, key, tokens, events, given.seconds, given.connections)
                print(events, kind, rows[kind], flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def section(found: dict[str, Any]) -> list[str]:
    """Lines of docs/performance.md."""
    from bench.page import about, table

    lines = [
        "## Events over HTTP",
        "",
        "One process, journal on and synced; the load shares the cores.",
        "",
        *about(found),
    ]
    rows = [
        (
            f"{n} a request, {kind}",
            f"{r['requests_per_second']:,}",
            f"{r['events_per_second']:,}",
            r["p50_ms"],
            r["p99_ms"],
        )
        for n, kinds in found["collector"].items()
        for kind, r in kinds.items()
    ]
    return lines + table(["events", "requests/s", "events/s", "p50 ms", "p99 ms"], rows)


if __name__ == "__main__":
    main()
