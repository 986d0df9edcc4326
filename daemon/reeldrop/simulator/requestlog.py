"""`GET /v2/logs`: one row for each request that made a generation or failed to, newest first.

The parameters, their limits and the shape of the answer are those of the API's own documentation.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from reeldrop.simulator.answers import iso
from reeldrop.simulator.ledger import Generation, Ledger, Refused

Query = Mapping[str, list[str]]
PERIOD = re.compile(r"([1-9]\d{0,5})([hd])")
HOURS = {"h": 1, "d": 24}
LONGEST = 92 * 86400.0  # s
STATUSES = ("succeeded", "failed")


class QueryRefused(Exception):
    """The query is none; the first argument says why."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for; times in seconds since the epoch."""

    start: float
    end: float
    models: tuple[str, ...]
    statuses: tuple[str, ...]
    limit: int
    offset: int

    def holds(self, row: Mapping[str, Any], at: float) -> bool:
        """Say whether `row`, made at `at`, is asked for."""
        if not self.start <= at <= self.end:
            return False
        if self.models and row["model"] not in self.models:
            return False
        return not self.statuses or row["status"] in self.statuses


def read_query(query: Query, now: float) -> Window:
    """Return what is asked for. Raises QueryRefused."""
    start, end = _times(query, now)
    statuses = tuple(query.get("status", []))
    if wrong := [each for each in statuses if each not in STATUSES]:
        raise QueryRefused(f"status must be one of: {', '.join(STATUSES)}; received '{wrong[0]}'")
    models = tuple(query.get("model", []))
    if len(models) > 50:
        raise QueryRefused("model takes at most 50 values")
    limit, offset = _whole(query, "limit", 50), _whole(query, "offset", 0)
    if not 1 <= limit <= 100:
        raise QueryRefused("limit must be between 1 and 100")
    return Window(start, end, models, statuses, limit, offset)


def _times(query: Query, now: float) -> tuple[float, float]:
    period = query.get("period")
    bounds = [query[name][-1] for name in ("start", "end") if name in query]
    if (period is not None) == bool(bounds) or len(bounds) == 1:
        raise QueryRefused("Provide either period or both start and end")
    if period is None:
        start, end = _moment(bounds[0]), _moment(bounds[1])
    else:
        match = PERIOD.fullmatch(period[-1])
        if match is None:
            raise QueryRefused("period must be a positive integer followed by h or d")
        start, end = now - int(match[1]) * HOURS[match[2]] * 3600.0, now
    if end < start:
        raise QueryRefused("end must not be earlier than start")
    if end - start > LONGEST:
        raise QueryRefused("The window must not exceed 92 days")
    return start, end


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryRefused(f"'{text}' is not an ISO-8601 date") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _whole(query: Query, name: str, default: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not re.fullmatch(r"\d{1,9}", text):
        raise QueryRefused(f"{name} must be a whole number")
    return int(text)


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The log over a ledger."""

    ledger: Ledger
    at_once: bool
    """Whether a generation has its row before it has ended; not documented, so it can be either."""
    clock: Callable[[float], float]
    """Makes a time of this host one of the provider's clock."""

    def page(self, window: Window) -> dict[str, Any]:
        """Return the page that is asked for."""
        found = [row for at, row in self._rows() if window.holds(row, at)]
        end = window.offset + window.limit
        return {
            "data": found[window.offset : end],
            "pagination": {
                "limit": window.limit,
                "offset": window.offset,
                "total": len(found),
                "has_more": end < len(found),
            },
        }

    def _rows(self) -> Iterator[tuple[float, dict[str, Any]]]:
        rows = [
            (self.clock(each.seen.first_byte), self._row(each))
            for each in self.ledger.accepted
            if each.ended or self.at_once
        ]
        rows += [(self.clock(each.at), self._failed(each)) for each in self.ledger.refused]
        return iter(sorted(rows, key=itemgetter(0), reverse=True))

    def _row(self, generation: Generation) -> dict[str, Any]:
        return {
            "created": iso(self.clock(generation.seen.first_byte)),
            "status": "failed" if generation.failed else "succeeded",
            "origin": "api",
            "model": generation.model,
            "cost": {"usd": generation.charged_usd, "credits": generation.charged_credits},
            "tokens": {"input": 0, "output": 0, "total": 0},
            "request_id": f"req-{generation.slug}",
            "inference_id": generation.id,
            "client_request_id": generation.client_request_id,
        }

    def _failed(self, refused: Refused) -> dict[str, Any]:
        return {
            "created": iso(self.clock(refused.at)),
            "status": "failed",
            "origin": "api",
            "model": refused.model,
            "cost": {"usd": 0, "credits": 0},
            "tokens": {"input": 0, "output": 0, "total": 0},
            "request_id": f"req-{refused.inference_id}",
            "inference_id": refused.inference_id,
            "client_request_id": refused.client_request_id,
        }
