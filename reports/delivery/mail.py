"""By e-mail over TLS, one message for each recipient, with the files attached.

SMTP can't tell whether a message that was cut off in its last moment was accepted: it is sent again then, under the
same Message-ID, by which mail systems and people see that it is the same one.
"""

from __future__ import annotations

import hashlib
import mimetypes
import smtplib
import ssl
from contextlib import ExitStack, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from reports.delivery.content import Bundle, NotDelivered
from reports.schedule.config import EVERYWHERE, MailPlace

_HINT = "check host, port, tls, user and password"


def recipients(place: MailPlace, organisation: str) -> tuple[str, ...] | None:
    """Addresses for an organisation's parcel; empty where the file says so, None where it does not say."""
    return place.to.get(organisation, place.to.get(EVERYWHERE))


def digest(address: str) -> str:
    """What stands for an address in records."""
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def message_id(place: MailPlace, bundle: Bundle, address: str) -> str:
    """The same for the same parcel, recipient and due time."""
    seed = "\n".join((bundle.run, bundle.parcel.organisation, place.name, address))
    return f"<{hashlib.sha256(seed.encode()).hexdigest()[:32]}@{place.sender.rpartition('@')[2]}>"


def to_mail(place: MailPlace, bundle: Bundle, address: str) -> str:
    """Send to one recipient; returns the Message-ID. Raises NotDelivered."""
    size = sum(f.size for f in bundle.parcel.files)
    if size > place.most_bytes:
        raise NotDelivered(
            f"the files have {size / 1e6:.0f} MB, more than a mail may have",
            again=False,
            where=place.name,
            hint="raise most_megabytes, ask for fewer formats, or use a folder",
        )
    message = _message(place, bundle, address)
    password = place.password.read(place.name) if place.password else ""
    try:
        with ExitStack() as exits:
            server = _connection(place)
            exits.callback(server.close)
            if place.user:
                server.login(place.user, password)
            server.send_message(message, place.sender, [address])
            # It is accepted: trouble while saying good-bye must not have it sent again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(
            f"the mail server answered {error.smtp_code}",
            again=400 <= error.smtp_code < 500,
            where=place.name,
            hint=_HINT,
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise NotDelivered(
            f"the mail server refused the recipient with {code}",
            again=400 <= code < 500,
            where=place.name,
            hint=f"check the address for {bundle.parcel.organisation}",
        ) from None
    except ssl.SSLError as error:
        raise NotDelivered(
            f"no trusted TLS with the mail server: {error.reason or 'refused'}",
            again=False,
            where=place.name,
            hint=_HINT,
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise NotDelivered(
            "the mail server does not offer what is needed (TLS, log-in or UTF-8)",
            again=False,
            where=place.name,
            hint=_HINT,
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(
            f"the mail server can't be reached: {type(error).__name__}", again=True, where=place.name, hint=_HINT
        ) from None
    return str(message["Message-ID"])


def _connection(place: MailPlace) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=place.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if place.tls == "implicit":
        return smtplib.SMTP_SSL(place.host, place.port, timeout=place.timeout, context=context)
    server = smtplib.SMTP(place.host, place.port, timeout=place.timeout)
    try:
        server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _message(place: MailPlace, bundle: Bundle, address: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = place.sender, address
    message["Subject"] = " ".join(bundle.subject.split())
    # The time of making, so that a message that is sent again is the same.
    message["Date"] = format_datetime(bundle.made_at)
    message["Message-ID"] = message_id(place, bundle, address)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(bundle.text)
    for file in bundle.parcel.files:
        main, _, sub = (mimetypes.guess_type(file.path)[0] or "application/octet-stream").partition("/")
        content = (bundle.root / file.path).read_bytes()
        message.add_attachment(content, maintype=main, subtype=sub, filename=file.path.replace("/", "-"))
    return message
