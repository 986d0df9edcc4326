"""The `reeldrop` object of a spec: what is ours and never sent to the API."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reeldrop.domain.sending import WAYS
from reeldrop.domain.spec import OWN, Fault, key_path, no_such_key, shown

LONGEST_NAME = 200
"""Bytes."""
LONGEST_TICKET = 128
MOST_VARIANTS = 50
PRIORITIES = range(-1000, 1001)
FASTEST = 240
"""Frames per second."""
KEYS = frozenset({"name", "priority", "upload", "labels", "variants", "ticket", "fps"})
VARIANT_KEYS = frozenset({"name", "priority", "labels"})
_HIDDEN = (".", "~")


@dataclass(frozen=True, slots=True)
class Own:
    """The `reeldrop` object, checked. Empty texts: nobody gave one; so is `fps` at 0."""

    name: str = ""
    priority: int = 0
    upload: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ticket: str = ""
    fps: float = 0.0
    """How many numbered frames are a second."""
    variants: tuple[Mapping[str, Any], ...] = ()


def read_own(given: Mapping[str, Any]) -> tuple[Own, list[Fault]]:
    """Return the merged `reeldrop` object as a value, without what is wrong in it, and every fault.

    A variant that is no object counts as one without overrides: so the others keep their numbers,
    and what is wrong with them can be told as well.
    """
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for key, value in given.items():
        found = list(_faults({key: value}, KEYS, OWN))
        faults += found
        if key == "variants":
            values[key] = _variants(value)
        elif not found:
            values[key] = _READ[key](value) if key in _READ else value
    return Own(**values), faults


def _faults(given: Mapping[str, Any], keys: frozenset[str], at: str) -> Iterator[Fault]:
    for key, value in given.items():
        place = f"{at}.{key_path([key])}"
        if key not in keys:
            yield Fault(place, no_such_key(key, value, keys))
        elif key == "variants":
            yield from _variant_faults(value, place)
        elif key == "labels":
            yield from _label_faults(value, place)
        elif allowed := _CHECKS[key](value):
            yield Fault(place, f"is {shown(value)}; {allowed}")


def _name(value: Any) -> str:
    """Return what a name must be, unless `value` is one."""
    if not isinstance(value, str):
        return "a name is text"
    if not value.strip() or value.startswith(_HIDDEN):
        return "a name is not empty and does not begin with . or ~"
    if any(each in '/\\:*?"<>|' or each < " " or each == "\x7f" for each in value):
        return "a name is one folder's name, without any of / \\ : * ? \" < > |"
    if value.endswith((".", " ")):
        return "a name does not end with a dot or a space"
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} bytes"
    return ""


def _priority(value: Any) -> str:
    lowest, highest = PRIORITIES[0], PRIORITIES[-1]
    good = _as_whole(value) in PRIORITIES
    return "" if good else f"allowed: a whole number from {lowest} to {highest}"


def _as_whole(value: Any) -> int | None:
    """Return a whole number, also one that is given as 5.0; None where it is none."""
    number = _as_number(value)
    return int(number) if number is not None and number.is_integer() else None


def _upload(value: Any) -> str:
    return "" if value in WAYS else f"allowed: {', '.join(map(shown, WAYS))}"


def _ticket(value: Any) -> str:
    good = isinstance(value, str) and 0 < len(value) <= LONGEST_TICKET
    return "" if good else f"allowed: a text of 1 to {LONGEST_TICKET} characters"


def _fps(value: Any) -> str:
    good = 0 < _as_rate(value) <= FASTEST
    return "" if good else f"allowed: a number over 0, up to {FASTEST}, such as 24 or 23.976"


def _as_rate(value: Any) -> float:
    """Return a number; 0 where it is none."""
    return _as_number(value) or 0.0


def _as_number(value: Any) -> float | None:
    """Return a finite number, also one that is given as a text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


_CHECKS: dict[str, Callable[[Any], str]] = {
    "name": _name,
    "priority": _priority,
    "upload": _upload,
    "ticket": _ticket,
    "fps": _fps,
}
_READ: dict[str, Callable[[Any], Any]] = {"priority": _as_whole, "fps": _as_rate}
"""What is read as something else than it is given as: texts as numbers."""


def _label_faults(value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(at, f"is {shown(value)}; allowed: an object of names and values")
        return
    for key, label in value.items():
        if not _is_label(label):
            place = f"{at}.{key_path([key])}"
            yield Fault(place, f"is {shown(label)}; allowed: a text, a number, true or false")


def _is_label(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _variants(value: Any) -> tuple[Mapping[str, Any], ...]:
    found = value if isinstance(value, list) and len(value) <= MOST_VARIANTS else []
    return tuple(each if isinstance(each, Mapping) else {} for each in found)


def _variant_faults(value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_VARIANTS:
        yield Fault(at, f"is {shown(value)}; allowed: a list of 1 to {MOST_VARIANTS} objects")
        return
    for index, variant in enumerate(value):
        place = f"{at}[{index}]"
        if not isinstance(variant, Mapping):
            yield Fault(place, f"is {shown(variant)}; allowed: an object of overrides")
            continue
        own = variant.get(OWN, {})
        if not isinstance(own, Mapping):
            yield Fault(f"{place}.{OWN}", f"is {shown(own)}; allowed: an object")
            continue
        yield from _faults(own, VARIANT_KEYS, f"{place}.{OWN}")
