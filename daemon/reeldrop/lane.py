"""Threads for the file work of one place, so that a share which hangs blocks nobody else."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """At most `width` threads that work off what is asked of them, in order.

    They are daemon threads: one that hangs in the kernel does not keep the process from ending,
    as those of concurrent.futures would.
    """

    def __init__(self, name: str, width: int) -> None:
        self._name = name
        self._width = width
        self._steps: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    async def run(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `step` returns or raises; it goes on by itself when the caller is cancelled."""
        return await self.begin(step, *args, **kwargs)

    def begin(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Have `step` done when its turn comes; return what will hold its outcome."""
        if self._closed:
            raise RuntimeError(f"{self._name} is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def serve() -> None:
            try:
                result = step(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is the caller's, who waits for it
                _hand_over(loop, future, future.set_exception, error)
            else:
                _hand_over(loop, future, future.set_result, result)

        self._steps.put(serve)
        if len(self._threads) < self._width:
            self._start()
        return future

    def _start(self) -> None:
        thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (step := self._steps.get()) is not None:
            step()

    def close(self) -> None:
        """Let the threads end when they have done what was asked before; later calls raise."""
        self._closed = True
        for _ in self._threads:
            self._steps.put(None)


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    settle: Callable[[Any], None],
    value: object,
) -> None:
    def deliver() -> None:
        if not future.done():
            settle(value)

    # The loop may have ended while the step hung; then nobody waits any more.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(deliver)
