"""Looks for submits in the provider's request log, `GET /v2/logs`.

It must not decide what a finding, or none, means for a job. Rule 1: that something is not in the log
is said only after all of its pages were read; every doubt on the way is an error instead. Rule 2:
"failed" lets a request be paid for again, so no other word counts as that, and a row that says
otherwise goes before it.

Parameters, limits and the shape of the answer are those of the API's own documentation.
"""

import math
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reeldrop.domain.errors import ProviderUnavailable
from reeldrop.domain.job import Cost
from reeldrop.ports import Clock, LogRow
from reeldrop.provider.verdicts import Call, of_answer
from reeldrop.provider.wire import Answer, identifier, number, parse

LOGS = "/v2/logs"
PERIODS = {"1h": 3600.0, "24h": 86_400.0, "7d": 604_800.0}
"""s, by their names in the API, shortest first."""
MARGIN = 600.0
"""s that are asked for beyond what the caller wants: a row may be dated before our sending ended."""
PAGE = 100
"""Rows; the most that the API gives at once."""
PAGES_MAX = 1000
BURST = 20
INTERVAL = 0.35
"""s between two pages after BURST of them: at most 191 in any 60 s, and the API allows 200."""


class RequestLog:
    """The provider's log of the requests that made a generation or failed to."""

    def __init__(self, get: Callable[[str], Awaitable[Answer]], clock: Clock) -> None:
        """`get` asks the API for a path, with the key, and raises a StepError where nothing came."""
        self._get = get
        self._clock = clock
        self._turn = -math.inf

    async def find(self, request_ids: Collection[str], reach: float) -> dict[str, LogRow]:
        """Return the rows of those submits that are in the log; see the port."""
        wanted, found = frozenset(request_ids), dict[str, LogRow]()
        period, offset = period_of(reach), 0
        for _ in range(PAGES_MAX):
            if all(_is_settled(found.get(each)) for each in wanted):
                return found
            page = await self._page(period, offset)
            for row in page.rows:
                if row.request_id in wanted:
                    found[row.request_id] = max(found.get(row.request_id, row), row, key=_weight)
            if not page.more:
                return found
            # By what came, not by what was asked for: a shorter page must not hide rows.
            offset += page.size
        raise ProviderUnavailable(
            f"The provider's request log of the last {period} has more than {PAGES_MAX} pages; "
            "it could not be read to its end.",
            hint="Look the request up in the account's log.",
        )

    async def _page(self, period: str, offset: int) -> "Page":
        await self._wait_for_turn()
        # Neither `model` nor `status`: a model may have been renamed, and both outcomes count.
        answer = await self._get(f"{LOGS}?period={period}&limit={PAGE}&offset={offset}")
        page = read_page(answer, offset) if 200 <= answer.status < 300 else None
        if page is None:
            raise of_answer(Call.LOG, answer, self._clock.now())
        return page

    async def _wait_for_turn(self) -> None:
        """Keep to the API's rate, over all searches of this process together."""
        now = self._clock.monotonic()
        self._turn = max(self._turn, now - BURST * INTERVAL) + INTERVAL
        if self._turn > now:
            await self._clock.sleep(self._turn - now)


def period_of(reach: float) -> str:
    """Return the shortest period that covers `reach` seconds and a margin; never more than 7 days."""
    lengths = PERIODS.items()
    return next((name for name, length in lengths if reach + MARGIN <= length), "7d")


def _weight(row: LogRow) -> tuple[bool, bool]:
    return row.made, row.generation_id is not None


def _is_settled(row: LogRow | None) -> bool:
    """Say whether no later row could outweigh this one."""
    return row is not None and _weight(row) == (True, True)


# ---------------------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the log. `rows` holds those of its `size` rows that carry a client's id."""

    rows: tuple[LogRow, ...]
    size: int
    more: bool


def read_page(answer: Answer, offset: int) -> Page | None:
    """Return the page that a 2xx body holds, or None where it is not the page that was asked for."""
    data = parse(answer.body)
    if not isinstance(data, dict):
        return None
    rows, pagination = data.get("data"), data.get("pagination")
    if not isinstance(rows, list) or not isinstance(pagination, dict):
        return None
    more = pagination.get("has_more")
    if not isinstance(more, bool) or not all(isinstance(row, dict) for row in rows):
        return None
    if number(pagination.get("offset")) not in {None, float(offset)}:
        return None
    # No rows where there should be some: the log is not at its end, it has failed.
    if not rows and (more or (number(pagination.get("total")) or 0.0) > offset):
        return None
    return Page(tuple(_rows(rows)), len(rows), more)


def _rows(rows: list[Mapping[str, Any]]) -> Iterator[LogRow]:
    for row in rows:
        request_id = row.get("client_request_id")
        if isinstance(request_id, str) and request_id:
            made = str(row.get("status")).strip().lower() != "failed"
            yield LogRow(request_id, made, identifier(row.get("inference_id")), _cost(row))


def _cost(row: Mapping[str, Any]) -> Cost | None:
    cost = row.get("cost")
    if not isinstance(cost, dict):
        return None
    credit, usd = number(cost.get("credits")), number(cost.get("usd"))
    return None if credit is None and usd is None else Cost(credit, usd)
