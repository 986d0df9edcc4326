"""The daemon's own log: to the terminal or the journal, and into every outbox.

Must not: hold up or end the daemon when a share hangs or a disk is full, or let a secret through.
"""

from reeldrop.telemetry.setup import Logs, configure, hide, open_logs, set_level

__all__ = ["Logs", "configure", "hide", "open_logs", "set_level"]
