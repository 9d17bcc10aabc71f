"""Which deliveries a run needs, and the one function for each kind of destination."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reports.delivery.content import Bundle, NotDelivered, Notice
from reports.delivery.folder import to_folder
from reports.delivery.mail import digest, recipients, to_mail
from reports.delivery.robots import to_robot
from reports.delivery.s3 import to_s3
from reports.schedule.config import Destination, FolderPlace, Job, MailPlace, RobotPlace, S3Place
from reports.schedule.manifest import OPEN, Delivery, Manifest, Parcel

NO_ADDRESS = "-"
"""Stands for a recipient that the file does not name."""


def agree(manifest: Manifest, job: Job, destinations: Mapping[str, Destination]) -> None:
    """Bring the deliveries of an open run in line with the file as it is now: a corrected address counts.

    Open ones that are no longer wanted are dropped; new ones are added; what is final stays.
    """
    wanted = {d.key: d for d in _wanted(manifest, job, destinations)}
    for delivery in manifest.deliveries:
        if delivery.key not in wanted and delivery.state in OPEN:
            delivery.state = "dropped"
    have = {d.key: d for d in manifest.deliveries}
    for key, delivery in wanted.items():
        old = have.get(key)
        if old is None:
            manifest.deliveries.append(delivery)
        elif delivery.state == "withheld" and old.state in OPEN:
            old.state = "withheld"
        elif delivery.state == "waiting" and old.state in ("dropped", "withheld"):
            old.state = "waiting"
    # Robots tell what the others have done.
    manifest.deliveries.sort(key=lambda d: isinstance(destinations.get(d.destination), RobotPlace))


def _wanted(manifest: Manifest, job: Job, destinations: Mapping[str, Destination]) -> Iterator[Delivery]:
    for name in job.destinations:
        place = destinations.get(name)
        if place is None:
            continue
        if isinstance(place, RobotPlace):
            yield Delivery(name)
            continue
        for parcel in manifest.parcels:
            withheld = parcel.named and not place.may_get(parcel.organisation, parcel.above)
            for recipient in _recipients(place, parcel):
                yield Delivery(name, parcel.organisation, recipient, "withheld" if withheld else "waiting")


def _recipients(place: Destination, parcel: Parcel) -> list[str]:
    if not isinstance(place, MailPlace):
        return [""]
    found = recipients(place, parcel.organisation)
    return [NO_ADDRESS] if found is None else [digest(address) for address in found]


def sender(
    delivery: Delivery, manifest: Manifest, destinations: Mapping[str, Destination], files: Path, run: str
) -> tuple[Callable[[], str], int]:
    """What one try does (it returns the reference for the receiver), and how many tries there are in a run."""
    place = destinations[delivery.destination]
    if isinstance(place, RobotPlace):
        message = notice(manifest, place.link)
        return (lambda: to_robot(place, message)), place.attempts
    parcel = next(p for p in manifest.parcels if p.organisation == delivery.organisation)
    content = bundle(manifest, parcel, files, run)
    if isinstance(place, FolderPlace):
        return (lambda: to_folder(place, content)), place.attempts
    if isinstance(place, S3Place):
        return (lambda: to_s3(place, content)), place.attempts
    return (lambda: _mail(place, content, delivery.recipient)), place.attempts


def _mail(place: MailPlace, content: Bundle, recipient: str) -> str:
    addresses = recipients(place, content.parcel.organisation) or ()
    address = next((a for a in addresses if digest(a) == recipient), None)
    if address is None:
        raise NotDelivered(
            f"organisation {content.parcel.organisation!r} has no address",
            again=False,
            where=place.name,
            hint=f"add it to [destination.{place.name}.to], with [] if nobody is to get it",
        )
    return to_mail(place, content, address)


def bundle(manifest: Manifest, parcel: Parcel, files: Path, run: str) -> Bundle:
    """A parcel with the words around it, in the first language of the job."""
    plan, cut_off = manifest.plan, manifest.cut_off or manifest.planned_at
    period = f"{plan.first} – {plan.last}"
    if plan.languages[:1] == ("en",):
        subject = f"{plan.title}: {parcel.title}, {plan.label}"
        text = (
            f"Attached: evaluation reports of {parcel.title}, {period}. {parcel.reports} reports, "
            f"{len(parcel.files)} files.\nCut-off: {cut_off:%Y-%m-%d %H:%M} UTC.\n"
        )
        if parcel.named:
            text += "They hold personal learning records: for the person named in the schedule only.\n"
    else:
        subject = f"{plan.title}：{parcel.title} {plan.label}"
        text = (
            f"附件为{parcel.title} {period} 的评价报告：{parcel.reports} 份，{len(parcel.files)} 个文件。\n"
            f"统计截止：{cut_off:%Y-%m-%d %H:%M} UTC。\n"
        )
        if parcel.named:
            text += "内含个人学习记录，仅限指定收件人使用，请勿转发。\n"
    return Bundle(parcel, files / parcel.folder, run, subject, text, manifest.made_at or cut_off)


def notice(manifest: Manifest, link: str) -> Notice:
    """Figures about a run. The title is the one in the file of schedules; nobody and no organisation is named."""
    plan = manifest.plan
    reports, organisations = sum(p.reports for p in manifest.parcels), len(manifest.parcels)
    others = [d for d in manifest.deliveries if (d.organisation, d.recipient) != ("", "")]
    away = sum(d.state not in ("delivered", "withheld", "dropped") for d in others)
    period = f"{plan.first} – {plan.last}"
    if plan.languages[:1] == ("en",):
        lines = [f"Period: {period}", f"{reports} reports about {organisations} organisations, {manifest.files} files"]
        lines += [f"{away} deliveries have not worked yet"] if away else []
    else:
        lines = [f"统计时段：{period}", f"报告 {reports} 份，涉及组织 {organisations} 个，文件 {manifest.files} 个"]
        lines += [f"尚有 {away} 项未送达"] if away else []
    return Notice(plan.title, tuple(lines), link)
