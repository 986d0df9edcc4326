"""The remote service: its client, its wire shapes, the verdict on every answer, its models as data.

It must not decide what happens next (the errors' dispositions say that) nor know jobs or folders.
The client is imported by its own name: who only asks the catalogue needs no HTTP.
"""

from reeldrop.provider.catalogue import open_catalogue

__all__ = ["open_catalogue"]
