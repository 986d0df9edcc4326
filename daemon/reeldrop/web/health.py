"""`/healthz`: whether the daemon does what it should."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from reeldrop.domain.moments import moment, paused_reason
from reeldrop.ports import Overview, Scope
from reeldrop.serving.http import Answer
from reeldrop.web.glance import Glance, Seen
from reeldrop.web.records import blocked_reason
from reeldrop.web.refusals import PLAIN

WATCH = Scope.WATCH


@dataclass(frozen=True, slots=True)
class Self:
    """Which daemon this is."""

    version: str
    node: str
    pid: int


class HealthPage:
    """Tells how the daemon is: 200 where it is well, 503 where it is not."""

    def __init__(
        self,
        own: Self,
        glance: Glance,
        late: Mapping[str, float],
        stalled: Callable[[], Collection[str]],
    ) -> None:
        """`late` holds, by watch, after how many seconds without a look something is wrong.

        `stalled` names the lanes of the engine that stand still though they should not.
        """
        self._own, self._glance, self._late, self._stalled = own, glance, late, stalled

    async def answer(self, *, details: bool) -> Answer:
        """Answer; without `details` only whether all is well."""
        document = health_document(
            self._own, await self._glance.look(), self._late, self._stalled()
        )
        status = HTTPStatus.OK if document["ok"] else HTTPStatus.SERVICE_UNAVAILABLE
        told = document if details else {"ok": document["ok"]}
        body = json.dumps(told).encode("ascii") + b"\n"
        return Answer(status, body, PLAIN | {"content-type": "application/json"})


def health_document(
    own: Self, seen: Seen, late: Mapping[str, float], stalled: Collection[str] = ()
) -> dict[str, Any]:
    """Return how the daemon is as plain JSON values.

    That the provider does not take submits is told, and is no fault of the daemon's: it waits.
    """
    watches = list(seen.watches(late))
    well = seen.overview is not None and all(each["ok"] for each in watches) and not stalled
    return {
        "ok": well,
        "version": own.version,
        "node": own.node,
        "pid": own.pid,
        "at": moment(seen.now),
        "store": {"ok": seen.overview is not None, "reason": seen.trouble},
        "provider": _provider(seen.overview),
        "stalled": sorted(stalled),
        "watches": watches,
    }


def _provider(overview: Overview | None) -> dict[str, str]:
    """Say whether submits are made; what stops one watch alone is none of the provider's."""
    if overview is None:
        return {"state": "unknown", "reason": ""}
    if overview.paused is not None:
        return {"state": "paused", "reason": paused_reason(overview.paused)}
    reason = blocked_reason([each for each in overview.blocks if each.scope is not WATCH])
    return {"state": "blocked" if reason else "ok", "reason": reason}
