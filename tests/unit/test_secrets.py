"""No key, token or password is in the repository: every tracked file is searched for what they look like."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from schemas.access import new_token

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]",
    "token of ours": r"\bxj_[0-9a-f]{16}_[0-9a-f]{64}\b",
    "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})",
    "GitLab": r"\bglpat-[A-Za-z0-9_-]{20}",
    "Slack": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "Google": r"\bAIza[0-9A-Za-z_-]{35}",
    "JWT": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "robot of WeCom": r"webhook/send\?key=[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "robot of DingTalk": r"robot/send\?access_token=[0-9a-f]{64}",
    "password in an address": r"\b(?:https?|postgres|clickhouse|amqp|smtp)s?://[^\s/:@\"'{<]+:[^\s/@\"'{<$%]{8,}@",
    "assigned": r"(?i)(?:password|passwd|secret|api_?key|auth_?token)[\"']?\s*[:=]\s*[\"'](?=[^\"'\s]*\d)"
    r"(?=[^\"'\s]*[A-Za-z])[A-Za-z0-9+/=_-]{20,}[\"']",
}
EXAMPLES = {
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIB",
    "token of ours": new_token().text,
    "AWS": "AKIA" + "A1B2" * 4,
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitLab": "glpat-" + "a1B2" * 5,
    "Slack": "xoxb-" + "123456789012-abcdefgh",
    "Google": "AIza" + "a1B2_" * 7,
    "JWT": ".".join(["eyJ" + "hbGciOiJIUzI", "eyJ" + "zdWIiOiIxMjM", "c2lnbmF0dXJl"]),
    "robot of WeCom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + "12345678-1234-1234-1234-123456789abc",
    "robot of DingTalk": "https://oapi.dingtalk.com/robot/send?access_token=" + "ab" * 32,
    "password in an address": "https://user:" + "correcthorse@example.org",
    "assigned": "api_key = '" + "a1B2c3D4" * 4 + "'",
}
"""One of each, put together here so that this file is not one of the findings."""


def findings(text: str) -> list[tuple[str, str]]:
    """Kind and text of everything that looks like a secret."""
    return [(kind, found.group()) for kind, pattern in PATTERNS.items() for found in re.finditer(pattern, text)]


@pytest.mark.parametrize("kind", PATTERNS)
def test_each_kind_is_found(kind: str) -> None:
    assert kind in {found for found, _ in findings(f"x = {EXAMPLES[kind]}\n")}


@pytest.mark.io
def test_no_tracked_file_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(paths) > 500
    wrong = []
    for path in paths:
        if path.is_file() and path.suffix not in (".png", ".lock"):
            text = path.read_text("utf-8", "replace")
            wrong += [f"{path.relative_to(ROOT)}: {kind}: {found[:30]}…" for kind, found in findings(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.io
def test_files_that_hold_secrets_are_not_tracked() -> None:
    names = [".env", "xuejing.toml", "member.key", "engine.json"]
    listed = subprocess.run(
        ["git", "ls-files", *names, *(f"**/{n}" for n in names)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout == ""
    ignored = subprocess.run(["git", "check-ignore", ".env"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ignored.stdout.strip() == ".env"
