"""What the stand-in has accepted, made and charged. The only question that matters is asked here: was
this clip paid for once?
"""

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reeldrop.simulator.answers import nanoid
from reeldrop.simulator.faults import Ending
from reeldrop.simulator.http import Seen

CREDITS_PER_USD = 2_000_000
REMEMBERED = 10_000  # requests; generations are all remembered
QUEUED_SHARE = 0.25  # of the time that a generation takes


@dataclass(slots=True)
class Generation:
    """One accepted request. Its state follows from the time and from the making of its result."""

    id: str
    client_request_id: str | None
    model: str
    params: Mapping[str, Any]
    """As they came, without `model`; media stand as {bytes, sha256, mime}."""
    seen: Seen
    price: float
    """USD; taken when it completes."""
    seconds: float
    """How long it takes at least."""
    ending: Ending
    making: "Future[Path] | None"
    """None where the result is there already."""
    fetched: dict[str, Any] = field(default_factory=dict[str, Any])
    """What was downloaded for it: {url: {bytes, sha256, mime}} or {url: {error}}."""
    slug: str = field(default_factory=nanoid)
    """Its name in URLs of results."""
    serial: int = 0
    """Raised when the result's URL has expired."""
    polls: int = 0
    begun: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> bool:
        """Say whether it is over."""
        if self.ending is Ending.NEVER or time.monotonic() - self.begun < self.seconds:
            return False
        return self.making is None or self.making.done()

    @property
    def failed(self) -> bool:
        """Say whether it has ended without a charge."""
        return self.ended and (not self.ending.charged or self.trouble is not None)

    @property
    def trouble(self) -> BaseException | None:
        """What kept its result from being made."""
        if self.making is None or not self.making.done():
            return None
        if self.making.cancelled():
            return InterruptedError("the stand-in was closed")
        return self.making.exception()

    @property
    def status(self) -> str:
        """The word of the API for its state: queued, generating, completed, error."""
        if self.ended:
            return "error" if self.failed else "completed"
        waits = time.monotonic() - self.begun < self.seconds * QUEUED_SHARE
        return "queued" if waits else "generating"

    @property
    def charged_usd(self) -> float:
        """What was taken for it; nothing before it has completed."""
        return self.price if self.ended and not self.failed else 0.0

    @property
    def charged_credits(self) -> int:
        """The same in credits."""
        return credits_of(self.charged_usd)

    def as_json(self) -> dict[str, Any]:
        """Return it as the control route shows it."""
        plain = ("id", "client_request_id", "model", "params", "fetched", "polls", "status")
        return {
            **{name: getattr(self, name) for name in plain},
            "request": asdict(self.seen),
            "price_usd": self.price,
            "charged_usd": self.charged_usd,
            "charged_credits": self.charged_credits,
        }


def credits_of(usd: float) -> int:
    """Return a price in the API's credits."""
    return round(usd * CREDITS_PER_USD)


@dataclass(frozen=True, slots=True)
class Refused:
    """A submit that made nothing and is in the request log as failed."""

    inference_id: str
    client_request_id: str | None
    model: str
    at: float


@dataclass(slots=True)
class Ledger:
    """Everything that came and what it cost."""

    accepted: list[Generation] = field(default_factory=list[Generation])
    refused: list[Refused] = field(default_factory=list[Refused])
    requests: deque[Seen] = field(default_factory=lambda: deque[Seen](maxlen=REMEMBERED))
    """What the API's port saw, the key taken out."""
    files: deque[Seen] = field(default_factory=lambda: deque[Seen](maxlen=REMEMBERED))
    """What the file host's port saw, nothing taken out."""
    _by_id: dict[str, Generation] = field(default_factory=dict[str, Generation])
    _by_slug: dict[str, Generation] = field(default_factory=dict[str, Generation])

    def accept(self, generation: Generation) -> None:
        """Record a new generation."""
        self.accepted.append(generation)
        self._by_id[generation.id] = generation
        self._by_slug[generation.slug] = generation

    def find(self, generation_id: str) -> Generation | None:
        """Return the generation of this id."""
        return self._by_id.get(generation_id)

    def find_slug(self, slug: str) -> Generation | None:
        """Return the generation whose result has this name in its URL."""
        return self._by_slug.get(slug)

    @property
    def charged_usd(self) -> float:
        """What all completed generations cost."""
        return sum(generation.charged_usd for generation in self.accepted)

    @property
    def owed_usd(self) -> float:
        """What is charged or held: all generations that have not failed."""
        return sum(each.price for each in self.accepted if not each.failed)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as the control route shows it."""
        return {
            "accepted": [generation.as_json() for generation in self.accepted],
            "refused": [asdict(refused) for refused in self.refused],
            "requests": [asdict(seen) for seen in self.requests],
            "files": [asdict(seen) for seen in self.files],
            "charged_usd": self.charged_usd,
            "charged_credits": credits_of(self.charged_usd),
        }
