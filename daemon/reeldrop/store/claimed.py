"""The files of a claim as one column: thousands of frames cost nothing where nobody asks for them.

A few files stand as JSON; the JSON of many is packed (zlib), and read only when it is asked for.
"""

import json
import zlib
from typing import Any

from reeldrop.domain.job import Claim, ClaimedFile, RelPath

LONGEST_TEXT = 4096
"""Characters of a column that can be read without this program."""
_QUICK = 3


class RecordedClaim(Claim):
    """A claim as the store holds it: what its source files are is read when somebody asks."""

    __slots__ = ("column",)
    column: str | bytes

    @classmethod
    def of(
        cls, folder: RelPath, column: str | bytes, references: tuple[ClaimedFile, ...]
    ) -> "RecordedClaim":
        """Return the claim whose source files a column tells."""
        claim = cls.__new__(cls)
        for name, value in (("folder", folder), ("column", column), ("references", references)):
            object.__setattr__(claim, name, value)
        return claim

    def __getattr__(self, name: str) -> Any:
        """Read `source`; Python asks here only for what is not set yet."""
        if name != "source":
            raise AttributeError(name)
        object.__setattr__(self, "source", _files_of(self.column))
        return self.source

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Claim):
            return NotImplemented
        return (self.folder, self.source, self.references) == (
            *(other.folder, other.source, other.references),
        )

    __hash__ = Claim.__hash__


def column_of(claim: Claim) -> str | bytes:
    """Return the source files of a claim as a column; one that comes from the store is not made anew."""
    known: str | bytes | None = getattr(claim, "column", None)
    if known is not None:
        return known
    told = [{"at": file.at, "origin": file.origin, "key": file.key} for file in claim.source]
    text = json.dumps(told, separators=(",", ":"))
    return text if len(text) <= LONGEST_TEXT else zlib.compress(text.encode("ascii"), _QUICK)


def _files_of(column: str | bytes) -> tuple[ClaimedFile, ...]:
    text = zlib.decompress(column) if isinstance(column, bytes) else column
    return tuple(ClaimedFile(**file) for file in json.loads(text))
