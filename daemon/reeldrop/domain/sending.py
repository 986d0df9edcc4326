"""How a file goes to the provider: inside the request, or as an address from which it is fetched."""

from dataclasses import dataclass

from reeldrop.domain.errors import Unsendable
from reeldrop.domain.fitting import megabytes
from reeldrop.domain.job import Way

AUTO = "auto"
WAYS = (AUTO, *map(str, Way))
"""What `upload` may be in a sidecar, for a watch, and in [upload] mode."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The way a file goes, and for people why."""

    way: Way
    why: str


@dataclass(frozen=True, slots=True)
class Means:
    """What the settings offer: up to how many bytes a file goes inside the request, and URLs or none."""

    data_uri_max: int
    can_sign: bool


def choose(wanted: str, name: str, size: int, means: Means) -> Choice:
    """Return the way of a file of `size` bytes, where `wanted` is one of WAYS.

    Raises:
        Unsendable: `wanted` cannot be had.
    """
    if wanted == Way.SIGNED_URL and not means.can_sign:
        raise Unsendable(
            f"{name} cannot be sent as a signed URL: neither upload.object_store nor "
            "upload.public_url is set.",
            hint='Set one of them, or set upload to "auto" or "data_uri".',
        )
    if wanted in tuple(Way):
        return Choice(Way(wanted), "asked for")
    if wanted != AUTO:
        raise Unsendable(
            f'{name} cannot be sent as "{wanted[:32]}": there is no such way.',
            hint=f"Set upload to one of {', '.join(WAYS)}.",
        )
    told, most = _told(size, means.data_uri_max)
    most = f"upload.data_uri_max ({most})"
    if size <= means.data_uri_max:
        return Choice(Way.DATA_URI, f"{told} is not over {most}")
    if means.can_sign:
        return Choice(Way.SIGNED_URL, f"{told} is over {most}")
    return Choice(
        Way.DATA_URI,
        f"{told} is over {most}, but neither upload.object_store nor upload.public_url is set",
    )


def _told(size: int, most: int) -> tuple[str, str]:
    """Return two sizes for people, to the byte where they would look the same."""
    told = megabytes(size), megabytes(most)
    return (f"{size} bytes", f"{most} bytes") if told[0] == told[1] else told
