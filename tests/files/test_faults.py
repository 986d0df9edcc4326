"""What the system's errors mean, and how names are shown."""

import errno
import os
from pathlib import Path

import pytest

from reeldrop.domain.errors import DiskFull, FileBusy, FolderOffline, StepError
from reeldrop.files.faults import shown, translated


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        *((code, DiskFull) for code in (errno.ENOSPC, errno.EDQUOT)),
        *(
            (code, FolderOffline)
            for code in (errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENODEV)
        ),
        *(
            (code, FileBusy)
            for code in (errno.EBUSY, errno.ETXTBSY, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EMFILE)
        ),
    ],
)  # fmt: skip
def test_every_error_of_the_system_has_its_meaning(
    tmp_path: Path, code: int, meaning: type[StepError]
) -> None:
    """A clip waits, a queue waits or a share is awaited: the engine decides by the class alone."""
    with pytest.raises(meaning) as met, translated(str(tmp_path), "cannot move"):
        raise OSError(code, os.strerror(code))
    assert "cannot move" in met.value.message
    assert isinstance(met.value.__cause__, OSError)


def test_a_missing_root_is_offline(tmp_path: Path) -> None:
    """Absence proves nothing about a file when its whole share is absent."""
    with pytest.raises(FolderOffline), translated(str(tmp_path / "gone"), "cannot move"):
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_shown_names_can_be_written_anywhere() -> None:
    """Logs stay one line of valid UTF-8 whatever a drop is called."""
    name = os.fsdecode(b"a\n\xff\x1b[31m\xc3\xbc.mov")
    assert shown(name) == "a\\n\\xff\\x1b[31mü.mov"
    shown(name).encode("utf-8")
