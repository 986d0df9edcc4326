"""Files and URLs in a spec: what each value that the model's schema calls a URI may be.

A sidecar must not be able to make the daemon read the host's files or call plain addresses: what
is neither an https:// URL, a data URI nor a path inside the inbox is a fault.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reeldrop.domain.frames import EXAMPLE, Pattern, is_pattern, read_pattern
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.path_map import NO_MAP, PathMap, is_absolute
from reeldrop.domain.paths import resolve
from reeldrop.domain.spec import CLIP, Fault, shown

_HTTPS = re.compile(r"https://[^\s/?#@]+(?:[/?#]\S*)?", re.IGNORECASE)
_HTTP = re.compile(r"http://(\[[0-9:a-f]+\]|[^\s/?#@:]+)(?::[0-9]+)?(?:[/?#]\S*)?", re.IGNORECASE)
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*;base64,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_ALLOWED = "allowed: an https:// URL, a data URI or the path of a file in the inbox"


class Kind(StrEnum):
    """What a parameter takes, as messages say it."""

    IMAGE = "an image"
    VIDEO = "a video"
    SOUND = "a sound"
    ANY = "an image, a video or a sound"


_KINDS = {
    "image": Kind.IMAGE,
    "frontal": Kind.IMAGE,
    "first_frame": Kind.IMAGE,
    "last_frame": Kind.IMAGE,
    "video": Kind.VIDEO,
    "audio": Kind.SOUND,
}
"""By the word in a parameter's name: the schemas call all of them a URI and say no more."""

_DECLARED = {Kind.IMAGE: "image/", Kind.VIDEO: "video/", Kind.SOUND: "audio/"}
"""How the types begin by which a data URI declares what it is."""
_UNDECLARED = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that a spec names: the key as a path, the words given, and the path they mean.

    `frames`: they are a pattern of numbered frames, and `path` is no file's.
    """

    key: str
    given: str
    path: RelPath
    frames: Pattern | None = None


def kind_of(key: str) -> Kind:
    """Return what the parameter at a key path takes, by its own name; of several words the last tells."""
    name = key.rpartition(".")[2].partition("[")[0].lower()
    at, word = max((name.rfind(word), word) for word in _KINDS)
    return _KINDS[word] if at >= 0 else Kind.ANY


def is_loopback(host: str) -> bool:
    """Say whether `host`, as a URL names it, is this host itself: plain http:// may go there."""
    return bool(_LOOPBACK.fullmatch(host.lower()))


def is_remote(value: str) -> bool:
    """Say whether `value` is a URL or data URI that may be sent as it is."""
    return not _remote_problem(value) if _SCHEME.match(value) else False


def read_value(
    key: str, value: str, folder: RelPath, paths: PathMap = NO_MAP
) -> Reference | Fault | None:
    """Return the file that `value` names, None for a URL or data URI, or what is wrong with it.

    `folder` is that of the document which gave the value, `paths` what absolute ones mean here.
    """
    found = read_clip_value(key, value, folder, paths)
    if isinstance(found, Reference) and found.frames is not None:
        only = f"only the {CLIP} of a sidecar takes numbered frames"
        return Fault(key, f"is {shown(value)}; {only}, name any other image without #")
    return found


def read_clip_value(
    key: str, value: str, folder: RelPath, paths: PathMap = NO_MAP
) -> Reference | Fault | None:
    """Return the same for what a sidecar gives as its clip: there it may be numbered frames."""
    if _SCHEME.match(value):
        if problem := _remote_problem(value):
            return Fault(key, f"is {shown(value)}; {problem}")
        return _misdeclared(key, value)
    advice = "put the file into the inbox and name it by its relative path"
    if is_absolute(value):
        advice += ", or map its folder by path_map in the daemon's settings"
    try:
        path = paths.inside(value) or resolve(folder, value)
        if not is_pattern(path):
            return Reference(key, value, path)
        advice = f"name the frames like {EXAMPLE}"
        return Reference(key, value, path, read_pattern(path))
    except ValueError as error:
        return Fault(key, f"is {shown(value)}, which {error}; {advice}")


def _remote_problem(value: str) -> str:
    """Return why a value with a scheme cannot be sent, "" when it can."""
    lower = value[:8].lower()
    if lower.startswith("data:"):
        head = _DATA.match(value)
        if head is None:
            return "a data URI names its type and is base64, like data:image/png;base64,…"
        body = value[head.end() :]
        whole = _BASE64.fullmatch(body) and len(body) % 4 == 0
        return "" if whole else "its base64 is damaged"
    if lower.startswith("https:"):
        return "" if _HTTPS.fullmatch(value) else "this is no whole https:// address"
    if lower.startswith("http:"):
        found = _HTTP.fullmatch(value)
        local = found is not None and is_loopback(found[1].strip("[]"))
        return "" if local else "plain http:// is not safe, use https://"
    return _ALLOWED


def _misdeclared(key: str, value: str) -> Fault | None:
    """Return what is wrong with a data URI that says itself to be what `key` does not take."""
    head, kind = _DATA.match(value), kind_of(key)
    if head is None or kind is Kind.ANY:
        return None
    declared = head[1].lower()
    if declared == _UNDECLARED or declared.startswith(_DECLARED[kind]):
        return None
    return Fault(key, f"is a data URI of {declared}; allowed: {kind}")


def read_references(
    schema: Mapping[str, Any],
    params: Mapping[str, Any],
    folder_of: Callable[[str], RelPath],
    paths: PathMap = NO_MAP,
) -> tuple[list[Reference], list[Fault]]:
    """Return every file that `params` names where `schema` has a URI, and every fault there.

    `folder_of` says which folder the paths under a top-level key are relative to, `paths` what
    absolute ones mean here.
    """
    found: list[Reference] = []
    faults: list[Fault] = []
    for key, value in _uris(schema, params, ""):
        match read_value(key, value, folder_of(_top(key)), paths):
            case Reference() as reference:
                found.append(reference)
            case Fault() as fault:
                faults.append(fault)
            case None:
                pass
    return found, faults


def with_files(params: Mapping[str, Any], files: Mapping[str, RelPath]) -> dict[str, Any]:
    """Return `params` with a MediaFile in the place of every key path in `files`."""
    return {key: _with_files(value, key, files) for key, value in params.items()}


def _with_files(value: Any, key: str, files: Mapping[str, RelPath]) -> Any:
    match value:
        case str() if key in files:
            return MediaFile(files[key])
        case list():
            return [_with_files(item, f"{key}[{at}]", files) for at, item in enumerate(value)]
        case Mapping():
            return {name: _with_files(item, f"{key}.{name}", files) for name, item in value.items()}
        case _:
            return value


def _top(key: str) -> str:
    return re.split(r"[.\[]", key, maxsplit=1)[0]


def _uris(schema: Any, value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield every text in `value` that stands where `schema` wants a URI, with its key path."""
    for branch in _branches(schema):
        match value:
            case str() if branch.get("format") == "uri":
                yield key, value
                return
            case list():
                for index, item in enumerate(value):
                    yield from _uris(branch.get("items"), item, f"{key}[{index}]")
            case Mapping():
                properties = branch.get("properties", {})
                for name in (name for name in value if name in properties):
                    yield from _uris(
                        properties[name], value[name], f"{key}.{name}" if key else name
                    )
            case _:
                pass


def _branches(schema: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(word, ()):
            yield from _branches(branch)
