"""Each kind of destination against a real server: what arrives, what is tried again, what never shows."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reports.delivery.carry import carry
from reports.delivery.content import Bundle, NotDelivered, Notice
from reports.delivery.folder import to_folder
from reports.delivery.mail import to_mail
from reports.delivery.robots import to_robot
from reports.delivery.s3 import to_s3
from reports.schedule.config import FolderPlace, MailPlace, RobotPlace, S3Place, Secret
from reports.schedule.manifest import MadeFile, Parcel
from schemas.errors import ConfigError, XuejingError
from tests.support.receivers import PASSWORD, USER, Certificates, MailServer, Robots, Storage

FILES = {"branches/b1.html": "<p>报告</p>".encode(), "branches/b1.json": b"{}", "附表.csv": b"a,b\n"}
NOTICE = Notice("月度报告", ("统计时段：2026-10-01 – 2026-10-31", "报告 5 份"), "https://reports.example.org/x")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    root = tmp_path / "made"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    files = tuple(MadeFile(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in FILES.items())
    parcel = Parcel("b1", "第一支部", "b1", ("top",), False, 1, files)
    return Bundle(
        parcel, root, "monthly/2026-10", "月度报告：第一支部", "见附件。\n", datetime(2026, 11, 1, tzinfo=UTC)
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def mail(certificates: Certificates) -> Iterator[MailServer]:
    server = MailServer(certificates)
    yield server
    server.stop()


@pytest.fixture
def robots() -> Iterator[Robots]:
    server = Robots()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    server = Storage()
    yield server
    server.stop()


def refused(call: Any) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        call()
    return caught.value


# -- folder


def test_a_folder_gets_files_with_checksums(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "out").mkdir()
    place = FolderPlace(name="box", path=tmp_path / "out")
    target = tmp_path / "out" / to_folder(place, bundle)
    assert {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} == {*FILES, "SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=target, check=True, capture_output=True)
    before = {p: p.stat().st_ino for p in target.rglob("*.html")}
    (target / ".partial-crashed").write_text("half")
    (target / "branches/b1.json").write_text("damaged")
    to_folder(place, bundle)
    assert {p: p.stat().st_ino for p in target.rglob("*.html")} == before, "what is there is not written again"
    assert (target / "branches/b1.json").read_bytes() == b"{}"
    assert not list(target.glob(".partial-*"))


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path, bundle: Bundle) -> None:
    error = refused(lambda: to_folder(FolderPlace(name="box", path=tmp_path / "nowhere"), bundle))
    assert not error.again
    assert not (tmp_path / "nowhere").exists()


# -- S3


def s3(storage: Storage, monkeypatch: pytest.MonkeyPatch, **more: Any) -> S3Place:
    monkeypatch.setenv("KEY", "AKIAEXAMPLE")
    monkeypatch.setenv("SECRET", "verysecretvalue")
    given: dict[str, Any] = {"bucket": storage.bucket, "endpoint": storage.endpoint, "prefix": "xuejing"} | more
    return S3Place(name="cloud", access_key=Secret("KEY"), secret_key=Secret("SECRET"), timeout=10, **given)


def test_a_bucket_gets_the_same_bytes(storage: Storage, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    place = s3(storage, monkeypatch)
    assert to_s3(place, bundle) == to_s3(place, bundle) == f"s3://{storage.bucket}/xuejing/monthly/2026-10/b1"
    objects = storage.objects()
    assert {k.removeprefix("xuejing/monthly/2026-10/b1/"): v for k, v in objects.items()} == {
        **FILES,
        "SHA256SUMS": bundle.sums,
    }


def test_a_bucket_that_is_not_there_is_said_without_secrets(
    storage: Storage, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(lambda: to_s3(s3(storage, monkeypatch, bucket="nobucket"), bundle))
    assert not error.again
    away = refused(lambda: to_s3(s3(storage, monkeypatch, endpoint="http://127.0.0.1:9"), bundle))
    assert away.again
    for text in (str(error), str(away)):
        assert "verysecretvalue" not in text
        assert "AKIAEXAMPLE" not in text


# -- mail


def mailbox(mail: MailServer, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, **more: Any) -> MailPlace:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    given: dict[str, Any] = {"ca_file": str(certificates.ca_file), "host": "127.0.0.1"} | more
    return MailPlace(
        name="post",
        port=mail.port,
        tls="starttls",
        sender="reports@example.org",
        to={"b1": ("secretary@example.org",)},
        user=USER,
        password=Secret("MAIL_PASSWORD"),
        timeout=60,
        **given,
    )


def test_mail_arrives_with_attachments(
    mail: MailServer, certificates: Certificates, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = mailbox(mail, certificates, monkeypatch)
    first = to_mail(place, bundle, "secretary@example.org")
    assert to_mail(place, bundle, "secretary@example.org") == first, "sent again it is the same message"
    assert to_mail(place, bundle, "other@example.org") != first
    (to, message), *_ = mail.received
    assert to == ["secretary@example.org"]
    assert message["Subject"] == "月度报告：第一支部"
    assert message["Message-ID"] == first
    found = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert found == {name.replace("/", "-"): content for name, content in FILES.items()}


def test_mail_that_is_refused(
    mail: MailServer, certificates: Certificates, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = mailbox(mail, certificates, monkeypatch)
    mail.answers = ["451 later", "550 never"]
    assert refused(lambda: to_mail(place, bundle, "a@example.org")).again
    assert not refused(lambda: to_mail(place, bundle, "a@example.org")).again
    monkeypatch.setenv("MAIL_PASSWORD", "wrong-password")
    error = refused(lambda: to_mail(place, bundle, "a@example.org"))
    assert "535" in error.what
    assert "wrong-password" not in str(error)
    assert not mail.received
    logins = list(mail.logins)
    untrusted = replace(place, ca_file="")
    assert "TLS" in refused(lambda: to_mail(untrusted, bundle, "a@example.org")).what
    assert mail.logins == logins, "no password went to a server that is not trusted"
    assert "MB" in refused(lambda: to_mail(replace(place, most_bytes=3), bundle, "a@example.org")).what
    monkeypatch.delenv("MAIL_PASSWORD")
    with pytest.raises(ConfigError, match="MAIL_PASSWORD"):
        to_mail(place, bundle, "a@example.org")


# -- robots


def test_robots_take_what_we_say(robots: Robots, tmp_path: Path) -> None:
    (tmp_path / "wecom").write_text(robots.wecom + "\n")
    (tmp_path / "ding").write_text(robots.dingtalk)
    (tmp_path / "sign").write_text(robots.SECRET)
    wecom = RobotPlace(name="w", kind="wecom", webhook=Secret(file=str(tmp_path / "wecom")))
    ding = RobotPlace(
        name="d", kind="dingtalk", webhook=Secret(file=str(tmp_path / "ding")), sign=Secret(file=str(tmp_path / "sign"))
    )
    to_robot(wecom, NOTICE)
    to_robot(ding, NOTICE)
    (_, first), (_, second) = robots.messages
    assert "报告 5 份" in first["markdown"]["content"]
    assert NOTICE.link in second["markdown"]["text"]
    to_robot(wecom, replace(NOTICE, lines=("长" * 1000,) * 5))
    (tmp_path / "sign").write_text("SECother")
    assert "310000" in refused(lambda: to_robot(ding, NOTICE)).what


@pytest.mark.parametrize(
    ("answer", "again"),
    [((500, 0), True), ((429, 0), True), ((403, 0), False), ((200, 45009), True), ((200, 93000), False)],
)
def test_robots_that_refuse(robots: Robots, answer: tuple[int, int], again: bool, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOOK", robots.wecom)
    place = RobotPlace(name="w", kind="wecom", webhook=Secret("HOOK"), timeout=60)
    robots.answers = [answer]
    error = refused(lambda: to_robot(place, NOTICE))
    assert error.again == again
    monkeypatch.setenv("HOOK", "http://127.0.0.1:9/send?key=" + robots.KEY)
    away = refused(lambda: to_robot(place, NOTICE))
    assert away.again
    assert robots.KEY not in f"{error}{away}{error.__cause__}{away.__cause__}"


# -- tries


def test_tries_are_recorded_and_end() -> None:
    outcomes: list[NotDelivered | None] = [NotDelivered("later", again=True), NotDelivered("later", again=True), None]
    seen: list[tuple[str, XuejingError | None]] = []
    pauses: list[float] = []

    def send() -> str:
        if (error := outcomes.pop(0)) is not None:
            raise error
        return "there"

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return True

    assert carry(send, 3, lambda reference, error: seen.append((reference, error)), pause)
    assert [bool(error) for _, error in seen] == [True, True, False]
    assert 0.5 <= pauses[0] <= 1.0 <= pauses[1] <= 2.0
    outcomes = [NotDelivered("never", again=False), None]
    assert not carry(send, 3, lambda *_: None, pause)
    outcomes = [NotDelivered("later", again=True)] * 9
    assert not carry(send, 3, lambda *_: None, pause)
    assert len(outcomes) == 6
