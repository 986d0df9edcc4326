"""Checks what `drop` was given before anything is copied, with the rules of the daemon itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reeldrop.domain.document import parse
from reeldrop.domain.job import RelPath
from reeldrop.domain.own import read_own
from reeldrop.domain.spec import DEFAULT_MODEL, MODEL, Document, Fault, Role, clip_parameter, merge
from reeldrop.provider.catalogue import open_catalogue

PRESET = "_preset.json"
PRESET_MAX = 1024 * 1024


def faults_of(
    given: Mapping[str, Any], defaults: Mapping[str, Any], inbox: Path, catalogue_dir: str
) -> Iterator[str]:
    """Yield every fault of `given`, laid over the watch's defaults and the inbox's preset.

    A model that is not known here is not checked: the daemon may know more of them.
    """
    sidecar = Document(Role.SIDECAR, "what was given", RelPath(""), given)
    merged = merge(
        [
            Document(Role.DEFAULTS, "the defaults", RelPath(""), defaults),
            Document(Role.PRESET, PRESET, RelPath(""), _preset(inbox)),
            sidecar,
        ]
    )
    _, faults = read_own(merged.own)
    catalogue = open_catalogue(catalogue_dir)
    model = catalogue.find(str(merged.params.pop(MODEL, DEFAULT_MODEL)))
    if model is not None:
        clip = clip_parameter(model)
        if clip is None:
            yield f"the model {model.name} takes no clip"
            return
        whole = {clip: [""] if clip.endswith("s") else "clip"} | merged.params
        faults += catalogue.check(model, whole)[1]
    # What is wrong in a preset is not this drop's to mend; what nobody gave is.
    ours = [fault for fault in faults if merged.origin(fault.key) in (None, sidecar)]
    yield from (fault.told() for fault in ours)


def _preset(inbox: Path) -> Mapping[str, Any]:
    try:
        with (inbox / PRESET).open("rb") as file:
            found = parse(file.read(PRESET_MAX + 1))
    except OSError:
        return {}
    return {} if isinstance(found, Fault) else found
