"""The drops that are crashed with: each clip, each prompt and so each payment can be told apart."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from acceptance.world import arrive
from reeldrop.simulator.footage import landscape, make_clip, pulled

PICTURE = "style.png"


@dataclass(frozen=True, slots=True)
class Footage:
    """What drops are made of, and what the stand-in answers with."""

    clip: bytes
    picture: bytes
    result: Path

    @classmethod
    def make(cls, folder: Path) -> "Footage":
        """Draw all of it into `folder`, once for many trials."""
        clip, picture, result = folder / "clip.mov", folder / PICTURE, folder / "result.mp4"
        make_clip(clip, seconds=3.0, width=720, height=720, audio=False)
        make_clip(result, seconds=1.0, width=180, height=320, audio=False)
        [frame] = islice(pulled(landscape(400, 400, 24, 1.0)), 1)
        frame.save(picture)
        return cls(clip.read_bytes(), picture.read_bytes(), result)


@dataclass(frozen=True, slots=True)
class Drop:
    """One clip with all that belongs to it."""

    path: str
    """The clip's path in the inbox."""
    files: Mapping[str, bytes]
    """What arrives, by path in the inbox: the sidecar before its clip."""
    prompts: tuple[str, ...]
    """One for each generation that may be paid for; none where the drop is to be refused."""
    twin: bool = False
    """Identical to another one: it takes part in that one's generation, and waits where that is held."""

    @property
    def ends(self) -> int:
        """How many jobs it makes."""
        return max(1, len(self.prompts))

    def land(self, inbox: Path) -> None:
        """Rename all of it into the inbox."""
        for path, content in self.files.items():
            target = inbox / path
            target.parent.mkdir(parents=True, exist_ok=True)
            arrive(content, target)


def plain(name: str, footage: Footage) -> Drop:
    """Return a good drop in a folder of its own."""
    path = f"shots/{name}.mov"
    return _drop(path, {"prompt": name}, footage, (name,))


def twin(name: str, footage: Footage) -> Drop:
    """Return a drop that is identical to `plain` of the same name, in another folder."""
    first = plain(name, footage)
    files = {f"again/{path}": content for path, content in first.files.items()}
    return Drop(f"again/{first.path}", files, first.prompts, twin=True)


def varied(name: str, footage: Footage) -> Drop:
    """Return a drop of two variants: two jobs that share one claim."""
    prompts = (f"{name} warm", f"{name} cold")
    own = {"variants": [{"prompt": prompt} for prompt in prompts]}
    return _drop(f"{name}.mov", {"prompt": name, "reeldrop": own}, footage, prompts)


def refused(name: str, footage: Footage) -> Drop:
    """Return a drop that ends in `_failed`, unpaid."""
    return _drop(f"{name}.mov", {"promt": name}, footage, ())


def referring(name: str, footage: Footage) -> Drop:
    """Return a drop that names a picture, which other drops name too and which never moves."""
    spec = {"prompt": name, "image_list": [PICTURE]}
    drop = _drop(f"{name}.mov", spec, footage, (name,))
    return Drop(drop.path, {PICTURE: footage.picture, **drop.files}, drop.prompts)


KINDS = (plain, varied, refused, referring)


def _drop(path: str, spec: object, footage: Footage, prompts: tuple[str, ...]) -> Drop:
    # A `free` box is legal and means nothing: with it no two clips are the same bytes.
    own = path.encode()
    clip = footage.clip + (8 + len(own)).to_bytes(4, "big") + b"free" + own
    sidecar = path.removesuffix(".mov") + ".json"
    return Drop(path, {sidecar: json.dumps(spec).encode(), path: clip}, prompts)
