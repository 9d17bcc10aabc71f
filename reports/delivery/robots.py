"""Notices to robots of WeCom (企业微信) and DingTalk (钉钉) groups: figures and a link, never names or files.

Formats: developer.work.weixin.qq.com/document/path/91770 and open.dingtalk.com/document/robots/custom-robot-access.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from reports.delivery.content import NotDelivered, Notice
from reports.schedule.config import RobotPlace

WECOM_MOST_BYTES = 4096
_BUSY = {45009, 130101, -1}
"""Their codes for "too many messages" and "system busy"."""
_HINT = "check the webhook, its security settings and the group's limits"


def signed(webhook: str, secret: str, milliseconds: int) -> str:
    """The webhook with DingTalk's timestamp and signature (HMAC-SHA256 of both, base64, URL-encoded)."""
    text = f"{milliseconds}\n{secret}".encode()
    sign = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest())
    return f"{webhook}{'&' if '?' in webhook else '?'}timestamp={milliseconds}&sign={quote_plus(sign)}"


def body(kind: str, notice: Notice) -> dict[str, Any]:
    """The message in the robot's format."""
    lines = [f"### {_plain(notice.title)}", *(f"> {_plain(line)}" for line in notice.lines)]
    if notice.link:
        lines.append(f"[{notice.link}]({notice.link})")
    if kind == "wecom":
        while len("\n".join(lines).encode()) > WECOM_MOST_BYTES and len(lines) > 1:
            lines.pop(-2 if notice.link else -1)
        return {"msgtype": "markdown", "markdown": {"content": "\n".join(lines)}}
    return {"msgtype": "markdown", "markdown": {"title": notice.title, "text": "\n\n".join(lines)}}


def to_robot(place: RobotPlace, notice: Notice, clock: Callable[[], float] = time.time) -> str:
    """Tell the group. Raises NotDelivered; the webhook's address, which holds the key, is in no message."""
    webhook = place.webhook.read(place.name)
    address = urlsplit(webhook)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise NotDelivered("the webhook is no address of the web", again=False, where=place.name, hint=_HINT)
    if place.sign:
        webhook = signed(webhook, place.sign.read(place.name), int(clock() * 1000))
    try:
        with urllib3.PoolManager(retries=False, timeout=place.timeout) as pool:
            answer = pool.request(
                "POST",
                webhook,
                body=json.dumps(body(place.kind, notice), ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json; charset=utf-8"},
                redirect=False,
            )
    except HTTPError as error:
        # Its text would hold the webhook's path.
        raise NotDelivered(
            f"the robot can't be reached: {type(error).__name__}", again=True, where=place.name, hint=_HINT
        ) from None
    _accepted(place, answer)
    return ""


def _accepted(place: RobotPlace, answer: urllib3.BaseHTTPResponse) -> None:
    if answer.status != 200:
        busy = answer.status == 429 or answer.status >= 500
        raise NotDelivered(f"the robot answered with HTTP {answer.status}", again=busy, where=place.name, hint=_HINT)
    try:
        code = int(json.loads(answer.data)["errcode"])
    except (ValueError, KeyError, TypeError):
        raise NotDelivered("the robot's answer is not understood", again=True, where=place.name, hint=_HINT) from None
    if code:
        raise NotDelivered(f"the robot refused with code {code}", again=code in _BUSY, where=place.name, hint=_HINT)


def _plain(text: str) -> str:
    """One line without markup."""
    return " ".join("".join(" " if c in "[]()<>`*#\\" else c for c in text).split())
