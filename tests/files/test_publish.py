"""Deliveries: prepared whole, shown by one rename, and never over anything."""

import asyncio
import os
import shutil
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from reeldrop.domain.errors import (
    DiskFull,
    FileBusy,
    FolderOffline,
    SettingsError,
    StagedMissing,
    StartupError,
)
from reeldrop.domain.job import RelPath
from reeldrop.files import open_outbox
from reeldrop.files.publish import FolderOutbox
from reeldrop.ports import Delivery
from reeldrop.settings import OutputSettings

Survives = Callable[[int, Callable[[], object]], bool]

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")

FINAL = RelPath("showA/shot010")


def real(outbox: FolderOutbox, path: RelPath) -> Path:
    """Return where a path of the outbox lies: its work folder is two folders below its top."""
    return outbox.work("any").parents[2] / path


def delivery_in(outbox: FolderOutbox, claimed: Path) -> Delivery:
    """Return a delivery of every kind of part, with its files on disk."""
    outbox.work("job.part").write_bytes(b"result")
    outbox.work("job.jpg").write_bytes(b"poster")
    (claimed / "plates").mkdir(parents=True, exist_ok=True)
    (claimed / "plates" / "a.mov").write_bytes(b"clip")
    (claimed / "a.json").write_bytes(b"{}")
    return Delivery(
        {"job.json": b'{"id":1}', "job.log.jsonl": b"{}\n"},
        (outbox.work("job.part"), "shot010.mp4"),
        outbox.work("job.jpg"),
        [
            (claimed / "plates" / "a.mov", RelPath("plates/a.mov")),
            (claimed / "a.json", RelPath("a.json")),
        ],
    )


WHOLE = {
    "job.json": b'{"id":1}',
    "job.log.jsonl": b"{}\n",
    "shot010.mp4": b"result",
    "poster.jpg": b"poster",
    "source/plates/a.mov": b"clip",
    "source/a.json": b"{}",
}


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".reeldrop"}


@pytest.fixture
def claimed(drops: Path) -> Path:
    """Where a claim's sources lie."""
    return drops / ".reeldrop" / "claims" / ("0" * 32) / "source"


async def test_a_delivery_is_whole_before_it_is_visible(
    outbox: FolderOutbox, results: Path, claimed: Path
) -> None:
    """Whoever watches the outbox must never open half a clip."""
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    assert staged == ".reeldrop/work/job.1"
    assert visible(results) == set()
    assert content(real(outbox, staged)) == WHOLE
    assert await outbox.publish(staged, FINAL)
    assert content(results / FINAL) == WHOLE
    assert visible(results) == {"showA"}


async def test_the_fetched_result_and_the_sources_stay_until_they_are_released(
    outbox: FolderOutbox, results: Path, claimed: Path
) -> None:
    """They are paid for: nothing is given up before the record says delivered. On one disk they
    are links, which cost no space."""
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    assert await outbox.publish(staged, FINAL)
    shown = results / FINAL / "shot010.mp4"
    assert outbox.work("job.part").stat().st_ino == shown.stat().st_ino
    clip = claimed / "plates" / "a.mov"
    assert clip.stat().st_ino == (results / FINAL / "source/plates/a.mov").stat().st_ino
    assert await outbox.leftovers() == ["job.jpg", "job.part"]
    for name in ("job.jpg", "job.part", "job.part"):
        await outbox.discard(name)
    assert await outbox.leftovers() == []
    assert content(results / FINAL) == WHOLE


async def test_a_file_that_others_can_write_to_is_copied(
    outbox: FolderOutbox, drops: Path, results: Path
) -> None:
    """A link would let a later edit in the inbox change what the record says was sent."""
    (drops / "a.mov").write_bytes(b"clip")
    staged = await outbox.stage(
        "job.1", Delivery({}, sources=[(drops / "a.mov", RelPath("a.mov"))])
    )
    (drops / "a.mov").write_bytes(b"edited")
    assert content(real(outbox, staged)) == {"source/a.mov": b"clip"}


async def test_sources_of_another_disk_are_copied(
    outbox: FolderOutbox, drops: Path, other_disk: Callable[..., Path], results: Path
) -> None:
    """Inbox and outbox are often two shares."""
    other_disk(drops)
    claimed = drops / ".reeldrop" / "claims" / "x" / "source"
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    assert content(real(outbox, staged)) == WHOLE


async def test_staging_again_replaces_what_was_staged(outbox: FolderOutbox, claimed: Path) -> None:
    """A retry must not deliver yesterday's error beside today's result."""
    await outbox.stage("job.1", Delivery({"error.txt": b"old"}))
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    assert content(real(outbox, staged)) == WHOLE


@pytest.mark.parametrize("left", ["owner.json", "claims"])
async def test_a_source_that_was_taken_out_of_its_claim_is_done_without(
    outbox: FolderOutbox, drops: Path, claimed: Path, left: str
) -> None:
    """What is paid for must not wait for ever for what a person has deleted."""
    home = drops / ".reeldrop"
    delivery = delivery_in(outbox, claimed)
    if left == "claims":
        (claimed / "a.json").unlink()
        expected = WHOLE.keys() - {"source/a.json"}
    else:
        shutil.rmtree(home / "claims")
        (home / left).touch()
        expected = WHOLE.keys() - {"source/a.json", "source/plates/a.mov"}
    staged = await outbox.stage("job", delivery)
    assert content(real(outbox, staged)).keys() == expected


async def test_a_source_whose_share_is_away_is_waited_for(
    outbox: FolderOutbox, drops: Path, claimed: Path
) -> None:
    """Its mount point is an empty folder: what is absent there may be all there is of a clip."""
    delivery = delivery_in(outbox, claimed)
    shutil.rmtree(drops / ".reeldrop")
    with pytest.raises(FileBusy, match="No such file"):
        await outbox.stage("job", delivery)


async def test_a_taken_name_is_left_alone(
    outbox: FolderOutbox, results: Path, claimed: Path
) -> None:
    """Even an empty folder is somebody's."""
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    (results / FINAL).mkdir(parents=True)
    assert not await outbox.publish(staged, FINAL)
    assert content(real(outbox, staged)) == WHOLE
    assert await outbox.free_name(FINAL) == "showA/shot010-2"
    assert await outbox.publish(staged, RelPath("showA/shot010-2"))
    assert list((results / FINAL).iterdir()) == []


@pytest.mark.parametrize("kind", ["empty folder", "full folder", "file", "link", "dangling link"])
async def test_whatever_has_a_name_has_it(
    outbox: FolderOutbox, results: Path, elsewhere: Path, kind: str
) -> None:
    """Nothing is ever overwritten."""
    taken = results / "a"
    if kind == "empty folder":
        taken.mkdir()
    elif kind == "full folder":
        (taken / "b").mkdir(parents=True)
    elif kind == "file":
        taken.touch()
    else:
        taken.symlink_to(elsewhere if kind == "link" else results / "nowhere")
    assert await outbox.free_name(RelPath("a")) == "a-2"
    staged = await outbox.stage("job.1", Delivery({"job.json": b"{}"}))
    assert not await outbox.publish(staged, RelPath("a"))


async def test_the_first_free_number_is_taken(outbox: FolderOutbox, results: Path) -> None:
    """Numbers go up by one; a gap is a free name."""
    for name in ("a", "a-2", "a-4"):
        (results / name).mkdir()
    assert await outbox.free_name(RelPath("a")) == "a-3"
    assert await outbox.free_name(RelPath("b")) == "b"
    assert await outbox.free_name(RelPath("new/folder/a")) == "new/folder/a"


async def test_a_file_or_link_on_the_way_makes_the_folder_another(
    outbox: FolderOutbox, results: Path, elsewhere: Path
) -> None:
    """A delivery must find a place, and must not leave the outbox through a link."""
    (results / "file").touch()
    (results / "linked").symlink_to(elsewhere)
    for folder in ("file", "linked"):
        final = await outbox.free_name(RelPath(f"{folder}/a"))
        assert final == f"{folder}-2/a"
        staged = await outbox.stage("job.1", Delivery({"job.json": b"{}"}))
        assert not await outbox.publish(staged, RelPath(f"{folder}/a"))
        assert await outbox.publish(staged, final)
        assert await outbox.free_name(RelPath(f"{folder}/b")) == f"{folder}-2/b"
    assert list(elsewhere.iterdir()) == []


async def test_a_number_fits_on_the_longest_name(outbox: FolderOutbox, results: Path) -> None:
    """255 bytes are the end of a name; it is cut between characters."""
    name = "ü" * 127
    (results / name).mkdir()
    free = await outbox.free_name(RelPath(name))
    assert free == "ü" * 126 + "-2"
    assert len(os.fsencode(free)) <= 255


async def test_publishing_twice_is_publishing_once(
    outbox: FolderOutbox, results: Path, claimed: Path
) -> None:
    """The rename may have been done right before a crash, and not noted."""
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    assert await outbox.publish(staged, FINAL)
    assert await outbox.publish(staged, FINAL)
    assert content(results) == {
        **{f"{FINAL}/{name}": text for name, text in WHOLE.items()},
        ".reeldrop/work/job.jpg": b"poster",
        ".reeldrop/work/job.part": b"result",
    }


async def test_a_staged_folder_that_is_gone_is_told(outbox: FolderOutbox) -> None:
    """Somebody cleaned up the outbox; the delivery is made again from what is kept."""
    with pytest.raises(StagedMissing, match="shot010"):
        await outbox.publish(RelPath(".reeldrop/work/job.1"), FINAL)


async def test_a_part_that_is_gone_leaves_no_half_delivery(
    outbox: FolderOutbox, claimed: Path
) -> None:
    """What is called staged is complete."""
    delivery = delivery_in(outbox, claimed)
    outbox.work("job.part").unlink()
    with pytest.raises(FileBusy):
        await outbox.stage("job.1", delivery)
    with pytest.raises(StagedMissing):
        await outbox.publish(RelPath(".reeldrop/work/job.1"), FINAL)


async def test_a_disk_mounted_inside_the_outbox_gets_whole_folders_too(
    outbox: FolderOutbox, results: Path, claimed: Path, other_disk: Callable[..., Path]
) -> None:
    """A rename cannot cross disks; the folder is prepared again on the one where it shall lie."""
    other_disk(results / "showA")
    staged = await outbox.stage("job.1", delivery_in(outbox, claimed))
    assert await outbox.publish(staged, FINAL)
    assert content(results / FINAL) == WHOLE
    assert not real(outbox, staged).exists()
    again = await outbox.stage("job.2", delivery_in(outbox, claimed))
    assert await outbox.publish(again, FINAL), "the same record is the same delivery"
    other = await outbox.stage("job.3", Delivery({"job.json": b"another"}))
    assert not await outbox.publish(other, FINAL)


def test_modes_umask_and_group_hold_for_what_becomes_visible(results: Path, claimed: Path) -> None:
    """A share's users must be able to read and tidy up what a daemon wrote."""
    assert _modes(results / "umask", claimed, OutputSettings.model_validate({"umask": "0007"})) == {
        0o770,
        0o660,
    }
    modes = OutputSettings.model_validate({"file_mode": "0644", "dir_mode": "2775"})
    assert _modes(results / "modes", claimed, modes) == {0o2775, 0o644}


def _modes(folder: Path, claimed: Path, output: OutputSettings) -> set[int]:
    folder.mkdir()
    outbox = open_outbox(str(folder), output)
    staged = outbox._stage("job.1", delivery_in(outbox, claimed))
    assert outbox._publish(staged, FINAL)
    outbox._write_status("_status.json", b"{}")
    shown = [folder / "showA", folder / "_status.json", *(folder / "showA").rglob("*")]
    return {path.stat().st_mode & 0o7777 for path in shown}


def test_nothing_is_asked_of_modes_that_are_not_set(results: Path, claimed: Path) -> None:
    """The system's umask and a folder's inherited group are the administrator's own settings."""
    results.chmod(0o2775)
    outbox = open_outbox(str(results), OutputSettings())
    staged = outbox._stage("job.1", delivery_in(outbox, claimed))
    assert outbox._publish(staged, FINAL)
    umask = os.umask(0o022)
    os.umask(umask)
    assert (results / FINAL).stat().st_mode & 0o777 == 0o777 & ~umask
    assert (results / FINAL).stat().st_mode & 0o2000
    assert (results / FINAL / "job.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_group_that_does_not_exist_is_a_wrong_setting(results: Path) -> None:
    """It would fail every delivery."""
    with pytest.raises(SettingsError, match=r"output\.group"):
        open_outbox(str(results), OutputSettings(group="no-such-group"))


def test_an_outbox_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A share that is not mounted would be written beside."""
    with pytest.raises(StartupError):
        open_outbox(str(tmp_path / "nowhere"), OutputSettings())
    assert list(tmp_path.iterdir()) == []


async def test_an_outbox_that_goes_is_offline(outbox: FolderOutbox, results: Path) -> None:
    """The jobs wait; the paid result is fetched again later."""
    results.rename(results.with_name("away"))
    with pytest.raises(FolderOffline):
        await outbox.stage("job.1", Delivery({"job.json": b"{}"}))
    with pytest.raises(FolderOffline):
        await outbox.publish(RelPath(".reeldrop/work/job.1"), FINAL)


async def test_a_full_disk_shows_nothing_and_is_told(
    results: Path, other_disk: Callable[..., Path]
) -> None:
    """The delivery waits for space, whole or not at all."""
    other_disk(results, "size=200k")
    outbox = open_outbox(str(results), OutputSettings())
    with pytest.raises(DiskFull, match="cannot prepare"):
        await outbox.stage("job.1", Delivery({"job.json": b"x" * 400_000}))
    assert visible(results) == set()
    await outbox.discard("job.1")
    staged = await outbox.stage("job.1", Delivery({"job.json": b"x" * 100_000}))
    assert await outbox.publish(staged, FINAL)
    await outbox.aclose()


async def test_the_status_is_replaced_whole(outbox: FolderOutbox, results: Path) -> None:
    """A page that is open in a browser must never read half of it."""
    await outbox.write_status("_status.json", b"one")
    await outbox.write_status("_status.json", b"two")
    assert content(results) == {"_status.json": b"two"}


async def test_a_status_that_a_kill_left_is_written_over(
    outbox: FolderOutbox, results: Path
) -> None:
    """It is written every few seconds; leftovers under new names would fill the folder."""
    (results / ".reeldrop" / "status-_status.json").write_bytes(b"half")
    await asyncio.gather(*(outbox.write_status("_status.json", b"whole") for _ in range(20)))
    assert content(results) == {"_status.json": b"whole"}
    assert not [path for path in (results / ".reeldrop").rglob("*") if path.is_file()]


async def test_the_sha256_is_that_of_the_bytes(outbox: FolderOutbox) -> None:
    """It goes into the record as proof of what was delivered."""
    outbox.work("job.part").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert await outbox.sha256(outbox.work("job.part")) == known


def test_a_kill_at_any_step_shows_nothing_half(memory: Path, survives: Survives) -> None:
    """Staging and placing are finished by the next start, from whatever a kill left."""
    step = 0
    for step in count(1):
        folder, claimed = memory / f"{step}", memory / f"claims-{step}" / ".reeldrop"
        folder.mkdir()
        outbox = open_outbox(str(folder), OutputSettings())
        delivery = delivery_in(outbox, claimed)
        if _killed_and_delivered(outbox, delivery, folder, partial(survives, step)):
            break
    assert step > 40


def _killed_and_delivered(
    outbox: FolderOutbox,
    delivery: Delivery,
    folder: Path,
    survives: Callable[[Callable[[], object]], bool],
) -> bool:
    staged = RelPath(".reeldrop/work/job.1")

    def deliver() -> None:
        outbox._stage("job.1", delivery)
        outbox._publish(staged, FINAL)

    came_through = survives(deliver)
    assert outbox.work("job.part").read_bytes() == b"result"
    for place in (folder / FINAL, real(outbox, staged)):
        if place.exists():
            assert content(place) == WHOLE, "half a delivery"
    try:
        assert outbox._publish(staged, FINAL)
    except StagedMissing:
        outbox._stage("job.1", delivery)
        assert outbox._publish(staged, FINAL)
    assert content(folder / FINAL) == WHOLE
    assert not real(outbox, staged).exists()
    assert visible(folder) == {"showA"}
    return came_through


def test_an_outbox_whose_marker_is_gone_is_not_written_to(results: Path, claimed: Path) -> None:
    """An unmounted share leaves an empty folder: what is written there nobody will ever see."""
    marker = results / ".reeldrop" / "owner.json"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text('{"store": "x"}')
    outbox = open_outbox(str(results), OutputSettings())
    staged = outbox._stage("job.1", delivery_in(outbox, claimed))
    share = results.rename(results.with_name("share"))
    results.mkdir()
    for write in (
        lambda: outbox._stage("job.2", Delivery({})),
        lambda: outbox._publish(staged, FINAL),
        lambda: outbox._write_status("_status.json", b"{}"),
    ):
        with pytest.raises(FolderOffline):
            write()
    assert list(results.iterdir()) == []
    results.rmdir()
    share.rename(results)
    assert outbox._publish(staged, FINAL)
