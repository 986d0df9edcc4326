"""Addresses among the settings: what may stand in them, and that nothing secret goes over plain http."""

import re
from ipaddress import IPv6Address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from reeldrop.domain.references import is_loopback

_BUCKET = re.compile(r"(?:s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._=/-]*)?")
_LISTEN = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
_NO_NAMES = {"", ".", ".."}
"""What no object store takes between two slashes of a key."""


def _safe_url(value: str) -> str:
    if not value:
        return value
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        # The library's own texts quote what they do not like, and it may be a password.
        raise ValueError("this is no URL; one is like https://host or https://host:port") from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not safe or not host or not value.isprintable() or " " in value:
        raise ValueError("an https:// URL is needed (plain http:// only for this host itself)")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("a URL without user, query and fragment is needed")
    return value.rstrip("/")


def _hook_url(value: str) -> str:
    """Check as for every URL, and keep it to the letter: a slash at its end may matter."""
    _safe_url(value)
    return value


def _argument(value: str) -> str:
    if "\0" in value:
        raise ValueError("no argument of a command can hold a NUL character")
    return value


def _object_store(value: str) -> str:
    plain = value.rstrip("/")
    if plain and (not _BUCKET.fullmatch(plain) or _NO_NAMES & set(plain.split("/")[2:])):
        raise ValueError(
            'an object store is like "s3://bucket/prefix", "gs://bucket/prefix" or '
            '"az://container/prefix", of letters, digits and . _ - ='
        )
    return plain


def _listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if value and (found is None or int(found[2]) > 65_535 or not _is_host(found[1])):
        raise ValueError(
            'where to listen is host:port, like "127.0.0.1:8585" or "[::1]:8585"; "" for nowhere'
        )
    return value


def _is_host(bracketed: str | None) -> bool:
    try:
        return bracketed is None or bool(IPv6Address(bracketed))
    except ValueError:
        return False


def _option(value: object) -> object:
    # Not a union of types: the library would say of each what it is not, and quote the value.
    if not isinstance(value, str | bool | int):
        raise ValueError("an option is a text, a whole number, true or false")  # noqa: TRY004
    return value


def _safe_options(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse an address that the bucket's credentials would reach over plain http elsewhere."""
    for key, value in options.items():
        if _is_address(key, str(value)):
            try:
                _safe_url(str(value))
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from error
    return options


def _is_address(key: str, value: str) -> bool:
    """Say whether an option names an address that credentials go to."""
    name = key.lower()
    if "proxy" in name or "use_" in name or not value:
        # What passes a proxy is encrypted already; and a flag is no address.
        return False
    return "endpoint" in name or value.lower().startswith("http://")


SafeUrl = Annotated[str, AfterValidator(_safe_url)]
HookUrl = Annotated[str, AfterValidator(_hook_url), Field(repr=False)]
"""Where something is posted to. Its path may be as good as a password: it is never shown."""
Argument = Annotated[str, AfterValidator(_argument)]
ObjectStore = Annotated[str, AfterValidator(_object_store)]
Listen = Annotated[str, AfterValidator(_listen)]
Options = Annotated[
    dict[str, Annotated[Any, BeforeValidator(_option)]],
    AfterValidator(_safe_options),
    Field(repr=False),
]
"""Of an object store, credentials among them: they are never shown."""
