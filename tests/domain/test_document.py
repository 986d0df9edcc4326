"""From bytes to one JSON object: whatever is dropped, nothing is raised."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.document import DEEPEST, LARGEST, parse
from reeldrop.domain.spec import Fault

BAD: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["empty"]),
    "blank": (b" \r\n", ["empty"]),
    "words": (b"make it blue", ["not JSON", "line 1, column 1"]),
    "half": (b'{"prompt": "x"', ["not JSON", "breaks off", "line 1"]),
    "comma": (b'{\r\n  "prompt": "x",\r\n}', ["comma", "line 3"]),
    "two lines": (b'{"prompt": "a\nb"}', ["line break", "line 1, column 14"]),
    "no comma": (b'{"prompt": "a" "duration": 5}', ["a comma is missing", "column 16"]),
    "single quotes": (b"{'prompt': 'x'}", ["line 1, column 2"]),
    "a list": (b'["x"]', ["no JSON object", '["x"]']),
    "a text": (b'"x"', ["no JSON object"]),
    "null": (b"null", ["no JSON object"]),
    "a number": (b"5", ["no JSON object", "5"]),
    "NaN": (b'{"duration": NaN}', ["NaN"]),
    "Infinity": (b'{"duration": -Infinity}', ["-Infinity"]),
    "too large": (b'{"duration": 1e999}', ["1e999"]),
    "too many digits": (b'{"duration": ' + b"9" * 5000 + b"}", ["too large"]),
    "twice": (b'{"prompt": "x", "prompt": "y"}', ['"prompt"', "twice"]),
    "twice, inside": (b'{"reeldrop": {"name": "x", "name": "y"}}', ['"name"', "twice"]),
    "deep": (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", [str(DEEPEST)]),
    "very deep": (b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", [str(DEEPEST)]),
    "half a character": (b'{"prompt": "\\ud83d"}', ["\\ud83d"]),
    "half a character as a key": (b'{"\\ud83d": 1}', ["\\ud83d"]),
    "Latin-1": ('{"prompt": "schön"}'.encode("latin-1"), ["UTF-8", "0xf6"]),
    "over 1 MiB": (b'{"prompt": "' + b"x" * LARGEST + b'"}', ["1 MiB"]),
    "half a UTF-16": (b"\xff\xfe{", ["UTF-8"]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_json_object_is_a_fault_that_says_where(name: str) -> None:
    """Whoever wrote the file sees only this message."""
    raw, words = BAD[name]
    fault = parse(raw)
    assert isinstance(fault, Fault)
    assert [word for word in words if word not in fault.message] == []


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
def test_every_encoding_of_json_is_read(encoding: str) -> None:
    """Editors on Windows write byte order marks and UTF-16 without being asked."""
    text = '{\r\n  "prompt": "schön ☃"\r\n}\r\n'
    assert parse(text.encode(encoding)) == {"prompt": "schön ☃"}


def test_a_file_of_exactly_1_mib_is_read() -> None:
    """The limit is part of the contract."""
    head, tail = b'{"prompt": "', b'"}'
    raw = head + b"x" * (LARGEST - len(head) - len(tail)) + tail
    assert isinstance(parse(raw), Mapping)


def test_numbers_keep_their_kind() -> None:
    """A duration of 5 must not become 5.0 on its way to the API."""
    assert json.dumps(parse(b'{"a": 5, "b": 5.5, "c": -3}')) == '{"a": 5, "b": 5.5, "c": -3}'


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    """A file that anybody may drop must not stop the daemon."""
    assert isinstance(parse(raw), Fault | Mapping)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_every_plain_object_is_read_as_it_is(value: dict[str, object], encoding: str) -> None:
    """Nothing of a good sidecar is lost or changed."""
    assert parse(json.dumps(value, ensure_ascii=False).encode(encoding)) == value
