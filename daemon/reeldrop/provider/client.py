"""The API over HTTP: submit, poll, request log, balance; results are fetched by `fetch`.

The key goes to the API's own address alone: redirects are never followed with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from reeldrop.domain.errors import SettingsError, StepError
from reeldrop.domain.job import GenerationId
from reeldrop.ports import Clock, Generation, LogRow, Meter, SubmitRequest
from reeldrop.provider.body import SubmitBody
from reeldrop.provider.clients import Clients, Timeouts
from reeldrop.provider.connection import OneRequest, Patience, environment_proxy
from reeldrop.provider.fetch import Fetcher
from reeldrop.provider.requestlog import RequestLog
from reeldrop.provider.verdicts import FOREIGN, Call, of_answer, of_exception
from reeldrop.provider.wire import ANSWER_MAX, Answer, read_balance, read_generation
from reeldrop.settings import ApiSettings

GENERATIONS = "/v2/video/generations"
BILLING = "/v2/billing"
ELSEWHERE = "https://results.invalid"
"""Stands for the servers of results, which nobody knows before."""


def open_provider(
    settings: ApiSettings, key: SecretStr | None, version: str, clock: Clock
) -> "HttpProvider":
    """Return the provider of `settings`; nothing is connected yet. Without a key none is sent.

    HTTP proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`) are honoured.

    Raises:
        SettingsError: the key cannot be a key, or the proxy is no HTTP proxy.
    """
    if key is not None:
        check_key(key)
    if settings.base_url.startswith("https://"):
        # Results lie elsewhere. What cannot be fetched shall not be paid for.
        environment_proxy(ELSEWHERE)
    secret = key.get_secret_value() if key else ""
    return HttpProvider(settings.base_url, secret, f"reeldrop/{version}", clock, Timeouts())


def check_key(key: SecretStr) -> None:
    """See that `key` can stand in a request. Raises SettingsError."""
    secret = key.get_secret_value()
    if not secret.isascii() or any(char <= " " or char == "\x7f" for char in secret):
        raise SettingsError("the API key holds characters that no key has; copy it once more")


class HttpProvider:
    """The `Provider` port over HTTP/1.1."""

    def __init__(
        self, base_url: str, secret: str, agent: str, clock: Clock, timeouts: Timeouts
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._timeouts = timeouts
        self._context = httpx.create_ssl_context()
        self._proxy = environment_proxy(self._base_url)
        self._headers = {
            "User-Agent": agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if secret:
            self._authorise(secret)
        self._clients = Clients(self._polling_client)
        self._log = RequestLog(partial(self._get, call=Call.LOG), clock)
        self._fetcher = Fetcher(self._context, agent, clock, timeouts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def use_key(self, key: SecretStr) -> None:
        """Send `key` with every request that begins from now on."""
        self._authorise(key.get_secret_value())

    def _authorise(self, secret: str) -> None:
        self._headers = {**self._headers, "Authorization": f"Bearer {secret}"}

    async def aclose(self) -> None:
        """Close all connections."""
        await self._clients.aclose()

    # ------------------------------------------------------------------------ submit

    async def submit(
        self,
        request: SubmitRequest,
        before_last_bytes: Callable[[], Awaitable[None]],
        overdue: Callable[[StepError], Awaitable[None]],
    ) -> Generation:
        """POST once on a fresh connection; see the port.

        An answer that comes before the body has left is read, and ends the sending.
        """
        body = SubmitBody(request, before_last_bytes)
        try:
            answer = await self._post(body, request.request_id, overdue)
        except FOREIGN as exc:
            if body.failure is not None:
                raise body.failure from None
            raise of_exception(_call(body), exc) from exc
        generation = read_generation(answer) if 200 <= answer.status < 300 else None
        if generation is None:
            raise of_answer(_call(body), answer, self._clock.now())
        return generation

    async def _post(
        self, body: SubmitBody, request_id: str, overdue: Callable[[StepError], Awaitable[None]]
    ) -> Answer:
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "Content-Length": str(body.length),
            "X-Client-Request-Id": request_id,
        }
        deadline = asyncio.timeout(None)
        patience = Patience(self._timeouts.answer, partial(self._be_late, deadline, overdue))
        url = self._base_url + GENERATIONS
        async with (
            self._submitting_client(patience) as client,
            deadline,
            aclosing(body.chunks(patience.begin)) as chunks,
            client.stream("POST", url, content=chunks, headers=headers) as response,
        ):
            patience.end()
            deadline.reschedule(None)
            return await _read(response, self._timeouts.answer)

    async def _be_late(
        self, deadline: asyncio.Timeout, overdue: Callable[[StepError], Awaitable[None]]
    ) -> None:
        """Say that the answer takes long, and let the last wait for it begin after that."""
        await overdue(of_exception(Call.AFTER, TimeoutError()))
        deadline.reschedule(asyncio.get_running_loop().time() + self._timeouts.late)

    def _submitting_client(self, patience: Patience) -> httpx.AsyncClient:
        limits = self._timeouts
        return httpx.AsyncClient(
            transport=OneRequest(self._context, self._proxy, patience),
            timeout=httpx.Timeout(limits.answer, connect=limits.connect, write=limits.write),
            trust_env=False,
        )

    # ------------------------------------------------------------------------ small requests

    async def poll(self, generation_id: GenerationId) -> Generation:
        """GET the generation; see the port."""
        answer = await self._get(f"{GENERATIONS}?generation_id={quote(generation_id, safe='')}")
        generation = None
        if 200 <= answer.status < 300:
            generation = read_generation(answer, generation_id)
        if generation is None:
            raise of_answer(Call.POLL, answer, self._clock.now())
        return generation

    async def find(self, request_ids: Collection[str], reach: float) -> dict[str, LogRow]:
        """Look for submits in the request log; see the port."""
        return await self._log.find(request_ids, reach)

    async def balance(self) -> tuple[float, str]:
        """Return the account's balance and its currency; see the port."""
        answer = await self._get(BILLING)
        balance = read_balance(answer) if 200 <= answer.status < 300 else None
        if balance is None:
            raise of_answer(Call.POLL, answer, self._clock.now())
        return balance

    async def _get(self, path: str, call: Call = Call.POLL) -> Answer:
        try:
            async with (
                self._clients.lend() as client,
                asyncio.timeout(self._timeouts.poll),
                client.stream("GET", self._base_url + path, headers=self._headers) as response,
            ):
                return await _read(response, self._timeouts.poll)
        except FOREIGN as exc:
            raise of_exception(call, exc) from exc

    def _polling_client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._context,
            limits=limits,
            timeout=httpx.Timeout(self._timeouts.poll, connect=self._timeouts.connect),
            # The way of the submits: httpx reads NO_PROXY by rules of its own, and fails at networks.
            proxy=self._proxy,
            trust_env=False,
        )

    # ------------------------------------------------------------------------ results

    async def fetch(self, url: str, part: Path, meter: Meter) -> None:
        """Download a result without the key; see the port."""
        await self._fetcher.fetch(url, part, meter)


def _call(body: SubmitBody) -> Call:
    return Call.AFTER if body.may_have_left else Call.BEFORE


async def _read(response: httpx.Response, seconds: float) -> Answer:
    """Read a bounded body; a status alone decides where the body breaks off or never ends."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_MAX:
                    break
    except FOREIGN:
        # What was cut off is not read as if it were whole.
        body.clear()
    return Answer(response.status_code, headers, bytes(body))
