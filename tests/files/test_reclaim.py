"""Getting the files of an ended job back: as they were, whole or not at all, and nothing lost by it."""

import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from reeldrop.domain.errors import DropChanged, FileBusy, FolderOffline
from reeldrop.domain.job import Claim, ClaimedFile, RelPath
from reeldrop.files import reclaim
from reeldrop.files.confined import root_of
from reeldrop.files.home import COPY
from reeldrop.files.inbox import FolderInbox
from reeldrop.files.publish import FolderOutbox
from reeldrop.files.scan import entry_of

FAILED = RelPath("_failed/show/a")
TEXTS = {RelPath(name): "" for name in ("error.txt", "job.json", "job.log.jsonl")}
FILES = {"a.mov": b"clip" * 100, "sub/a.json": b"{}"}


def file(path: Path, at: str, origin: str) -> ClaimedFile:
    return ClaimedFile(RelPath(at), RelPath(origin), entry_of(RelPath(origin), path.stat()).key)


@pytest.fixture
def claim(drops: Path, results: Path) -> Claim:
    """What a failed job had claimed: its sources lie in the outbox, its reference in the inbox."""
    (drops / ".reeldrop").mkdir()
    (results / ".reeldrop").mkdir(exist_ok=True)
    folder = results / FAILED
    for name, content in FILES.items():
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in TEXTS:
        (folder / name).write_text("said")
    (drops / "look.png").write_bytes(b"picture")
    return Claim(
        RelPath(".reeldrop/claims/" + "0" * 32),
        tuple(file(folder / "source" / name, f"source/{name}", f"show/{name}") for name in FILES),
        (file(drops / "look.png", "refs/1-look.png", "look.png"),),
    )


def content(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


WHOLE = {f"source/{name}": held for name, held in FILES.items()} | {"refs/1-look.png": b"picture"}
COPIED = WHOLE | {COPY: b""}


async def test_a_new_claim_holds_copies(
    inbox: FolderInbox, drops: Path, results: Path, claim: Claim
) -> None:
    """What is in the outbox stays there until the job is queued again."""
    before = content(results)
    again = await inbox.claim_again(claim, results, FAILED)
    assert again.folder != claim.folder
    assert content(drops / again.folder) == COPIED
    assert content(results) == before
    for claimed in (*again.source, *again.references):
        found = (drops / again.folder / claimed.at).stat()
        assert claimed.key == entry_of(claimed.origin, found).key
    assert await inbox.claims() == [again.folder]


async def test_a_copy_is_nobodys_until_a_job_has_it(
    inbox: FolderInbox, drops: Path, results: Path, claim: Claim
) -> None:
    """A kill before its job is recorded leaves no clip that nobody knows; after that it may be the last."""
    again = await inbox.claim_again(claim, results, FAILED)
    assert await inbox.found_claim(again.folder) is None
    for _ in range(2):
        await inbox.settle(again)
        assert content(drops / again.folder) == WHOLE
    found = await inbox.found_claim(again.folder)
    assert found is not None
    assert {file.at for file in found.source} == {file.at for file in again.source}


async def test_a_claim_whose_share_is_away_is_not_settled(
    inbox: FolderInbox, drops: Path, results: Path, claim: Claim
) -> None:
    """What it was copied from has to stay."""
    again = await inbox.claim_again(claim, results, FAILED)
    (drops / ".reeldrop").rename(drops / "renamed")
    with pytest.raises(FileBusy):
        await inbox.settle(again)


def test_a_kill_leaves_a_whole_claim_or_what_is_swept(
    drops: Path, results: Path, claim: Claim, survives: Callable[[int, Callable[[], object]], bool]
) -> None:
    """No job may be queued with half of its files."""
    before = content(results)
    claims = drops / ".reeldrop/claims"
    steps = itertools.count(1)
    for step in steps:
        with root_of(str(drops)) as root:
            over = survives(step, partial(reclaim.again, root, claim, results, FAILED))
            reclaim.sweep(root)
        assert content(results) == before
        for left in claims.iterdir() if claims.exists() else ():
            assert content(left) == COPIED
        if over:
            break
    assert next(steps) > 10


@pytest.mark.parametrize("name", ["a.mov", "sub/a.json"])
@pytest.mark.parametrize("change", ["edited", "touched", "gone", "link"])
async def test_what_was_changed_is_refused_by_name(
    change: str, name: str, inbox: FolderInbox, drops: Path, results: Path, claim: Claim
) -> None:
    """It is another drop now; a link could make the daemon send any file of the host."""
    path = results / FAILED / "source" / name
    if change == "edited":
        path.write_bytes(path.read_bytes() + b" ")
    elif change == "touched":
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 60_000_000_000))
    else:
        kept = path.rename(results / "kept")
        if change == "link":
            path.symlink_to(kept)
    with pytest.raises(DropChanged, match=name) as caught:
        await inbox.claim_again(claim, results, FAILED)
    assert caught.value.gone == {f"show/{name}"}
    assert content(drops / ".reeldrop") == {}


async def test_a_time_that_a_share_has_rounded_is_no_change(
    inbox: FolderInbox, results: Path, claim: Claim
) -> None:
    """FAT keeps even seconds."""
    path = results / FAILED / "source/a.mov"
    rounded = path.stat().st_mtime_ns // 1_000_000_000 * 1_000_000_000
    os.utime(path, ns=(rounded, rounded))
    await inbox.claim_again(claim, results, FAILED)


async def test_a_changed_reference_is_refused_by_name(
    inbox: FolderInbox, drops: Path, results: Path, claim: Claim
) -> None:
    (drops / "look.png").write_bytes(b"another")
    os.utime(drops / "look.png", (0, 0))
    with pytest.raises(DropChanged, match=r"look\.png"):
        await inbox.claim_again(claim, results, FAILED)


async def test_a_kept_claim_is_looked_at_where_it_lies(
    inbox: FolderInbox, drops: Path, results: Path, claim: Claim
) -> None:
    """A remount gives every file another device: size and time tell."""
    look = claim.references[0]
    elsewhere = replace(look, at=look.origin, key="1:2:" + ":".join(look.key.split(":")[2:]))
    kept = Claim(RelPath(""), (elsewhere,))
    again = await inbox.claim_again(kept, results, FAILED)
    assert again.kept
    assert again.source[0].key == look.key
    (drops / "look.png").unlink()
    with pytest.raises(DropChanged, match=r"look\.png"):
        await inbox.claim_again(kept, results, FAILED)


async def test_a_share_that_is_away_is_not_an_empty_one(
    inbox: FolderInbox, results: Path, claim: Claim, elsewhere: Path
) -> None:
    """Where nothing of ours lies nothing is known to be gone, and nothing is made."""
    with pytest.raises(FolderOffline):
        await inbox.claim_again(claim, elsewhere, FAILED)
    results.joinpath(".reeldrop").rename(results / "renamed")
    with pytest.raises(FolderOffline):
        await inbox.claim_again(claim, results, FAILED)


def ours(claim: Claim) -> dict[RelPath, str]:
    return TEXTS | {each.at: each.key for each in claim.source}


async def test_the_folder_of_a_failure_goes(
    outbox: FolderOutbox, results: Path, claim: Claim
) -> None:
    """Litter of desktops in it is nobody's work."""
    (results / FAILED / ".DS_Store").write_text("")
    assert await outbox.withdraw(FAILED, ours(claim), "job.withdrawn")
    assert not (results / FAILED).exists()
    assert await outbox.leftovers() == []


@pytest.mark.parametrize("name", ["notes.txt", "source/b.mov", "more/notes.txt"])
async def test_what_is_not_ours_is_left_with_its_folder(
    name: str, outbox: FolderOutbox, results: Path, claim: Claim
) -> None:
    path = results / FAILED / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    before = content(results)
    assert not await outbox.withdraw(FAILED, ours(claim), "job.withdrawn")
    assert content(results) == before


async def test_an_edited_source_is_somebodys_work(
    outbox: FolderOutbox, results: Path, claim: Claim
) -> None:
    (results / FAILED / "source/sub/a.json").write_text('{"prompt": "x"}')
    assert not await outbox.withdraw(FAILED, ours(claim), "job.withdrawn")
    assert (results / FAILED / "source/a.mov").exists()
