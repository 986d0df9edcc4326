"""Settings: one river, flowing down. The only reader of the environment and of the configuration file.

Order: command line > environment > file > defaults. Whether folders exist is not checked here.
"""

import os
import re
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from reeldrop.domain.errors import SettingsError

DEFAULT_MODEL = "klingai/video-o1-video-to-video-reference"
VIDEO_EXTENSIONS = ("mp4", "mov", "m4v", "mkv", "webm", "avi", "mxf")
CONFIG_PLACES = (Path("/etc/reeldrop/reeldrop.toml"), Path("reeldrop.toml"))
KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY")
PREFIX = "REELDROP_"
PLAIN_VARIABLES = {"REELDROP_CONFIG", "REELDROP_INBOX", "REELDROP_OUTBOX"}
LOOPBACK = re.compile(r"http://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(/|$)")
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def _size(value: object) -> object:
    """Read "16MB", "512KiB", "500" as bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", value)
    if match is None or match[2].upper() not in UNITS:
        raise ValueError('a size is a number of bytes or like "16MB", "1GB", "512KiB"')
    return int(float(match[1]) * UNITS[match[2].upper()])


def _safe_url(value: str) -> str:
    if value and not value.startswith("https://") and not LOOPBACK.match(value):
        raise ValueError("https:// is needed (plain http:// only for this host itself)")
    return value.rstrip("/")


def _mode(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value == "":
        return None
    if not re.fullmatch(r"[0-7]{3,4}", value):
        raise ValueError('permission bits are octal digits in quotes, like "0664"')
    return int(value, 8)


Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
SafeUrl = Annotated[str, AfterValidator(_safe_url)]
Mode = Annotated[int | None, BeforeValidator(_mode)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ApiSettings(_Section):
    """The provider."""

    base_url: SafeUrl = "https://api.aimlapi.com"
    key_file: str = ""
    catalogue_dir: str = ""
    poll_interval: Annotated[float, Field(gt=0)] = 15.0
    generation_timeout: Seconds = 3600.0
    reconcile_window: Seconds = 1800.0


class StoreSettings(_Section):
    """Where the job table lies."""

    url: str = "sqlite:////var/lib/reeldrop/reeldrop.db"
    state_dir: str = ""

    @property
    def sqlite_path(self) -> Path:
        """The database file of a sqlite:// URL."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def state_folder(self) -> Path:
        """The folder for the lock and secrets."""
        return Path(self.state_dir) if self.state_dir else self.sqlite_path.parent

    @model_validator(mode="after")
    def _known_scheme(self) -> "StoreSettings":
        if not self.url.startswith("sqlite:///") or self.url == "sqlite:///":
            raise ValueError('"sqlite:////folder/file.db" is what this version can open')
        return self


class LimitSettings(_Section):
    """What the daemon may use."""

    in_flight: Annotated[int, Field(ge=1)] = 10
    submits_per_minute: Annotated[int, Field(ge=1)] = 60
    daily_usd: Annotated[float, Field(ge=0)] = 0.0
    min_free_disk: Size = "1GB"  # pyright: ignore[reportAssignmentType]


class UploadSettings(_Section):
    """How clips reach the provider."""

    mode: Literal["auto", "data_uri", "signed_url"] = "auto"
    data_uri_max: Size = "16MB"  # pyright: ignore[reportAssignmentType]
    object_store: str = ""
    object_store_options: dict[str, str] = {}
    url_ttl: Annotated[int, Field(gt=0)] = 3600
    public_url: SafeUrl = ""


class WebSettings(_Section):
    """The web listener."""

    listen: str = "127.0.0.1:8585"
    token_file: str = ""


class LogSettings(_Section):
    """The daemon's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class OutputSettings(_Section):
    """Modes and owners of what is written; None leaves it to the system."""

    umask: Mode = None
    file_mode: Mode = None
    dir_mode: Mode = None
    group: str = ""


class WatchSettings(_Section):
    """One inbox with its outbox."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "main"
    inbox: Annotated[str, Field(min_length=1)]
    outbox: Annotated[str, Field(min_length=1)]
    extensions: tuple[str, ...] = VIDEO_EXTENSIONS
    backend: Literal["auto", "inotify", "polling"] = "auto"
    settle: Seconds = 1.0
    settle_polling: Seconds = 5.0
    poll_interval: Annotated[float, Field(gt=0)] = 5.0
    rescan_interval: Annotated[float, Field(gt=0)] = 60.0
    sidecar_grace: Seconds = 2.0
    sidecar_timeout: Seconds = 3600.0
    incomplete_timeout: Seconds = 900.0
    archive: Literal["move", "delete", "keep"] = "move"
    conform: Literal["off", "auto", "trim"] = "off"
    duplicates: Literal["in_flight", "always", "never"] = "in_flight"
    defaults: dict[str, Any] = {"model": DEFAULT_MODEL}


class Settings(BaseSettings):
    """All settings, frozen."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=True)

    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    api: ApiSettings = ApiSettings()
    store: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    upload: UploadSettings = UploadSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    output: OutputSettings = OutputSettings()
    watch: tuple[WatchSettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only from what `load` has gathered."""
        return (init_settings,)

    @property
    def node_name(self) -> str:
        """The name of this daemon in records and logs."""
        return self.node or re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "node"

    @model_validator(mode="after")
    def _distinct_watches(self) -> "Settings":
        names = [watch.name for watch in self.watch]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f'two watches are named "{doubled[0]}"; give each [[watch]] its own name')
        return self


class Loaded(NamedTuple):
    """Settings and where they came from."""

    settings: Settings
    source: Path | None


def load(
    config: str | None = None, inbox: str | None = None, outbox: str | None = None
) -> Loaded:
    """Read the settings once.

    Raises:
        SettingsError: a key is unknown or wrong; the message names it and where it stands.
    """
    path = _config_path(config)
    values = _read_toml(path) if path else {}
    if path is None:
        values["store"] = {"url": f"sqlite:///{_default_database()}"}
    origins: dict[tuple[str, ...], str] = {}
    _apply_environment(values, os.environ, origins)
    _apply_folders(values, inbox, outbox)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error, path, origins))) from error
    return Loaded(settings, path)


def api_key(settings: ApiSettings) -> SecretStr | None:
    """Return the API key: environment, systemd credential, then `key_file`; None where there is none.

    Raises:
        SettingsError: `key_file` or the credential cannot be read.
    """
    for variable in KEY_VARIABLES:
        if value := os.environ.get(variable, "").strip():
            return SecretStr(value)
    places: list[Path] = []
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        places.append(Path(folder) / "aimlapi-key")
    if settings.key_file:
        places.append(Path(settings.key_file))
    for place in places:
        if place.exists() or str(place) == settings.key_file:
            return _read_key(place)
    return None


def _read_key(place: Path) -> SecretStr:
    try:
        text = place.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"api.key_file: {place} cannot be read: {error}") from error
    if not text or not text.isascii() or not text.isprintable():
        raise SettingsError(f"api.key_file: {place} holds no API key on its first line")
    return SecretStr(text)


def _config_path(config: str | None) -> Path | None:
    asked = config or os.environ.get("REELDROP_CONFIG")
    if asked:
        return Path(asked)
    return next((place for place in CONFIG_PLACES if place.is_file()), None)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _default_database() -> Path:
    """The database where no file names one: systemd's state folder, else XDG's."""
    if folder := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(folder).absolute() / "reeldrop.db"
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state).absolute() / "reeldrop" / "reeldrop.db"


def _apply_environment(
    values: dict[str, Any], environment: Mapping[str, str], origins: dict[tuple[str, ...], str]
) -> None:
    """Lay `REELDROP_<SECTION>__<KEY>` over the file; `REELDROP_WATCH__<KEY>` holds for every watch."""
    watch_wide: dict[str, Any] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in PLAIN_VARIABLES:
            continue
        keys = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if len(keys) == 1 and keys[0] not in Settings.model_fields:
            raise SettingsError(
                f"the environment's {variable} is no setting; "
                f"settings are {PREFIX}<SECTION>__<KEY>, like {PREFIX}LIMITS__IN_FLIGHT"
            )
        origins[keys] = variable
        target = values
        if keys[0] == "watch" and len(keys) > 1:
            target, keys = watch_wide, keys[1:]
        for key in keys[:-1]:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                raise SettingsError(f"the environment's {variable} goes deeper than the settings do")
        target[keys[-1]] = _literal(text)
    if watch_wide:
        watches = values.get("watch") or [{}]
        values["watch"] = [{**watch, **watch_wide} for watch in watches]


def _literal(text: str) -> Any:
    """Read lists and tables as TOML writes them; everything else is a string that pydantic reads."""
    if text[:1] in ("[", "{"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _apply_folders(values: dict[str, Any], inbox: str | None, outbox: str | None) -> None:
    """Let `--inbox/--outbox` or their variables stand for the only watch."""
    inbox = inbox or os.environ.get("REELDROP_INBOX")
    outbox = outbox or os.environ.get("REELDROP_OUTBOX")
    if not inbox and not outbox:
        return
    watches = values.get("watch") or [{}]
    if len(watches) != 1 or not isinstance(watches[0], dict):
        raise SettingsError("an inbox was given by itself, but the file has several [[watch]] tables")
    given = {"inbox": inbox, "outbox": outbox}
    values["watch"] = [{**watches[0], **{key: value for key, value in given.items() if value}}]


def _explain(
    error: ValidationError, path: Path | None, origins: Mapping[tuple[str, ...], str]
) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        where = tuple(str(part).lower() for part in problem["loc"])
        plain = tuple(part for part in where if not part.isdigit())
        place = origins.get(plain) or (str(path) if path else "the settings")
        name = ".".join(str(part) for part in problem["loc"]) or "watch"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such key" + _nearest(plain)
        yield f"{place}: {name}: {message}"


def _nearest(where: tuple[str, ...]) -> str:
    import difflib

    model: type[BaseModel] | None = Settings
    for part in where[:-1]:
        model = {"watch": WatchSettings}.get(part) or _section(part) if model else None
    known = list(model.model_fields) if model else []
    close = difflib.get_close_matches(where[-1], known, 1) if where else []
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}"


def _section(name: str) -> type[BaseModel] | None:
    annotation = Settings.model_fields[name].annotation if name in Settings.model_fields else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
