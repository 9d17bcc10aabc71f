"""Headless Chromium over its DevTools protocol: open a page, ask it things, take its picture."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests' own pages only, and the build runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class BrowserError(RuntimeError):
    """The browser is not there, did not start, or a page could not be opened."""


class Browser:
    """A headless Chromium, for the time of a ``with`` block: one page, and further tabs. Not for use from several
    threads. ``profile``: a folder that outlives it; else it has a profile of its own, which is forgotten."""

    requests: list[str]
    """Addresses that the last page asked for, itself included."""
    complaints: list[str]
    """Errors and warnings that the last page caused in the console."""

    def __init__(self, timeout: float = 120.0, profile: Path | None = None) -> None:
        self.timeout, self.requests, self.complaints = timeout, [], []
        self._kept = profile
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self._events: list[dict[str, Any]] = []

    @staticmethod
    def program() -> str | None:
        """Path of the browser, None when there is none."""
        return next((found for name in PROGRAMS if (found := shutil.which(name))), None)

    def __enter__(self) -> Browser:
        program = self.program()
        if program is None:
            raise BrowserError(f"none of {', '.join(PROGRAMS)} is installed")
        self._profile = tempfile.TemporaryDirectory(prefix="xuejing-browser-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self._kept or self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._loop.run_until_complete(self._connect(self._address()))
        except BaseException:
            self._end()
            raise
        return self

    def _address(self) -> str:
        assert self._process.stderr is not None
        said, deadline = b"", time.monotonic() + self.timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            if select.select([self._process.stderr], [], [], 0.5)[0]:
                said += self._process.stderr.readline()
                if match := re.search(rb"DevTools listening on (ws://\S+)", said):
                    return match[1].decode()
        raise BrowserError(f"the browser did not start:\n{said.decode('utf-8', 'replace')[-2000:]}")

    async def _connect(self, address: str) -> None:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(address, max_msg_size=0)
        await self._open_tab()

    async def _open_tab(self) -> str:
        self._target = ""
        page = await self._send("Target.createTarget", url="about:blank")
        attached = await self._send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._target = str(attached["sessionId"])
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self._send(f"{domain}.enable")
        return self._target

    @property
    def tab(self) -> str:
        """The tab that calls go to."""
        return self._target

    def new_tab(self) -> str:
        """One more tab, in front of the others; calls go to it from now on."""
        return self._loop.run_until_complete(self._open_tab())

    def use(self, tab: str) -> None:
        """Calls go to this tab from now on. What the user sees stays."""
        self._target = tab

    def show(self, tab: str) -> None:
        """Bring this tab to the front, which hides the one that was there; calls go to it from now on."""
        self.use(tab)
        self.call("Page.bringToFront")

    def kill(self) -> None:
        """End it as a crash would (SIGKILL), all of its processes at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def _receive(self, until: float) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_json(timeout=max(0.1, until - time.monotonic()))
        if "id" not in message:
            self._note(message)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        parameters = event["params"]
        match event["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
                self.complaints.append(parameters["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(parameters["args"]))

    async def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number, until = self._number, time.monotonic() + self.timeout
        call: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(call | ({"sessionId": self._target} if self._target else {}))
        while (answer := await self._receive(until)).get("id") != number:
            pass
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call of the DevTools protocol."""
        return self._loop.run_until_complete(self._send(method, **parameters))

    def open(self, url: str, *, width: int = 1280, height: int = 900, mobile: bool = False) -> None:
        """Show a page and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.call("Page.navigate", url="about:blank")
        self.requests.clear()
        self.complaints.clear()
        self._events.clear()
        error = self.call("Page.navigate", url=url).get("errorText")
        if error:
            raise BrowserError(f"{url}: {error}")
        self._loop.run_until_complete(self._loaded())

    async def _loaded(self) -> None:
        until = time.monotonic() + self.timeout
        while await self._ask("document.readyState + ' ' + location.href") in ("", "complete about:blank"):
            await asyncio.sleep(0.02)
        while str(await self._ask("document.readyState")) != "complete":
            if time.monotonic() > until:
                raise BrowserError("the page does not end loading")
            await asyncio.sleep(0.02)

    async def _ask(self, script: str) -> Any:
        answer = await self._send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression (a promise is awaited) as plain data."""
        return self._loop.run_until_complete(self._ask(script))

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Save what is shown, or the whole page, as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        self._profile.cleanup()
        self._loop.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def leave() -> None:
            await self._socket.close()
            await self._session.close()

        self._loop.run_until_complete(leave())
        self._end()
