"""The folders: what lies in an inbox, how a drop becomes ours, and how a result appears.

Knows nothing of specs, jobs' states or the provider; decides nothing about when to do what.
"""

from reeldrop.domain.errors import StartupError, StepError
from reeldrop.files.check import check_folders
from reeldrop.files.inbox import FolderInbox
from reeldrop.files.owner import own
from reeldrop.files.publish import FolderOutbox
from reeldrop.ports import Clock
from reeldrop.settings import OutputSettings, WatchSettings

__all__ = [
    "FolderInbox",
    "FolderOutbox",
    "check_folders",
    "open_inbox",
    "open_outbox",
    "own",
]


def open_inbox(watch: WatchSettings, clock: Clock) -> FolderInbox:
    """Open the inbox of a watch; nothing is touched before the first scan."""
    return FolderInbox(watch, clock)


def open_outbox(path: str, output: OutputSettings) -> FolderOutbox:
    """Open an outbox and make its work folders.

    Raises:
        SettingsError: the group of the settings does not exist.
        StartupError: the outbox is not there, or cannot be worked in.
    """
    outbox = FolderOutbox(path, output)
    try:
        outbox.prepare()
    except StepError as error:
        raise StartupError(error.message, hint=error.hint) from error
    return outbox
