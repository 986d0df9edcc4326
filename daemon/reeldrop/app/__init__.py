"""The composition root: builds every room from the settings, opens and closes them in order."""

from reeldrop.app.daemon import Options, Tally, carry_out_orders, check_folders, opened, run, work

__all__ = ["Options", "Tally", "carry_out_orders", "check_folders", "opened", "run", "work"]
