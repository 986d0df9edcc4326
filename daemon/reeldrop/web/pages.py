"""What is asked for at the web listener, and who may have it."""

import hmac
from http import HTTPStatus

from pydantic import SecretStr

from reeldrop.serving.http import Answer, Handler, Request
from reeldrop.web.health import HealthPage
from reeldrop.web.metrics import MetricsPage
from reeldrop.web.refusals import Refusals

HEALTH, METRICS, MEDIA = "/healthz", "/metrics", "/media/"
METHODS = ("GET", "HEAD")


class Pages:
    """Hands each request to its page. Bodies of requests are not read."""

    def __init__(
        self,
        health: HealthPage,
        metrics: MetricsPage,
        media: Handler | None,
        token: SecretStr | None,
        refusals: Refusals,
    ) -> None:
        """`media` is None where nothing is offered by a media route; without `token` all may see all."""
        self._health, self._metrics, self._media = health, metrics, media
        self._token = f"bearer {token.get_secret_value()}".encode() if token else None
        self._refusals = refusals

    async def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        path = request.target.partition("?")[0]
        if self._media is not None and path.startswith(MEDIA):
            return await self._media(request)
        if path not in (HEALTH, METRICS):
            return self._refusals.refused(HTTPStatus.NOT_FOUND)
        if request.method not in METHODS:
            return self._refusals.refused(
                HTTPStatus.METHOD_NOT_ALLOWED, {"allow": ", ".join(METHODS)}
            )
        given = request.headers.get("authorization")
        if given is None and path == HEALTH:
            return await self._health.answer(details=self._token is None)
        if not self._may_see(given):
            return self._refusals.refused(
                HTTPStatus.UNAUTHORIZED, {"www-authenticate": 'Bearer realm="reeldrop"'}
            )
        if path == HEALTH:
            return await self._health.answer(details=True)
        return await self._metrics.answer(request.headers.get("accept", ""))

    def _may_see(self, given: str | None) -> bool:
        if self._token is None:
            return True
        scheme, _, token = (given or "").partition(" ")
        shown = f"{scheme.lower()} {token.strip()}".encode("latin-1", "replace")
        # The time that this takes says nothing of the token.
        return hmac.compare_digest(shown, self._token)
