"""The JSON Schema of a sidecar, for editors that check and complete while one types."""

import copy
from collections.abc import Mapping
from typing import Any, cast

from reeldrop.domain.frames import EXAMPLE
from reeldrop.domain.own import FASTEST, LONGEST_TICKET, MOST_VARIANTS, PRIORITIES
from reeldrop.domain.sending import WAYS
from reeldrop.domain.spec import OWN, Model

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE = "An https:// URL, a data URI, or the path of a file relative to this sidecar."
FRAMES = f" Or numbered PNG, JPEG or EXR frames, like {EXAMPLE}, with {OWN}.fps."
DESCRIPTIONS = {
    "model": "The model that restyles the clip.",
    "prompt": "What the clip shall look like.",
    "duration": "Length of the result in seconds.",
    "aspect_ratio": "Shape of the result.",
    "keep_audio": "Whether the clip's sound is kept.",
    "video_url": "The clip. Left out, it is the file beside this sidecar. " + FILE + FRAMES,
    "video_urls": "Videos; the clip beside this sidecar comes first by itself." + FRAMES,
}
_NAME = {
    "type": "string",
    "minLength": 1,
    "pattern": r"^[^/\\]+$",
    "description": "Name of the result: one path component.",
}
_PRIORITY = {
    "type": "integer",
    "minimum": PRIORITIES[0],
    "maximum": PRIORITIES[-1],
    "default": 0,
    "description": "Higher goes first; 10 minutes of waiting count as one.",
}
_UPLOAD = {
    "enum": list(WAYS),
    "default": "auto",
    "description": "How files reach the API.",
}
_LABELS = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    "description": "A flat object that is carried through to the record.",
}
_TICKET = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_TICKET,
    "description": "Two drops with one ticket are one job for ever.",
}
_FPS = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": FASTEST},
        {"type": "string", "pattern": r"^[0-9]*\.?[0-9]+$"},
    ],
    "description": f"Numbered frames per second: goes with a video_url like {EXAMPLE}.",
}


def sidecar_schema(model: Model) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a sidecar for `model`.

    Nothing is required: a preset may give any of it. Files may stand for URLs.
    """
    parameters = {
        key: _for_editors(key, rule) for key, rule in model.schema.get("properties", {}).items()
    }
    override = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **_references(parameters),
            OWN: _object({"name": _NAME, "priority": _PRIORITY, "labels": _LABELS}),
        },
    }
    return {
        "$schema": DIALECT,
        "title": f"Reeldrop sidecar for {model.name}",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "$schema": {"type": "string", "description": "Ignored; for editors."},
            **_references(parameters),
            OWN: _ours(),
        },
        "$defs": {"parameters": parameters, "variant": override},
    }


def _references(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {"$ref": f"#/$defs/parameters/{_escaped(key)}"} for key in parameters}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _ours() -> dict[str, Any]:
    variants = {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_VARIANTS,
        "items": {"$ref": "#/$defs/variant"},
        "description": "Overrides; each makes its own job from the same clip.",
    }
    properties = {
        "name": _NAME,
        "priority": _PRIORITY,
        "upload": _UPLOAD,
        "labels": _LABELS,
        "variants": variants,
        "ticket": _TICKET,
        "fps": _FPS,
    }
    return _object(properties) | {"description": "What is Reeldrop's own, not the model's."}


def _for_editors(key: str, rule: object) -> object:
    if not isinstance(rule, Mapping):
        return rule
    found = _paths_allowed(copy.deepcopy(dict(cast("Mapping[str, Any]", rule))))
    if key in DESCRIPTIONS:
        found.setdefault("description", DESCRIPTIONS[key])
    return found


def _paths_allowed(rule: dict[str, Any]) -> dict[str, Any]:
    """Let the path of a file stand where the API takes a URL, and close every object."""
    if rule.get("format") == "uri":
        del rule["format"]
        rule.setdefault("description", FILE)
    _mend_default(rule)
    if properties := rule.get("properties"):
        rule.setdefault("additionalProperties", False)
        for nested in properties.values():
            _paths_allowed(nested)
    if isinstance(items := rule.get("items"), dict):
        _paths_allowed(cast("dict[str, Any]", items))
    return rule


def _mend_default(rule: dict[str, Any]) -> None:
    """Write a number where the published default is a number in quotes."""
    default, kind = rule.get("default"), rule.get("type")
    if isinstance(default, str) and kind in ("integer", "number"):
        try:
            rule["default"] = int(default) if kind == "integer" else float(default)
        except ValueError:
            del rule["default"]
