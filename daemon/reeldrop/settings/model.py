"""What can be set: every key with its type, its limits and its default. Nothing is read here."""

import re
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from reeldrop.domain.drop import VIDEO_EXTENSIONS
from reeldrop.domain.notices import Occasion
from reeldrop.domain.path_map import comparable, is_absolute
from reeldrop.domain.references import is_loopback
from reeldrop.domain.spec import DEFAULT_MODEL, MODEL
from reeldrop.settings.places import Argument, HookUrl, Listen, ObjectStore, Options, SafeUrl

LONGEST_URL_TTL = 7 * 86_400
"""Seconds: S3 signs for no longer."""
USUAL_OCCASIONS = (
    Occasion.DELIVERED,
    Occasion.FAILED,
    Occasion.UNCERTAIN,
    Occasion.BLOCKED,
)
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}


def _number(value: object) -> object:
    """Refuse true and false, which pydantic takes for 1 and 0: a limit of one byte is nobody's wish."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")  # noqa: TRY004
    return value


def _size(value: object) -> object:
    """Read "16MB", "512KiB", "500" as bytes."""
    if not isinstance(value, str):
        return _number(value)
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]*)\s*", value)
    if match is None or match[2].upper() not in UNITS:
        raise ValueError('a size is a number of bytes or like "16MB", "1GB", "512KiB"')
    return int(float(match[1]) * UNITS[match[2].upper()])


def _mode(value: object) -> object:
    if value is None or value == "":
        return None
    # A TOML integer is refused: 664 and 0o664 cannot be told apart once they are read.
    if not isinstance(value, str) or not re.fullmatch(r"[0-7]{3,4}", value):
        raise ValueError('permission bits are octal digits in quotes, like "0664"')
    return int(value, 8)


def _extension(value: str) -> str:
    plain = value.lower().removeprefix(".")
    if not re.fullmatch(r"[a-z0-9]{1,16}", plain):
        raise ValueError('a file extension is letters and digits, like "mp4"')
    return plain


def _farm_path(value: str) -> str:
    if not is_absolute(value):
        raise ValueError(
            r"a path is mapped from its root on, like 'P:\shows', '\\nas\shows' or '/shows'"
        )
    comparable(value)
    return value


def _host_path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a path of this host begins with /, like '/srv/reeldrop/inbox/shows'")
    return value


Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
Mode = Annotated[int | None, BeforeValidator(_mode)]
Seconds = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
Interval = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )


class ApiSettings(_Section):
    """The provider."""

    base_url: Annotated[SafeUrl, Field(min_length=1)] = "https://api.aimlapi.com"
    key_file: str = ""
    catalogue_dir: str = ""
    poll_interval: Interval = 15.0
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
        if self.url.startswith(("postgresql://", "postgres://")):
            raise ValueError("PostgreSQL comes with a later version; use sqlite:////folder/file.db")
        if not self.url.startswith("sqlite:///") or self.url == "sqlite:///":
            raise ValueError('url is "sqlite:////folder/file.db" in this version')
        return self


class LimitSettings(_Section):
    """What the daemon may use."""

    in_flight: Count = 10
    submits_per_minute: Count = 60
    daily_usd: Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)] = 0.0
    min_free_disk: Size = "1GB"  # pyright: ignore[reportAssignmentType]
    upload_bandwidth: Size = 0
    download_bandwidth: Size = 0


class UploadSettings(_Section):
    """How clips reach the provider."""

    mode: Literal["auto", "data_uri", "signed_url"] = "auto"
    data_uri_max: Size = "16MB"  # pyright: ignore[reportAssignmentType]
    object_store: ObjectStore = ""
    object_store_options: Options = {}
    url_ttl: Annotated[Count, Field(le=LONGEST_URL_TTL)] = 3600
    public_url: SafeUrl = ""

    @property
    def can_sign(self) -> bool:
        """Say whether files can be sent as signed URLs."""
        return bool(self.object_store or self.public_url)


class WebSettings(_Section):
    """The web listener."""

    listen: Listen = "127.0.0.1:8585"
    token_file: str = ""

    @property
    def address(self) -> tuple[str, int] | None:
        """Where to listen: host and port (0: any free one); None for nowhere."""
        host, _, port = self.listen.rpartition(":")
        return (host.strip("[]"), int(port)) if port else None

    @model_validator(mode="after")
    def _guarded(self) -> "WebSettings":
        if self.address and not is_loopback(self.address[0]) and not self.token_file:
            raise ValueError(
                f"listen = {self.listen} can be reached by other hosts: name a token_file"
            )
        return self


class NotifySettings(_Section):
    """Who is told what becomes of jobs, and how."""

    command: tuple[Argument, ...] = ()
    command_on: tuple[Occasion, ...] = USUAL_OCCASIONS
    command_timeout: Annotated[Interval, Field(le=3600.0)] = 60.0
    webhook: HookUrl = ""
    webhook_on: tuple[Occasion, ...] = USUAL_OCCASIONS
    webhook_secret_file: str = ""
    apprise_file: str = ""
    apprise_on: tuple[Occasion, ...] = USUAL_OCCASIONS[1:]

    @model_validator(mode="after")
    def _possible(self) -> "NotifySettings":
        program = self.command[0] if self.command else "/"
        if not program or ("/" in program and not program.startswith("/")):
            raise ValueError("command: its program is an absolute path, or a name to find in PATH")
        return self


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
    extensions: Annotated[
        tuple[Annotated[str, AfterValidator(_extension)], ...], Field(min_length=1)
    ] = VIDEO_EXTENSIONS
    backend: Literal["auto", "inotify", "polling"] = "auto"
    settle: Seconds = 1.0
    settle_polling: Seconds = 5.0
    poll_interval: Interval = 5.0
    rescan_interval: Interval = 60.0
    sidecar_grace: Seconds = 2.0
    sidecar_timeout: Seconds = 3600.0
    incomplete_timeout: Seconds = 900.0
    archive: Literal["move", "delete", "keep"] = "move"
    upload: Literal["", "auto", "data_uri", "signed_url"] = ""
    conform: Literal["off", "auto", "trim"] = "off"
    duplicates: Literal["in_flight", "always", "never"] = "in_flight"
    defaults: dict[str, Any] = {MODEL: DEFAULT_MODEL}


class PathMapSettings(_Section):
    """What the farm calls `from` is `to` here."""

    source: Annotated[str, AfterValidator(_farm_path), Field(alias="from")]
    target: Annotated[str, AfterValidator(_host_path), Field(alias="to")]


class Settings(BaseSettings):
    """All settings, frozen."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )

    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    api: ApiSettings = ApiSettings()
    store: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    upload: UploadSettings = UploadSettings()
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    log: LogSettings = LogSettings()
    output: OutputSettings = OutputSettings()
    path_map: tuple[PathMapSettings, ...] = ()
    watch: tuple[WatchSettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only from what `load` has gathered, so that an error can name its place."""
        return (init_settings,)

    @property
    def node_name(self) -> str:
        """The name of this daemon in records and logs."""
        return self.node or re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()) or "node"

    def watch_named(self, name: str) -> WatchSettings:
        """Return the watch of that name; there is one."""
        return next(watch for watch in self.watch if watch.name == name)

    @model_validator(mode="after")
    def _distinct_watches(self) -> "Settings":
        if name := _doubled([watch.name for watch in self.watch]):
            raise ValueError(f'watch: two are named "{name}"; give each [[watch]] its own name')
        if inbox := _doubled([watch.inbox for watch in self.watch]):
            raise ValueError(f"watch: two have the inbox {inbox}; two watches never share an inbox")
        return self

    @model_validator(mode="after")
    def _distinct_paths(self) -> "Settings":
        known: dict[tuple[str, ...], str] = {}
        for rule in self.path_map:
            place = comparable(rule.source)
            if other := known.get(place):
                same = "" if other == rule.source else f" and {rule.source}, which is the same"
                raise ValueError(f"path_map: two tables are from {other}{same}; keep one of them")
            known[place] = rule.source
        return self

    @model_validator(mode="after")
    def _possible_uploads(self) -> "Settings":
        if self.upload.public_url and not self.web.listen:
            raise ValueError(
                'upload.public_url: the media route needs web.listen, like "127.0.0.1:8585"'
            )
        wanted = {"upload.mode": self.upload.mode} | {
            f"watch {watch.name}: upload": watch.upload for watch in self.watch
        }
        asked = [key for key, mode in wanted.items() if mode == "signed_url"]
        if asked and not self.upload.can_sign:
            raise ValueError(
                f'{asked[0]} = "signed_url" needs upload.object_store or upload.public_url'
            )
        return self


def _doubled(values: list[str]) -> str:
    return next((value for value in values if values.count(value) > 1), "")
