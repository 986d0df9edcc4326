"""Markers: one store owns a folder."""

import json
from pathlib import Path

import pytest

from reeldrop.domain.errors import StartupError
from reeldrop.files import own
from reeldrop.settings import WatchSettings

OURS, THEIRS = "a" * 32, "b" * 32


@pytest.fixture
def watch(drops: Path, results: Path) -> WatchSettings:
    return WatchSettings(inbox=str(drops), outbox=str(results))


def marker(folder: Path) -> Path:
    return folder / ".reeldrop" / "owner.json"


def test_both_folders_are_marked_once(watch: WatchSettings, drops: Path, results: Path) -> None:
    """The marker is also how a share is known to be there."""
    own(watch, OURS, "node1", {}, take_over=False)
    first = marker(drops).read_bytes()
    own(watch, OURS, "node2", {}, take_over=False)
    assert marker(drops).read_bytes() == first
    held = json.loads(marker(results).read_bytes())
    since = held.pop("since")
    assert held == {"store": OURS, "inbox": str(drops), "outbox": str(results), "node": "node1"}
    assert since > 1.6e9
    assert [path.name for path in marker(drops).parent.iterdir()] == ["owner.json"]


@pytest.mark.parametrize("whose", ["inbox", "outbox"])
def test_another_store_s_folder_is_refused_and_nothing_is_marked(
    watch: WatchSettings, drops: Path, results: Path, whose: str
) -> None:
    """Two daemons on one inbox would pay for every clip twice."""
    folder, other = (drops, results) if whose == "inbox" else (results, drops)
    own(watch, THEIRS, "farm7", {}, take_over=False)
    marker(other).unlink()
    with pytest.raises(StartupError, match="farm7") as refused:
        own(watch, OURS, "node1", {}, take_over=False)
    assert str(folder) in refused.value.message
    assert "--take-over" in refused.value.hint
    assert not marker(other).exists()


def test_a_marker_that_a_kill_left_unfinished_is_written_over(
    watch: WatchSettings, drops: Path
) -> None:
    """Nobody sweeps that folder."""
    marker(drops).parent.mkdir()
    (marker(drops).parent / f"owner.json.{OURS}").write_bytes(b"half")
    own(watch, OURS, "node1", {}, take_over=False)
    assert [path.name for path in marker(drops).parent.iterdir()] == ["owner.json"]


def test_taking_over_replaces_the_marker(watch: WatchSettings, drops: Path) -> None:
    """For a store that is gone for ever."""
    own(watch, THEIRS, "farm7", {}, take_over=False)
    own(watch, OURS, "node1", {}, take_over=True)
    assert json.loads(marker(drops).read_bytes())["store"] == OURS
    own(watch, OURS, "node1", {}, take_over=False)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"store": 1}', b"\xff", b"[" * 60_000]
)
def test_a_damaged_marker_is_nobody_s_to_overwrite(
    watch: WatchSettings, drops: Path, content: bytes
) -> None:
    """It may be another daemon's, cut short by a full disk."""
    marker(drops).parent.mkdir()
    marker(drops).write_bytes(content)
    with pytest.raises(StartupError, match=r"owner\.json"):
        own(watch, OURS, "node1", {}, take_over=False)
    assert marker(drops).read_bytes() == content


def test_watches_of_one_store_share_an_outbox(
    watch: WatchSettings, elsewhere: Path, results: Path
) -> None:
    """Several inboxes may deliver to one place."""
    own(watch, OURS, "node1", {}, take_over=False)
    second = WatchSettings(name="second", inbox=str(elsewhere), outbox=str(results))
    own(second, OURS, "node1", {}, take_over=False)
    assert marker(elsewhere).exists()


def test_a_folder_that_is_not_there_is_told(watch: WatchSettings, drops: Path) -> None:
    """Nothing is made where a share is not mounted."""
    drops.rmdir()
    with pytest.raises(StartupError, match=str(drops)):
        own(watch, OURS, "node1", {}, take_over=False)
    assert not drops.exists()
