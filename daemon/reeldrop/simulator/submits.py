"""A submit: its body goes to disk as it comes, is held against its model's schema, and becomes a
generation. The only place where one is made and money is owed.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from reeldrop.simulator.answers import NAMED, Shape, app_error, invalid, json_answer, nanoid
from reeldrop.simulator.body import BodyRefused, BodyTooLong, JsonBody, Media
from reeldrop.simulator.catalogue import Checked
from reeldrop.simulator.faults import Ending
from reeldrop.simulator.http import Answer, Request
from reeldrop.simulator.ledger import Generation, Refused, credits_of
from reeldrop.simulator.making import Order, seconds_of
from reeldrop.simulator.terms import Parts

BATCH = 1024 * 1024  # bytes of a body that are decoded in one go
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Submits:
    """Answers submits."""

    def __init__(self, parts: Parts, now: Callable[[], float]) -> None:
        """`now` is the provider's clock, in seconds since the epoch."""
        self._is, self._now = parts, now

    async def answer(self, request: Request, ending: Ending) -> Answer:
        """Make a generation that ends with `ending`, or say what is wrong with the request."""
        body, kept = JsonBody(self._is.folder), False
        try:
            verdict = await self._verdict(request, body)
            if isinstance(verdict, Checked):
                kept = True
                return self._accept(request, verdict, ending)
        finally:
            if not kept:
                body.abandon()
        await request.discard()
        return verdict.make(request, self._now())

    async def log_failed(self, request: Request) -> None:
        """Read a request that makes nothing, and put it in the request log as failed."""
        body = JsonBody(self._is.folder)
        try:
            document = await _read(request, body)
        except BodyRefused:
            document = None
        finally:
            body.abandon()
        model = document.get("model") if isinstance(document, dict) else None
        refused = Refused(nanoid(), client_request_id(request), str(model), request.seen.first_byte)
        self._is.ledger.refused.append(refused)

    async def _verdict(self, request: Request, body: JsonBody) -> Checked | Shape:
        try:
            checked = self._is.catalogue.check(await _read(request, body))
        except BodyTooLong:
            return NAMED["too_long"]
        except BodyRefused as error:
            return app_error(400, str(error))
        if not isinstance(checked, Checked):
            return invalid(checked)
        owed = self._is.ledger.owed_usd + self._price(checked)
        return checked if owed <= self._is.terms.balance else NAMED["out_of_funds"]

    def _price(self, checked: Checked) -> float:
        return round(seconds_of(checked.params) * self._is.terms.usd_per_second, 6)

    def _accept(self, request: Request, checked: Checked, ending: Ending) -> Answer:
        slug, fetched = nanoid(), dict[str, Any]()
        order = Order(checked.params, self._is.folder / f"{slug}.mp4", fetched)
        generation = Generation(
            id=f"{uuid4()}:{checked.model}" if self._is.terms.ids == "uuid" else nanoid(),
            client_request_id=client_request_id(request),
            model=checked.model,
            params=_described(checked.received),
            seen=request.seen,
            price=self._price(checked),
            seconds=self._is.generation_seconds,
            ending=ending,
            making=self._is.workshop.order(order) if ending.charged else None,
            fetched=fetched,
            slug=slug,
        )
        self._is.ledger.accept(generation)
        spent = {"credits_used": credits_of(generation.price), "usd_spent": generation.price}
        body = {"id": generation.id, "status": "queued", "meta": {"usage": spent}}
        return json_answer(body, headers=charge_headers(request, generation))


def charge_headers(request: Request, generation: Generation) -> dict[str, str]:
    """Return the headers by which the API names and prices a generation."""
    usd = 0.0 if generation.failed else generation.price
    headers = {
        "x-inference-id": generation.id,
        "x-aimlapi-credits-used": str(credits_of(usd)),
        "x-aimlapi-usd-spent": str(usd),
    }
    if given := client_request_id(request):
        headers["x-client-request-id"] = given
    return headers


def client_request_id(request: Request) -> str | None:
    """Return the client's id of the request; one that breaks the rules is dropped without a word."""
    given = request.headers.get("x-client-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else None


async def _read(request: Request, body: JsonBody) -> Any:
    """Return the document in the request's body. Raises BodyRefused."""
    batch = bytearray()
    while data := await request.read():
        batch += data
        if len(batch) >= BATCH:
            await asyncio.to_thread(body.feed, bytes(batch))
            batch.clear()
    await asyncio.to_thread(body.feed, bytes(batch))
    return body.close()


def _described(value: Any) -> Any:
    """Return parameters as the ledger keeps them."""
    match value:
        case Media():
            return value.described()
        case Mapping():
            return {key: _described(each) for key, each in value.items()}
        case list():
            return [_described(each) for each in value]
        case _:
            return value
