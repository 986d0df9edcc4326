"""What people are told of a drop that waits or is refused: each file is named once, with what to do."""

from collections.abc import Sequence

from reeldrop.domain.drop import Drop
from reeldrop.domain.errors import ClipUnreadable, NotWhole, Trouble
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import extension, leaf, printable
from reeldrop.domain.spec import Fault, Role, shown
from reeldrop.engine.intake.spec import Named, Problem, Spec
from reeldrop.engine.intake.terms import Watch

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
    return Trouble("refused", "\n".join(lines), f"Correct {name} and drop it again.")


def blamed(spec: Spec) -> tuple[Problem, ...]:
    """Return the problems that the sidecar answers for; what a preset says wrong only pauses."""
    return tuple(
        problem
        for problem in spec.problems
        if problem.document is None or problem.document.role not in (Role.PRESET, Role.DEFAULTS)
    )


def awaited(wants: str, extensions: Sequence[str]) -> str:
    """Return the missing part of a drop, `wants` as in Drop: `sidecar a.json`, `clip a.mov`.

    A sidecar that goes by its name waits for a clip of any of `extensions`.
    """
    kind, _, name = wants.partition(" ")
    if kind != "clip" or extension(leaf(RelPath(name))) in extensions:
        return printable(wants)
    first, *others = extensions
    more = f", .{others[0]}{' …' if others[1:] else ''}" if others else ""
    return f"a clip named {printable(name)}.{first}{more}"


def part_missing(drop: Drop, watch: Watch, besides: str) -> Trouble:
    """Return why a drop is refused whose clip or sidecar never came; `besides` is wrong as well."""
    kind = drop.wants.partition(" ")[0]
    waited = f"{printable(drop.path)} has waited {_lasting(watch.sidecar_timeout)} for its {kind}"
    message = f"{waited}, and none came."
    if besides:
        message = f"{message} Besides: {besides}"
    part = awaited(drop.wants, watch.extensions)
    article = "" if part.startswith("a clip") else "the "
    return Trouble(f"no_{kind}", message, _sentence(f"Drop it again together with {article}{part}"))


def reference_missing(drop: Drop, named: Named, seconds: float) -> Trouble:
    """Return why a drop is refused that names a file which has not come within `seconds`."""
    reference, document = named
    fault = Fault(
        reference.key,
        f"is {shown(reference.given)}, and no such file has come in {_lasting(seconds)}",
    )
    text = Problem(fault, document).text(printable(drop.sidecar or drop.path))
    hint = f"Drop it again together with {printable(reference.path)}."
    return Trouble("missing_file", text, hint)


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
