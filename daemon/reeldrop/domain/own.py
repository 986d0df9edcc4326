"""The `reeldrop` object of a spec: what is ours and never sent to the API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reeldrop.domain.spec import OWN, Fault, nearest, shown

UPLOADS = ("auto", "data_uri", "signed_url")
LONGEST_NAME = 200
"""Bytes."""
LONGEST_TICKET = 128
MOST_VARIANTS = 50
_PRIORITY = range(-1000, 1001)
_KEYS = frozenset({"name", "priority", "upload", "labels", "variants", "ticket", "fps"})
_VARIANT_KEYS = frozenset({"name", "priority", "labels"})
_HIDDEN = (".", "~")


@dataclass(frozen=True, slots=True)
class Own:
    """The `reeldrop` object, checked. Empty `name` and `ticket`: nobody gave one."""

    name: str = ""
    priority: int = 0
    upload: str = "auto"
    labels: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ticket: str = ""
    variants: tuple[Mapping[str, Any], ...] = ()


def read_own(given: Mapping[str, Any]) -> tuple[Own, list[Fault]]:
    """Return the merged `reeldrop` object as a value, without what is wrong in it, and every fault."""
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for key, value in given.items():
        found = list(_faults({key: value}, _KEYS, OWN))
        faults += found
        if not found:
            values[key] = tuple(value) if key == "variants" else value
    return Own(**values), faults


def _faults(given: Mapping[str, Any], keys: frozenset[str], at: str) -> Iterator[Fault]:
    for key, value in given.items():
        if key not in keys:
            message = f"is {shown(value)}, but there is no such key. {nearest(key, keys)}"
            yield Fault(f"{at}.{key}", message)
        elif key == "variants":
            yield from _variant_faults(value, f"{at}.{key}")
        elif key == "labels":
            yield from _label_faults(value, f"{at}.{key}")
        elif allowed := _CHECKS[key](value):
            yield Fault(f"{at}.{key}", f"is {shown(value)}; {allowed}")


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
    whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if whole and value in _PRIORITY else "a whole number from -1000 to 1000 is allowed"


def _upload(value: Any) -> str:
    return "" if value in UPLOADS else f"one of {', '.join(UPLOADS)} is allowed"


def _ticket(value: Any) -> str:
    good = isinstance(value, str) and 0 < len(value) <= LONGEST_TICKET
    return "" if good else f"a text of 1 to {LONGEST_TICKET} characters is allowed"


def _fps(_value: Any) -> str:
    return "it goes only with numbered frames as video_url, like frames/####.exr"


_CHECKS: dict[str, Callable[[Any], str]] = {
    "name": _name,
    "priority": _priority,
    "upload": _upload,
    "ticket": _ticket,
    "fps": _fps,
}


def _label_faults(value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(at, f"is {shown(value)}; an object of names and values is allowed")
        return
    for key, label in value.items():
        if not _is_label(label):
            yield Fault(
                f"{at}.{key}", f"is {shown(label)}; a text, a number or true/false is allowed"
            )


def _is_label(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _variant_faults(value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_VARIANTS:
        yield Fault(at, f"is {shown(value)}; a list of 1 to {MOST_VARIANTS} objects is allowed")
        return
    for index, variant in enumerate(value):
        place = f"{at}[{index}]"
        if not isinstance(variant, Mapping):
            yield Fault(place, f"is {shown(variant)}; an object of overrides is allowed")
            continue
        own = variant.get(OWN, {})
        if not isinstance(own, Mapping):
            yield Fault(f"{place}.{OWN}", f"is {shown(own)}; an object is allowed")
            continue
        yield from _faults(own, _VARIANT_KEYS, f"{place}.{OWN}")
