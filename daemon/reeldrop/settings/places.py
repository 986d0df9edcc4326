"""Addresses among the settings: what may stand in them, and that nothing secret goes over plain http."""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from reeldrop.domain.references import is_loopback

_BUCKET = re.compile(r"(?:s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._=/-]*)?")
_LISTEN = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")


def _safe_url(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or not value.isprintable() or " " in value:
        raise ValueError("an https:// URL is needed (plain http:// only for this host itself)")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("a URL without user, query and fragment is needed")
    return value.rstrip("/")


def _object_store(value: str) -> str:
    if value and (not _BUCKET.fullmatch(value) or ".." in value.split("/")):
        raise ValueError('an object store is like "s3://bucket/prefix", "gs://…" or "az://…"')
    return value.rstrip("/")


def _listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if value and (found is None or int(found[1]) > 65_535):
        raise ValueError('where to listen is host:port, like "127.0.0.1:8585"; "" for nowhere')
    return value


SafeUrl = Annotated[str, AfterValidator(_safe_url)]
ObjectStore = Annotated[str, AfterValidator(_object_store)]
Listen = Annotated[str, AfterValidator(_listen)]


def check_endpoint(options: Mapping[str, str | bool | int]) -> None:
    """Raise ValueError where an object store's options name a plain http:// endpoint elsewhere."""
    for key, value in options.items():
        if "endpoint" in key.lower() and isinstance(value, str) and value:
            try:
                _safe_url(value)
            except ValueError as error:
                raise ValueError(f"object_store_options.{key}: {error}") from error
