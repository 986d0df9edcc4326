"""What a model's schema finds wrong with a spec, said to the person who wrote it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from reeldrop.domain.own import KEYS
from reeldrop.domain.spec import OWN, Fault, key_path, no_such_key, shown

NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
FILE = "an https:// URL, a data URI or the path of a file"


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Yield the faults that one finding of the validator stands for."""
    where = list(error.absolute_path)
    match error.validator:
        case "required":
            yield from _missing(where, error)
        case "additionalProperties":
            yield from _unknown(where, error)
        case _:
            yield Fault(key_path(where), _said(error))


def _missing(where: list[str | int], error: ValidationError) -> Iterator[Fault]:
    present = cast("Mapping[str, Any]", error.instance)
    rules = cast("Mapping[str, Any]", error.schema).get("properties", {})
    for key in cast("list[str]", error.validator_value):
        if key not in present:
            yield Fault(key_path([*where, key]), f"is missing; give {_wanted(rules.get(key, {}))}")


def _unknown(where: list[str | int], error: ValidationError) -> Iterator[Fault]:
    schema = cast("Mapping[str, Any]", error.schema)
    known = schema.get("properties", {})
    present = cast("Mapping[str, Any]", error.instance)
    for key in (key for key in present if key not in known):
        if not where and key in KEYS:
            message = f"is {shown(present[key])}; write it inside the object {shown(OWN)}"
        else:
            message = no_such_key(key, present[key], known, "parameter")
        yield Fault(key_path([*where, key]), message)


def _said(error: ValidationError) -> str:
    """Return what a finding about a value says of it."""
    value, rule = cast("Any", error.instance), cast("Mapping[str, Any]", error.schema)
    limit = error.validator_value
    match error.validator:
        case "maxLength":
            return f"has {len(value)} characters; at most {limit} are allowed"
        case "minLength":
            return f"has {len(value)} characters; at least {limit} are needed"
        case "maxItems":
            return f"has {len(value)} entries; at most {limit} are allowed"
        case "minItems":
            return f"has {len(value)} entries; give at least {limit}, or leave it out"
        case "minimum" | "maximum" | "enum" | "const" | "type":
            return f"is {shown(value)}; allowed: {_allowed(rule)}"
        case _:
            return f"is {shown(value)}; the model's rule is {error.validator}: {shown(limit)}"


def _wanted(rule: Mapping[str, Any]) -> str:
    return f"one of {_allowed(rule)}" if "enum" in rule else _allowed(rule)


def _allowed(rule: Mapping[str, Any]) -> str:
    """Say in words what a rule of a schema allows."""
    if "enum" in rule:
        return ", ".join(shown(choice) for choice in rule["enum"])
    if "const" in rule:
        return shown(rule["const"])
    if rule.get("format") == "uri":
        return FILE
    kind = rule.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    noun = " or ".join(NOUNS.get(str(name), "a value") for name in kinds)
    low, high, most = rule.get("minimum"), rule.get("maximum"), rule.get("maxLength")
    bounds = [f"from {low}"] if low is not None else []
    bounds += [f"up to {high}"] if high is not None else []
    bounds += [f"of at most {most} characters"] if most is not None else []
    return " ".join([noun, *bounds])


def blank_prompt(params: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault where a prompt is given and says nothing."""
    prompt = params.get("prompt")
    if isinstance(prompt, str) and not prompt.strip():
        yield Fault("prompt", "is empty; say what the clip shall look like")


def not_finite(value: object, where: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Yield a fault for every NaN and Infinity, which JSON cannot hold."""
    match value:
        case float() if not math.isfinite(value):
            yield Fault(key_path(where), f"is {shown(value)}; allowed: a number")
        case Mapping():
            for key, item in cast("Mapping[str, Any]", value).items():
                yield from not_finite(item, (*where, key))
        case list() | tuple():
            for index, item in enumerate(cast("Sequence[Any]", value)):
                yield from not_finite(item, (*where, index))
        case _:
            return
