"""The remote service: its client, its wire shapes, the verdict on every answer, its models as data.

It must not decide what happens next (the errors' dispositions say that) nor know jobs or folders.
"""

from reeldrop.provider.catalogue import open_catalogue
from reeldrop.provider.client import open_provider

__all__ = ["open_catalogue", "open_provider"]
