"""From the bytes of a JSON file to one JSON object, or to a fault that says where it is wrong.

Whatever the bytes are, nothing is raised: a file that anybody may drop must not stop a daemon.
"""

import codecs
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reeldrop.domain.spec import Fault, shown

LARGEST = 1024 * 1024
"""Bytes of a sidecar or preset."""
DEEPEST = 32
"""Levels of objects and lists inside one another."""
_LARGEST_WHOLE = 2**63 - 1
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PLAIN = {
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Unterminated string starting at": "a text without its closing quote",
    "Invalid control character at": "a line break or tab inside a text (write \\n or \\t)",
    "Extra data": "something follows its end",
}
"""The words of Python's reader for people who do not write JSON every day."""


class _Refused(ValueError):
    """What JSON's own reader would let pass."""


def parse(raw: bytes) -> Mapping[str, Any] | Fault:
    """Return the JSON object that `raw` holds, or what is wrong with it.

    UTF-8, UTF-16 and UTF-32 are read, with and without a byte order mark.
    """
    if len(raw) > LARGEST:
        return _fault("is over 1 MiB", "A sidecar holds text alone; name files by their paths.")
    try:
        value = _load(_decode(raw))
        _check(value)
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02x} at position {error.start}"
        return _fault(f"is not UTF-8 text ({found})", "Save it as UTF-8.")
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return _fault(f"is not JSON: {_plainly(error)} at {where}")
    except _Refused as error:
        return _fault(str(error))
    except RecursionError:
        return _fault(f"goes deeper than {DEEPEST} levels")
    if not isinstance(value, dict):
        return _fault(f"is no JSON object but {_kind(value)}: {shown(value)}")
    return value


def _fault(message: str, hint: str = "") -> Fault:
    return Fault("", message, hint)


def _plainly(error: json.JSONDecodeError) -> str:
    """Say what the reader found in words that help whoever wrote the file."""
    if not error.doc.strip():
        return "the file is empty"
    if error.pos >= len(error.doc.rstrip()):
        return "it breaks off"
    before = error.doc[: error.pos].rstrip()
    if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
        return "a comma too many"
    text = error.msg
    return _PLAIN.get(text, text[:1].lower() + text[1:])


def _decode(raw: bytes) -> str:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding)
    return raw.decode(json.detect_encoding(raw))


def _load(text: str) -> Any:
    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_float=_number,
        parse_int=_whole,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        doubled = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise _Refused(f"has the key {shown(doubled)} twice in one object")
    return result


def _constant(name: str) -> Any:
    raise _Refused(f"holds {name}, which is no number of JSON")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"holds the number {text[:40]}, which is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > 20 or abs(value := int(text)) > _LARGEST_WHOLE:
        raise _Refused(f"holds the number {text[:40]}, which is too large")
    return value


def _check(value: Any) -> None:
    """Refuse what JSON can say and no request can carry: depth, and halves of characters."""
    level: Sequence[Any] = [value]
    for _ in range(DEEPEST + 1):
        for text in (each for each in level if isinstance(each, str)):
            _check_text(text)
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise _Refused(f"goes deeper than {DEEPEST} levels")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"\\u{ord(text[error.start]):04x}"
        raise _Refused(f"holds half a character ({half})") from None


def _inside(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            yield from value
            yield from value.values()
        case list():
            yield from value
        case _:
            return


def _kind(value: Any) -> str:
    match value:
        case list():
            return "a list"
        case str():
            return "a text"
        case bool() | None:
            return "a single value"
        case _:
            return "a number"
