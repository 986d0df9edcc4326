"""A Windows program as Samba's client plays it: makes a file and keeps it open until its input ends.

    hold.py PATH CONTENT nothing|read

Others may meanwhile do nothing with the file, or only read it. Runs under the system's own Python,
for which Debian's `samba` brings the client.
"""

# pyright: reportMissingImports=false, reportUnknownArgumentType=false

import sys
from pathlib import Path

from samba.credentials import Credentials
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param

READ_WRITE = 0x0012019F
SHARE_MODES = {"nothing": 0, "read": libsmb.FILE_SHARE_READ}
CREATE = 2


def main(path: str, content: str, share_mode: str) -> None:
    settings = param.get_context()
    settings.load("/run/server/smb.conf")
    login = Credentials()
    login.guess(settings)
    login.set_username("root")
    login.set_password("secret")
    client = libsmb.Conn("127.0.0.1", "share", settings, login)
    name = path.replace("/", "\\")
    file = client.create(
        name,
        DesiredAccess=READ_WRITE,
        ShareAccess=SHARE_MODES[share_mode],
        CreateDisposition=CREATE,
    )
    client.write(file, Path(content).read_bytes(), 0)
    print("held", flush=True)
    sys.stdin.read()
    client.close(file)


main(*sys.argv[1:])
