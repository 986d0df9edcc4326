"""The API's port: submit, poll, request log, balance, models, and the stand-in's own control routes.

Control (loopback only, like everything here):

    POST   /_simulator/faults   a JSON list of faults, with the fields of `faults.Fault` as keys:
                                [{"route": "submit", "answer": "out_of_credits", "times": 2}]
    GET    /_simulator/faults   how many still wait for their requests: {"waiting": 1}
    DELETE /_simulator/faults   forget those that wait
    GET    /_simulator/ledger   what was accepted and charged, and what was seen
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reeldrop.simulator.answers import NAMED, Shape, app_error, json_answer
from reeldrop.simulator.faults import Ending, Route, faults_from_json, meet
from reeldrop.simulator.filehost import result_path
from reeldrop.simulator.http import Answer, Request, host_time
from reeldrop.simulator.ledger import Generation
from reeldrop.simulator.making import MakingFailed
from reeldrop.simulator.requestlog import QueryRefused, RequestLog, read_query
from reeldrop.simulator.submits import Submits, charge_headers
from reeldrop.simulator.terms import Parts

CONTROL_LIMIT = 1024 * 1024  # bytes of a list of faults
GENERATIONS = ("/v2/video/generations", "/v1/video/generations", "/video/generations")
ROUTES: Mapping[tuple[str, str], Route] = {
    **{("POST", path): Route.SUBMIT for path in GENERATIONS},
    **{("GET", path): Route.POLL for path in GENERATIONS},
    ("GET", "/v2/logs"): Route.LOGS,
    ("GET", "/v2/billing"): Route.BILLING,
    ("GET", "/v1/models"): Route.MODELS,
}


class Api:
    """Answers requests to the API."""

    def __init__(self, parts: Parts) -> None:
        self._is = parts
        self._submits = Submits(parts, self.now)
        self._log = RequestLog(parts.ledger, parts.terms.logged == "at_once", self._provider_time)
        self._handlers: Mapping[Route, Callable[[Request], Awaitable[Answer]]] = {
            Route.POLL: self._poll,
            Route.LOGS: self._logs,
            Route.BILLING: self._billing,
            Route.MODELS: self._models,
        }

    def _provider_time(self, at: float) -> float:
        return at + self._is.terms.clock_offset

    def now(self) -> float:
        """Return the time on the provider's clock."""
        return self._provider_time(host_time())

    async def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path.startswith("/_simulator/"):
            return await self._control(request)
        request.seen.headers = _without_key(request.headers)
        self._is.ledger.requests.append(request.seen)
        route = ROUTES.get((request.method, request.path))
        if route is None:
            await request.discard()
            return self._shape(app_error(404, f"Cannot {request.method} {request.path}"), request)
        fault = self._is.faults.take(route, request)
        if fault is None:
            return await self._answer(route, request, Ending.COMPLETED)

        async def usual() -> Answer:
            return await self._answer(route, request, fault.ends)

        if fault.logged and not fault.accepts:
            await self._submits.log_failed(request)
        return await meet(fault, request, usual, self.now)

    def _shape(self, shape: Shape, request: Request) -> Answer:
        return shape.make(request, self.now())

    async def _answer(self, route: Route, request: Request, ending: Ending) -> Answer:
        if route is not Route.MODELS and not self._knows(request):
            await request.discard()
            return self._shape(NAMED["unauthorised"], request)
        if route is Route.SUBMIT:
            return await self._submits.answer(request, ending)
        await request.discard()
        return await self._handlers[route](request)

    def _knows(self, request: Request) -> bool:
        """Say whether the request carries the key."""
        if self._is.key is None:
            return True
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {self._is.key}".encode())

    # ------------------------------------------------------------------ the other routes

    async def _poll(self, request: Request) -> Answer:
        generation = self._is.ledger.find(request.query.get("generation_id", [""])[-1])
        if generation is None:
            return self._shape(NAMED["not_found"], request)
        generation.polls += 1
        body = {"id": generation.id, "status": generation.status}
        if body["status"] in {"completed", "error"}:
            body |= self._outcome(generation)
        return json_answer(body, headers=charge_headers(request, generation))

    def _outcome(self, generation: Generation) -> dict[str, Any]:
        if generation.trouble is not None:
            return {"error": _trouble(generation.trouble)}
        video = {"url": self._is.files_url() + result_path(generation)}
        return _ended(generation.ending, video)

    async def _logs(self, request: Request) -> Answer:
        try:
            window = read_query(request.query, self.now())
        except QueryRefused as error:
            return self._shape(app_error(400, str(error)), request)
        return json_answer(self._log.page(window))

    async def _billing(self, request: Request) -> Answer:
        del request
        balance = round(self._is.terms.balance - self._is.ledger.charged_usd, 6)
        return json_answer({"current_balance": balance, "currency": "USD"})

    async def _models(self, request: Request) -> Answer:
        query = request.query
        wanted = {name for text in query.get("id", []) for name in text.split(",")}
        include = {each for text in query.get("include", []) for each in text.split(",")}
        pricing = self._pricing() if include & {"pricing", "all"} else {}
        names = sorted(self._is.catalogue.schemas)
        data = [{**_model(name), **pricing} for name in names if not wanted or name in wanted]
        return json_answer({"object": "list", "data": data})

    def _pricing(self) -> dict[str, Any]:
        unit = {"price": self._is.terms.usd_per_second, "unit": "second", "per": 1}
        return {"pricing": {"kind": "fixed", "units": [unit]}}

    # ------------------------------------------------------------------ control

    async def _control(self, request: Request) -> Answer:
        body = await _read_all(request)
        match request.method, request.path:
            case "GET", "/_simulator/ledger":
                return json_answer(self._is.ledger.as_json())
            case "POST", "/_simulator/faults":
                try:
                    self._is.faults.add(*faults_from_json(body))
                except ValueError as error:
                    return self._shape(app_error(400, str(error)), request)
            case "DELETE", "/_simulator/faults":
                self._is.faults.clear()
            case "GET", "/_simulator/faults":
                pass
            case _:
                return self._shape(NAMED["not_found"], request)
        return json_answer({"waiting": len(self._is.faults.waiting)})


_NO_FACE = {
    "loc": ["body", "image_url"],
    "msg": "Could not detect face in the image",
    "type": "face_detection_error",
}


def _ended(ending: Ending, video: Mapping[str, str]) -> dict[str, Any]:
    """Return what a poll says of a generation that is over, in one of the shapes that were seen."""
    refusal = {"name": "GenerationError", "message": "The provider could not make the video."}
    shapes: Mapping[Ending, dict[str, Any]] = {
        Ending.COMPLETED: {"video": video},
        Ending.SUCCEEDED: {"status": "succeeded", "video": video},
        Ending.URL_LIST: {"video": [video]},
        Ending.NO_URL: {"video": None},
        Ending.ERROR: {"error": refusal},
        Ending.ERROR_DETAIL: {"error": {"detail": [_NO_FACE]}},
        Ending.ERROR_TEXT: {"error": "Task failed: content policy violation"},
        Ending.ERROR_NULL: {"error": None},
    }
    return shapes[ending]


async def _read_all(request: Request, limit: int = CONTROL_LIMIT) -> bytes:
    """Return the body, cut at `limit` bytes; what is cut is no JSON then, and refused as that."""
    body = b""
    while data := await request.read():
        body = (body + data)[:limit]
    return body


def _without_key(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: "(taken out)" if name == "authorization" else value for name, value in headers.items()
    }


def _trouble(error: BaseException) -> dict[str, str]:
    if isinstance(error, MakingFailed):
        return {"name": "FileDownloadError", "message": str(error)}
    return {"name": "GenerationError", "message": f"The video could not be made: {error}"}


def _model(name: str) -> dict[str, Any]:
    developer, _, title = name.partition("/")
    info = {"name": title, "developer": developer}
    return {"id": name, "type": "video", "info": info, "tags": []}
