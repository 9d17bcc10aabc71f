"""``xuejing api``: the query API over the store of the settings."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import ConfigError, XuejingError
from schemas.reference.columns import Language
from schemas.settings import Settings
from sinks.audit import Auditor
from sinks.client import Store
from sinks.member_key import member_key

from . import context as contexts
from . import logs
from .connect import connected
from .messages import words


def told(error: XuejingError, language: Language) -> str:
    """What happened and what to do, as a client of the API reads it: without where it stands on the command line."""
    what, hint = (error.what, error.hint) if language == "en" else words(error, language)
    brackets = "（{}）" if language == "zh" else " ({})"
    text = what + brackets.format(hint) if hint and "`xuejing" not in hint else what
    return re.sub(r"--([a-z]+)", r"\1", text)


def api(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="监听地址，默认本机 · address; default: api_host")] = None,
    port: Annotated[
        int | None, typer.Option(help="端口，0 为自动 · port, 0: any free one; default: api_port", min=0, max=65_535)
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="证书链（PEM）· certificate chain")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="私钥（PEM）· private key")] = None,
) -> None:
    """查询接口（HTTP） · Serve the query API, until Ctrl-C; tokens come from `xuejing access`.

    Plain HTTP on loopback only: for other addresses give a certificate, or name the reverse proxy that has one in
    the setting api_proxies.
    """
    context = contexts.of(ctx)
    given = {
        "api_host": host, "api_port": port, "api_tls_cert": None if tls_cert is None else str(tls_cert),
        "api_tls_key": None if tls_key is None else str(tls_key),
    }  # fmt: skip
    settings = replace(context.settings, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    check_exposure(settings)
    logs.configure(settings)
    with connected(settings) as store, listening(settings) as sock:
        address = f"{settings.api_host}:{sock.getsockname()[1]}"
        scheme = "https" if settings.api_tls_cert else "http"
        context.say(f"查询接口：{scheme}://{address}，按 Ctrl-C 停止", f"query API: {scheme}://{address}; Ctrl-C stops")
        server(settings, store).run(sockets=[sock])


def check_exposure(settings: Settings) -> None:
    """Raises ConfigError where tokens and records would cross a network in the clear, or half of TLS is given."""
    if bool(settings.api_tls_cert) != bool(settings.api_tls_key):
        raise ConfigError(
            "a certificate needs its key, and a key its certificate", where="api_tls_cert, api_tls_key",
            hint="--tls-cert CHAIN.pem --tls-key KEY.pem",
        )  # fmt: skip
    if not (settings.api_tls_cert or settings.api_proxies or _loopback(settings.api_host)):
        raise ConfigError(
            "the API must not answer beyond this machine without TLS",
            where=f"api_host {settings.api_host}",
            hint="give --tls-cert and --tls-key, or name the reverse proxy in api_proxies",
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(settings: Settings) -> socket.socket:
    """A socket on the address of the settings. Raises ConfigError when it can't be had."""
    try:
        family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
        return socket.create_server((settings.api_host, settings.api_port), family=family, backlog=512)
    except OSError as error:
        raise ConfigError(
            f"the API can't be served: {error.strerror or error}",
            where=f"{settings.api_host}:{settings.api_port}",
            hint="choose another --host or --port",
        ) from error


def server(settings: Settings, store: Store, **more: Any) -> Any:
    """A uvicorn server of the API over a store. ``more``: of its configuration."""
    import uvicorn  # takes a while; other commands do without

    from web.api.app import create_app
    from web.api.callers import authenticator
    from web.api.service import Service

    # A question that nobody waits for any more must not keep the store from the others.
    limits = {**store.endpoint.settings, "max_execution_time": settings.api_seconds}
    own = Store(replace(store.endpoint, settings=limits))
    service = Service(settings, own, Auditor(own, member_key(settings)), authenticator(own), told)
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,  # addresses of requests hold ids of members
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.api_proxies),
        forwarded_allow_ips=settings.api_proxies or None,
        ssl_certfile=settings.api_tls_cert or None,
        ssl_keyfile=settings.api_tls_key or None,
        h11_max_incomplete_event_size=16 << 10,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=30,
        limit_concurrency=200,
        ws="none",
        **more,
    )
    return uvicorn.Server(config)
