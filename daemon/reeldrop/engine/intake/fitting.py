"""A drop's clip and images held against the limits of every model that they are for."""

from collections.abc import Iterator
from dataclasses import replace

from reeldrop.domain.fit import Fit
from reeldrop.domain.fitting import Miss, Unfit, decide, image_misses
from reeldrop.domain.footage import Footage, Picture
from reeldrop.domain.references import Reference
from reeldrop.domain.spec import Fault, shown
from reeldrop.engine.intake.spec import Named, Problem, Request, Spec


def with_fits(
    spec: Spec, footage: Footage | None, conform: str, name: str
) -> tuple[Spec, tuple[Problem, ...]]:
    """Return the spec with how the clip called `name` is made to fit, and what keeps it from that.

    `footage` is None where no clip is needed, or where it is not known.
    """
    if footage is None:
        return spec, ()
    decided = [(each, decide(footage, each.limits.clip, conform)) for each in spec.requests]
    requests = tuple(
        replace(request, fit=fit) if isinstance(fit, Fit) else request for request, fit in decided
    )
    unfit = [(request.model, each) for request, each in decided if isinstance(each, Unfit)]
    problems = _problems(unfit, name, several=_several(spec))
    return replace(spec, requests=requests), tuple(problems)


def _several(spec: Spec) -> bool:
    """Say whether the variants of a drop are for several models."""
    return len({request.model for request in spec.requests}) > 1


def _problems(unfit: list[tuple[str, Unfit]], name: str, *, several: bool) -> Iterator[Problem]:
    misses: dict[str, Miss] = {}
    for model, each in unfit:
        for miss in each.misses:
            misses[f"{miss.text} ({model})" if several else miss.text] = miss
    hint = Unfit(tuple(misses.values())).hint
    for count, text in enumerate(misses, start=1):
        # What would help is said once, behind the last of them.
        yield Problem(Fault("", text, hint if count == len(misses) else ""), None, name)


def image_problems(spec: Spec, named: Named, picture: Picture) -> Iterator[Problem]:
    """Yield what is wrong with an image that a spec names, for each request that it is sent with."""
    reference, document = named
    texts = {
        f"{text} ({request.model})" if _several(spec) else text: None
        for request in _naming(spec, reference)
        for text in image_misses(picture, request.limits.image)
    }
    for text in texts:
        message = f"is {shown(reference.given)}, which {text}"
        yield Problem(Fault(reference.key, message), document)


def _naming(spec: Spec, reference: Reference) -> Iterator[Request]:
    return (request for request in spec.requests if reference in request.references)
