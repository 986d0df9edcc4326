"""What is wrong with a spec, said to the person who wrote it."""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from reeldrop.domain.spec import Fault

SHOWN = 60
LISTED = 30
OURS = ("name", "priority", "upload", "labels", "variants", "ticket", "fps")
"""What the object `reeldrop` of a sidecar holds."""
NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def key_path(parts: Iterable[str | int]) -> str:
    """Write a path as `elements[0].frontal_image_url`."""
    written = "".join(
        f"[{part}]" if isinstance(part, int) else f".{_clipped(part, SHOWN)}" for part in parts
    )
    return written.removeprefix(".")


def shown(value: object) -> str:
    """Show a value in short; never the content of a data URI."""
    match value:
        case str() if value[:5].lower() == "data:":
            return f"a data URI of {len(value)} characters"
        case str():
            return f'"{_clipped(value, SHOWN)}"'
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case Mapping():
            return "an object"
        case list() | tuple():
            return f"a list of {len(cast('Sequence[Any]', value))}"
        case int() if value.bit_length() > 200:
            return "a number of more than 60 digits"
        case _:
            return str(value)


def _clipped(text: str, limit: int) -> str:
    line = "".join(char if char.isprintable() else "?" for char in text[: limit + 1])
    return line if len(text) <= limit else f"{line[: limit - 1]}…"


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Yield the faults that one finding of the validator stands for."""
    where = list(error.absolute_path)
    match error.validator:
        case "required":
            yield from _missing(where, error)
        case "additionalProperties":
            yield from _unknown(where, error)
        case _:
            yield Fault(key_path(where), *_said(error))


def _missing(where: list[str | int], error: ValidationError) -> Iterator[Fault]:
    present = cast("Mapping[str, Any]", error.instance)
    rules = cast("Mapping[str, Any]", error.schema).get("properties", {})
    for key in cast("list[str]", error.validator_value):
        if key not in present:
            hint = f"Give {_allowed(rules.get(key, {}))}."
            yield Fault(key_path([*where, key]), "is missing; the model needs it", hint)


def _unknown(where: list[str | int], error: ValidationError) -> Iterator[Fault]:
    schema = cast("Mapping[str, Any]", error.schema)
    known = [key for key in schema.get("properties", {}) if key != "model" or not where]
    present = cast("Mapping[str, Any]", error.instance)
    for key in present:
        if key in known:
            continue
        path = key_path([*where, key])
        message = f"no such parameter (it holds {shown(present[key])}); {_nearest(key, known)}"
        if not where and key in OURS:
            yield Fault(path, message, f'Write it inside the object "reeldrop", as reeldrop.{key}.')
        else:
            yield Fault(path, message, f"Known here: {', '.join(sorted(known)[:LISTED])}.")


def _nearest(key: str, known: Sequence[str]) -> str:
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower()[:SHOWN], list(names), 1, 0.0)
    return f"did you mean {names[close[0]]}?" if close else "nothing is known here"


def _said(error: ValidationError) -> tuple[str, str]:
    """Return message and hint of a finding about a value."""
    value, rule = cast("Any", error.instance), cast("Mapping[str, Any]", error.schema)
    limit = error.validator_value
    match error.validator:
        case "maxLength":
            return f"has {len(value)} characters; at most {limit} are allowed", "Shorten it."
        case "minLength":
            return f"has {len(value)} characters; at least {limit} are needed", "Lengthen it."
        case "maxItems":
            return f"holds {len(value)} entries; at most {limit} are allowed", "Take some out."
        case "minItems":
            return (
                f"holds {len(value)} entries; at least {limit} needed",
                "Add one, or leave it out.",
            )
        case "minimum" | "maximum" | "enum" | "const" | "type":
            return f"{shown(value)} is not allowed; allowed is {_allowed(rule)}", "Change it."
        case _:
            return f"{shown(value)} does not fit the model's rule {error.validator}", "Change it."


def _allowed(rule: Mapping[str, Any]) -> str:
    """Say in words what a rule of a schema allows."""
    if "enum" in rule:
        return "one of " + ", ".join(shown(choice) for choice in rule["enum"])
    if "const" in rule:
        return shown(rule["const"])
    kind = rule.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    noun = " or ".join(NOUNS.get(str(name), "a value") for name in kinds)
    if rule.get("format") == "uri":
        noun = "an https:// URL, a data URI or the path of a file"
    low, high = rule.get("minimum"), rule.get("maximum")
    bounds = [f"from {low}"] if low is not None else []
    bounds += [f"up to {high}"] if high is not None else []
    return " ".join([noun, *bounds])


def blank_prompt(params: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault where a prompt is given and says nothing."""
    prompt = params.get("prompt")
    if isinstance(prompt, str) and not prompt.strip():
        yield Fault("prompt", f"{shown(prompt)} is empty", "Say what the clip shall look like.")


def not_finite(value: object, where: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Yield a fault for every NaN and Infinity, which JSON cannot hold."""
    match value:
        case float() if not math.isfinite(value):
            yield Fault(key_path(where), f"{value} is not allowed", "Give a finite number.")
        case Mapping():
            for key, item in cast("Mapping[str, Any]", value).items():
                yield from not_finite(item, (*where, key))
        case list() | tuple():
            for index, item in enumerate(cast("Sequence[Any]", value)):
                yield from not_finite(item, (*where, index))
        case _:
            return
