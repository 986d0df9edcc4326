"""Folders at the start: there, apart, and open to the run user."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reeldrop.domain.errors import SettingsError, StartupError
from reeldrop.files import check_folders
from reeldrop.settings import OutputSettings, Settings, StoreSettings, WatchSettings


def settings(state: Path, *watches: tuple[Path, Path], **more: Any) -> Settings:
    return Settings(
        store=StoreSettings(url=f"sqlite:///{state}/reeldrop.db"),
        watch=tuple(
            WatchSettings(name=f"w{number}", inbox=str(inbox), outbox=str(outbox), **more)
            for number, (inbox, outbox) in enumerate(watches)
        ),
    )


@pytest.fixture
def bind() -> Iterator[Callable[..., None]]:
    """A function that shows a folder at a second place."""
    bound: list[Path] = []

    def mount(source: Path, target: Path, *, read_only: bool = False) -> None:
        command = ["mount", "--bind", str(source), str(target)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("NOT TESTED, mounting is not permitted here")
        bound.append(target)
        if read_only:
            subprocess.run(["mount", "-o", "remount,ro,bind", str(target)], check=True)

    yield mount
    for target in reversed(bound):
        subprocess.run(["umount", "-l", str(target)], check=True)


def test_folders_that_lie_apart_are_fine_and_left_clean(
    tmp_path: Path, drops: Path, results: Path, elsewhere: Path
) -> None:
    """Two watches may share an outbox; the state folder may not be made yet."""
    check_folders(settings(tmp_path / "state", (drops, results), (elsewhere, results)))
    assert [list(folder.iterdir()) for folder in (drops, results, elsewhere)] == [[], [], []]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("inbox", "outbox", "state"),
    [
        ("a", "a", "s"), ("a", "a/b", "s"), ("a/b", "a", "s"), ("a", "b", "a"), ("a", "b", "b/s"),
        ("a", "b", "a/not/yet"), ("s/a", "b", "s"), ("a", "link-to-a/b", "s"), ("a", "link-to-a", "s"),
    ],
)  # fmt: skip
def test_folders_in_one_another_are_refused(
    tmp_path: Path, inbox: str, outbox: str, state: str
) -> None:
    """Results that land in the inbox would be restyled, and paid for, for ever."""
    for folder in ("a/b", "b", "s/a"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link-to-a").symlink_to(tmp_path / "a")
    with pytest.raises(SettingsError, match="lies in") as refused:
        check_folders(settings(tmp_path / state, (tmp_path / inbox, tmp_path / outbox)))
    assert refused.value.message.count("watch.w0.") + refused.value.message.count("store.") == 2


def test_bind_mounts_are_seen_through(
    tmp_path: Path, drops: Path, bind: Callable[..., None]
) -> None:
    """A container's volumes are bind mounts: two names for one folder, or for one inside it."""
    (drops / "deep" / "out").mkdir(parents=True)
    same, inside = tmp_path / "same", tmp_path / "inside"
    same.mkdir()
    inside.mkdir()
    bind(drops, same)
    bind(drops / "deep" / "out", inside)
    for outbox in (same, same / "deep", inside):
        with pytest.raises(SettingsError, match="lies in"):
            check_folders(settings(tmp_path / "state", (drops, outbox)))


def test_two_watches_never_share_an_inbox(
    tmp_path: Path, drops: Path, results: Path, elsewhere: Path
) -> None:
    """Each would take the other's drops."""
    (tmp_path / "link").symlink_to(drops)
    with pytest.raises(SettingsError, match=r"watch\.w0\.inbox.*watch\.w1\.inbox"):
        check_folders(
            settings(tmp_path / "state", (drops, results), (tmp_path / "link", elsewhere))
        )


@pytest.mark.parametrize("missing", ["inbox", "outbox"])
@pytest.mark.parametrize("what", ["nothing", "file"])
def test_a_missing_folder_is_told_and_never_made(
    tmp_path: Path, drops: Path, results: Path, missing: str, what: str
) -> None:
    """A share that is not mounted yet must not be replaced by a folder on the system disk."""
    folder = drops if missing == "inbox" else results
    folder.rmdir()
    if what == "file":
        folder.touch()
    with pytest.raises(StartupError, match=rf"watch\.w0\.{missing}"):
        check_folders(settings(tmp_path / "state", (drops, results)))
    assert not folder.is_dir()


def test_a_read_only_inbox_is_for_kept_clips_only(
    tmp_path: Path, drops: Path, results: Path, bind: Callable[..., None]
) -> None:
    """A source that cannot be taken out would be found, and paid for, again and again."""
    bind(drops, drops, read_only=True)
    for archive in ("move", "delete"):
        with pytest.raises(SettingsError, match=f'archive = "{archive}"'):
            check_folders(settings(tmp_path / "state", (drops, results), archive=archive))
    check_folders(settings(tmp_path / "state", (drops, results), archive="keep"))


def test_an_outbox_that_cannot_be_written_is_told(
    tmp_path: Path, drops: Path, results: Path, bind: Callable[..., None]
) -> None:
    """Better at the start than after the first clip is paid for."""
    bind(results, results, read_only=True)
    with pytest.raises(StartupError, match=r"watch\.w0\.outbox") as refused:
        check_folders(settings(tmp_path / "state", (drops, results)))
    assert f"uid {os.geteuid()}" in refused.value.hint


def test_a_full_disk_does_not_stop_the_start(
    tmp_path: Path, drops: Path, results: Path, other_disk: Callable[..., Path]
) -> None:
    """Running generations go on, and the queue waits for space."""
    other_disk(results, "size=64k")
    with pytest.raises(OSError, match="No space"):
        (results / "filler").write_bytes(b"x" * 100_000)
    check_folders(settings(tmp_path / "state", (drops, results)))
    assert [path.name for path in results.iterdir()] == ["filler"]


def test_a_group_that_does_not_exist_is_refused(tmp_path: Path, drops: Path, results: Path) -> None:
    """Every delivery would fail for it."""
    wrong = settings(tmp_path / "state", (drops, results)).model_copy(
        update={"output": OutputSettings(group="no-such-group")}
    )
    with pytest.raises(SettingsError, match=r"output\.group"):
        check_folders(wrong)


def test_a_nesting_is_told_before_a_folder_of_it_is_there(tmp_path: Path) -> None:
    """Otherwise the next thing somebody does is to make the folder that may not be there."""
    drops = tmp_path / "inbox"
    drops.mkdir()
    with pytest.raises(SettingsError, match="must not contain"):
        check_folders(settings(tmp_path / "state", (drops, drops / "out")))
