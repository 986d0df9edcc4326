"""Whether this host has settings at all, told without reading them: an artist's machine has none."""

import os
from pathlib import Path

CONFIG_PLACES = (Path("/etc/reeldrop/reeldrop.toml"), Path("reeldrop.toml"))
PREFIX = "REELDROP_"


def config_path(config: str | None) -> Path | None:
    """Return the file that settings are read from: `config`, else the environment's, else the usual one."""
    asked = config or os.environ.get("REELDROP_CONFIG")
    if asked:
        return Path(asked)
    # os.path answers False where Path's own is_file raises: in a folder that may not be read.
    return next((place for place in CONFIG_PLACES if os.path.isfile(place)), None)  # noqa: PTH113


def has_settings(config: str | None) -> bool:
    """Say whether a file or a variable of the environment gives settings here."""
    return config_path(config) is not None or any(name.startswith(PREFIX) for name in os.environ)
