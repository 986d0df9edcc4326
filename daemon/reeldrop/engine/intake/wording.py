"""What people are told of a drop that waits or is refused: each file is named once, with what to do."""

from collections.abc import Sequence

from reeldrop.domain.drop import Drop
from reeldrop.domain.errors import ClipUnreadable, NotWhole, Trouble
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import extension, leaf, printable
from reeldrop.domain.references import Reference
from reeldrop.domain.spec import Role, shown
from reeldrop.engine.intake.spec import Named, Problem, Spec
from reeldrop.engine.intake.terms import Watch

UNFIT = "unfit"
"""The code of a drop with which nothing is wrong but that its clip is outside the model's limits."""
_LISTED = 20


def trouble_of(
    drop: Drop, faults: Sequence[Problem], clip: NotWhole | ClipUnreadable | None
) -> Trouble:
    """Return everything that is wrong with a drop as the record shows it."""
    name = printable(drop.sidecar or drop.path)
    lines = [problem.text(name) for problem in faults[:_LISTED]]
    if len(faults) > _LISTED:
        lines.append(f"… and {len(faults) - _LISTED} more.")
    if clip is not None:
        lines.append(_sentence(_about(drop.path, clip.message)))
    if not faults and clip is not None:
        return Trouble(clip.code, lines[0], clip.hint or "Drop the whole clip again.")
    if all(problem.file for problem in faults):
        return Trouble(UNFIT, "\n".join(lines), "Make the clip anew and drop it again.")
    return Trouble("refused", "\n".join(lines), f"Correct {name} and drop it again.")


def blamed(spec: Spec) -> tuple[Problem, ...]:
    """Return the problems that the sidecar answers for; what a preset says wrong only pauses."""
    return tuple(
        problem
        for problem in spec.problems
        if problem.document is None or problem.document.role not in (Role.PRESET, Role.DEFAULTS)
    )


def awaited(wants: str, extensions: Sequence[str], named: Reference | None) -> str:
    """Return the missing part of a drop, `wants` as in Drop: `sidecar a.json`, `clip a.mov`.

    A sidecar that goes by its name waits for a clip of any of `extensions`; `named` is by which
    words another does.
    """
    if named is not None:
        return f"{'frames' if named.frames else 'clip'} {printable(named.path)}"
    kind, _, name = wants.partition(" ")
    if kind != "clip" or extension(leaf(RelPath(name))) in extensions:
        return printable(wants)
    first, *others = extensions
    more = f", .{others[0]}{' …' if others[1:] else ''}" if others else ""
    return f"a clip named {printable(name)}.{first}{more}"


def part_missing(drop: Drop, watch: Watch, named: Reference | None, besides: str) -> Trouble:
    """Return why a drop is refused whose clip or sidecar never came; `besides` is wrong as well.

    `named` are the words by which the sidecar names its clip.
    """
    kind = drop.wants.partition(" ")[0]
    lasting = _lasting(watch.sidecar_timeout)
    message = f"{printable(drop.path)} has waited {lasting} for its {kind}, and none came."
    if named is not None:
        message = f"{given(drop, (named, None))}, and no such file has come in {lasting}."
    if besides:
        message = f"{message} Besides: {besides}"
    part = awaited(drop.wants, watch.extensions, named)
    article = "" if part.startswith("a clip") else "the "
    return Trouble(f"no_{kind}", message, _sentence(f"Drop it again together with {article}{part}"))


def reference_missing(drop: Drop, named: Named, seconds: float) -> Trouble:
    """Return why a drop is refused that names a file which has not come within `seconds`."""
    message = f"{given(drop, named)}, and no such file has come in {_lasting(seconds)}."
    hint = f"Drop it again together with {printable(named[0].path)}."
    return Trouble("missing_file", message, hint)


def given(drop: Drop, named: Named) -> str:
    """Return which document names a file, under which key and in which words."""
    reference, document = named
    name = document.name if document else printable(drop.sidecar or drop.path)
    return f"{name}: {reference.key} is {shown(reference.given)}"


def about_named(path: RelPath, message: str) -> str:
    """Return `message` about the file at `path` as what follows its name in a sentence."""
    name = leaf(path)
    if message.startswith(f"{name} "):
        return f", which{message.removeprefix(name)}"
    return f": {message}"


def _about(path: RelPath, message: str) -> str:
    """Return `message`, which may begin with the file's own name, with its whole path instead."""
    name = leaf(path)
    if message.startswith((f"{name} ", f"{name}:")):
        return f"{printable(path)}{printable(message.removeprefix(name))}"
    return f"{printable(path)}: {message}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."


def _lasting(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:.0f} min"
