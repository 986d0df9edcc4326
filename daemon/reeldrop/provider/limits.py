"""What a model's file says of clips and images, under "limits"."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reeldrop.domain.fit import FREE, ClipLimits, ImageLimits, MediaLimits

_Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Range = tuple[_Number | None, _Number | None]
_Bytes = Annotated[int, Field(gt=0)]
_Names = tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")], ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in self.model_fields_set:
            match getattr(self, name):
                case (float(least), float(most)) if least > most:
                    raise ValueError(f'"{name}": the least comes first, then the most')
                case _:
                    pass
        return self


class _Clip(_Part):
    seconds: _Range = FREE
    side: _Range = FREE
    fps: _Range = FREE
    bytes: _Bytes | None = None
    containers: _Names = ()
    codecs: _Names = ()


class _Image(_Part):
    side: _Range = FREE
    ratio: _Range = FREE
    bytes: _Bytes | None = None
    formats: _Names = ()


class _Limits(_Part):
    clip: _Clip = _Clip()
    image: _Image = _Image()


def read_limits(given: object) -> MediaLimits:
    """Return the limits that a file gives. Raises ValidationError; see `limit_faults`."""
    # As JSON, so that a list is a tuple there and "3" still no number.
    limits = _Limits.model_validate_json(json.dumps(given), strict=True)
    return MediaLimits(
        ClipLimits(**limits.clip.model_dump()), ImageLimits(**limits.image.model_dump())
    )


def limit_faults(given: object) -> Iterator[str]:
    """Yield everything that is wrong with limits, each with its key."""
    try:
        read_limits(given)
    except ValidationError as error:
        for fault in error.errors():
            key = ".".join(str(part) for part in ("limits", *fault["loc"]))
            yield f'"{key}": {fault["msg"].removeprefix("Value error, ")}'


def limits_record(limits: MediaLimits) -> dict[str, Any]:
    """Return limits as a model's file writes them; what is not limited is left out."""
    parts = {"clip": _Clip(**_fields(limits.clip)), "image": _Image(**_fields(limits.image))}
    given = {
        name: part.model_dump(mode="json", exclude_defaults=True) for name, part in parts.items()
    }
    return {name: part for name, part in given.items() if part}


def _fields(limits: ClipLimits | ImageLimits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in limits.__slots__}
