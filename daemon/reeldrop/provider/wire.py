"""What the API sends, read tolerantly: every shape that is documented or was observed.

It judges nothing: `verdicts` says what an answer means. Text from outside leaves here bounded in
length and without control characters.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reeldrop.domain.errors import GenerationFailed, Trouble
from reeldrop.domain.job import Cost, GenerationId
from reeldrop.ports import Generation, Progress

ANSWER_MAX = 1024 * 1024
TEXT_MAX = 600
ISSUES_MAX = 8
ID_MAX = 512
SUCCESSES = frozenset({"succeeded", "success", "completed", "done", "ready", "finished"})
FAILURES = frozenset(
    {"failed", "error", "cancelled", "canceled", "timeout", "timed_out", "expired"}
)
"""Words of the API and of its integrations; its documentation calls every other one "in progress"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status line with headers (names in lower case) and as much of the body as could be read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error body. `own` says that it has the API's shape and not a gateway's."""

    message: str
    name: str = ""
    kind: str = ""
    own: bool = False


def text_of(value: object, limit: int = TEXT_MAX) -> str:
    """Return `value` as one bounded line that is safe to print."""
    line = " ".join(str(value)[: limit * 4].split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def parse(body: bytes) -> Any:
    """Return the JSON value of a body, or None where it is none."""
    if len(body) > ANSWER_MAX:
        return None
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def number(value: object) -> float | None:
    """Return a finite number of zero or more, also from a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


# ---------------------------------------------------------------------------- generations


def read_generation(answer: Answer, asked: GenerationId | None = None) -> Generation | None:
    """Return the generation that a 2xx body tells of, or None where it tells of none.

    `asked` stands in for an id that the body leaves out. The id is `id`, in older answers
    `generation_id`; a number in the oldest.
    """
    data = parse(answer.body)
    if not isinstance(data, dict):
        return None
    found = asked or identifier(data.get("id")) or identifier(data.get("generation_id"))
    status = text_of(data.get("status") or "", 64)
    url = _url(data.get("video"))
    if found is None or (asked and not status and url is None):
        return None
    progress = _progress(status)
    error = _failure(data.get("error"), status) if progress is Progress.FAILED else None
    return Generation(found, progress, status, url, error, _cost(data, answer.headers))


def identifier(value: object) -> GenerationId | None:
    """Return a generation's id, also where it is a number; None for what cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > ID_MAX:
        return None
    return GenerationId(value) if value.isprintable() else None


def _progress(status: str) -> Progress:
    word = status.lower()
    if word in SUCCESSES:
        return Progress.COMPLETED
    return Progress.FAILED if word in FAILURES else Progress.RUNNING


def _url(video: object) -> str | None:
    """Read `video`: an object, a list of objects, or null."""
    match video:
        case {"url": str(url)} if url.strip():
            return url.strip()
        case [*entries]:
            return next((url for entry in entries if (url := _url(entry))), None)
        case _:
            return None


def _cost(data: Mapping[str, Any], headers: Mapping[str, str]) -> Cost | None:
    meta = data.get("meta")
    usage = meta.get("usage") if isinstance(meta, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    credit = _first(
        usage.get("credits_used"), usage.get("tokens_used"), headers.get("x-aimlapi-credits-used")
    )
    usd = _first(usage.get("usd_spent"), headers.get("x-aimlapi-usd-spent"))
    return None if credit is None and usd is None else Cost(credit, usd)


def _first(*values: object) -> float | None:
    return next((found for value in values if (found := number(value)) is not None), None)


def _failure(error: object, status: str) -> Trouble:
    """Read `error`: {name, message}, the {detail} of a backend, a string, or null."""
    said = "; ".join(_sentences(error))
    message = text_of(said) if said else f'The provider says "{status}" and gives no reason.'
    name = error.get("name") if isinstance(error, dict) else None
    if said and isinstance(name, str) and name not in ("", "Error"):
        message = f"{message} ({text_of(name, 64)})"
    hint = "Mend the clip or its sidecar and drop it again; a failed generation is not charged."
    return Trouble(GenerationFailed.code, message, hint)


# ---------------------------------------------------------------------------- errors


def read_error(body: bytes) -> ApiError | None:
    """Return what an error body says, or None where it is no JSON object.

    Two shapes are the API's own: `{statusCode, message, requestId, path …}` of its auth layer and
    `{title, status, message, error: {name, message, data}}` of the application. A bare `message`,
    `error` or `detail` may come from any gateway on the way.
    """
    data = parse(body)
    if not isinstance(data, dict):
        return None
    error = data.get("error")
    inner: Mapping[str, Any] = error if isinstance(error, dict) else {}
    details = inner.get("data")
    kind = details.get("kind") if isinstance(details, dict) else None
    said = (details, inner, data.get("message"), error, data)
    sentences = next((found for part in said if (found := list(_sentences(part)))), [])
    heading = inner.get("message") or data.get("message")
    if isinstance(heading, str) and heading not in sentences:
        sentences.insert(0, heading)
    return ApiError(
        message=text_of("; ".join(sentences)),
        name=text_of(inner.get("name") or "", 64),
        kind=text_of(kind or "", 64),
        own=_is_own(data, inner),
    )


def _is_own(data: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    if "cloudflare_error" in data:
        return False
    if isinstance(inner.get("message"), str) and isinstance(inner.get("name"), str):
        return True
    status = data.get("statusCode", data.get("status"))
    numbered = re.fullmatch(r"[1-5]\d\d", str(status)) is not None
    return numbered and isinstance(data.get("message"), str | list)


def _sentences(value: object) -> Iterator[str]:
    """Yield what a nested error says, one issue at a time: `path: message`."""
    match value:
        case str(line) if line.strip():
            yield line.strip()
        case [*entries]:
            for entry in entries[:ISSUES_MAX]:
                yield from _sentences(entry)
        case dict():
            yield from _issue(value)
        case _:
            return


def _issue(issue: Mapping[str, Any]) -> Iterator[str]:
    for key in ("message", "msg", "detail"):
        said = list(_sentences(issue.get(key)))
        if said:
            where = _where(issue.get("path") or issue.get("loc"))
            yield from (f"{where}: {line}" if where else line for line in said)
            return
    if isinstance(name := issue.get("name"), str) and name.strip():
        yield name


def _where(path: object) -> str:
    """Write the path of an issue (`["messages", 0, "role"]`) as `messages[0].role`."""
    if not isinstance(path, list):
        return ""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path[:12]]
    return "".join(parts).removeprefix(".")


def read_balance(answer: Answer) -> tuple[float, str] | None:
    """Return the balance and its currency that `GET /v2/billing` tells, or None.

    A balance may be negative.
    """
    data = parse(answer.body)
    if not isinstance(data, dict):
        return None
    value = data.get("current_balance")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        balance = float(value)
    except (ValueError, OverflowError):
        return None
    return (balance, text_of(data.get("currency") or "USD", 8)) if math.isfinite(balance) else None
