"""What goes into the intake of one watch, and what one look at its inbox comes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reeldrop.domain.job import Job, Waiting


@dataclass(frozen=True, slots=True)
class Watch:
    """What the intake needs to know of a watch; times in seconds.

    `extensions` are those of clips, without a dot; `archive` is `move`, `delete` or `keep`;
    `defaults` is the preset for the whole watch.
    """

    name: str
    extensions: tuple[str, ...]
    settle: float
    settle_polling: float
    rescan_interval: float
    sidecar_grace: float
    sidecar_timeout: float
    incomplete_timeout: float
    archive: str
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at an inbox came to."""

    wait: float
    """Seconds until the inbox must be looked at again, if nothing changes before."""
    jobs_added: int = 0
    refused: tuple[Job, ...] = ()
    """Refused drops that await their delivery; this daemon owns them."""
    still_settling: bool = False
    """Files are on their way; a drop that waits for a part nobody has begun does not count."""
    waiting: tuple[Waiting, ...] = ()
    offline: str = ""
    """Why the folder could not be looked at."""
