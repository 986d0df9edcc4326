"""Times as people and programs read them."""

from datetime import UTC, datetime


def moment(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    time = datetime.fromtimestamp(seconds, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def paused_reason(since: float) -> str:
    """Say that a person has paused the submits, since when (s since the epoch), and what ends it."""
    return f"paused by a person since {moment(since)}; `reeldrop resume` goes on"
