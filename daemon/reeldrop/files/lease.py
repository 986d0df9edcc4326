"""Whether a process of this host is writing to a file: a read lease tells, on local file systems.

The kernel grants a read lease only while nobody has the file open for writing (fcntl(2)). On
network and FUSE mounts it answers wrongly or never, so that there nothing is asked.
"""

import errno
import fcntl
import signal

from reeldrop.files.mounts import mount_of


def written_by_another(fd: int) -> bool | None:
    """Say whether somebody holds the file of `fd` open for writing; None where it cannot be told."""
    if not mount_of(fd).local:
        return None
    try:
        # A writer that comes while we hold the lease has it broken by a signal to us: one that
        # is ignored by default, instead of SIGIO, which would end the process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
