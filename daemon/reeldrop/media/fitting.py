"""A clip made to fit its model: copied where that will do, encoded otherwise, within its bytes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf
from pathlib import Path

from reeldrop.domain.errors import ClipUnreadable, FileBusy, NotWhole
from reeldrop.domain.fit import Fit
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import MediaFacts
from reeldrop.media.copying import copy_film
from reeldrop.media.encoding import Plan, encode_film, encode_frames
from reeldrop.media.facts import probe
from reeldrop.media.film import check
from reeldrop.media.frames import probe_frames
from reeldrop.media.sound import MOST

_NTSC = (24, 30, 48, 60, 120)
_USUAL = 25.0
_SLOWEST, _FASTEST = 1.0, 240.0
_UNKNOWN_LENGTH = 60.0
_LEAST_BITS = 20_000
"""Per second of pictures; below that nothing can be seen."""
_SPARE = 0.97
"""The part of the bytes allowed that is aimed at."""
_DRIFT = 0.5
"""Seconds by which a copy may differ in length from its clip, and what is encoded be shorter."""
_SHORTER = 0.02
"""The part of its length by which what is encoded may be shorter: so far off is what clips say of theirs."""


def fit(sources: Sequence[Path], to: Path, fit: Fit, stop: threading.Event) -> MediaFacts:
    """Write the clip `sources[0]`, or numbered frames in order, to `to` as `fit` says.

    Returns what has become of it; it is on the disk then.

    Raises:
        ClipUnreadable: it does not decode to its end, or cannot be made as `fit` says.
        FileBusy: a source cannot be read now, or `to` cannot be written.
        DiskFull: there is no room for it.
        Stopping: `stop` was set.
    """
    check(stop)
    try:
        before = probe_frames(sources, fit.fps or _USUAL) if fit.frames else probe(sources[0])
        if fit.copy and (copied := _copied(sources[0], to, fit, before, stop)):
            return copied
        return _encoded(sources, to, fit, before, stop)
    except NotWhole as exc:
        raise FileBusy(exc.message) from exc


def _copied(
    file: Path, to: Path, fit: Fit, before: Footage, stop: threading.Event
) -> MediaFacts | None:
    """Return the facts of a copy; None where it has to be encoded after all."""
    if fit != Fit(copy=True, bytes=fit.bytes):
        return None
    try:
        rate = _exact(before.facts.fps) if before.facts.fps else None
        copy_film(file, to, before.facts.seconds, rate, stop)
        facts = probe(to).facts
    except (ClipUnreadable, NotWhole):
        return None
    length, wanted = facts.seconds, before.facts.seconds
    is_same = length is None or wanted is None or abs(length - wanted) < _DRIFT
    return facts if is_same and (fit.bytes is None or facts.bytes <= fit.bytes) else None


def _encoded(
    sources: Sequence[Path], to: Path, fit: Fit, before: Footage, stop: threading.Event
) -> MediaFacts:
    plan = _within(_plan(fit, before), fit.bytes, before)

    def make(plan: Plan) -> MediaFacts:
        told = plan.length
        if fit.frames:
            encode_frames(sources, to, plan, stop)
        else:
            told = encode_film(sources[0], to, plan, stop) or told
        facts = probe(to).facts
        _check_length(sources[0].name, facts.seconds, told, plan)
        return facts

    return _made(make, plan, fit.bytes, sources[0].name)


def _made(
    make: Callable[[Plan], MediaFacts], plan: Plan, allowed: int | None, name: str
) -> MediaFacts:
    facts = make(plan)
    if allowed is not None and facts.bytes > allowed:
        lower = int((plan.picture_bits or 0) * allowed / facts.bytes * 0.9)
        facts = make(replace(plan, picture_bits=max(_LEAST_BITS, lower)))
    if allowed is not None and facts.bytes > allowed:
        raise _too_large(name, facts.bytes, allowed)
    return facts


def _check_length(name: str, made: float | None, told: float | None, plan: Plan) -> None:
    """Raise ClipUnreadable where less has come out than the clip says that it has, or than the cut leaves."""
    wanted = min(told or inf, plan.length or inf, plan.frames / plan.rate if plan.frames else inf)
    if made is None or wanted == inf or wanted - made <= max(_DRIFT, _SHORTER * wanted):
        return
    raise ClipUnreadable(
        f"{name} ends too early: of {float(wanted):.2f} s only {made:.2f} s could be made",
        hint="Play the clip to its end; export it again where it stops.",
    )


def _plan(fit: Fit, before: Footage) -> Plan:
    facts = before.facts
    width, height = fit.width or facts.width or 2, fit.height or facts.height or 2
    rate = min(_FASTEST, max(_SLOWEST, fit.fps or facts.fps or _USUAL))
    return Plan(_even(width), _even(height), _exact(rate), fit.seconds, facts.seconds)


def _even(side: int) -> int:
    return max(2, side // 2 * 2)


def _exact(fps: float) -> Fraction:
    """Return the rate that `fps` is short for: 23.976 is 24000/1001."""
    for whole in _NTSC:
        if abs(fps - whole * 1000 / 1001) < 0.005:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def _within(plan: Plan, allowed: int | None, before: Footage) -> Plan:
    """Return `plan` with the bits per second that keep the file under `allowed` bytes."""
    if allowed is None:
        return plan
    seconds = min(before.facts.seconds or _UNKNOWN_LENGTH, plan.seconds or float("inf"))
    # The index of an mp4, and the second of pictures that the encoder may be ahead.
    bits = (allowed * _SPARE - 4000 - 50 * seconds * float(plan.rate)) * 8
    sound = min(MOST, int(bits / seconds / 8)) if before.sound else 0
    ahead = min(1.0, seconds / 4)
    pictures = int((bits - sound * seconds) / (seconds + ahead))
    if pictures < _LEAST_BITS:
        raise _too_large(before.facts.name, before.facts.bytes, allowed)
    return replace(plan, picture_bits=pictures, sound_bits=sound)


def _too_large(name: str, have: int, allowed: int) -> ClipUnreadable:
    return ClipUnreadable(
        f"{name} cannot be made to fit into {allowed} bytes: it comes to {have}",
        hint="Drop a shorter clip.",
    )
