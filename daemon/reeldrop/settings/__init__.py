"""Settings: one river, flowing down. The only reader of the environment and of the configuration file."""

from reeldrop.settings.model import (
    DEFAULT_MODEL,
    VIDEO_EXTENSIONS,
    ApiSettings,
    LimitSettings,
    LogSettings,
    OutputSettings,
    Settings,
    StoreSettings,
    UploadSettings,
    WatchSettings,
    WebSettings,
    is_loopback,
    not_yet,
)
from reeldrop.settings.reading import Loaded, api_key, load

__all__ = [
    "DEFAULT_MODEL",
    "VIDEO_EXTENSIONS",
    "ApiSettings",
    "LimitSettings",
    "Loaded",
    "LogSettings",
    "OutputSettings",
    "Settings",
    "StoreSettings",
    "UploadSettings",
    "WatchSettings",
    "WebSettings",
    "api_key",
    "is_loopback",
    "load",
    "not_yet",
]
