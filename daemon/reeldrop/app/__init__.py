"""The composition root: builds every room from the settings, opens and closes them in order."""

from reeldrop.app.daemon import (
    Options,
    Outside,
    Tally,
    carry_out_orders,
    check_folders,
    opened,
    run,
    work,
)
from reeldrop.app.media_probe import media_probe
from reeldrop.app.reloading import Reloads

__all__ = [
    "Options",
    "Outside",
    "Reloads",
    "Tally",
    "carry_out_orders",
    "check_folders",
    "media_probe",
    "opened",
    "run",
    "work",
]
