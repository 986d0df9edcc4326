"""Gathers the settings from the file, the environment and the command line, once.

Order: command line > environment > file > defaults. Whether folders exist is not checked here.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import SecretStr, ValidationError

from reeldrop.domain.errors import SettingsError
from reeldrop.settings.faults import explain
from reeldrop.settings.model import ApiSettings, Settings, WebSettings
from reeldrop.settings.presence import PREFIX, config_path

KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY")
NOT_OURS = "REELDROP_NOTICE_"
"""What a command hears of the notice that it is run for: it may ask `reeldrop` about the job."""
PLAIN_VARIABLES = {"REELDROP_CONFIG", "REELDROP_INBOX", "REELDROP_OUTBOX"}


class Loaded(NamedTuple):
    """Settings and where they came from."""

    settings: Settings
    source: Path | None


def load(config: str | None = None, inbox: str | None = None, outbox: str | None = None) -> Loaded:
    """Read the settings once.

    Raises:
        SettingsError: a key is unknown or wrong; the message names it and where it stands.
    """
    path = config_path(config)
    values = _read_toml(path) if path else {}
    _watches(values)
    if default := _default_database(path):
        store = values.setdefault("store", {})
        if isinstance(store, dict):
            store.setdefault("url", f"sqlite:///{default}")
    origins: dict[tuple[str, ...], str] = {}
    _apply_environment(values, os.environ, origins)
    _apply_folders(values, inbox, outbox)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, path, origins))) from error
    return Loaded(settings, path)


def api_key(settings: ApiSettings) -> SecretStr | None:
    """Return the API key: environment, systemd credential, then `key_file`; None where there is none.

    Raises:
        SettingsError: `key_file` or the credential cannot be read.
    """
    for variable in KEY_VARIABLES:
        if value := os.environ.get(variable, "").strip():
            return _as_key(value, f"the environment's {variable}")
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(folder) / "aimlapi-key"
        if credential.exists():
            return _read_key(credential)
    return _read_key(Path(settings.key_file)) if settings.key_file else None


def web_token(settings: WebSettings) -> SecretStr | None:
    """Return what opens the pages of the web listener; None where they are open to whoever reaches it.

    Raises:
        SettingsError: `token_file` cannot be read, or holds no token.
    """
    if not settings.token_file or settings.address is None:
        return None
    place = Path(settings.token_file)
    return _as_secret(_read(place, "web.token_file"), f"web.token_file: {place}", "token")


def _read_key(place: Path) -> SecretStr:
    return _as_key(_read(place, "api.key_file"), f"api.key_file: {place}")


def _read(place: Path, key: str) -> str:
    try:
        return place.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{key}: {place} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{key}: {place} is not text") from error


def _as_key(text: str, place: str) -> SecretStr:
    return _as_secret(text, place, "API key")


def _as_secret(text: str, place: str, what: str) -> SecretStr:
    if not text or not text.isascii() or not text.isprintable():
        raise SettingsError(f"{place} holds no {what}: one line of plain characters, nothing else")
    return SecretStr(text)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _default_database(config: Path | None) -> Path | None:
    """The database where no key names one: systemd's state folder, else XDG's, else the default's."""
    if folder := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(folder).absolute() / "reeldrop.db"
    if config is not None:
        return None
    state = os.environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):  # XDG: a relative path is to be ignored
        state = os.path.expanduser("~/.local/state")  # noqa: PTH111 - Path's raises without a home
    return Path(state).absolute() / "reeldrop" / "reeldrop.db"


def _apply_environment(
    values: dict[str, Any], environment: Mapping[str, str], origins: dict[tuple[str, ...], str]
) -> None:
    """Lay `REELDROP_<SECTION>__<KEY>` over the file; `REELDROP_WATCH__<KEY>` holds for every watch."""
    watch_wide: dict[str, Any] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable.startswith(NOT_OURS):
            continue
        if variable in PLAIN_VARIABLES:
            continue
        keys = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        origins[keys] = f"the environment's {variable}"
        if keys[0] == "watch" and len(keys) > 1:
            _put(watch_wide, keys[1:], text, variable)
        else:
            _put(values, keys, text, variable)
    if watch_wide:
        watches = _watches(values)
        values["watch"] = [_merged(watch, watch_wide) for watch in watches]


def _put(values: dict[str, Any], keys: tuple[str, ...], text: str, variable: str) -> None:
    target = values
    for key in keys[:-1]:
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            raise SettingsError(f"the environment's {variable} goes deeper than the settings do")
    target[keys[-1]] = _literal(text, plain=keys[0] == "defaults")


def _literal(text: str, *, plain: bool) -> Any:
    """Read lists and tables as TOML writes them; everything else is a string that pydantic reads.

    A `plain` value has no type of ours to read it by, so `true` and `false` are read as well.
    """
    if text[:1] in ("[", "{") or (plain and text in ("true", "false")):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the keys of `above` laid over it, tables key by key."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged


def _watches(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the [[watch]] tables, one empty table where there is none."""
    watches = values.get("watch") or [{}]
    if not isinstance(watches, list) or not all(isinstance(watch, dict) for watch in watches):
        raise SettingsError("watch: write each watch as a table of its own, under [[watch]]")
    return watches


def _apply_folders(values: dict[str, Any], inbox: str | None, outbox: str | None) -> None:
    """Let `--inbox/--outbox` or their variables stand for the only watch."""
    given = {
        "inbox": inbox or os.environ.get("REELDROP_INBOX"),
        "outbox": outbox or os.environ.get("REELDROP_OUTBOX"),
    }
    folders = {key: value for key, value in given.items() if value}
    if not folders:
        return
    watches = _watches(values)
    if len(watches) != 1:
        raise SettingsError(
            "watch: one inbox and outbox were given, but the file has several [[watch]] tables"
        )
    values["watch"] = [_merged(watches[0], folders)]
