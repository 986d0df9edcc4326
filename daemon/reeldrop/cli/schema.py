"""`reeldrop schema [MODEL]`: the JSON Schema of a sidecar, for editors."""

import click

from reeldrop.cli.models import find_model, known_models
from reeldrop.cli.options import print_json
from reeldrop.domain.spec import DEFAULT_MODEL
from reeldrop.provider.sidecar import sidecar_schema


@click.command("schema")
@click.argument("model", default=DEFAULT_MODEL)
def command(model: str) -> None:
    """Print the JSON Schema of a sidecar for MODEL (Kling O1 reference where none is named).

    Save it and name it in a sidecar as "$schema", or in the settings of your editor.
    """
    print_json(sidecar_schema(find_model(known_models(), model)))
