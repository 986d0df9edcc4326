"""`/metrics`: the numbers, as Prometheus reads them."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from reeldrop.serving.http import Answer
from reeldrop.telemetry.metrics import Counters, exposition
from reeldrop.web.figures import figures
from reeldrop.web.glance import Glance
from reeldrop.web.health import Self
from reeldrop.web.refusals import PLAIN


class MetricsPage:
    """Writes what was counted and what is seen now."""

    def __init__(
        self, own: Self, glance: Glance, late: Mapping[str, float], counters: Counters
    ) -> None:
        self._own, self._glance, self._late, self._counters = own, glance, late, counters

    async def answer(self, accept: str) -> Answer:
        """Answer in the format that the Accept header asks for."""
        seen = tuple(figures(self._own, await self._glance.look(), self._late))
        body, content_type = await asyncio.to_thread(exposition, self._counters, seen, accept)
        return Answer(HTTPStatus.OK, body, PLAIN | {"content-type": content_type})
