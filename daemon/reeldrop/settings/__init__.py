"""Settings: one river, flowing down. The only reader of the environment and of the configuration file.

A name is imported when it is first asked for: a command that needs no settings is not kept waiting
for the libraries that read them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reeldrop.settings.anew import RELOADABLE, Renewed, renewed
    from reeldrop.settings.credentials import object_store_options
    from reeldrop.settings.hooks import plain_environment
    from reeldrop.settings.model import (
        LONGEST_URL_TTL,
        ApiSettings,
        LimitSettings,
        LogSettings,
        NotifySettings,
        OutputSettings,
        Settings,
        StoreSettings,
        UploadSettings,
        WatchSettings,
        WebSettings,
    )
    from reeldrop.settings.presence import has_settings
    from reeldrop.settings.reading import Loaded, api_key, load, web_token
    from reeldrop.settings.service import Service, read_service

__all__ = [
    "LONGEST_URL_TTL",
    "RELOADABLE",
    "ApiSettings",
    "LimitSettings",
    "Loaded",
    "LogSettings",
    "NotifySettings",
    "OutputSettings",
    "Renewed",
    "Service",
    "Settings",
    "StoreSettings",
    "UploadSettings",
    "WatchSettings",
    "WebSettings",
    "api_key",
    "has_settings",
    "load",
    "object_store_options",
    "plain_environment",
    "read_service",
    "renewed",
    "web_token",
]
_MODULE_OF = {
    "LONGEST_URL_TTL": "model",
    "RELOADABLE": "anew",
    "ApiSettings": "model",
    "LimitSettings": "model",
    "Loaded": "reading",
    "LogSettings": "model",
    "NotifySettings": "model",
    "OutputSettings": "model",
    "Renewed": "anew",
    "Service": "service",
    "Settings": "model",
    "StoreSettings": "model",
    "UploadSettings": "model",
    "WatchSettings": "model",
    "WebSettings": "model",
    "api_key": "reading",
    "has_settings": "presence",
    "load": "reading",
    "object_store_options": "credentials",
    "plain_environment": "hooks",
    "read_service": "service",
    "renewed": "anew",
    "web_token": "reading",
}
"""Which module of this room each name comes from."""


def __getattr__(name: str) -> Any:
    """Return one of the names above."""
    if name not in _MODULE_OF:
        raise AttributeError(f"reeldrop.settings has no {name}")
    return getattr(import_module(f"reeldrop.settings.{_MODULE_OF[name]}"), name)
