"""Another stand-in of the API, which knows nothing of this program: it fetches every URL that it is given."""

import hashlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class FetchingApi:
    """What came, and how it goes on; a generation is done once its files were fetched."""

    result: Path
    bodies: list[dict[str, Any]] = field(default_factory=list)
    fetched: dict[str, str] = field(default_factory=dict)
    """SHA-256, or what went wrong, by URL."""
    refuse: int = 0
    """How many submits are told to come later."""
    go_on: threading.Event = field(default_factory=threading.Event)
    """Files are fetched once it is set."""
    url: str = ""

    def urls(self, number: int = -1) -> list[str]:
        """Return the URLs of a submit."""
        return [each for each in _texts(self.bodies[number]) if each.startswith("http")]

    def digests(self, number: int = -1) -> set[str]:
        """Return the SHA-256 of everything that a submit's URLs gave."""
        return {self.fetched[url] for url in self.urls(number)}

    def submit(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.bodies.append(body)
        if self.refuse:
            self.refuse -= 1
            return 429, {"statusCode": 429, "message": "Too Many Requests"}
        return 200, {"id": f"generation-{len(self.bodies) - 1}", "status": "queued"}

    def poll(self, generation: str) -> dict[str, Any]:
        if not self.go_on.is_set():
            return {"id": generation, "status": "generating"}
        for url in self.urls(int(generation.rpartition("-")[2])):
            if url not in self.fetched:
                self.fetched[url] = fetch(url)
        video = {"url": f"{self.url}/result.mp4"}
        return {"id": generation, "status": "completed", "video": video}


def fetch(url: str, **headers: str) -> str:
    """Return the SHA-256 of what is there, or the status that refuses it."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=20
        ) as got:
            return hashlib.file_digest(got, "sha256").hexdigest()
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP {error.code}"


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
        case _:
            pass


@contextmanager
def fetching_api(result: Path) -> Generator[FetchingApi]:
    """Serve it until the block ends."""
    api = FetchingApi(result)
    api.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.tell(*api.submit(body))

        def do_GET(self) -> None:
            if self.path == "/result.mp4":
                self.tell(200, api.result.read_bytes())
            elif "generation_id=" in self.path:
                self.tell(200, api.poll(self.path.rpartition("=")[2]))
            elif self.path.startswith("/v2/billing"):
                self.tell(200, {"current_balance": 9.0, "currency": "USD"})
            else:
                self.tell(200, {"data": [], "pagination": {"has_more": False}})

        def tell(self, status: int, what: bytes | dict[str, Any]) -> None:
            body = what if isinstance(what, bytes) else json.dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Type", "video/mp4" if what is body else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
