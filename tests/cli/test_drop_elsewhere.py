"""`drop` on artists' machines and farm nodes: Windows and macOS, without the daemon's libraries."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.shell import Ended

HOST = Path(__file__).with_name("foreign_host.py")
PROMPT = ("--prompt", "as a charcoal drawing")


def on(platform: str, home: Path, *words: str | Path) -> Ended:
    """Run `reeldrop` as that platform would."""
    done = subprocess.run(
        [sys.executable, HOST, platform, *words],
        cwd=home,
        env={"HOME": str(home), "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_nothing_of_posix_and_no_library_of_the_daemon_is_needed(
    platform: str, tmp_path: Path, inbox: Path, outbox: Path, clip: Path
) -> None:
    """A farm node has Python and the share, and is to start its task at once."""
    image = tmp_path / "a.png"
    image.write_bytes(b"image")
    words = ("drop", clip, *PROMPT, "--image", image, "--inbox", inbox, "--outbox", outbox)
    ended = on(platform, tmp_path, *words, "--ticket-from", "job 1", "--wait", "--timeout", "0")
    assert ended.code == 4, ended
    assert {path.name for path in inbox.iterdir()} == {"shot.mp4", "shot.json", "shot-image1.png"}
    assert (inbox / "shot.mp4").read_bytes() == clip.read_bytes()
    ticket = json.loads((inbox / "shot.json").read_bytes())["reeldrop"]["ticket"]
    done = outbox / "shot"
    done.mkdir()
    (done / "job.json").write_text('{"result": {"name": "shot.mp4"}}')
    job = {"ticket": ticket, "id": "1", "state": "delivered", "final": "shot"}
    (outbox / "_status.json").write_text(json.dumps({"jobs": [job], "waiting": []}))
    again = on(platform, tmp_path, *words, "--ticket-from", "job 1", "--openjd")
    assert again.code == 0, again
    assert again.out.splitlines()[-1] == str(done / "shot.mp4")
    assert again.err == ""


@pytest.mark.parametrize("name", ["a:b", "what?", "con", "NUL.x", 'q"', "tab\there"])
def test_a_name_that_windows_does_not_know_is_said_there(
    name: str, tmp_path: Path, inbox: Path, clip: Path
) -> None:
    """`a:b.mp4` would be a hidden stream of a file `a`."""
    ended = on("win32", tmp_path, "drop", clip, *PROMPT, "--name", name, "--inbox", inbox)
    assert ended.code == 2
    assert "is no name that Windows knows" in ended.err
    assert list(inbox.iterdir()) == []


def test_a_daemons_path_that_is_none_here_is_not_taken_for_one(
    tmp_path: Path, inbox: Path, clip: Path
) -> None:
    """On Windows a daemon's /srv/outbox is no place; the person is asked for the share's own name."""
    (inbox / ".reeldrop").mkdir()
    for outbox in ("srv/outbox", "/srv/out\nopenjd_env: X=1"):
        (inbox / ".reeldrop" / "owner.json").write_text(json.dumps({"outbox": outbox}))
        ended = on("win32", tmp_path, "drop", clip, *PROMPT, "--inbox", inbox, "--openjd")
        assert ended.code == 2
        assert ended.out.splitlines()[-1].startswith("openjd_fail: where do results come?")


def test_a_file_that_a_scanner_holds_is_waited_for(tmp_path: Path, inbox: Path, clip: Path) -> None:
    """On Windows a rename is refused as long as anybody has the file open."""
    held = tmp_path / "held.py"
    held.write_text(
        f"import sys\nsys.path.insert(0, {str(HOST.parent)!r})\n"
        "from pathlib import Path\nimport foreign_host\n"
        "sys.argv.pop(1)\nforeign_host.become('win32')\n"
        "renamed, refused = Path.replace, [0]\n"
        "def replace(self, target):\n"
        "    refused[0] += 1\n"
        "    if refused[0] % 3:\n"
        "        raise PermissionError(13, 'The process cannot access the file', str(self))\n"
        "    return renamed(self, target)\n"
        "Path.replace = replace\n"
        "from reeldrop.cli import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, held, "win32", "drop", clip, *PROMPT, "--inbox", inbox],
        capture_output=True, cwd=tmp_path, env={"HOME": str(tmp_path)}, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.name for path in inbox.iterdir()} == {"shot.mp4", "shot.json"}
