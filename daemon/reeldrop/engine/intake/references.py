"""The files that a spec names beside the clip: are they there, whole, and what they are said to be?"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reeldrop.domain.drop import Drop
from reeldrop.domain.errors import ClipUnreadable
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import printable
from reeldrop.domain.references import kind_of
from reeldrop.domain.spec import Fault, shown
from reeldrop.engine.intake.fitting import image_problems
from reeldrop.engine.intake.readiness import Readiness
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.spec import Named, Problem, Spec
from reeldrop.engine.intake.terms import Refuse, Round, Wait, Watch
from reeldrop.engine.intake.wording import about_named, given, reference_missing
from reeldrop.ports import Inbox


@dataclass(slots=True)
class Seen:
    """What the files are that a spec names beside the clip."""

    found: dict[RelPath, RelPath] = field(default_factory=dict[RelPath, RelPath])
    """Where each of them lies, by the path that the spec gives."""
    problems: list[Problem] = field(default_factory=list[Problem])
    unready: Wait | Refuse | None = None
    """The first that is not there yet, or never came: those behind it were not looked at."""


class References:
    """Looks at what the specs of one watch name."""

    def __init__(self, inbox: Inbox, shelf: Shelf, ready: Readiness, watch: Watch) -> None:
        self._inbox = inbox
        self._shelf = shelf
        self._ready = ready
        self._watch = watch

    async def look(self, drop: Drop, spec: Spec, around: Round) -> Seen:
        """Look at every file that the spec names beside the clip."""
        seen = Seen()
        for named in spec.references:
            reference, document = named
            path = around.find(reference.path)
            if path is None:
                outside = await self._inbox.check_inside(reference.path)
                if outside in ("", "missing"):
                    seen.unready = await self._missing(drop, spec, named, around)
                    break
                text = f"is {shown(reference.given)}: {outside}"
                seen.problems.append(Problem(Fault(reference.key, text), document))
            elif wait := self._ready.settling([path], around):
                reason = f"{wait.reason}: {printable(path)} ({given(drop, named)})"
                seen.unready = replace(wait, reason=reason)
                break
            else:
                seen.found[reference.path] = path
                problems = await self._problems(spec, named, path)
                if problems and (wait := self._ready.half_written(path, around)):
                    reason = f"{wait.reason}: {printable(path)} ({given(drop, named)})"
                    seen.unready = replace(wait, reason=reason)
                    break
                seen.problems += problems
        return seen

    async def _problems(self, spec: Spec, named: Named, path: RelPath) -> Iterable[Problem]:
        reference, document = named
        what = await self._shelf.reference(path, kind_of(reference.key))
        if isinstance(what, ClipUnreadable):
            text = f"is {shown(reference.given)}{about_named(path, what.message)}"
            return (Problem(Fault(reference.key, text), document),)
        return image_problems(spec, named, what) if what is not None else ()

    async def _missing(self, drop: Drop, spec: Spec, named: Named, around: Round) -> Wait | Refuse:
        until = self._ready.until(drop, named[0], around)
        if until > around.now:
            return Wait(f"waiting for {printable(named[0].path)} ({given(drop, named)})", until)
        if wait := await self._ready.drop_being_written(drop, around):
            return wait
        return Refuse(reference_missing(drop, named, self._watch.sidecar_timeout), spec)
