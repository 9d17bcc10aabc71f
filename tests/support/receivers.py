"""Real servers that take deliveries, on loopback: mail over TLS, S3, and the robots' interface as it is documented."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "reports", "correct horse"


class Certificates:
    """An authority of its own and a certificate for loopback; ``ca_file`` is what clients trust."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.context)


class MailServer:
    """Takes mail after STARTTLS and a log-in. ``answers``: what to say to the next messages instead of taking them."""

    def __init__(self, certificates: Certificates) -> None:
        self.received: list[tuple[list[str], EmailMessage]] = []
        self.answers: list[str] = []
        self.logins: list[bool] = []
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=0,
            tls_context=certificates.context,
            require_starttls=True,
            auth_required=True,
            auth_require_tls=True,
            authenticator=self._authenticate,
        )
        # Port 0: the address is known once it listens; aiosmtpd itself would knock at port 0.
        self.controller._trigger_server = self._knock  # type: ignore[method-assign]
        self.controller.start()
        self.port = self._port()

    def _port(self) -> int:
        return int(self.controller.server.sockets[0].getsockname()[1])

    def _knock(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port()), timeout=5) as knock:
            knock.recv(64)

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(good)
        return AuthResult(success=good, handled=False)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """One message."""
        assert session.ssl is not None
        if self.answers and (answer := self.answers.pop(0)):
            return answer
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append((list(envelope.rcpt_tos), message))
        return "250 OK"

    def ids(self) -> Counter[str]:
        """How often each Message-ID came."""
        return Counter(str(message["Message-ID"]) for _, message in self.received)

    def stop(self) -> None:
        """End."""
        self.controller.stop()


class Robots:
    """WeCom's and DingTalk's webhooks, checking what their documents ask for.

    ``answers``: (HTTP status, errcode) to give to the next calls; ``messages``: what was accepted.
    """

    KEY, TOKEN, SECRET = "693a91f6-7xxx", "dingtoken", "SECdingsecret"

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[int, int]] = []
        self.calls = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                status, code = outer.judge(self.path, self.headers["Content-Type"], content)
                answer = json.dumps({"errcode": code, "errmsg": "ok" if not code else "no"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{self.server.server_port}"
        self.wecom = f"{base}/cgi-bin/webhook/send?key={self.KEY}"
        self.dingtalk = f"{base}/robot/send?access_token={self.TOKEN}"

    def judge(self, path: str, kind: str, content: bytes) -> tuple[int, int]:
        """Status and errcode for a call."""
        self.calls += 1
        if self.answers:
            return self.answers.pop(0)
        address = urlsplit(path)
        query = {k: v[0] for k, v in parse_qs(address.query).items()}
        judge: dict[str, Callable[[dict[str, str], dict[str, Any]], int]] = {
            "/cgi-bin/webhook/send": self._wecom,
            "/robot/send": self._dingtalk,
        }
        if address.path not in judge:
            return 404, 404
        if not kind.startswith("application/json"):
            return 200, 40035
        message = json.loads(content)
        code = judge[address.path](query, message)
        if not code:
            self.messages.append((address.path, message))
        return 200, code

    def _wecom(self, query: dict[str, str], message: dict[str, Any]) -> int:
        if query.get("key") != self.KEY:
            return 93000
        if message["msgtype"] != "markdown" or set(message) != {"msgtype", "markdown"}:
            return 40008
        return 0 if 0 < len(message["markdown"]["content"].encode()) <= 4096 else 40058

    def _dingtalk(self, query: dict[str, str], message: dict[str, Any]) -> int:
        if query.get("access_token") != self.TOKEN:
            return 300005
        text = f"{query.get('timestamp')}\n{self.SECRET}"
        sign = base64.b64encode(hmac.new(self.SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
        fresh = abs(time.time() * 1000 - int(query.get("timestamp", "0"))) < 3_600_000
        if query.get("sign") != sign or not fresh:
            return 310000
        good = message["msgtype"] == "markdown" and message["markdown"]["title"] and message["markdown"]["text"]
        return 0 if good else 400105

    def stop(self) -> None:
        """End."""
        self.server.shutdown()
        self.server.server_close()


class Storage:
    """An S3 server with a bucket of its own: what moto holds is shared by all servers of a process."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.bucket = f"reports-{uuid.uuid4().hex[:8]}"
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self._client().create_bucket(Bucket=self.bucket)

    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )

    def objects(self) -> dict[str, bytes]:
        """Key → content."""
        client = self._client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [o["Key"] for page in pages for o in page.get("Contents", ())]
        return {key: client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def stop(self) -> None:
        """End."""
        self.server.stop()
