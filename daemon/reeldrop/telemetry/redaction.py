"""Keeps secrets and media out of the log, whatever a caller hands it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

SECRET_NAMES = frozenset(
    {"key", "api_key", "apikey", "authorization", "token", "secret", "password", "cookie"}
)
DATA_URI = re.compile(r"(data:[\w.+/-]{0,127}(?:;[\w.=+-]{1,64})*),[A-Za-z0-9+/=%_-]{65,}")
BEARER = re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]+")
HIDDEN = "[hidden]"
LONGEST = 8192
DEEPEST = 8
SHORTEST = 8


class Redactor:
    """A structlog processor: what it was told to hide never appears, wherever it stands."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        """The longest first: one may be a part of another. Never changed in place: threads go through it."""

    def hide(self, secret: str) -> None:
        """Hide `secret` from now on; one that is shorter than any key would only spoil words."""
        if len(secret) >= SHORTEST:
            self._secrets = tuple(sorted({*self._secrets, secret}, key=len, reverse=True))

    def __call__(self, _logger: Any, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the event without its secrets."""
        return self._table(event, 0)

    def _table(self, table: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        return {str(name): self._named(str(name), table[name], depth) for name in table}

    def _named(self, name: str, value: object, depth: int) -> object:
        # Numbers stay: a job's fencing token is no secret, and no secret is a number.
        plain = name.lower().replace("-", "_").removeprefix("x_")
        if plain in SECRET_NAMES and isinstance(value, str | bytes):
            return HIDDEN
        return self._value(value, depth)

    def _value(self, value: object, depth: int) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._text(value)
            case _ if depth >= DEEPEST:
                return "…"
            case Mapping():
                return self._table(cast("Mapping[Any, Any]", value), depth + 1)
            case list() | tuple() | set() | frozenset():
                return [self._value(item, depth + 1) for item in cast("Iterable[object]", value)]
            case _:
                return self._text(str(value))

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = BEARER.sub(rf"\1 {HIDDEN}", text)
        text = DATA_URI.sub(lambda found: f"{found[1]},… ({len(found[0])} characters)", text)
        if len(text) > LONGEST:
            return f"{text[:LONGEST]}… ({len(text)} characters)"
        return text
