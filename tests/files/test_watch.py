"""Hints and evidence, with the kernel's own events."""

import asyncio
import os
import shutil
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from subprocess import run

import pytest
import structlog

from files.conftest import scan_until
from reeldrop.domain.job import RelPath
from reeldrop.domain.settling import Evidence
from reeldrop.files.inbox import FolderInbox
from reeldrop.ports import Scan

Until = Callable[[Callable[[Scan], bool]], Awaitable[Scan]]


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """A function that mounts an overlay on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        layers = [tmp_path / name for name in ("lower", "upper", "work")]
        for layer in layers:
            layer.mkdir()
        options = "lowerdir={},upperdir={},workdir={}".format(*layers)
        command = ["mount", "-t", "overlay", "overlay", "-o", options, str(folder)]
        if run(command, capture_output=True, check=False).returncode:
            pytest.skip("NOT TESTED, mounting an overlay is not permitted here")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        run(["umount", "-l", str(folder)], check=True)


def evidence(scan: Scan) -> dict[str, Evidence]:
    return {path: told for path, (told, _) in scan.evidence.items()}


def holds(*names: str) -> Callable[[Scan], bool]:
    return lambda scan: {entry.path for entry in scan.entries} >= set(names)


def tells(name: str, what: Evidence) -> Callable[[Scan], bool]:
    return lambda scan: evidence(scan).get(name) is what


async def test_a_file_renamed_in_is_evident_at_once(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """A rename shows a file that is whole: it is taken without a second's wait."""
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    before = time.monotonic()
    (elsewhere / "a.mov").rename(drops / "a.mov")
    scan = await until(tells("a.mov", Evidence.RENAMED))
    assert before <= scan.evidence[RelPath("a.mov")][1] <= time.monotonic()


async def test_a_hint_comes_within_milliseconds(
    open_watch: Callable[..., FolderInbox], drops: Path, elsewhere: Path
) -> None:
    """Between drop and submit stands nothing but the hint; watchdog's pairing would add 0.5 s each time."""
    took: list[float] = []
    # A busy machine is slow now and then; a pause of our own would be there every time.
    while len(took) < 20 and min(took, default=1.0) > 0.4:
        (elsewhere / "a.mov").write_bytes(b"x")
        (drops / "leaves.mov").write_bytes(b"x")
        inbox = open_watch()
        await inbox.scan()
        began = time.monotonic()
        (drops / "leaves.mov").rename(elsewhere / "leaves.mov")
        (elsewhere / "a.mov").rename(drops / "a.mov")
        await inbox.changed(60)
        took.append(time.monotonic() - began)
        await scan_until(inbox, lambda scan: evidence(scan) == {"a.mov": Evidence.RENAMED})
    assert min(took) <= 0.4, took


async def test_a_copied_file_is_evident_when_its_writer_closes_it(
    inbox: FolderInbox, drops: Path, until: Until
) -> None:
    """Only the close counts: size and time of a copy look final long before."""
    await inbox.scan()
    with (drops / "a.mov").open("wb") as file:
        file.write(b"x")
        file.flush()
        assert evidence(await until(holds("a.mov"))) == {}
    await until(tells("a.mov", Evidence.CLOSED))


async def test_a_hard_link_has_no_evidence(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """Nothing tells whether the file behind a new link is whole; it is found and must settle."""
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    (drops / "a.mov").hardlink_to(elsewhere / "a.mov")
    assert evidence(await until(holds("a.mov"))) == {}


async def test_a_renamed_folder_is_found_and_later_files_in_it_are_evident(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """Event libraries lose what is added later to a folder that was moved in."""
    await inbox.scan()
    (elsewhere / "show" / "sub").mkdir(parents=True)
    (elsewhere / "show" / "sub" / "a.mov").write_bytes(b"x")
    (elsewhere / "show").rename(drops / "show")
    await until(tells("show/sub/a.mov", Evidence.RENAMED))
    shutil.copyfile(drops / "show" / "sub" / "a.mov", drops / "show" / "sub" / "b.mov")
    await until(tells("show/sub/b.mov", Evidence.CLOSED))


async def test_what_came_into_a_renamed_folder_afterwards_was_not_renamed(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """Somebody goes on copying into it before anything watches it; its time may even be set back."""
    await inbox.scan()
    (elsewhere / "show").mkdir()
    (elsewhere / "show" / "a.mov").write_bytes(b"x")
    (elsewhere / "show").rename(drops / "show")
    await inbox.changed(5)
    await asyncio.sleep(0.02)  # the file system's clock ticks in steps
    with (drops / "show" / "b.mov").open("wb") as file:
        file.write(b"half")
        file.flush()
        os.utime(drops / "show" / "b.mov", (1, 1))
        scan = await until(holds("show/a.mov", "show/b.mov"))
        assert evidence(scan) == {"show/a.mov": Evidence.RENAMED}


async def test_a_folder_made_in_the_inbox_tells_nothing_of_its_files(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """A copy of a tree makes its folders first."""
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    (drops / "show").mkdir()
    (drops / "show" / "a.mov").hardlink_to(elsewhere / "a.mov")
    assert evidence(await until(holds("show/a.mov"))) == {}


async def test_a_rename_within_the_inbox_is_evidence_under_the_new_name_alone(
    inbox: FolderInbox, drops: Path, until: Until
) -> None:
    """`clip.mov.part` becoming `clip.mov` is how most copy tools finish."""
    await inbox.scan()
    (drops / "a.mov.part").write_bytes(b"x")
    (drops / "a.mov.part").rename(drops / "a.mov")
    assert evidence(await until(tells("a.mov", Evidence.RENAMED))) == {"a.mov": Evidence.RENAMED}
    (drops / "a.mov").rename(drops / "b.mov")
    assert evidence(await until(tells("b.mov", Evidence.RENAMED))) == {"b.mov": Evidence.RENAMED}


async def test_evidence_ends_when_the_name_is_given_to_another_file(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """What was true of the first file would let the second be taken half-written."""
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    (elsewhere / "a.mov").rename(drops / "a.mov")
    await until(tells("a.mov", Evidence.RENAMED))
    (drops / "a.mov").unlink()
    with (drops / "a.mov").open("wb") as file:
        file.write(b"half")
        file.flush()
        await until(lambda scan: holds("a.mov")(scan) and evidence(scan) == {})


async def test_evidence_does_not_follow_a_folder_s_name(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """A folder renamed away and made anew has other files under the old names."""
    (drops / "show").mkdir()
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    (elsewhere / "a.mov").rename(drops / "show" / "a.mov")
    await until(tells("show/a.mov", Evidence.RENAMED))
    (drops / "show").rename(drops / "old")
    (drops / "show").mkdir()
    with (drops / "show" / "a.mov").open("wb") as file:
        file.write(b"half")
        file.flush()
        await until(lambda scan: holds("show/a.mov", "old/a.mov")(scan) and evidence(scan) == {})
    await until(tells("show/a.mov", Evidence.CLOSED))


async def test_our_work_folder_and_litter_give_no_hint(inbox: FolderInbox, drops: Path) -> None:
    """Our own claims would wake a scan each, and a NAS indexer thousands."""
    work = drops / ".reeldrop" / "claims"
    work.mkdir(parents=True)
    (drops / "a.mov").write_bytes(b"x")
    await inbox.scan()
    (drops / "a.mov").rename(work / "a.mov")
    (work / "b.mov").write_bytes(b"x")
    (drops / "c.mov.part").write_bytes(b"x")
    began = time.monotonic()
    await inbox.changed(0.15)
    assert time.monotonic() - began >= 0.15


async def test_a_burst_is_found_whole(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """What a flood of events loses, the scan finds."""
    await inbox.scan()
    names = [f"{number}.mov" for number in range(2000)]

    def flood(mine: list[str]) -> None:
        for name in mine:
            (elsewhere / name).touch()
            (elsewhere / name).rename(drops / name)

    writers = [threading.Thread(target=flood, args=(names[part::4],)) for part in range(4)]
    for writer in writers:
        writer.start()
    scan = await until(holds(*names))
    for writer in writers:
        writer.join()
    assert len(scan.entries) == 2000


async def test_folders_made_in_one_breath_are_all_found(
    inbox: FolderInbox, drops: Path, until: Until
) -> None:
    """`mkdir -p a/b/c && cp clip` is faster than any watch can be added."""
    await inbox.scan()
    for number in range(100):
        folder = drops / f"{number}" / "b" / "c"
        folder.mkdir(parents=True)
        (folder / "a.mov").write_bytes(b"x")
    await until(holds(*(f"{number}/b/c/a.mov" for number in range(100))))


async def test_a_dead_reader_is_replaced_by_the_next_scan(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """A watcher that is blind while it looks alive is the commonest complaint of all."""
    await inbox.scan()
    reader = inbox._watcher._reader
    assert reader is not None
    reader.stop()
    reader.join(5)
    with structlog.testing.capture_logs() as logs:
        await inbox.scan()
    assert "watch.reader_died" in [line["event"] for line in logs]
    (elsewhere / "a.mov").write_bytes(b"x")
    (elsewhere / "a.mov").rename(drops / "a.mov")
    await until(tells("a.mov", Evidence.RENAMED))


async def test_an_inbox_deleted_and_made_anew_is_watched_again(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until
) -> None:
    """inotify watches the folder, not its name; after a remount it watches nothing."""
    await inbox.scan()
    drops.rmdir()
    drops.mkdir()
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    (elsewhere / "a.mov").rename(drops / "a.mov")
    await until(tells("a.mov", Evidence.RENAMED))


def modes(scan: Scan) -> dict[str, tuple[str, str]]:
    return {mode.folder: (mode.how, mode.why) for mode in scan.modes}


async def test_the_mode_is_told_and_logged_once(open_watch: Callable[..., FolderInbox]) -> None:
    """Who wonders why a drop takes seconds finds the answer in one line."""
    with structlog.testing.capture_logs() as logs:
        local = open_watch(name="local")
        polled = open_watch(name="polled", backend="polling")
        for _ in range(2):
            assert modes(await local.scan())[""][0] == "inotify"
            assert modes(await polled.scan()) == {"": ("polling", 'backend = "polling"')}
    said = [
        (line["watch"], line["folder"], line["mode"])
        for line in logs
        if line["event"] == "watch.mode"
    ]
    assert said == [("local", "", "inotify"), ("polled", "", "polling")]


async def test_each_file_system_is_watched_by_what_it_can_do(
    inbox: FolderInbox, drops: Path, elsewhere: Path, until: Until, overlay: Callable[[Path], None]
) -> None:
    """A share inside an inbox must not cost the local folders their events."""
    (drops / "show").mkdir()
    overlay(drops / "nas")
    (drops / "nas/sub").mkdir()
    with structlog.testing.capture_logs() as logs:
        scan = await inbox.scan()
    found = modes(scan)
    told = [(folder, how) for folder, (how, _) in found.items()]
    assert told == [("", "inotify"), ("nas", "polling")]
    assert found[""][1].startswith("local file system (")
    assert found["nas"][1] == "overlay does not tell of what is written to its layers"
    assert [line["folder"] for line in logs if line["event"] == "watch.mode"] == ["", "nas"]
    (elsewhere / "a.mov").write_bytes(b"x")
    (elsewhere / "a.mov").rename(drops / "show/a.mov")
    await until(tells("show/a.mov", Evidence.RENAMED))


async def test_inotify_may_be_asked_for_on_any_file_system(
    open_watch: Callable[..., FolderInbox], drops: Path, overlay: Callable[[Path], None]
) -> None:
    """Who knows that nobody writes to the layers may have the events of an overlay."""
    overlay(drops)
    inbox = open_watch(backend="inotify")
    assert modes(await inbox.scan()) == {"": ("inotify", 'backend = "inotify"')}
    (drops / "a.mov.part").write_bytes(b"x")
    (drops / "a.mov.part").rename(drops / "a.mov")
    await scan_until(inbox, tells("a.mov", Evidence.RENAMED))


LIMITED = """
import asyncio, sys
from pathlib import Path
from reeldrop.files import mark_of, open_inbox
from reeldrop.host.clock import SystemClock
from reeldrop.settings import WatchSettings

folder, limit = sys.argv[1], Path("/proc/sys/user/max_inotify_" + sys.argv[2])
allowed = limit.read_text()
inbox = open_inbox(WatchSettings(inbox=folder, outbox=folder), SystemClock(), mark_of(folder))

async def look():
    for number in (sys.argv[3], sys.argv[3], allowed):
        limit.write_text(number)
        for mode in (await inbox.scan()).modes:
            print("scan", mode.how, mode.why)

asyncio.run(look())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "few", "why"),
    [
        ("instances", "0", "no inotify instances left (fs.inotify.max_user_instances)"),
        ("watches", "2", "no inotify watches left (fs.inotify.max_user_watches)"),
    ],
)
def test_where_the_limits_are_used_up_it_is_polled_until_they_are_raised(
    drops: Path, limit: str, few: str, why: str
) -> None:
    """One line says so and names the limit; an editor with a thousand folders may be to blame."""
    for number in range(4):
        (drops / f"show{number}").mkdir()
    # A user namespace has limits of its own: nobody else on this host is touched.
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", LIMITED]
    done = run([*command, str(drops), limit, few], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"NOT TESTED, there are no user namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    told = [line[5:] for line in done.stdout.splitlines() if line.startswith("scan ")]
    assert told[:2] == [f"polling {why}"] * 2
    assert told[2].startswith("inotify local file system (")
    assert done.stdout.count("watch.mode") == 2


async def test_polling_returns_every_interval_and_has_no_evidence(
    open_watch: Callable[..., FolderInbox], drops: Path, elsewhere: Path
) -> None:
    """On a share nothing tells of other hosts' writes."""
    inbox = open_watch(backend="polling", poll_interval=0.05)
    await inbox.scan()
    (elsewhere / "a.mov").write_bytes(b"x")
    (elsewhere / "a.mov").rename(drops / "a.mov")
    async with asyncio.timeout(20):
        await inbox.changed(60)
    scan = await inbox.scan()
    assert holds("a.mov")(scan)
    assert evidence(scan) == {}


async def test_a_file_system_that_is_not_local_is_polled(
    open_watch: Callable[..., FolderInbox], drops: Path, overlay: Callable[[Path], None]
) -> None:
    """What is written to an overlay's layers, or by another host, gives no event."""
    overlay(drops)
    inbox = open_watch()
    assert modes(await inbox.scan())[""][0] == "polling"
    (drops / "a.mov").write_bytes(b"x")
    assert await inbox.written_by_another(RelPath("a.mov")) is None


async def test_changed_returns_at_once_before_the_first_scan(inbox: FolderInbox) -> None:
    """Drops that lie there at the start are not waited for."""
    async with asyncio.timeout(20):
        await inbox.changed(60)
