"""Numbers of bytes as people read them. Pure."""

_UNITS = ((1000**3, "GB"), (1000**2, "MB"), (1000, "kB"), (1, "B"))
_FINE = 10
"""Below so many of a unit a tenth of it is told as well."""


def amount_told(count: float) -> str:
    """Return a number of bytes in the unit that suits it, rounded down: "34 MB", "1.2 GB"."""
    least, unit = _unit(count)
    return f"{_number(count, least)} {unit}"


def progress_told(count: int, total: int | None) -> str:
    """Return how far something has gone, in one unit: "120 of 200 MB"; "120 MB" where no end is known.

    Both are rounded down.
    """
    if total is None:
        return amount_told(count)
    least, unit = _unit(total)
    return f"{_number(count, least)} of {_number(total, least)} {unit}"


def _unit(count: float) -> tuple[int, str]:
    return next(((least, unit) for least, unit in _UNITS if count >= least), _UNITS[-1])


def _number(count: float, least: int) -> str:
    tenths = int(count * 10 // least)
    if least > 1 and 0 < tenths < 10 * _FINE:
        return f"{tenths / 10:.1f}"
    return str(tenths // 10)
