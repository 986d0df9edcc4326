"""The models of the API as data: one JSON file each, the package's own and the user's.

It must not know where a value came from: sidecars, presets and clips are the intake's.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry

from reeldrop.domain.errors import SettingsError
from reeldrop.domain.spec import Fault, Model
from reeldrop.provider.faults import blank_prompt, faults_of, not_finite
from reeldrop.provider.limits import limit_faults, read_limits

FILE_MAX = 1024 * 1024
FAULTS_MAX = 50
KEYS = {"model", "schema", "limits"}
"""What a model's file holds."""
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}(\.[0-9]{1,18})?\s*")


class Models:
    """The `Catalogue` port."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = dict(models)
        self._validators: dict[str, Draft202012Validator] = {}

    def names(self) -> Sequence[str]:
        """Return every model's name, sorted."""
        return sorted(self._models)

    def find(self, name: str) -> Model | None:
        """Return the model called `name`."""
        return self._models.get(name)

    def check(self, model: Model, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
        """Return `params` with numbers given as strings made numbers, and every fault at once.

        A parameter that the model requires must be there, the clip's own too: the caller gives
        any text in its place. `model` itself may be left out. Defaults of the schema are
        documentation and are not filled in.
        """
        found = {str(key): value for key, value in params.items()}
        faults = [*blank_prompt(found), *not_finite(found)]
        found = cast("dict[str, Any]", _with_numbers(found, model.schema))
        errors = self._validator(model).iter_errors(found)
        faults += [fault for error in errors for fault in faults_of(error)]
        return found, sorted(_once(faults), key=lambda fault: fault.key)[:FAULTS_MAX]

    def _validator(self, model: Model) -> Draft202012Validator:
        if model.name not in self._validators:
            # An empty registry: a schema must not make the daemon fetch another one.
            self._validators[model.name] = Draft202012Validator(
                _closed(model.schema), registry=Registry()
            )
        return self._validators[model.name]


def _once(faults: Sequence[Fault]) -> Iterator[Fault]:
    """Leave out what is said twice of one key: a blank text is also too short."""
    seen: set[str] = set()
    for fault in faults:
        if fault.key not in seen:
            seen.add(fault.key)
            yield fault


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with unknown keys refused in every object, and `model` not required."""
    closed = _refusing(copy.deepcopy(dict(schema)))
    closed["required"] = [key for key in closed.get("required", []) if key != "model"]
    return closed


def _refusing(schema: dict[str, Any]) -> dict[str, Any]:
    if properties := schema.get("properties"):
        schema.setdefault("additionalProperties", False)
        for rule in properties.values():
            if isinstance(rule, dict):
                _refusing(cast("dict[str, Any]", rule))
    if isinstance(items := schema.get("items"), dict):
        _refusing(cast("dict[str, Any]", items))
    return schema


def _with_numbers(value: object, rule: object) -> object:
    """Return `value` with strings made numbers where `rule` wants a number."""
    if not isinstance(rule, Mapping):
        return value
    rule = cast("Mapping[str, Any]", rule)
    match value:
        case str() | float() if rule.get("type") in ("integer", "number"):
            return _as_number(value, whole=rule["type"] == "integer")
        case Mapping():
            rules = rule.get("properties", {})
            given = cast("Mapping[str, Any]", value)
            return {key: _with_numbers(item, rules.get(key)) for key, item in given.items()}
        case list() | tuple():
            given_list = cast("Sequence[Any]", value)
            return [_with_numbers(item, rule.get("items")) for item in given_list]
        case _:
            return value


def _as_number(value: str | float, *, whole: bool) -> object:
    """Read "5", "5.0" and 5.0 as 5 where a whole number is wanted; leave what is no number."""
    if isinstance(value, str):
        if not (match := _NUMBER.fullmatch(value)):
            return value
        number = float(value) if match[1] else int(value)
    else:
        number = value
    return int(number) if whole and number == number // 1 else number


# ---------------------------------------------------------------------------- files


def open_catalogue(extra_dir: str) -> Models:
    """Return the package's models with those of `extra_dir`, one JSON file each, over them.

    Raises:
        SettingsError: `extra_dir` or a file in it cannot be read or is no model.
    """
    models: dict[str, Model] = {}
    for resource in (files("reeldrop.provider") / "catalogue").iterdir():
        if resource.name.endswith(".json"):
            model = _model(json.loads(resource.read_text("utf-8")))
            models[model.name] = model
    if extra_dir:
        own = _user_models(Path(extra_dir))
        models |= own
    return Models(models)


def _user_models(folder: Path) -> dict[str, Model]:
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() == ".json" and not path.name.startswith((".", "~"))
        )
    except OSError as exc:
        raise SettingsError(f"api.catalogue_dir: {folder} cannot be read: {exc.strerror}") from exc
    models: dict[str, Model] = {}
    for path in found:
        model = _user_model(path)
        if model.name in models:
            raise SettingsError(f"api.catalogue_dir: {path} describes {model.name} a second time")
        models[model.name] = model
    return models


def _user_model(path: Path) -> Model:
    data = _user_file(path)
    for fault in _file_faults(data):
        raise SettingsError(f"api.catalogue_dir: {path}: {fault}")
    return _model(data)


def _model(data: Mapping[str, Any]) -> Model:
    return Model(data["model"], data["schema"], read_limits(data.get("limits", {})))


def _user_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_MAX + 1)
        data = json.loads(text.decode("utf-8-sig"))
    except OSError as exc:
        raise SettingsError(f"api.catalogue_dir: {path} cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"api.catalogue_dir: {path} is not JSON: {exc}") from exc
    if len(text) > FILE_MAX or not isinstance(data, dict):
        raise SettingsError(f"api.catalogue_dir: {path} is not one JSON object below 1 MiB")
    return cast("dict[str, Any]", data)


def _refers(value: object) -> bool:
    match value:
        case {"$ref": str()} | {"$dynamicRef": str()}:
            return True
        case dict():
            return any(_refers(item) for item in value.values())
        case list():
            return any(_refers(item) for item in value)
        case _:
            return False


def _file_faults(data: Mapping[str, Any]) -> Iterator[str]:
    if unknown := sorted(data.keys() - KEYS):
        yield f'"{unknown[0]}" is not known; a model\'s file holds "model", "schema" and "limits"'
    yield from limit_faults(data.get("limits", {}))
    name, schema = data.get("model"), data.get("schema")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        yield '"model" must be the name of the model'
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        yield '"schema" must be the JSON Schema of the request: an object with "properties"'
        return
    if _refers(schema):
        yield '"schema" holds a "$ref"; write out what it stands for'
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        yield f'"schema" is no JSON Schema: {exc.json_path}: {exc.message[:200]}'
