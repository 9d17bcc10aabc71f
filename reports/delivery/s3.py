"""To S3-compatible storage. Each object is put whole, and the server checks its SHA-256 before it accepts it."""

from __future__ import annotations

import mimetypes
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    InvalidPathError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from reports.delivery.content import SUMS, Bundle, NotDelivered
from reports.schedule.config import S3Place

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

_FINAL = (InvalidPathError, NotFoundError, PermissionDeniedError, UnauthenticatedError)


def to_s3(place: S3Place, bundle: Bundle) -> str:
    """Deliver; returns where to. Putting an object again replaces it by the same bytes. Raises NotDelivered."""
    secrets = [s.read(place.name) for s in (place.access_key, place.secret_key) if s]
    prefix = f"{place.prefix}/{bundle.place}" if place.prefix else bundle.place
    try:
        store = _store(place, secrets)
        for file in bundle.parcel.files:
            _put(store, f"{prefix}/{file.path}", (bundle.root / file.path).read_bytes())
        _put(store, f"{prefix}/{SUMS}", bundle.sums)
    except OSError as error:
        raise NotDelivered(f"can't be read: {error.strerror}", again=False, where=place.name) from error
    except BaseError as error:
        again = isinstance(error, GenericError) or not isinstance(error, _FINAL)
        raise NotDelivered(
            f"the storage refused or did not answer: {_reason(error, secrets)}",
            again=again,
            where=place.name,
            hint="check endpoint, bucket, keys and rights",
        ) from None
    return f"s3://{place.bucket}/{prefix}"


def _store(place: S3Place, secrets: list[str]) -> S3Store:
    config: S3Config = {
        "bucket": place.bucket,
        "region": place.region,
        "checksum_algorithm": "SHA256",
        "virtual_hosted_style_request": not place.path_style,
    }
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if len(secrets) == 2:
        config["access_key_id"], config["secret_access_key"] = secrets
    options: ClientConfig = {
        "timeout": timedelta(seconds=place.timeout),
        "connect_timeout": timedelta(seconds=min(10.0, place.timeout)),
        "allow_http": place.endpoint.startswith("http://"),
    }
    if place.ca_file:
        options["root_certificate"] = Path(place.ca_file).read_bytes()
    # Tries are counted and recorded by the caller.
    return S3Store(config=config, client_options=options, retry_config={"max_retries": 0})


def _put(store: S3Store, key: str, content: bytes) -> None:
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    obstore.put(store, key, content, attributes={"Content-Type": kind}, use_multipart=False)


def _reason(error: BaseError, secrets: list[str]) -> str:
    text = " ".join(str(error).split())[:200]
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
