"""The files that hold what nobody else may know: read whole, bounded, and never quoted."""

import base64
import binascii
import stat
from collections.abc import Iterator
from pathlib import Path

from reeldrop.domain.errors import SettingsError
from reeldrop.settings import NotifySettings

LARGEST = 1_000_000
"""Bytes of such a file."""
SHORTEST_KEY = 16
"""Bytes; whoever signs with less can be guessed."""
PREFIX = "whsec_"
HOW = "Make one by: echo whsec_$(head -c 32 /dev/urandom | base64)"


def text_of(key: str, name: str) -> str:
    """Return what stands in the file that the setting `key` names. Raises SettingsError."""
    path = Path(name)
    try:
        # A pipe, or a terminal, would be waited for for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise SettingsError(f"{key}: {name} is no file")
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"{key}: {name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{key} cannot be the name of a file") from error
    if len(raw) > LARGEST:
        raise SettingsError(f"{key}: {name} is larger than {LARGEST // 1_000_000} MB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{key}: {name} is not text") from error


def signing_keys(name: str) -> list[bytes]:
    """Return the keys in the webhook's secret file, one for each line. Raises SettingsError."""
    key = "notify.webhook_secret_file"
    if not name:
        raise SettingsError(
            f"{key}: notify.webhook needs one, for what is sent is signed", hint=HOW
        )
    lines = [line.strip() for line in text_of(key, name).splitlines() if line.strip()]
    if not lines:
        raise SettingsError(f"{key}: {name} is empty", hint=HOW)
    keys: list[bytes] = []
    for line in lines:
        try:
            signing = base64.b64decode(line.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            signing = b""
        if len(signing) < SHORTEST_KEY:
            raise SettingsError(
                f"{key}: {name} holds no secret of the form whsec_ and base64, "
                f"of {SHORTEST_KEY} bytes or more",
                hint=HOW,
            )
        keys.append(signing)
    return keys


def exposed(settings: NotifySettings) -> Iterator[str]:
    """Yield a sentence for each of these files that any user of this host may read."""
    for key, name in _files(settings):
        try:
            mode = stat.S_IMODE(Path(name).stat().st_mode)
        except OSError:
            continue
        if mode & stat.S_IROTH:
            yield f"{key}: {name} can be read by every user of this host; chmod o-r {name}"


def secrets_of(settings: NotifySettings) -> Iterator[str]:
    """Yield what must appear in no log, whoever writes it. Raises SettingsError."""
    for key, name in _files(settings):
        for line in text_of(key, name).splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip(" \t-")
    if settings.webhook:
        yield settings.webhook


def _files(settings: NotifySettings) -> Iterator[tuple[str, str]]:
    if settings.webhook and settings.webhook_secret_file:
        yield "notify.webhook_secret_file", settings.webhook_secret_file
    if settings.apprise_file:
        yield "notify.apprise_file", settings.apprise_file
