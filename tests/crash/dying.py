"""The ports as failpoints: a proxy for each that ends the process before or after one of its calls.

The product knows nothing of it: the rooms are wrapped after they were opened. Every call counts, those
of the streams that a port returns and of the callbacks that it is given among them.
"""

import inspect
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, get_type_hints

from reeldrop import ports
from reeldrop.engine.rooms import Rooms

KILLED = 137
"""The exit code of a process that a fuse ended: what a shell says of kill -9."""
MOMENTS = ("before", "after")


@dataclass(frozen=True, slots=True)
class Point:
    """One boundary between the program and the world."""

    moment: str
    """`before` or `after`."""
    call: str
    """The port and its method, like `store.move`."""
    number: int
    """Which of these calls, from 1."""

    def __str__(self) -> str:
        return f"{self.moment} {self.call} #{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError."""
        moment, call, number = text.split()
        if moment not in MOMENTS:
            raise ValueError(f"{moment!r} is neither before nor after a call")
        return cls(moment, call, int(number.removeprefix("#")))


class Fuse:
    """Counts the calls of all ports, and ends the process at `point`; without one it only counts."""

    def __init__(self, point: Point | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self._point = point

    @contextmanager
    def around(self, call: str) -> Generator[None]:
        """Stand around one call, whether it returns or raises."""
        self.calls[call] += 1
        number = self.calls[call]
        self._burn(Point("before", call, number))
        try:
            yield
        finally:
            self._burn(Point("after", call, number))

    def _burn(self, here: Point) -> None:
        if here == self._point:
            os._exit(KILLED)


class Dying:
    """Stands for `inner`, and lets `fuse` see every call of it."""

    def __init__(self, inner: Any, name: str, fuse: Fuse) -> None:
        self._inner = inner
        self._name = name
        self._fuse = fuse

    def __getattr__(self, attribute: str) -> Any:
        """Return the attribute of `inner`, a method with the fuse around it."""
        value = getattr(self._inner, attribute)
        call = f"{self._name}.{attribute}"
        if inspect.isasyncgenfunction(value):
            return partial(self._stream, call, value)
        if inspect.iscoroutinefunction(value):
            return self._coroutine(call, value)
        return self._function(call, value) if callable(value) else value

    def _function(self, call: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            with self._fuse.around(call):
                return function(*args, **named)

        return run

    def _coroutine(self, call: str, function: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **named: Any) -> Any:
            args = tuple(self._argument(call, value) for value in args)
            with self._fuse.around(call):
                returned = await function(*args, **named)
            return self._returned(returned)

        return run

    def _argument(self, call: str, value: Any) -> Any:
        """A coroutine function among the arguments is the world calling back."""
        if inspect.iscoroutinefunction(value):
            return self._coroutine(f"{call}.{value.__name__}", value)
        return value

    def _returned(self, value: Any) -> Any:
        if type(value) is tuple:
            return tuple(self._returned(part) for part in value)
        return Dying(value, "stream", self._fuse) if hasattr(value, "chunks") else value

    async def _stream(
        self, call: str, function: Callable[[], AsyncGenerator[Any]]
    ) -> AsyncGenerator[Any]:
        async with aclosing(function()) as chunks:
            while True:
                with self._fuse.around(call):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk


def with_fuse(rooms: Rooms, fuse: Fuse) -> Rooms:
    """Return `rooms` with `fuse` at every call of every port."""
    places = {
        name: replace(place, **_dying_ports(place, fuse)) for name, place in rooms.places.items()
    }
    return replace(rooms, places=places, **_dying_ports(rooms, fuse))


def _dying_ports(holder: Any, fuse: Fuse) -> dict[str, Any]:
    """Return a proxy for each field of `holder` whose type is a port; the clock is no boundary."""
    return {
        name: Dying(getattr(holder, name), name, fuse)
        for name, kind in get_type_hints(type(holder)).items()
        if getattr(kind, "__module__", "").startswith(ports.__name__) and kind is not ports.Clock
    }
