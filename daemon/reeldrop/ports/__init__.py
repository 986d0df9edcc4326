"""What the engine needs of the world, a file for each room. Every method's contract stands in its docstring.

Adapters raise only `reeldrop.domain.errors`. All paths are those of `reeldrop.domain.job`.
"""

from reeldrop.ports.files import Delivery, Entry, Inbox, Mode, Outbox, Scan
from reeldrop.ports.host import Clock, Overseer
from reeldrop.ports.media import Media
from reeldrop.ports.metrics import UNCOUNTED, Metrics
from reeldrop.ports.notices import Receiver
from reeldrop.ports.provider import (
    Catalogue,
    Generation,
    LogRow,
    Progress,
    Provider,
    SubmitRequest,
)
from reeldrop.ports.store import (
    NOTHING_BARRED,
    Barred,
    Block,
    Counts,
    DaySpent,
    Happening,
    Health,
    JobStore,
    KeptFile,
    Order,
    Overview,
    Scope,
    Taken,
)
from reeldrop.ports.uploads import (
    Direction,
    Meter,
    Offered,
    Offers,
    Sending,
    Source,
    Streamed,
    Transfer,
    Upload,
    UploadMemory,
    Uploads,
)

__all__ = [
    "NOTHING_BARRED",
    "UNCOUNTED",
    "Barred",
    "Block",
    "Catalogue",
    "Clock",
    "Counts",
    "DaySpent",
    "Delivery",
    "Direction",
    "Entry",
    "Generation",
    "Happening",
    "Health",
    "Inbox",
    "JobStore",
    "KeptFile",
    "LogRow",
    "Media",
    "Meter",
    "Metrics",
    "Mode",
    "Offered",
    "Offers",
    "Order",
    "Outbox",
    "Overseer",
    "Overview",
    "Progress",
    "Provider",
    "Receiver",
    "Scan",
    "Scope",
    "Sending",
    "Source",
    "Streamed",
    "SubmitRequest",
    "Taken",
    "Transfer",
    "Upload",
    "UploadMemory",
    "Uploads",
]
