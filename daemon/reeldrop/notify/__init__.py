"""The ways to tell others: a command, a webhook, and by apprise chat, mail and the rest. Decides nothing."""

from reeldrop.notify.opening import open_receivers
from reeldrop.notify.secret_files import exposed, secrets_of

__all__ = ["exposed", "open_receivers", "secrets_of"]
