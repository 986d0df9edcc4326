"""Any job survives its way through the database's text."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.job import Claim, Job, JobId, MediaFile, RelPath
from reeldrop.store.rows import columns_of, job_of

TEXT = st.text(st.characters(codec=None), max_size=8)  # surrogates, NUL and all
KEYS = st.sampled_from(["$file", "$dict", "prompt", ""]) | TEXT
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
        max_leaves=8,
    )


FILES = TEXT.map(lambda text: MediaFile(RelPath(text)))


@given(st.dictionaries(KEYS, nested(PLAIN | FILES), max_size=3), st.dictionaries(KEYS, PLAIN), TEXT)
def test_parameters_come_back_exactly_files_as_files_and_objects_as_objects(
    params: dict[str, Any], labels: dict[str, Any], path: str
) -> None:
    """An object of the user's must never be read as a file: its content would be uploaded."""
    job = Job(
        JobId("0" * 32), "main", RelPath(path), RelPath(path), "m", params,
        Claim(RelPath(path), ()), path, 1.0, 2.0, labels=labels,
    )  # fmt: skip
    columns = columns_of(job)
    assert all(str(value).isascii() for value in columns.values())
    assert job_of({**columns, "cancel": 0}) == job
    json.loads(columns["record"])
