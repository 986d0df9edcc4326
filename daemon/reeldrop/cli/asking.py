"""Asking for something to be done: by the daemon, or by this command itself where none runs.

An order is left in the store. Whoever holds the state folder carries it out: a daemon that runs, else
the first command that finds the folder free.
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from reeldrop.cli.finding import find_job
from reeldrop.domain.errors import StartupError, StoreUnavailable
from reeldrop.host.clock import SystemClock
from reeldrop.host.lock import COMMAND, Held, hold_state_folder
from reeldrop.store import OrderDesk, open_desk, open_reader

if TYPE_CHECKING:
    from reeldrop.settings import Settings

PATIENCE = 60.0
"""Seconds that an answer is waited for; an order that waits for longer is not carried out."""
LONGEST = 300.0
"""The same where the order is being carried out."""
GLANCE = 0.1


def ask_about(
    settings: "Settings", kind: str, jobs: Sequence[str], args: Mapping[str, Any] | None = None
) -> int:
    """Ask for `kind` to be done with jobs, named by the beginnings of their ids; as `ask`."""
    with open_reader(settings.store) as store:
        ids = [find_job(store, wanted).id for wanted in jobs]
    return ask(settings, kind, {"jobs": list(dict.fromkeys(ids)), **(args or {})})


def ask(settings: "Settings", kind: str, args: Mapping[str, Any]) -> int:
    """Ask for `kind` to be done, print what is answered, and return the exit code that it means.

    Raises:
        SettingsError, StartupError: there is no store, or nobody answers; nothing was changed.
    """
    clock = SystemClock()
    try:
        with open_desk(settings.store) as desk:
            try:
                number = desk.place(kind, args, clock.now())
                answer = _Asking(settings, desk, number, clock).answer()
            except BaseException:
                desk.take_back_placed()
                raise
    except StoreUnavailable as error:
        raise StartupError(error.message, hint=error.hint) from error
    for said in answer["said"]:
        click.echo(said["text"], err=said["code"] != 0)
    return answer["code"]


class _Asking:
    """One order, until it is answered."""

    def __init__(
        self, settings: "Settings", desk: OrderDesk, number: int, clock: SystemClock
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._number = number
        self._began = clock.monotonic()
        self._clock = clock

    def answer(self) -> dict[str, Any]:
        while not (answer := self._desk.answer(self._number)):
            if answer is None:
                self._see_to_it()
            else:
                self._see_that_it_goes_on()
        return answer

    def _see_to_it(self) -> None:
        """Carry the order out where no daemon runs; else wait for the daemon."""
        if self._carry_out():
            return
        if self._waited() > PATIENCE and self._desk.take_back(self._number):
            raise StartupError(
                f"The daemon did not answer for {PATIENCE:.0f} s; nothing was changed.",
                hint="Its log says what it is doing.",
            )
        self._rest()

    def _see_that_it_goes_on(self) -> None:
        """Wait for what is being done; who was doing it may have ended, or hang."""
        if self._waited() > LONGEST or (self._is_left() and not self._desk.answer(self._number)):
            raise StartupError(
                "What was asked for was begun, but nobody said what came of it.",
                hint="`reeldrop jobs` and `reeldrop show JOB` say how things stand now.",
            )
        self._rest()

    def _carry_out(self) -> bool:
        """Carry out all open orders; False where somebody else holds the state folder."""
        try:
            with hold_state_folder(self._settings.store.state_folder, COMMAND, patience=0.0):
                # Where a daemon runs none of this is needed.
                from reeldrop import app, telemetry  # noqa: PLC0415

                telemetry.configure("warning", to_terminal=sys.stderr.isatty())
                asyncio.run(app.carry_out_orders(self._settings))
        except Held:
            return False
        return True

    def _is_left(self) -> bool:
        try:
            with hold_state_folder(self._settings.store.state_folder, COMMAND, patience=0.0):
                return True
        except Held:
            return False

    def _waited(self) -> float:
        return self._clock.monotonic() - self._began

    def _rest(self) -> None:
        time.sleep(GLANCE)
