"""A web server that hears what is posted to it, verifies who sent it, and answers as it is told."""

import base64
import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = base64.b64encode(b"a secret of this test's own, 32+").decode()


@dataclass
class Heard:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def notice(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        """Verify as docs/notices.md tells receivers to."""
        key = base64.b64decode(SECRET)
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        digest = hmac.new(key, signed + self.body, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}"
        given = self.headers["webhook-signature"].split()
        return any(hmac.compare_digest(wanted, each) for each in given)


@dataclass
class Ears:
    """What was posted, and how the next ones are answered: 204 where nothing is said of it."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: deque[tuple[int, dict[str, str], bytes]] = field(default_factory=deque)
    hang: threading.Event | None = None
    """Nothing is answered before it is set."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answers.append((status, headers, body))

    @property
    def events(self) -> list[tuple[str, str]]:
        """Event and path of the job of each notice."""
        notices = [each.notice for each in self.heard]
        return [(each["event"], (each["job"] or {}).get("path", "")) for each in notices]


@contextmanager
def listening() -> Generator[Ears]:
    ears = Ears()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            ears.heard.append(Heard(self.path, headers, self.rfile.read(length)))
            if ears.hang is not None:
                ears.hang.wait(30)
            status, extra, body = ears.answers.popleft() if ears.answers else (204, {}, b"")
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name.replace("_", "-"), value)
            if status != 204:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever hangs up is no trouble."""

    server = Server(("127.0.0.1", 0), Handler)
    ears.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield ears
    finally:
        if ears.hang is not None:
            ears.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()
