"""What the engine needs of the world, a file for each part of it. Every method's contract stands in its docstring.

Adapters raise only `reeldrop.domain.errors`. All paths are those of `reeldrop.domain.job`.
"""

from reeldrop.ports.files import Delivery, Entry, Inbox, Mode, Outbox, Scan
from reeldrop.ports.host import Clock, Overseer
from reeldrop.ports.intake import IntakeMemory, KeptFile, Taken
from reeldrop.ports.jobs import NOTHING_BARRED, Barred, JobMemory
from reeldrop.ports.media import Media
from reeldrop.ports.metrics import UNCOUNTED, Metrics
from reeldrop.ports.notices import Happening, NoticeMemory, Receiver
from reeldrop.ports.orders import Order, OrderMemory
from reeldrop.ports.provider import (
    Catalogue,
    Generation,
    LogRow,
    Progress,
    Provider,
    SubmitRequest,
)
from reeldrop.ports.status import (
    Block,
    Counts,
    DaySpent,
    Health,
    Overview,
    Scope,
    StatusMemory,
)
from reeldrop.ports.store import JobStore
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
    "IntakeMemory",
    "JobMemory",
    "JobStore",
    "KeptFile",
    "LogRow",
    "Media",
    "Meter",
    "Metrics",
    "Mode",
    "NoticeMemory",
    "Offered",
    "Offers",
    "Order",
    "OrderMemory",
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
    "StatusMemory",
    "Streamed",
    "SubmitRequest",
    "Taken",
    "Transfer",
    "Upload",
    "UploadMemory",
    "Uploads",
]
