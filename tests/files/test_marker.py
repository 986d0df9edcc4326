"""A folder is known by its marker, or by its mount: what another one does not hold proves nothing."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from reeldrop.domain.errors import DropChanged, FolderOffline, StartupError
from reeldrop.domain.job import Claim, RelPath
from reeldrop.files import own
from reeldrop.files.inbox import FolderInbox
from reeldrop.ports import Scan
from reeldrop.settings import WatchSettings

OURS, THEIRS = "a" * 32, "b" * 32
CLIP = RelPath("show/a.mov")


@pytest.fixture
def watch(drops: Path, results: Path) -> WatchSettings:
    return WatchSettings(inbox=str(drops), outbox=str(results))


@pytest_asyncio.fixture
async def marked(
    watch: WatchSettings, drops: Path, open_watch: Callable[..., FolderInbox]
) -> AsyncIterator[FolderInbox]:
    """An inbox that is marked as ours and holds a clip; it has been looked at."""
    own(watch, OURS, "node1", {}, take_over=False)
    (drops / "show").mkdir()
    (drops / CLIP).write_bytes(b"clip")
    inbox = open_watch()
    await inbox.scan()
    yield inbox


def marker(folder: Path) -> Path:
    return folder / ".reeldrop" / "owner.json"


def plan(inbox: FolderInbox, clip: RelPath = CLIP) -> Claim:
    return inbox.plan_claim(clip, [clip], RelPath(clip.rpartition("/")[0]), [], keep=False)


def paths(scan: Scan) -> set[str]:
    return {entry.path for entry in scan.entries}


async def test_another_folder_under_the_same_path_proves_nothing(
    marked: FolderInbox, drops: Path, other_disk: Callable[..., Path]
) -> None:
    """What an unmounted share leaves behind is empty: nothing has gone, and nothing is done there."""
    claim = plan(marked)
    other_disk(drops)
    asked = (
        marked.scan,
        lambda: marked.claim(claim),
        lambda: marked.release(claim),
        lambda: marked.found_claim(claim.folder),
        lambda: marked.check_inside(CLIP),
        marked.claims,
    )
    for ask in asked:
        with pytest.raises(FolderOffline, match="is not the one it was"):
            await ask()
    assert list(drops.iterdir()) == []


async def test_it_goes_on_by_itself_when_the_folder_is_back(
    marked: FolderInbox, drops: Path
) -> None:
    claim = plan(marked)
    away = drops.rename(drops.with_name("away"))
    drops.symlink_to("/proc")
    with pytest.raises(FolderOffline, match="is the share mounted"):
        await marked.scan()
    with pytest.raises(FolderOffline):
        await marked.claim(claim)
    drops.unlink()
    away.rename(drops)
    assert paths(await marked.scan()) == {CLIP}
    await marked.claim(claim)
    assert (drops / claim.folder / "source/a.mov").read_bytes() == b"clip"


async def test_in_a_folder_that_is_there_absence_is_believed(
    marked: FolderInbox, drops: Path
) -> None:
    claim = plan(marked)
    (drops / CLIP).unlink()
    with pytest.raises(DropChanged) as changed:
        await marked.claim(claim)
    assert changed.value.gone == {CLIP}


async def test_an_inbox_made_anew_on_its_own_disk_is_marked_again(
    marked: FolderInbox, drops: Path
) -> None:
    """No share can be hidden below a folder of the very mount where it was marked."""
    shutil.rmtree(drops)
    with pytest.raises(FolderOffline, match="does not answer"):
        await marked.scan()
    drops.mkdir()
    (drops / "b.mov").write_bytes(b"x")
    with structlog.testing.capture_logs() as logs:
        assert paths(await marked.scan()) == {"b.mov"}
        await marked.scan()
    assert [line["event"] for line in logs].count("inbox.made_anew") == 1
    assert json.loads(marker(drops).read_bytes())["store"] == OURS


async def test_an_inbox_that_another_store_has_taken_over_is_left_to_it(
    marked: FolderInbox, watch: WatchSettings
) -> None:
    own(watch, THEIRS, "farm7", {}, take_over=True)
    with pytest.raises(FolderOffline, match="farm7"):
        await marked.scan()


async def test_a_marker_that_cannot_be_read_is_no_marker(marked: FolderInbox, drops: Path) -> None:
    marker(drops).write_bytes(b"{")
    with pytest.raises(FolderOffline, match=r"owner\.json cannot be read"):
        await marked.scan()
    assert marker(drops).read_bytes() == b"{"


async def test_a_folder_without_a_marker_is_known_by_its_mount(
    drops: Path, open_watch: Callable[..., FolderInbox], other_disk: Callable[..., Path]
) -> None:
    """A read-only inbox cannot be marked."""
    inbox = open_watch(archive="keep")
    (drops / "a.mov").write_bytes(b"x")
    assert paths(await inbox.scan()) == {"a.mov"}
    other_disk(drops)
    with pytest.raises(FolderOffline, match="it lies on tmpfs / at"):
        await inbox.scan()


# ------------------------------------------------------------------ at the start


def test_a_start_never_marks_the_place_where_a_share_is_not_mounted(
    watch: WatchSettings, drops: Path, results: Path, other_disk: Callable[..., Path]
) -> None:
    """Everything would be written beside the share, and nobody would ever find it."""
    for folder in (drops, results):
        other_disk(folder)
    marks = own(watch, OURS, "node1", {}, take_over=False)
    places = {mark.folder: mark.place for mark in marks}
    assert [place.startswith("tmpfs / at") for place in places.values()] == [True, True]
    for folder in (drops, results):
        away = {str(folder): "nfs4 /export at /somewhere/else"}
        marker(folder).unlink()
        with pytest.raises(StartupError, match="is not mounted: it lay on nfs4 /export") as refused:
            own(watch, OURS, "node1", {**places, **away}, take_over=False)
        assert "--take-over" in refused.value.hint
        assert not marker(folder).exists()
        own(watch, OURS, "node1", places, take_over=False)
        assert marker(folder).exists()


def test_a_folder_that_has_moved_for_good_is_taken_over(watch: WatchSettings, drops: Path) -> None:
    places = {str(drops): "nfs4 /export at /somewhere/else"}
    own(watch, OURS, "node1", places, take_over=True)
    assert json.loads(marker(drops).read_bytes())["store"] == OURS


def test_a_marked_folder_may_lie_on_another_mount(watch: WatchSettings, drops: Path) -> None:
    """Its marker stands over the mount: the share was mounted in another way."""
    own(watch, OURS, "node1", {}, take_over=False)
    mark, _ = own(watch, OURS, "node1", {str(drops): "cifs / at /old"}, take_over=False)
    assert mark.owner is not None
    assert "cifs" not in mark.place


# ------------------------------------------------------------------ a file system inside the inbox


async def test_a_claim_on_a_file_system_that_is_gone_waits_for_it(
    marked: FolderInbox, drops: Path, other_disk: Callable[..., Path]
) -> None:
    """Its folder is there and empty, as if the clip had been taken away."""
    nested = other_disk(drops / "nas")
    (nested / "b.mov").write_bytes(b"x")
    await marked.scan()
    claim = plan(marked, RelPath("nas/b.mov"))
    assert claim.folder.startswith("nas/.reeldrop/")
    hidden = other_disk(drops.with_name("hidden"))
    await _swap(nested, hidden)
    for ask in (marked.claim, marked.release):
        with pytest.raises(FolderOffline, match='"nas" of the inbox is not mounted'):
            await ask(claim)
    assert list(nested.iterdir()) == []
    await _swap(hidden, nested)
    await marked.claim(claim)
    assert (drops / claim.folder / "source/b.mov").read_bytes() == b"x"


async def _swap(point: Path, to: Path) -> None:
    """Move what is mounted at `point` to the folder `to`."""
    process = await asyncio.create_subprocess_exec("mount", "--move", point, to)
    if await process.wait():
        pytest.skip("NOT TESTED, mounts cannot be moved here")
