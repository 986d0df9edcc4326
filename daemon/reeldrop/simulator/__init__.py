"""The API on your desk: a real HTTP server with a ledger of what it charged and scripted cruelty.

Used by `reeldrop simulate`, `run --simulate`, `demo` and the tests. It must not know the daemon.
"""

from reeldrop.simulator.server import Simulator, serve_forever

__all__ = ["Simulator", "serve_forever"]
