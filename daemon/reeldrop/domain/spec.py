"""Specs: presets and sidecar merged into one request. Stub of the shared values; the rules follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a spec: the key as a path (`elements[0].frontal_image_url`), what was
    found, what is allowed, and what to do."""

    key: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the API: its name and the JSON Schema of its request."""

    name: str
    schema: Mapping[str, Any]
