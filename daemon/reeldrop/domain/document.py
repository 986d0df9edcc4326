"""From the bytes of a JSON file to one JSON object, or to a fault that says where it is wrong.

Whatever the bytes are, nothing is raised: a file that anybody may drop must not stop a daemon.
"""

import codecs
import json
import math
import re
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


_KEY = ":"
"""Stands for a key that is there twice: which one it is, only its place tells."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)


class _Refused(ValueError):
    """What JSON's own reader would let pass. `token` is what stands there, where one thing alone is wrong."""

    def __init__(self, message: str, token: str = "") -> None:
        super().__init__(message)
        self.token = token


def parse(raw: bytes) -> Mapping[str, Any] | Fault:
    """Return the JSON object that `raw` holds, or what is wrong with it.

    UTF-8, UTF-16 and UTF-32 are read, with and without a byte order mark.
    """
    if len(raw) > LARGEST:
        return _fault("is over 1 MiB", "A sidecar holds text alone; name files by their paths.")
    try:
        text = _decode(raw)
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02x} at position {error.start}"
        return _fault(f"is not UTF-8 text ({found})", "Save it as UTF-8.")
    try:
        value = _load(text)
        _check(value)
    except json.JSONDecodeError as error:
        return _fault(f"is not JSON: {_plainly(error)} at {_where(text, error.pos)}")
    except _Refused as error:
        return _fault(f"{error}{_at(text, error.token)}")
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


def _where(text: str, at: int) -> str:
    """Return the place `at` in `text` as editors count, whatever ends its lines."""
    before = text[:at].replace("\r\n", "\n").replace("\r", "\n")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _at(text: str, token: str) -> str:
    """Return where `token` stands in `text` for the first time; a key, for the second in its object."""
    found = (each.start() for each in _TOKEN.finditer(text) if each[0] == token)
    at = _second_key(text) if token == _KEY else next(found, None)
    return "" if at is None else f", at {_where(text, at)}"


def _second_key(text: str) -> int | None:
    """Return where in `text` a key stands that its object has already."""
    keys: list[set[str]] = []
    last = None
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[":
                keys.append(set())
            case "}" | "]":
                keys.pop()
            case ":" if last is not None:
                if (key := json.loads(last[0])) in keys[-1]:
                    return last.start()
                keys[-1].add(key)
            case _:
                pass
        last = token
    return None


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
        raise _Refused(f"has the key {shown(doubled)} twice in one object", _KEY)
    return result


def _constant(name: str) -> Any:
    raise _Refused(f"holds {name}, which is no number of JSON", name)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"holds the number {text[:40]}, which is too large", text)
    return value


def _whole(text: str) -> int:
    if len(text) > 20 or abs(value := int(text)) > _LARGEST_WHOLE:
        raise _Refused(f"holds the number {text[:40]}, which is too large", text)
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
