"""What of the environment a command of the user's may see: what programs need, and nothing secret."""

import os

KEPT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
    | {"REELDROP_CONFIG", "REELDROP_INBOX", "REELDROP_OUTBOX", "STATE_DIRECTORY", "XDG_STATE_HOME"}
)
"""These, and LC_*. With the last of them a command may ask `reeldrop` itself."""
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def plain_environment() -> dict[str, str]:
    """Return it; PATH is always among it."""
    kept = {
        name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")
    }
    return {"PATH": USUAL_PATH, **kept}
