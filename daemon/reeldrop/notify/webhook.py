"""A webhook: a signed POST by the Standard Webhooks specification. One of two rooms that speak HTTP."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence

import httpx

from reeldrop.domain.errors import NotTold, SettingsError
from reeldrop.domain.notices import Notice, Occasion
from reeldrop.ports import Clock
from reeldrop.settings import NotifySettings

CONNECT, IN_ALL = 10.0, 30.0
"""Seconds to reach it, and for all of a try."""
REFUSED = frozenset({400, 413, 415, 422})
"""Answers that speak of what was sent, not of the address or the moment."""
ENDS = httpx.codes.GONE


class Webhook:
    """`ports.Receiver` at an HTTP address. The address is named nowhere but by its host."""

    name = "webhook"

    def __init__(
        self, settings: NotifySettings, keys: Sequence[bytes], agent: str, clock: Clock
    ) -> None:
        """Nothing is connected yet; `keys` sign, `agent` is what the receiver sees of us."""
        self._url = settings.webhook
        try:
            self._host = httpx.URL(settings.webhook).host
        except httpx.InvalidURL:
            # The library's own text may quote the address, which may be as good as a password.
            raise SettingsError(
                "notify.webhook: its host is no name that can be looked up"
            ) from None
        self.occasions: Collection[Occasion] = settings.webhook_on
        self._keys = keys
        self._clock = clock
        self._client = _client({"user-agent": agent, "content-type": "application/json"})

    def __str__(self) -> str:
        return f"webhook at {self._host}"

    async def tell(self, notice: Notice) -> bool:
        """Post it once; False where the receiver says that it is gone for good. Raises NotTold."""
        body = json.dumps(notice.record, separators=(",", ":")).encode()
        headers = signature(self._keys, notice.id, int(self._clock.now()), body)
        try:
            async with asyncio.timeout(IN_ALL):
                answer = await self._post(body, headers)
        except TimeoutError as error:
            raise NotTold(f"{self._host} did not answer within {IN_ALL:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # What the library says of it may quote the address.
            raise NotTold(
                f"{self._host} cannot be reached, or does not speak HTTP ({type(error).__name__})"
            ) from error
        return self._understood(answer)

    async def _post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Return the head of the answer; what follows it is not read."""
        async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            return answer

    def _understood(self, answer: httpx.Response) -> bool:
        status = answer.status_code
        if answer.is_success:
            return True
        if status == ENDS:
            return False
        told = f"{self._host} answers {status}"
        if answer.is_redirect:
            raise NotTold(
                f"{told}; redirects are not followed: name the address that answers itself"
            )
        wait = answer.headers.get("retry-after", "")
        raise NotTold(
            told,
            retry_after=float(wait) if wait.isdecimal() and len(wait) < 10 else None,
            refused=status in REFUSED,
        )

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _client(headers: Mapping[str, str]) -> httpx.AsyncClient:
    """Return what posts. Raises SettingsError where the environment makes that impossible."""
    try:
        # By the proxy of the environment, as everything that goes out from here; this host itself, never.
        return httpx.AsyncClient(
            timeout=httpx.Timeout(IN_ALL, connect=CONNECT),
            mounts={"http://": None},
            headers=headers,
            follow_redirects=False,
        )
    except OSError as error:
        raise SettingsError(
            f"notify.webhook: SSL_CERT_FILE of the environment cannot be read: {error.strerror}"
        ) from error
    except (httpx.InvalidURL, ValueError, ImportError):
        # The library's own text may quote a proxy's password.
        raise SettingsError(
            "notify.webhook: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or NO_PROXY of the environment holds "
            "what cannot be understood",
            hint="Proxies are http:// or https:// addresses; NO_PROXY may not hold IPv6 networks, like fd00::/8.",
        ) from None


def signature(keys: Sequence[bytes], notice_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove `body` to whoever holds one of `keys`; `at` in s since the epoch."""
    signed = f"{notice_id}.{at}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in digests),
    }
