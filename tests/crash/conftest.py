"""Footage for all crash tests of a session."""

import pytest

from crash.drops import Footage


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """What drops are made of."""
    return Footage.make(tmp_path_factory.mktemp("footage"))
