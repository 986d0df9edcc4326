"""The secrets of the media route: made once, followed by others, kept as long as they are of use."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from reeldrop.domain.errors import StartupError
from reeldrop.upload.secret import DAY, KEPT, NAME, Secrets


@dataclass
class SetClock:
    """A Clock port whose time is set by the test."""

    time: float = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def test_it_is_for_its_owner_alone_and_lasts(tmp_path: Path, clock: SetClock) -> None:
    """Generations that run fetch their clips after a restart too."""
    first = Secrets(tmp_path, clock)

    assert len(first.newest()) == 32
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert Secrets(tmp_path, clock).keys == first.keys == [first.newest()]


def test_it_is_followed_by_another_and_kept_while_its_tokens_may_hold(
    tmp_path: Path, clock: SetClock
) -> None:
    """Whatever `url_ttl` was when it signed: a token holds for a week at the longest."""
    secrets = Secrets(tmp_path, clock)
    old = secrets.newest()
    clock.time += DAY + 1
    new = secrets.newest()
    assert new != old
    assert Secrets(tmp_path, clock).keys == [new, old]

    clock.time += KEPT - 1
    newer = secrets.newest()
    assert secrets.keys == [newer, new, old]
    clock.time += DAY + 1
    newest = secrets.newest()
    assert secrets.keys == [newest, newer, new]


def test_a_clock_that_was_wrong_takes_no_secret_away(tmp_path: Path, clock: SetClock) -> None:
    """A host that starts without a clock of its own is years off for a moment."""
    secrets = Secrets(tmp_path, clock)
    right = secrets.newest()
    clock.time += 4000 * DAY
    ahead = secrets.newest()
    clock.time -= 4000 * DAY
    back = secrets.newest()
    assert Secrets(tmp_path, clock).keys == [back, ahead, right]
    assert secrets.newest() == back


def test_one_that_others_can_read_is_closed(tmp_path: Path, clock: SetClock) -> None:
    """A copy from a backup has lost its mode."""
    first = Secrets(tmp_path, clock)
    (tmp_path / NAME).chmod(0o644)
    assert Secrets(tmp_path, clock).keys == first.keys
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "[1]", '[{"made": 1}]', '[{"made": 1, "value": "abcd"}]', "\0"]
)
def test_a_damaged_file_is_said_and_not_replaced(
    tmp_path: Path, clock: SetClock, content: str
) -> None:
    """URLs that were handed out would silently stop working."""
    (tmp_path / NAME).write_text(content)
    with pytest.raises(StartupError, match="is damaged") as caught:
        Secrets(tmp_path, clock)
    assert "remove the file" in caught.value.hint
    assert (tmp_path / NAME).read_text() == content


def test_a_link_is_not_followed(tmp_path: Path, clock: SetClock) -> None:
    """Nobody else chooses the secret."""
    (tmp_path / "mine").write_text(json.dumps([{"made": 1.0, "value": "00" * 32}]))
    (tmp_path / NAME).symlink_to(tmp_path / "mine")
    with pytest.raises(StartupError, match="cannot be read"):
        Secrets(tmp_path, clock)
