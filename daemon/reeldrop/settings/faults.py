"""Says what is wrong with settings: where it stands, the key, what would be right."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from reeldrop.settings.model import Settings

# The kinds of fault whose value may be shown: no key, password or URL is ever of these types.
SHOWN = frozenset(
    {
        "literal_error",
        "int_parsing",
        "int_from_float",
        "float_parsing",
        "greater_than",
        "greater_than_equal",
        "less_than_equal",
    }
)


def explain(
    error: ValidationError, path: Path | None, origins: Mapping[tuple[str, ...], str]
) -> Iterator[str]:
    """Yield a line for each fault: where it stands, the key, what is wrong, what would be right."""
    for problem in error.errors(include_url=False):
        keys = tuple(str(part) for part in problem["loc"] if not isinstance(part, int))
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such key" + _nearest(keys)
        elif problem["type"] in ("model_type", "model_attributes_type"):
            message = f"this is a table; write its keys below [{'.'.join(keys)}]"
        elif problem["type"] == "dict_type":
            message = 'this is a table, like { key = "value" }'
        elif problem["type"] in SHOWN:
            message += f", not {problem['input']!r:.80}"
        yield f"{_place(keys, path, origins)}: {_key_name(problem['loc'])}{message}"


def _key_name(loc: tuple[int | str, ...]) -> str:
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return f"{name.removeprefix('.')}: " if name else ""


def _place(keys: tuple[str, ...], path: Path | None, origins: Mapping[tuple[str, ...], str]) -> str:
    for named, variable in origins.items():
        if keys and (named[: len(keys)] == keys or keys[: len(named)] == named):
            return variable
    return str(path) if path else "the settings"


def _nearest(keys: tuple[str, ...]) -> str:
    model: type[BaseModel] = Settings
    for part in keys[:-1]:
        model = _section(part) or model
    known = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(keys[-1].lower(), known, 1) if keys else []
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}"


def _section(name: str) -> type[BaseModel] | None:
    annotation = Settings.model_fields[name].annotation if name in Settings.model_fields else None
    # An array of tables is a tuple of its tables.
    kinds = (annotation, *get_args(annotation))
    return next(
        (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
    )
