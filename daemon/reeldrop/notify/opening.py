"""Makes the receivers that the settings name, and sees that each can be told at all."""

from collections.abc import Mapping

from reeldrop.notify.command import Command
from reeldrop.notify.secret_files import signing_keys, text_of
from reeldrop.notify.webhook import Webhook
from reeldrop.ports import Clock, Receiver
from reeldrop.settings import NotifySettings


def open_receivers(
    settings: NotifySettings, environment: Mapping[str, str], agent: str, clock: Clock
) -> list[Receiver]:
    """Open every receiver; nobody is told anything yet. It may take a moment: call it in a thread.

    `environment` is that of commands, `agent` the name that a webhook hears.

    Raises:
        SettingsError: a program or file is not there or cannot be used, or apprise is not installed.
    """
    receivers: list[Receiver] = []
    if settings.command:
        receivers.append(Command(settings, environment))
    if settings.webhook:
        keys = signing_keys(settings.webhook_secret_file)
        receivers.append(Webhook(settings, keys, agent, clock))
    if settings.apprise_file:
        from reeldrop.notify.services import open_services  # noqa: PLC0415 - an extra

        text = text_of("notify.apprise_file", settings.apprise_file)
        receivers += open_services(text, settings.apprise_on)
    return receivers
