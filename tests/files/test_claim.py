"""Claims: moved, copied, put back, and finished after a crash."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from reeldrop.domain.errors import DiskFull, DropChanged, FileBusy
from reeldrop.domain.job import Claim, ClaimedFile, RelPath
from reeldrop.files import claim as claims
from reeldrop.files.confined import root_of
from reeldrop.files.inbox import FolderInbox

Survives = Callable[[int, Callable[[], object]], bool]

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


def planned(
    inbox: FolderInbox,
    sources: Sequence[str],
    base: str = "",
    references: Sequence[str] = (),
    *,
    keep: bool = False,
) -> Claim:
    return inbox.plan_claim(
        RelPath(sources[0]),
        [RelPath(path) for path in sources],
        RelPath(base),
        [RelPath(path) for path in references],
        keep=keep,
    )


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def content(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_plan_keeps_paths_below_the_sidecar_and_touches_nothing(
    inbox: FolderInbox, drops: Path
) -> None:
    """Dragged back, `source/` must run again: its paths are those that the sidecar names."""
    claim = planned(
        inbox, ["showA/plates/a.mov", "showA/a.json"], "showA", ["refs/x.png", "showA/x.png"]
    )
    assert re.fullmatch(r"\.reeldrop/claims/[0-9a-f]{32}", claim.folder)
    assert [file.at for file in claim.source] == ["source/plates/a.mov", "source/a.json"]
    assert [file.at for file in claim.references] == ["refs/1-x.png", "refs/2-x.png"]
    assert claim.path_of(RelPath("refs/x.png")) == f"{claim.folder}/refs/1-x.png"
    assert list(drops.iterdir()) == []


async def test_a_clip_beside_the_sidecar_s_folder_does_not_leave_the_claim(
    inbox: FolderInbox,
) -> None:
    """A sidecar may name `../plates/a.mov`; the claim must hold it all the same."""
    claim = planned(inbox, ["plates/a.mov", "specs/a.json"], "specs")
    assert [file.at for file in claim.source] == ["source/plates/a.mov", "source/specs/a.json"]


async def test_a_long_reference_name_fits_with_its_number(inbox: FolderInbox) -> None:
    """A name of 255 bytes has no room for the number that keeps references apart."""
    claim = planned(inbox, ["a.mov"], references=["ü" * 125 + ".jpeg"])
    name = claim.references[0].at.removeprefix("refs/")
    assert len(os.fsencode(name)) <= 255
    assert name.startswith("1-ü")
    assert name.endswith("ü.jpeg")


async def test_sources_move_and_references_stay(inbox: FolderInbox, drops: Path) -> None:
    """Presets and references are shared by other drops; clip and sidecar are this one's alone."""
    fill(drops, "showA/a.mov", "showA/a.json", "refs/x.png")
    claim = planned(inbox, ["showA/a.mov", "showA/a.json"], "showA", ["refs/x.png"])
    await inbox.claim(claim)
    assert content(drops / claim.folder) == {
        "source/a.mov": b"showA/a.mov",
        "source/a.json": b"showA/a.json",
        "refs/1-x.png": b"refs/x.png",
    }
    assert not (drops / "showA" / "a.mov").exists()
    assert (drops / "showA").is_dir()
    assert (drops / "refs/x.png").read_bytes() == b"refs/x.png"
    assert (drops / ".reeldrop").stat().st_mode & 0o077 == 0
    assert await inbox.claims() == [claim.folder]


async def test_a_claim_made_twice_is_made_once(inbox: FolderInbox, drops: Path) -> None:
    """After a crash every begun claim is made again; a new drop of that name is another drop."""
    fill(drops, "a.mov", "a.json", "x.png")
    claim = planned(inbox, ["a.mov", "a.json"], references=["x.png"])
    await inbox.claim(claim)
    before = content(drops / claim.folder)
    (drops / "a.mov").write_bytes(b"the next one")
    await inbox.claim(claim)
    assert content(drops / claim.folder) == before
    assert (drops / "a.mov").read_bytes() == b"the next one"


async def test_a_vanished_part_puts_the_others_back(inbox: FolderInbox, drops: Path) -> None:
    """A user who takes the sidecar back must find the clip where it was."""
    fill(drops, "showA/a.mov", "x.png")
    claim = planned(inbox, ["showA/a.mov", "showA/a.json"], "showA", ["x.png"])
    with pytest.raises(DropChanged, match=r"showA/a\.json") as raised:
        await inbox.claim(claim)
    assert (raised.value.gone, raised.value.held) == ({"showA/a.json"}, frozenset())
    assert content(drops) == {"showA/a.mov": b"showA/a.mov", "x.png": b"x.png"}
    assert await inbox.claims() == []


async def test_putting_back_overwrites_nothing(inbox: FolderInbox, drops: Path) -> None:
    """A new file that took the name meanwhile stays; the claimed one stays claimed."""
    fill(drops, "a.mov", "a.json")
    claim = planned(inbox, ["a.mov", "a.json"])
    await inbox.claim(claim)
    (drops / claim.folder / "source" / "a.json").unlink()
    (drops / "a.mov").write_bytes(b"new")
    with pytest.raises(DropChanged) as raised:
        await inbox.claim(claim)
    assert (raised.value.gone, raised.value.held) == ({"a.json"}, {"a.mov"})
    assert (drops / "a.mov").read_bytes() == b"new"
    assert content(drops / claim.folder) == {"source/a.mov": b"a.mov"}


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", ["a.mov", "a.json", "x.png"])
async def test_what_was_replaced_since_it_was_judged_is_not_taken(
    inbox: FolderInbox, drops: Path, name: str, keep: bool
) -> None:
    """Nobody has looked at it, and it would be paid for; all lies where it was."""
    fill(drops, "a.mov", "a.json", "x.png")
    claim = await judged(inbox, planned(inbox, ["a.mov", "a.json"], "", ["x.png"], keep=keep))
    (drops / "new").write_bytes(b"another")
    (drops / "new").rename(drops / name)
    before = content(drops)
    with pytest.raises(DropChanged, match=f"{name}. was replaced") as raised:
        await inbox.claim(claim)
    assert (raised.value.gone, raised.value.held) == (frozenset(), frozenset())
    assert content(drops) == before
    assert await inbox.claims() == []


async def test_what_was_judged_is_taken_and_may_be_taken_again(
    inbox: FolderInbox, drops: Path
) -> None:
    """A claim that a crash cut short holds files that were moved, and they are the same still."""
    fill(drops, "s/a.mov", "s/a.json", "x.png")
    claim = await judged(inbox, planned(inbox, ["s/a.mov", "s/a.json"], "s", ["x.png"]))
    for _ in range(2):
        await inbox.claim(claim)
    assert content(drops / claim.folder).keys() == {"source/a.mov", "source/a.json", "refs/1-x.png"}


async def judged(inbox: FolderInbox, claim: Claim) -> Claim:
    """Return a claim that holds its files to what a scan sees of them now."""
    keys = {entry.path: entry.key for entry in (await inbox.scan()).entries}
    source, references = (
        tuple(replace(file, key=keys[file.origin]) for file in files)
        for files in (claim.source, claim.references)
    )
    return replace(claim, source=source, references=references)


async def test_a_link_slipped_in_is_not_claimed(
    inbox: FolderInbox, drops: Path, elsewhere: Path
) -> None:
    """Between check and claim a share's user may swap the clip for a link to the host's files."""
    (elsewhere / "secret").write_bytes(b"secret")
    (drops / "a.mov").symlink_to(elsewhere / "secret")
    fill(drops, "b.mov")
    (drops / "x.png").symlink_to(elsewhere / "secret")
    with pytest.raises(FileBusy, match="symbolic link"):
        await inbox.claim(planned(inbox, ["a.mov"]))
    with pytest.raises(FileBusy, match="symbolic link"):
        await inbox.claim(planned(inbox, ["b.mov"], references=["x.png"]))
    assert {path.name for path in drops.iterdir()} == {"a.mov", "b.mov", "x.png", ".reeldrop"}


async def test_a_work_folder_that_is_a_link_is_refused(
    inbox: FolderInbox, drops: Path, elsewhere: Path
) -> None:
    """Whoever can write to the inbox could send the clips anywhere."""
    fill(drops, "a.mov")
    (drops / ".reeldrop").symlink_to(elsewhere)
    with pytest.raises(FileBusy, match="symbolic link"):
        await inbox.claim(planned(inbox, ["a.mov"]))
    assert list(elsewhere.iterdir()) == []
    assert (drops / "a.mov").exists()


async def test_a_kept_drop_stays_where_it_is(inbox: FolderInbox, drops: Path) -> None:
    """`archive = "keep"` is for inboxes that nobody may change."""
    fill(drops, "a.mov", "x.png")
    claim = planned(inbox, ["a.mov"], references=["x.png"], keep=True)
    await inbox.claim(claim)
    await inbox.release(claim)
    assert claim.kept
    assert claim.path_of(RelPath("a.mov")) == "a.mov"
    assert content(drops) == {"a.mov": b"a.mov", "x.png": b"x.png"}
    assert not (drops / ".reeldrop").exists()


async def test_release_removes_the_claim_alone_and_may_be_repeated(
    inbox: FolderInbox, drops: Path
) -> None:
    """A crash may come after it was done and before it was noted."""
    fill(drops, "a.mov", "b.mov")
    first, second = planned(inbox, ["a.mov"]), planned(inbox, ["b.mov"])
    await inbox.claim(first)
    await inbox.claim(second)
    await inbox.release(first)
    await inbox.release(first)
    assert await inbox.claims() == [second.folder]


@pytest.mark.parametrize(
    "folder", ["showA", ".reeldrop/claims", "..", f".reeldrop/claims/{'a' * 31}/"]
)
async def test_release_removes_nothing_but_claims(
    inbox: FolderInbox, drops: Path, folder: str
) -> None:
    """A damaged record must not be able to empty an inbox."""
    fill(drops, "showA/a.mov", ".reeldrop/claims/x/source/b.mov")
    before = content(drops)
    with pytest.raises(FileBusy):
        await inbox.release(Claim(RelPath(folder), ()))
    assert content(drops) == before


async def test_odd_names_are_claimed(inbox: FolderInbox, drops: Path) -> None:
    """Bytes that are no text are a name all the same."""
    name = os.fsdecode(b"\xff\n\xf0\x9f\x8e\xac.mov")
    (drops / name).write_bytes(b"odd")
    claim = planned(inbox, [name])
    await inbox.claim(claim)
    assert (inbox.real(claim.path_of(RelPath(name)))).read_bytes() == b"odd"


async def test_a_file_system_inside_the_inbox_has_its_own_claims(
    inbox: FolderInbox, drops: Path, other_disk: Callable[..., Path]
) -> None:
    """A rename cannot leave its file system, and a copy of 40 GB would be no claim but a wait."""
    disk = other_disk(drops / "nas" / "disk")
    fill(disk, "showA/a.mov")
    await inbox.scan()
    claim = planned(inbox, ["nas/disk/showA/a.mov"], "nas/disk/showA")
    assert claim.folder.startswith("nas/disk/.reeldrop/claims/")
    inode = (disk / "showA/a.mov").stat().st_ino
    await inbox.claim(claim)
    moved = inbox.real(claim.path_of(RelPath("nas/disk/showA/a.mov")))
    assert moved.stat().st_ino == inode
    assert await inbox.claims() == [claim.folder]


async def test_a_source_of_another_file_system_is_copied_and_then_removed(
    inbox: FolderInbox, drops: Path, other_disk: Callable[..., Path]
) -> None:
    """Clip and sidecar of one drop may lie on two disks."""
    disk = other_disk(drops / "disk")
    fill(drops, "a.mov")
    fill(disk, "a.json")
    os.utime(disk / "a.json", (1, 1))
    claim = planned(inbox, ["a.mov", "disk/a.json"])
    await inbox.claim(claim)
    copied = drops / claim.folder / "source/disk/a.json"
    assert (copied.read_bytes(), copied.stat().st_mtime) == (b"a.json", 1)
    assert content(drops) == {
        f"{claim.folder}/source/a.mov": b"a.mov",
        f"{claim.folder}/source/disk/a.json": b"a.json",
    }


async def test_a_full_disk_is_told_and_leaves_the_drop(
    drops: Path, other_disk: Callable[..., Path], open_watch: Callable[..., FolderInbox]
) -> None:
    """The queue waits for space; the clip must still be there when it comes."""
    other_disk(drops, "size=256k")
    (drops / "a.mov").write_bytes(b"x" * 4096)
    (drops / "x.png").write_bytes(b"x" * 120_000)
    (drops / "y.png").write_bytes(b"x" * 120_000)
    inbox = open_watch()
    with pytest.raises(DiskFull, match="cannot claim"):
        await inbox.claim(planned(inbox, ["a.mov"], references=["x.png", "y.png"]))
    assert set(content(drops)) == {"a.mov", "x.png", "y.png"}


SOURCES = {"showA/a.mov": b"clip" * 1000, "showA/a.json": b"{}"}
WHOLE = {"source/a.mov": b"clip" * 1000, "source/a.json": b"{}", "refs/1-x.png": b"image"}


def test_a_kill_at_any_step_of_a_claim_loses_nothing(memory: Path, survives: Survives) -> None:
    """At every instant the sources are whole, and the next start finishes what was begun."""
    step = 0
    for step in count(1):
        folder = memory / f"{step}"
        (folder / "showA").mkdir(parents=True)
        if _killed_and_finished(folder, step, survives):
            break
    assert step > 40


def test_a_kill_at_any_step_of_a_claim_across_disks_loses_nothing(
    memory: Path, survives: Survives, other_disk: Callable[..., Path]
) -> None:
    """A copy that is not whole must never be taken for the clip."""
    step = 0
    for step in count(1):
        folder = memory / f"{step}"
        other_disk(folder / "showA")
        if _killed_and_finished(folder, step, survives):
            break
    assert step > 60


def _killed_and_finished(folder: Path, step: int, survives: Survives) -> bool:
    """Kill a claim at `step`, look, and claim again; True when it was not killed any more."""
    for name, text in {**SOURCES, "x.png": b"image"}.items():
        (folder / name).write_bytes(text)
    claim = Claim(
        RelPath(f".reeldrop/claims/{step:032x}"),
        tuple(ClaimedFile(RelPath(f"source/{Path(name).name}"), RelPath(name)) for name in SOURCES),
        (ClaimedFile(RelPath("refs/1-x.png"), RelPath("x.png")),),
    )
    with root_of(str(folder)) as root:
        came_through = survives(step, lambda: claims.make_true(root, claim))
        held = content(folder).values()
        assert all(text in held for text in SOURCES.values()), f"lost at step {step}"
        claims.make_true(root, claim)
    assert content(folder / claim.folder) == WHOLE, f"not finished after step {step}"
    assert set(content(folder)) == {"x.png", *(f"{claim.folder}/{at}" for at in WHOLE)}
    return came_through


async def test_a_held_file_is_busy_and_not_lost(
    inbox: FolderInbox, drops: Path, tmp_path: Path
) -> None:
    """A file that may not be moved waits unpaid, with the reason."""
    fill(drops, "a.mov")
    if subprocess.run(
        ["chattr", "+i", str(drops / "a.mov")], capture_output=True, check=False
    ).returncode:
        pytest.skip("NOT TESTED, files cannot be made immutable here")
    try:
        with pytest.raises(FileBusy, match=f"permission denied for uid {os.geteuid()}"):
            await inbox.claim(planned(inbox, ["a.mov"]))
    finally:
        subprocess.run(["chattr", "-i", str(drops / "a.mov")], check=True)
    assert content(drops) == {"a.mov": b"a.mov"}


async def test_a_claim_of_another_store_is_read_back_from_its_folder(
    inbox: FolderInbox, drops: Path
) -> None:
    """Its clip names it, what a share leaves behind is no source, and a second look finds the same."""
    folder = RelPath(".reeldrop/claims/" + "0" * 32)
    fill(drops / folder, "source/a.json", "source/plates/b.mov", "source/.nfs0001", "part-s1")
    fill(drops / folder, "refs/1-x.png", "part-r0")
    claim = await inbox.found_claim(folder)
    assert claim is not None
    assert [file.origin for file in claim.source] == ["plates/b.mov", "a.json", "part-s1"]
    await inbox.claim(claim)
    assert await inbox.found_claim(folder) == claim
    (drops / "a.json").write_bytes(b"a drop of today")
    (drops / folder / "source/a.json").unlink()
    with pytest.raises(DropChanged):
        await inbox.claim(claim)
    assert (drops / "a.json").read_bytes() == b"a drop of today"


@pytest.mark.parametrize("left", ["refs/1-x.png", "part-r0", "source/.nfs0001"])
async def test_a_claim_without_a_source_is_none(inbox: FolderInbox, drops: Path, left: str) -> None:
    """References were copied: what is left of them is nothing that anybody misses."""
    folder = RelPath(".reeldrop/claims/" + "0" * 32)
    fill(drops / folder, left)
    assert await inbox.found_claim(folder) is None
