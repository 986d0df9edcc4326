"""`reeldrop models [MODEL]`: the catalogue."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from reeldrop.cli.options import json_option, print_json
from reeldrop.domain.fit import FREE, Bounds
from reeldrop.domain.fitting import megabytes, told
from reeldrop.domain.spec import MODEL, Fault, Model, clip_parameter, no_such_model
from reeldrop.provider.catalogue import Models, open_catalogue
from reeldrop.provider.limits import limits_record
from reeldrop.settings import load


@click.command("models")
@click.argument("model", required=False)
@json_option
def command(model: str | None, *, as_json: bool) -> None:
    """List the models, or tell what MODEL takes."""
    catalogue = known_models()
    if model is None:
        names = list(catalogue.names())
        if as_json:
            print_json(names)
        else:
            click.echo("\n".join(names))
        return
    found = find_model(catalogue, model)
    if as_json:
        limits = limits_record(found.limits)
        print_json({"model": found.name, "schema": found.schema, "limits": limits})
    else:
        click.echo("\n".join(_description(found)))


def known_models() -> Models:
    """Return the package's models and those of `api.catalogue_dir`."""
    return open_catalogue(load().settings.api.catalogue_dir)


def find_model(catalogue: Models, name: str) -> Model:
    """Return the model called `name`, or end with what it might have been."""
    if found := catalogue.find(name):
        return found
    raise click.UsageError(Fault(MODEL, no_such_model(name, catalogue.names())).told())


def _description(model: Model) -> Iterator[str]:
    required = model.schema.get("required", ())
    clip = clip_parameter(model)
    yield model.name
    for key, rule in model.schema.get("properties", {}).items():
        if key == "model":
            continue
        note = "the clip" if key == clip else "required" if key in required else ""
        yield f"  {key:<24} {_kind(rule):<34} {note}".rstrip()
    for what, terms in (
        ("limits of the clip", _clip_terms(model)),
        ("limits of an image", _image_terms(model)),
    ):
        if terms:
            yield f"  {what:<24} {'; '.join(terms)}"


def _clip_terms(model: Model) -> list[str]:
    limits = model.limits.clip
    return [
        *_range(limits.seconds, " s"),
        *_range(limits.side, " pixels a side"),
        *_range(limits.fps, " frames per second"),
        *([f"up to {megabytes(limits.bytes)}"] if limits.bytes else []),
        *([", ".join(limits.containers)] if limits.containers else []),
        *([", ".join(limits.codecs)] if limits.codecs else []),
    ]


def _image_terms(model: Model) -> list[str]:
    limits = model.limits.image
    return [
        *_range(limits.side, " pixels a side"),
        *_range(limits.ratio, " times as wide as high"),
        *([f"up to {megabytes(limits.bytes)}"] if limits.bytes else []),
        *([", ".join(limits.formats)] if limits.formats else []),
    ]


def _range(bounds: Bounds, unit: str) -> list[str]:
    return [] if bounds == FREE else [told(bounds, unit)]


def _kind(rule: Mapping[str, Any]) -> str:
    """Say in a few words what a value may be."""
    if "enum" in rule:
        return " | ".join(str(value) for value in rule["enum"])
    kind = str(rule.get("type", "any"))
    if kind == "array":
        most = f", at most {rule['maxItems']}" if "maxItems" in rule else ""
        return f"list of {_kind(rule.get('items', {}))}{most}"
    if rule.get("format") == "uri":
        return "URL or file"
    if "maxLength" in rule:
        return f"{kind}, at most {rule['maxLength']} characters"
    if "minimum" in rule or "maximum" in rule:
        return f"{kind}, {rule.get('minimum', '…')} to {rule.get('maximum', '…')}"
    return kind
