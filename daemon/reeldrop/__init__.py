"""Reeldrop: a folder that restyles the clips dropped into it."""

from importlib.metadata import version

__version__ = version("reeldrop")
