"""The schemas of the models, and what the API says of a request that breaks one: issues as its validator
writes them (the names and sentences of zod).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import jsonschema

from reeldrop.simulator.body import Media

Issue = dict[str, Any]
TYPE_NAMES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}

_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("uri")
def _is_url(value: object) -> bool:
    """Accept what the API fetches: an http(s) URL; data URIs are Media by now."""
    if not isinstance(value, str):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme == "data" or (parts.scheme in {"http", "https"} and bool(parts.hostname))


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that the API takes."""

    model: str
    params: Mapping[str, Any]
    """With the numbers made numbers."""
    received: Mapping[str, Any]
    """As it came, without `model`."""


class Catalogue:
    """All models by name."""

    def __init__(self, extra: Path | None) -> None:
        """Blocking: reads the models of the package and the JSON files of the folder `extra`."""
        shipped = files("reeldrop").joinpath("provider", "catalogue")
        texts = [
            each.read_text("utf-8") for each in shipped.iterdir() if each.name.endswith(".json")
        ]
        if extra is not None:
            texts += [each.read_text("utf-8") for each in sorted(extra.glob("*.json"))]
        entries = [json.loads(text) for text in texts]
        self.schemas: dict[str, Mapping[str, Any]] = {
            entry["model"]: entry["schema"] for entry in entries
        }

    def check(self, document: Any) -> Checked | list[Issue]:
        """Return the request, or every issue with it."""
        if not isinstance(document, dict):
            return [_expected("object", document, [])]
        name = document.get("model")
        schema = self.schemas.get(name) if isinstance(name, str) else None
        if schema is None:
            return [self._unknown_model(name)]
        params = _with_numbers(document, schema.get("properties", {}))
        validator = jsonschema.Draft202012Validator(schema, format_checker=_formats)
        errors = sorted(
            validator.iter_errors(_plain(params)), key=lambda each: list(map(str, each.path))
        )
        issues = [_issue(error) for error in errors] + list(_broken_media(params, []))
        received = {key: value for key, value in document.items() if key != "model"}
        return issues or Checked(str(name), params, received)

    def _unknown_model(self, name: Any) -> Issue:
        options = sorted(self.schemas)
        listed = " | ".join(f"'{each}'" for each in options)
        return {
            "code": "invalid_union_discriminator",
            "options": options,
            "path": ["model"],
            "message": f"Invalid discriminator value. Expected {listed}",
            "received": name if isinstance(name, str) else _type_name(name),
        }


def _with_numbers(document: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers given as strings are taken, as the API's own examples do."""
    return {
        key: _number(value, properties.get(key, {}).get("type"))
        if isinstance(value, str)
        else value
        for key, value in document.items()
    }


def _number(text: str, wanted: str | None) -> Any:
    convert = {"integer": int, "number": float}.get(wanted or "")
    if convert is None:
        return text
    try:
        return convert(text)
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    """Return the document for the validator, which knows nothing of Media."""
    match value:
        case Media():
            return "data:"
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _broken_media(value: Any, path: list[Any]) -> list[Issue]:
    match value:
        case Media() if value.fault:
            return [_bad_url(path)]
        case dict():
            parts = value.items()
        case list():
            parts = enumerate(value)
        case _:
            return []
    return [issue for key, each in parts for issue in _broken_media(each, [*path, key])]


def _type_name(value: Any) -> str:
    return "null" if value is None else TYPE_NAMES.get(type(value), "object")


def _bad_url(path: list[Any]) -> Issue:
    return {"validation": "url", "code": "invalid_string", "message": "Invalid url", "path": path}


def _expected(wanted: str, value: Any, path: list[Any]) -> Issue:
    wanted = {"integer": "number"}.get(wanted, wanted)
    got = _type_name(value)
    message = f"Expected {wanted}, received {got}"
    return {
        "code": "invalid_type", "expected": wanted, "received": got, "path": path, "message": message
    }  # fmt: skip


def _required(error: jsonschema.ValidationError) -> Issue:
    names, schema = cast("list[str]", error.validator_value), cast("dict[str, Any]", error.schema)
    # The validator raises one error for each missing name and says only in words which.
    name = next(each for each in names if error.message.startswith(repr(each)))
    wanted = schema["properties"].get(name, {}).get("type", "string")
    issue = _expected(wanted, None, [*error.absolute_path, name])
    return {**issue, "received": "undefined", "message": "Required"}


def _not_in_enum(error: jsonschema.ValidationError) -> Issue:
    options = cast("list[Any]", error.validator_value)
    listed = " | ".join(f"'{each}'" for each in options)
    return {
        "received": error.instance,
        "code": "invalid_enum_value",
        "options": options,
        "path": list(error.absolute_path),
        "message": f"Invalid enum value. Expected {listed}, received '{error.instance}'",
    }


_LIMITS: dict[str, tuple[str, str, str]] = {
    "maxLength": ("too_big", "string", "String must contain at most {} character(s)"),
    "minLength": ("too_small", "string", "String must contain at least {} character(s)"),
    "maxItems": ("too_big", "array", "Array must contain at most {} element(s)"),
    "minItems": ("too_small", "array", "Array must contain at least {} element(s)"),
    "maximum": ("too_big", "number", "Number must be less than or equal to {}"),
    "minimum": ("too_small", "number", "Number must be greater than or equal to {}"),
}


def _limit(error: jsonschema.ValidationError) -> Issue:
    code, kind, text = _LIMITS[str(error.validator)]
    return {
        "code": code,
        "maximum" if code == "too_big" else "minimum": error.validator_value,
        "type": kind,
        "inclusive": True,
        "exact": False,
        "message": text.format(error.validator_value),
        "path": list(error.absolute_path),
    }


_ISSUES: dict[str, Callable[[jsonschema.ValidationError], Issue]] = {
    "required": _required,
    "type": lambda error: _expected(
        str(error.validator_value), error.instance, list(error.absolute_path)
    ),
    "enum": _not_in_enum,
    "format": lambda error: _bad_url(list(error.absolute_path)),
    **dict.fromkeys(_LIMITS, _limit),
}


def _issue(error: jsonschema.ValidationError) -> Issue:
    make = _ISSUES.get(str(error.validator))
    if make is not None:
        return make(error)
    return {"code": "custom", "message": error.message, "path": list(error.absolute_path)}
