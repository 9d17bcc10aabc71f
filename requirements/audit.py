"""``make audit``: known vulnerabilities of every package that is locked, as pip-audit finds them at the registry.

Exit status 1 for a finding. A registry that does not answer, or has no advisories, is told and is no failure: a build
without a network must be possible. ``--required`` makes it one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
LOCK = "dev"
"""Holds the packages of all other locks, in the same versions (a test sees to that)."""
SECONDS = 300


class Audit(NamedTuple):
    """How many packages were looked up, which were not, and what was found."""

    audited: int
    skipped: list[str]
    findings: list[str]


def read(document: dict[str, Any]) -> Audit:
    """What pip-audit's JSON says."""
    listed = document["dependencies"]
    findings = [
        f"{package['name']} {package['version']}: {found['id']}"
        + (f", mended in {', '.join(found['fix_versions'])}" if found.get("fix_versions") else "")
        for package in listed
        for found in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in listed if "skip_reason" in package]
    return Audit(len(listed) - len(skipped), skipped, findings)


def judge(audit: Audit | None, *, required: bool) -> tuple[int, str]:
    """Exit status and what to say. ``audit``: None where the registry gave no answer."""
    if audit is None:
        return int(required), "NOT AUDITED: the registry of advisories does not answer"
    if audit.findings:
        return 1, "vulnerable:\n" + "\n".join(f"  {finding}" for finding in audit.findings)
    if audit.skipped:
        missing = f"NOT AUDITED: {len(audit.skipped)} packages, of which the registry has no advisories"
        return int(required), f"{missing}; {audit.audited} without a finding"
    return 0, f"{audit.audited} packages without a finding"


def ask() -> Audit | None:
    """Run pip-audit over the lock; None where it got no answer."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(HERE / f"{LOCK}.lock"), "--disable-pip"]
    try:
        done = subprocess.run(  # noqa: S603  # a command of ours
            [*command, "--require-hashes", "--format", "json", "--progress-spinner", "off"],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    try:
        return read(json.loads(done.stdout))
    except ValueError:
        # Anything but a lost connection is a fault of the check itself.
        if any(word in done.stderr for word in ("ConnectionError", "ServiceError", "Timeout", "Max retries")):
            return None
        raise SystemExit(f"pip-audit failed:\n{done.stderr[-2000:]}") from None


def main() -> int:
    """Audit and tell."""
    status, text = judge(ask(), required="--required" in sys.argv[1:])
    print(text, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())
