"""Settings: one river, flowing down. The only reader of the environment and of the configuration file."""

from reeldrop.settings.credentials import object_store_options
from reeldrop.settings.model import (
    LONGEST_URL_TTL,
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
)
from reeldrop.settings.reading import Loaded, api_key, load

__all__ = [
    "LONGEST_URL_TTL",
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
    "load",
    "object_store_options",
]
