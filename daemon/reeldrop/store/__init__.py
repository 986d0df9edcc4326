"""The memory: one job table on SQLite. It records what happened and decides nothing but whose turn it is."""

from typing import TYPE_CHECKING

from reeldrop.store.orders import OrderDesk, open_desk
from reeldrop.store.reader import StoreReader, open_reader

if TYPE_CHECKING:
    from reeldrop.domain.limits import Limits
    from reeldrop.ports import Clock, Metrics
    from reeldrop.settings import LimitSettings, StoreSettings
    from reeldrop.store.job_store import SqliteJobStore

__all__ = ["OrderDesk", "StoreReader", "limits_of", "open_desk", "open_reader", "open_store"]


async def open_store(
    settings: "StoreSettings",
    limits: "LimitSettings",
    *,
    reconcile_window: float,
    clock: "Clock",
    metrics: "Metrics | None" = None,
) -> "SqliteJobStore":
    """Open the memory of a daemon that holds the state lock; make it where there is none.

    `reconcile_window` (s) is how long an uncertain job counts as in flight; `metrics` hears
    whatever is recorded.

    Raises:
        SettingsError: another program's database, or one of a newer Reeldrop.
        StartupError: it is damaged, or cannot be opened.
    """
    # Commands that only look shall not wait for the daemon's imports.
    from reeldrop.ports import UNCOUNTED  # noqa: PLC0415
    from reeldrop.store.job_store import open_sqlite  # noqa: PLC0415

    allowed = limits_of(limits, reconcile_window)
    return await open_sqlite(settings.sqlite_path, allowed, clock, metrics or UNCOUNTED)


def limits_of(limits: "LimitSettings", reconcile_window: float) -> "Limits":
    """Return what the queue is held to; `reconcile_window` in seconds."""
    from reeldrop.domain.limits import Limits  # noqa: PLC0415

    return Limits(limits.in_flight, limits.submits_per_minute, reconcile_window, limits.daily_usd)
