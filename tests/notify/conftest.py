"""A notice to tell, and where things lie."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from reeldrop.domain.notices import Notice, Occasion

NoticeMaker = Callable[..., Notice]


@pytest.fixture
def new_notice() -> NoticeMaker:
    """Make what the engine makes; `job` and others are laid over it."""

    def make(occasion: Occasion = Occasion.DELIVERED, **fields: Any) -> Notice:
        notice_id = f"notice_{secrets.token_hex(8)}"
        record: dict[str, Any] = {
            "schema": 1,
            "id": notice_id,
            "event": str(occasion),
            "at": "2026-01-02T03:04:05.000Z",
            "node": "nas-1",
            "watch": "main",
            "job": {"id": "0" * 32, "path": "show/a.mov", "state": "delivered", "model": "m"},
            "folder": "/srv/out/show/a",
            "result": "/srv/out/show/a/a.mp4",
            "block": None,
            "message": "show/a.mov is done.",
            **fields,
        }
        return Notice(notice_id, occasion, 0.0, "Reeldrop delivered: a", record["message"], record)

    return make
