"""Exit codes: which error ends a command with which number."""

from reeldrop.domain.errors import (
    BlockedError,
    ReeldropError,
    SettingsError,
    StartupError,
    StoreUnavailable,
    TransientError,
)

_CODES: tuple[tuple[type[ReeldropError], int], ...] = (
    (SettingsError, 78),
    (StartupError, 75),
    (StoreUnavailable, 75),
    (TransientError, 75),
    (BlockedError, 75),
    (ReeldropError, 1),
)
INTERRUPTED = 130


def code_of(error: ReeldropError) -> int:
    """Return the exit code of a command that ends with `error`."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def text_of(error: ReeldropError) -> str:
    """Return what such a command says of it."""
    return f"{error.message}\n{error.hint}" if error.hint else error.message
