"""How a stand-in is set up: what its user chooses, and the parts that its routes work with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reeldrop.simulator.catalogue import Catalogue
from reeldrop.simulator.faults import Faults
from reeldrop.simulator.ledger import Ledger
from reeldrop.simulator.making import Workshop


@dataclass(frozen=True, slots=True)
class Terms:
    """What is not documented of the API, or differs between accounts."""

    ids: Literal["nanoid", "uuid"] = "nanoid"
    """`uuid` is the older form `<uuid>:<model>`, with characters that a URL must encode."""
    usd_per_second: float = 0.2184
    """Of the result's duration."""
    balance: float = 10_000.0
    """USD in the account; what does not fit into it is refused as "out_of_funds"."""
    logged: Literal["at_end", "at_once"] = "at_end"
    """When a generation has its row in the request log."""
    clock_offset: float = 0.0
    """Seconds that the provider's clock is ahead of this host's."""
    catalogue_dir: Path | None = None
    """More models, one JSON file each."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    folder: Path
    key: str | None
    generation_seconds: float
    terms: Terms
    catalogue: Catalogue
    ledger: Ledger
    faults: Faults
    workshop: Workshop
    files_url: Callable[[], str]
