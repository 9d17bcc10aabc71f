"""``xuejing dashboard``: figures on a screen, for the person at this machine."""

from __future__ import annotations

import json
import os
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producers.kafka_admin import BrokerUnavailable
from reports.formats.records import write_csv
from schemas.credit import CreditPolicy
from schemas.errors import ConfigError
from schemas.reference.columns import Language
from schemas.settings import LOOPBACK
from sinks.access import Access
from sinks.client import Store

from . import context as contexts
from .auditing import auditor, operator
from .connect import connected
from .context import Context
from .diagnose import messages_behind
from .dying import watch_stdin
from .stack import with_broker

if TYPE_CHECKING:
    from web.dashboard.board import Dashboard
    from web.dashboard.operations import Job, Machine, Part

DASHBOARD_FILE = "dashboard.json"
KEPT_SECONDS = 4.0
"""How long what was found out about the parts is shown before they are asked again."""
JOBS = 20


def dashboard(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="监听地址 · address to listen on (dashboard_host)")] = None,
    port: Annotated[
        int | None, typer.Option(help="端口，0 为自动 · port, 0 lets the system choose (dashboard_port)", min=0)
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="打开浏览器 · open the browser")] = True,
    die_with_parent: Annotated[
        bool, typer.Option("--die-with-parent", help="标准输入关闭时停止 · stop when stdin closes")
    ] = False,
) -> None:
    """实时看板：支部、组织、成员、运行状况 · Live pages for branches, organisations, members and the operator.

    Serves on this machine until Ctrl-C, and prints a link that lets in once. `up` starts it too.
    """
    context = contexts.of(ctx)
    settings = context.settings
    where = host or settings.dashboard_host
    if where not in LOOPBACK:
        context.say(
            f"注意：{where} 上的连接未加密。请放在 HTTPS 反向代理之后，见 docs/how-to/dashboard.md",
            f"mind: connections to {where} are not encrypted; put an HTTPS proxy before it (docs/how-to/dashboard.md)",
        )
    if die_with_parent:
        threading.Thread(target=watch_stdin, daemon=True).start()
    with connected(settings) as store:
        _serve(context, store, where, port, open_ and not die_with_parent)


def _serve(context: Context, store: Store, host: str, port: int | None, browse: bool) -> None:
    try:
        from web.dashboard.app import application
        from web.dashboard.serving import PortTaken, Running, bound
    except ModuleNotFoundError as error:
        raise ConfigError(f"the dashboard needs the package {error.name}", hint="pip install 'xuejing[web]'") from error
    try:
        listening = bound(host, context.settings.dashboard_port if port is None else port)
    except PortTaken:
        if port is not None:
            raise
        listening = bound(host, 0)  # somebody else is there; ours need not always be at the same address
    made, token = dashboard_of(context, store, host)
    with Running(application(made), listening, made.hub.close, context.settings.dashboard_proxies) as running:
        link = f"{running.url}/enter?key={made.sessions.link(token)}"
        note = context.settings.folder / DASHBOARD_FILE
        _leave(note, link)
        context.say(f"看板（链接只能用一次）：{link}", f"dashboard (the link works once): {link}")
        try:
            if browse:
                webbrowser.open(link)
            while running.alive:
                time.sleep(0.5)
        except KeyboardInterrupt:
            pass
        finally:
            with suppress(FileNotFoundError):
                note.unlink()


def dashboard_of(context: Context, store: Store, host: str) -> tuple[Dashboard, str]:
    """The dashboard of the settings, and the local operator's token."""
    from web.dashboard.board import Dashboard
    from web.dashboard.gather import Gatherer
    from web.dashboard.sessions import Sessions
    from web.dashboard.viewers import OPERATOR, LocalViewers, PrincipalViewers
    from web.dashboard.watching import Watch

    settings = context.settings
    local = LocalViewers(viewer=replace(OPERATOR, id=operator()))
    names = frozenset(name.strip().lower() for name in settings.dashboard_names.split(",") if name.strip())
    credit = CreditPolicy.of(settings.credit_rules, settings.shown_families)
    made = Dashboard(
        Gatherer(store, credit, k=settings.small_group),
        Sessions(PrincipalViewers(Access(store), local)),
        Watch(auditor(settings, store)),
        write_csv,
        settings,
        language="en" if settings.language == "en" else "zh",
        machine=machine(context),
        # Whoever asks from this machine, such as a check of its health, may call it so.
        hosts=LOOPBACK | names if host in LOOPBACK or names else frozenset(),
    )
    return made, local.key


def machine(context: Context) -> Machine:
    """What ``doctor`` and the schedules say, asked at most every few seconds."""
    from web.dashboard.operations import Machine

    kept: dict[str, tuple[float, Any]] = {}
    lock = threading.Lock()

    def keeping(name: str, ask: Callable[[], Any]) -> Any:
        with lock:
            at, found = kept.get(name, (-KEPT_SECONDS, None))
            if time.monotonic() - at >= KEPT_SECONDS:
                found = ask()
                kept[name] = time.monotonic(), found
            return found

    return Machine(
        lambda language: keeping(language, lambda: _parts(context, language)),
        lambda: jobs(context.settings.folder / "schedule"),
        lambda: keeping("behind", lambda: _behind(context)),
    )


def _behind(context: Context) -> int | None:
    """Messages that no worker has finished; None where no broker answers."""
    try:
        return messages_behind(with_broker(context.settings))
    except BrokerUnavailable:
        return None


def _parts(context: Context, language: Language) -> Sequence[Part]:
    from web.dashboard.operations import Part

    from .doctor import examine

    spoken = replace(context, settings=replace(context.settings, language=language))
    states = {"ok": "ok", "warn": "warn", "fail": "fail"}
    return [Part(f.part, states[f.state], f.detail, f.hint) for f in examine(spoken, 0.0)]  # type: ignore[arg-type]


def jobs(folder: Path) -> Sequence[Job]:
    """The newest due times of every job that has run."""
    from web.dashboard.operations import Job

    from .schedule_state import StateFolder

    state = StateFolder(folder)
    found = []
    for path in (folder / "runs").glob("*"):
        for one in state.manifests(path.name)[-JOBS:]:
            trouble = [d.attempts[-1].error for d in one.deliveries if d.attempts and d.state in ("failed", "given_up")]
            delivered = sum(d.state == "delivered" for d in one.deliveries)
            waiting = sum(d.state in ("waiting", "failed") for d in one.deliveries)
            found.append(Job(one.job, one.due, one.state, delivered, waiting, trouble[0] if trouble else ""))
    return sorted(found, key=lambda job: job.due, reverse=True)[:JOBS]


def _leave(path: Path, link: str) -> None:
    """Leave the link for ``up``, which started this process (mode 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"link": link, "pid": os.getpid()}, file)
    part.replace(path)


def link_of(folder: Path, pid: int) -> str:
    """The link that the process ``pid`` has left; '' as long as there is none."""
    try:
        found = json.loads((folder / DASHBOARD_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found["link"]) if found.get("pid") == pid else ""
