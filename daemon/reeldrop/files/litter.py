"""Names that are never a drop: unfinished copies, and what desktops and NAS boxes leave behind."""

import re

EXACT = frozenset(
    {
        "@eadir",
        "@tmp",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
        "$recycle.bin",
        "__macosx",
        "desktop.ini",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "lost+found",
        "network trash folder",
        "recycler",
        "system volume information",
        "temporary items",
        "thumbs.db",
    }
)
UNFINISHED = (
    "~",
    ".!bt",
    ".!qb",
    ".!ut",
    ".aria2",
    ".bc!",
    ".camellock",
    ".crdownload",
    ".download",
    ".downloading",
    ".filepart",
    ".incomplete",
    ".inprogress",
    ".opdownload",
    ".part",
    ".part.minio",
    ".partial",
    ".temp",
    ".tmp",
    ".unfinished",
    ".uploading",
    ".writing",
)
"""How copy tools end the name of a file that is not whole; rclone's `clip.mov.AbC123.partial` too."""
SAFE_SAVE = re.compile(r"\.sb-[0-9a-f]{8}-[A-Za-z0-9]{6}$")
"""What macOS calls a file that an application is saving."""


def is_litter(name: str) -> bool:
    """Say whether a file or folder called `name` is never looked at."""
    if name.startswith((".", "~")):
        return True
    folded = name.lower()
    return (
        folded in EXACT
        or folded.endswith(UNFINISHED)
        or (".sb-" in name and SAFE_SAVE.search(name) is not None)
    )
