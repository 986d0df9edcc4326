"""Programs that the suites with machines and servers of their own need on this host."""

import os
import shutil
from collections.abc import Mapping

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
"""Where a Debian has its programs; the `PATH` of a user may lack some of it."""


def missing(programs: Mapping[str, str]) -> str:
    """Say which are not there and what to do; "" where all are.

    `programs` holds, for each, the Debian package that brings it.
    """
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
    packages = {
        package for program, package in programs.items() if shutil.which(program, path=path) is None
    }
    if not packages:
        return ""
    return f"Missing: apt-get install --no-install-recommends {' '.join(sorted(packages))}"
