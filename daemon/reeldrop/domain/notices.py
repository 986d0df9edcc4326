"""What others are told of: the occasions, and one notice. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Occasion(StrEnum):
    """What a notice is about; the words that stand in the settings."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNCERTAIN = "uncertain"  # held: nothing more happens to it without a person
    BLOCKED = "blocked"  # nothing is submitted, of all jobs, one model or one watch
    UNBLOCKED = "unblocked"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that one receiver is told, perhaps more than once: always under the same `id`.

    `at` is when it happened, in seconds since the epoch. `title` and `message` are for people, one line
    each; `record` is all of it as plain JSON values.
    """

    id: str
    occasion: Occasion
    at: float
    title: str
    message: str
    record: Mapping[str, Any]
