"""``xuejing collector``: events in over HTTP; and the keys and tokens by which they come."""

from __future__ import annotations

import enum
import socket
import threading
from typing import Annotated

import typer

from schemas.errors import ConfigError, XuejingError
from schemas.settings import LOOPBACK

from . import context as contexts
from . import logs
from .collecting import announced, app_of, composed, course_page_link, keys_file, need_web
from .dying import watch_stdin
from .stack import with_broker


class JournalUse(enum.StrEnum):
    """When events go through the journal on disk."""

    always = "always"
    away = "away"


def collector(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="监听地址 · address to listen on (collector_host)")] = None,
    port: Annotated[
        int | None, typer.Option(help="端口，0 为自动 · port, 0 lets the system choose (collector_port)", min=0)
    ] = None,
    journal: Annotated[
        JournalUse,
        typer.Option(help="日志：Kafka 不在时，或始终 · journal while Kafka is away, or always (embedded broker)"),
    ] = JournalUse.away,
    any_port: Annotated[
        bool, typer.Option("--any-port", help="端口被占用时换一个 · take another port where that is taken")
    ] = False,
    course_page: Annotated[
        bool,
        typer.Option("--course-page", help="提供示例课程页，仅限本机 · serve the demo course page, on loopback only"),
    ] = False,
    die_with_parent: Annotated[
        bool, typer.Option("--die-with-parent", help="标准输入关闭时停止 · stop when stdin closes")
    ] = False,
) -> None:
    """采集服务：经 HTTP 接收事件 · Take events over HTTP: `POST /v1/events`, xAPI statements, /metrics, /ready, /live.

    An event is acknowledged once Kafka has it, or the journal on disk. `up` starts it too.
    """
    context = contexts.of(ctx)
    settings = with_broker(context.settings)
    logs.configure(settings)
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise need_web(error) from error
    settings.folder.mkdir(parents=True, exist_ok=True)
    where = host or settings.collector_host
    if course_page and where not in LOOPBACK:
        raise ConfigError("the demo course page is for this machine only", where=where, hint="choose --host 127.0.0.1")
    listening = _bound(where, settings.collector_port if port is None else port, any_port)
    shown = f"[{where}]" if ":" in where else where
    url = f"http://{shown}:{listening.getsockname()[1]}"
    if die_with_parent:
        # What it acknowledged is in the journal.
        threading.Thread(target=watch_stdin, kwargs={"at_once": journal is JournalUse.always}, daemon=True).start()
    with composed(settings, always=journal is JournalUse.always, course_page=course_page) as app:
        link = course_page_link(app, url)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # addresses may hold tokens
            server_header=False,
            date_header=False,
            lifespan="on",
            backlog=2048,
            timeout_graceful_shutdown=10,
            limit_concurrency=4000,
        )
        server = uvicorn.Server(config)
        started = server.startup

        async def startup(sockets: list[socket.socket] | None = None) -> None:
            await started(sockets)
            context.say(f"采集：{url}/v1/events", f"collector: {url}/v1/events")
            if link:
                context.say(f"示例课程页：{link}", f"demo course page: {link}")

        server.startup = startup  # type: ignore[method-assign]
        with announced(settings, url, link):
            server.run(sockets=[listening])
    if app.outlet.broken:
        raise XuejingError("the collector had to stop", hint="see its log; what it acknowledged is in the journal")


def _bound(host: str, port: int, any_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if any_port and port:
            return _bound(host, 0, False)
        raise XuejingError(
            f"the collector can't listen: {error.strerror}", where=f"{host}:{port}", hint="choose another --port"
        ) from error


def app_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="应用名 · name of the application")],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="允许的网页来源 · origin of pages that may send, as https://study.example.org"),
    ] = None,
    course: Annotated[
        list[str] | None, typer.Option(help="允许的课程 · course it may send about, also as party-*; default all")
    ] = None,
    server: Annotated[
        bool, typer.Option("--server", help="供服务器程序代任何成员上报 · for a program that sends for any member")
    ] = False,
) -> None:
    """新建应用密钥 · Make an app key: printed once; its hash and its signing secret go to the file of keys."""
    try:
        from producers.collector.keys import add_app, load_apps, new_app
    except ModuleNotFoundError as error:
        raise need_web(error) from error
    context = contexts.of(ctx)
    path = keys_file(context.settings)
    if path.exists() and name in load_apps(path).by_id:
        raise ConfigError(f"the app {name} is there already", where=str(path), hint="choose another name")
    app, key = new_app(name, origins=tuple(origin or ()), courses=tuple(course or ("*",)), server=server)
    add_app(path, app)
    typer.echo(key)
    context.say(
        f"签名密钥在 {path}，请交给宿主应用的服务器，切勿放进网页；采集服务重启后生效",
        f"the signing secret is in {path}: for the host application's server, never for a page; "
        "a collector reads the file when it starts",
    )


def token(
    ctx: typer.Context,
    member: Annotated[str, typer.Argument(help="成员编号 · member id")],
    app: Annotated[str, typer.Option(help="应用名 · name of the application")] = "local",
    seconds: Annotated[int, typer.Option(help="有效秒数 · seconds it is valid", min=1)] = 900,
) -> None:
    """签发成员令牌（试用） · Make a member's token, as a host application does: for trying things out."""
    try:
        from producers.collector.keys import make_token
    except ModuleNotFoundError as error:
        raise need_web(error) from error
    typer.echo(make_token(app_of(contexts.of(ctx).settings, app), member, seconds))
