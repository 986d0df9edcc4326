"""What shall go wrong, and when: a list of Faults, each waiting for a request of its route.

A fault changes how a request is read, what is answered, how that is sent, or how the generation ends.
Nothing here happens by chance.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from reeldrop.simulator.answers import NAMED, json_answer
from reeldrop.simulator.http import Answer, Hangup, Manner, Request


class Route(StrEnum):
    """What is asked of the stand-in."""

    SUBMIT = "submit"
    POLL = "poll"
    FILE = "file"
    LOGS = "logs"
    BILLING = "billing"
    MODELS = "models"


class Cut(StrEnum):
    """Where a connection ends early."""

    REQUEST = "request"  # after `after` bytes of the request's body were read; nothing is made
    ANSWER = "answer"  # all was read and done, not a byte is answered
    BODY = "body"  # after the answer's head and `after` bytes of its body


class Ending(StrEnum):
    """How a generation ends, and in which of the shapes that were seen it says so."""

    COMPLETED = "completed"
    SUCCEEDED = "succeeded"  # another word for it
    URL_LIST = "url_list"  # `video` is a list
    NO_URL = "no_url"  # completed and charged, but there is no video
    ERROR = "error"  # {name, message}
    ERROR_DETAIL = "error_detail"  # {detail: [...]}
    ERROR_TEXT = "error_text"  # a string
    ERROR_NULL = "error_null"
    NEVER = "never"  # generating for ever

    @property
    def charged(self) -> bool:
        """Say whether the API takes money for it."""
        return self in {Ending.COMPLETED, Ending.SUCCEEDED, Ending.URL_LIST, Ending.NO_URL}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. The fields that are not given leave things as they are."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    route: Route
    times: int = 1
    """How many requests it meets; 0 = every one."""
    skip: int = 0
    """How many requests of its route pass before."""
    when: Callable[[Request], bool] | None = None
    """Which requests it is for, by what their head says; in process only."""

    answer: str = ""
    """A name of `answers.NAMED`."""
    status: int | None = None
    body: Any = None
    """Instead of the answer's own: a string as it is, anything else as JSON."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Laid over the JSON object that would be answered."""
    accept: bool | None = None
    """Whether the request is done nonetheless; None: where the answer is a 2xx or none."""
    logged: bool = False
    """A submit that is not accepted gets a failed row in the log."""

    delay: float = 0.0
    """Seconds before the answer's first byte."""
    until: Callable[[], Awaitable[Any]] | None = None
    """What the answer waits for after that; in process only."""
    rate: float = 0.0
    """Bytes a second of the answer's body."""
    early: bool = False
    """Answer before the body is read."""
    cut: Cut | None = None
    after: int = 0
    """Bytes; see Cut."""
    reset: bool = False
    """Cut by RST rather than FIN."""

    ends: Ending = Ending.COMPLETED
    """Of the generation that a submit makes."""
    expire: bool = False
    """The file's URL is dead from now on; the next poll names a new one."""
    shorten: int | None = None
    """The file has only so many bytes, and its Content-Length says the same."""

    def __post_init__(self) -> None:
        if self.answer and self.answer not in NAMED:
            raise ValueError(f'no answer is called "{self.answer}"; known: {", ".join(NAMED)}')

    @property
    def accepts(self) -> bool:
        """Say whether the request is done as if nothing were wrong."""
        if self.cut is Cut.REQUEST or self.early:
            return False
        if self.accept is not None:
            return self.accept
        return self._status(200) < 300

    def _status(self, usual: int) -> int:
        if self.status is not None:
            return self.status
        return NAMED[self.answer].status if self.answer else usual

    def dress(self, usual: Answer, request: Request, at: float) -> Answer:
        """Return what is answered instead of `usual`."""
        answer = NAMED[self.answer].make(request, at) if self.answer else usual
        if self.body is not None:
            answer = _with_body(self.body)
        if self.fields and isinstance(answer.body, bytes):
            answer = replace(answer, body=_laid_over(answer.body, self.fields))
        return replace(
            answer,
            status=self.status if self.status is not None else answer.status,
            headers={**answer.headers, **self.headers},
            manner=self._manner(),
        )

    def _manner(self) -> Manner:
        cut_after = self.after if self.cut is Cut.BODY else None
        return Manner(self.delay, self.rate, cut_after, self.reset, self.until)


def _with_body(body: Any) -> Answer:
    if isinstance(body, str):
        return Answer(200, body.encode(), {"content-type": "text/plain; charset=utf-8"})
    return json_answer(body)


def _laid_over(body: bytes, over: Mapping[str, Any]) -> bytes:
    return json.dumps({**json.loads(body or b"{}"), **over}).encode()


_FAULTS = TypeAdapter(list[Fault])


def faults_from_json(body: bytes) -> list[Fault]:
    """Return the faults of a JSON list of objects, with the names of their fields as keys.

    Raises:
        ValueError: they are no faults; the message says why.
    """
    return _FAULTS.validate_json(body)


@dataclass(slots=True)
class _Armed:
    fault: Fault
    skip: int
    left: int


class Faults:
    """The faults that wait for their requests, in order."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, *faults: Fault) -> None:
        """Let these happen, after those that wait already."""
        self._armed += [_Armed(fault, fault.skip, fault.times) for fault in faults]

    def clear(self) -> None:
        """Forget all that wait."""
        self._armed.clear()

    @property
    def waiting(self) -> list[Fault]:
        """Those that have not met all their requests."""
        return [armed.fault for armed in self._armed]

    def take(self, route: Route, request: Request) -> Fault | None:
        """Return what happens to this request: the first fault that is for it."""
        for armed in self._armed:
            fault = armed.fault
            if fault.route is not route or (fault.when and not fault.when(request)):
                continue
            if armed.skip:
                armed.skip -= 1
                continue
            armed.left -= 1
            if armed.left == 0:
                self._armed.remove(armed)
            return fault
        return None


async def meet(
    fault: Fault, request: Request, usual: Callable[[], Awaitable[Answer]], now: Callable[[], float]
) -> Answer:
    """Answer `request` under `fault`; `usual` does and answers it as if nothing were wrong."""
    if fault.cut is Cut.REQUEST:
        await _read_at_least(request, fault.after)
        raise Hangup(reset=fault.reset)
    answer = Answer(fault.status or 200)
    if fault.accepts:
        answer = await usual()
    elif not fault.early:
        await request.discard()
    if fault.cut is Cut.ANSWER:
        await asyncio.sleep(fault.delay)
        raise Hangup(reset=fault.reset)
    return fault.dress(answer, request, now())


async def _read_at_least(request: Request, count: int) -> None:
    while request.seen.received < count and await request.read():
        pass
