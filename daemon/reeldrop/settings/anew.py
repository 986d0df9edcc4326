"""What a running daemon takes of settings that were read anew, and what wants a restart."""

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from reeldrop.domain.errors import SettingsError
from reeldrop.settings.faults import explain
from reeldrop.settings.model import LimitSettings, NotifySettings, Settings, WatchSettings

RELOADABLE = {
    "api": frozenset({"key_file", "poll_interval", "generation_timeout", "reconcile_window"}),
    "limits": frozenset(LimitSettings.model_fields),
    "log": frozenset({"level"}),
    "notify": frozenset(NotifySettings.model_fields),
    "path_map": frozenset({"from", "to"}),
    "upload": frozenset({"mode", "data_uri_max"}),
    "watch": frozenset(
        {
            "settle", "settle_polling", "poll_interval", "rescan_interval", "sidecar_grace",
            "sidecar_timeout", "incomplete_timeout", "upload", "conform", "duplicates", "defaults",
        }
    ),
}  # fmt: skip
"""The keys of each section that a reload applies; those of a watch where one of its name runs."""

Section = TypeVar("Section", bound=BaseModel)


class Renewed(NamedTuple):
    """Settings as they hold from now on; which keys changed, and which stay as they are until a restart."""

    settings: Settings
    changed: list[str]
    kept: list[str]


def renewed(now: Settings, new: Settings, source: Path | None) -> Renewed:
    """Take from `new`, which was read from `source`, what can be taken without a restart.

    Raises:
        SettingsError: what is taken does not go with what has to stay.
    """
    merging = _Merging()
    values: dict[str, Any] = {"watch": merging.watches(now, new)}
    for name in Settings.model_fields.keys() - values.keys():
        values[name] = merging.part(name, getattr(now, name), getattr(new, name))
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, source, {}))) from error
    return Renewed(settings, sorted(merging.changed), sorted(merging.kept))


class _Merging:
    """Notes which keys differ while it takes those that may be taken."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.kept: list[str] = []

    def part(self, name: str, old: Any, new: Any) -> Any:
        if isinstance(old, BaseModel):
            return self._section(name, old, new, RELOADABLE.get(name, frozenset()))
        if old == new:
            return old
        taken = name in RELOADABLE
        (self.changed if taken else self.kept).append(name)
        return new if taken else old

    def watches(self, now: Settings, new: Settings) -> tuple[WatchSettings, ...]:
        coming = {watch.name: watch for watch in new.watch}
        here = {watch.name for watch in now.watch}
        self.kept += [f"watch.{name}" for name in here ^ coming.keys()]
        return tuple(
            self._section(f"watch.{old.name}", old, coming[old.name], RELOADABLE["watch"])
            if old.name in coming
            else old
            for old in now.watch
        )

    def _section(self, name: str, old: Section, new: Section, allowed: frozenset[str]) -> Section:
        differs = {key for key in type(old).model_fields if getattr(old, key) != getattr(new, key)}
        self.changed += [f"{name}.{key}" for key in differs & allowed]
        self.kept += [f"{name}.{key}" for key in differs - allowed]
        return old.model_copy(update={key: getattr(new, key) for key in differs & allowed})
