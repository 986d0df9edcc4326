"""The folders: what lies in an inbox, how a drop becomes ours, and how a result appears.

Knows nothing of specs, jobs' states or the provider; decides nothing about when to do what.
"""

from pathlib import Path

from reeldrop.domain.errors import StartupError, StepError
from reeldrop.files.check import check_folders
from reeldrop.files.faults import translated
from reeldrop.files.inbox import FolderInbox
from reeldrop.files.look import look_of
from reeldrop.files.marker import Mark, mark_of
from reeldrop.files.owner import folders_of, own
from reeldrop.files.publish import FolderOutbox
from reeldrop.ports import Clock
from reeldrop.settings import OutputSettings, WatchSettings

__all__ = [
    "FolderInbox",
    "FolderOutbox",
    "Mark",
    "check_folders",
    "folders_of",
    "look_of",
    "mark_of",
    "open_inbox",
    "open_outbox",
    "own",
]


def open_inbox(watch: WatchSettings, clock: Clock, mark: Mark) -> FolderInbox:
    """Open the inbox of a watch, which `mark` tells from others; nothing is touched before the first scan."""
    return FolderInbox(watch, clock, mark)


def open_outbox(path: str, output: OutputSettings) -> FolderOutbox:
    """Open an outbox and make its work folders; from now on it is known by the marker in it.

    Raises:
        SettingsError: the group of the settings does not exist.
        StartupError: the outbox is not there, or cannot be worked in.
    """
    folder = str(Path(path).absolute())
    try:
        with translated(folder, "cannot open the outbox"):
            outbox = FolderOutbox(mark_of(folder), output)
        outbox.prepare()
    except StepError as error:
        raise StartupError(error.message, hint=error.hint) from error
    return outbox
