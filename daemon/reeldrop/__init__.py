"""Reeldrop: a folder that restyles the clips dropped into it."""


def version() -> str:
    """Return the version of the installed package."""
    # Reading package metadata takes longer than most commands that never ask.
    from importlib.metadata import version  # noqa: PLC0415

    return version("reeldrop")
