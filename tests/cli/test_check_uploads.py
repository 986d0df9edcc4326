"""`reeldrop check` and signed URLs: a probe is fetched as a stranger would, through proxies good and bad."""

import gzip
import json
import threading
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest

from buckets import SECRET, object_server, options
from cli.shell import Shell
from doors import free_port

Answer = Callable[[BaseHTTPRequestHandler, int, dict[str, str], bytes], None]


def passed_on(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def packed(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    small = gzip.compress(body)
    told = headers | {"content-length": str(len(small)), "content-encoding": "gzip"}
    passed_on(handler, status, told, small)


def moved(handler: BaseHTTPRequestHandler, *_: object) -> None:
    passed_on(
        handler, 302, {"location": "https://login.example/?next=x", "content-length": "0"}, b""
    )


def a_page(handler: BaseHTTPRequestHandler, *_: object) -> None:
    passed_on(handler, 200, {"content-type": "text/html", "content-length": "5"}, b"hello")


def without_head(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    if handler.command == "HEAD":
        passed_on(handler, 405, {"content-length": "0"}, b"")
    else:
        passed_on(handler, status, headers, body)


@contextmanager
def proxy(to: str, answer: Answer, *, keeps_range: bool = True) -> Generator[str]:
    """Run a proxy that treats what comes from `to` as `answer` does; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            names = ("Range",) if keeps_range else ()
            headers = {name: value for name in names if (value := self.headers.get(name))}
            request = urllib.request.Request(to + self.path, headers=headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=20) as got:
                    answer(self, got.status, dict(got.headers.items()), got.read())
            except HTTPError as error:
                with error:
                    answer(self, error.code, dict(error.headers.items()), error.read())

        do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def listens() -> str:
    return f"127.0.0.1:{free_port()}"


def finding(shell: Shell, inbox: Path, outbox: Path, **variables: str) -> tuple[bool, str]:
    """Return whether `check` is content with signed URLs, and what it says of them."""
    told = {f"REELDROP_{name}": value for name, value in variables.items()}
    ended = replace(shell, variables={**shell.variables, **told})(
        "check", "--inbox", inbox, "--outbox", outbox
    )
    assert "Traceback" not in ended.err
    text = ended.out[ended.out.index(" urls ") - 2 :]
    return text.startswith("ok"), text


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ((passed_on, True), ""),
        ((passed_on, False), "drops the header Range"),
        ((packed, True), "turn compression"),
        ((moved, True), "redirects to login.example"),
        ((a_page, True), "Another program"),
        ((without_head, True), "does not answer HEAD"),
    ],
)
def test_what_stands_before_the_media_route_is_seen_through(
    reeldrop: Shell, inbox: Path, outbox: Path, listens: str, way: tuple[Answer, bool], words: str
) -> None:
    """No clip has to fail first; without a daemon the probe is given out by the command itself."""
    answer, keeps_range = way
    with proxy(f"http://{listens}", answer, keeps_range=keeps_range) as address:
        good, text = finding(
            reeldrop, inbox, outbox, UPLOAD__PUBLIC_URL=address, WEB__LISTEN=listens
        )
    assert good == (not words)
    assert words in text
    assert "/media/" not in text


def test_a_network_in_no_proxy_is_no_trouble(
    reeldrop: Shell, inbox: Path, outbox: Path, listens: str
) -> None:
    """It names no host."""
    told = replace(reeldrop, variables={"NO_PROXY": "localhost,fd00::/8"})
    with proxy(f"http://{listens}", passed_on) as address:
        good, _ = finding(told, inbox, outbox, UPLOAD__PUBLIC_URL=address, WEB__LISTEN=listens)
    assert good


def test_another_program_at_the_port_is_told_from_the_daemon(
    reeldrop: Shell, inbox: Path, outbox: Path
) -> None:
    """Its files would be given out in the place of clips."""
    with proxy("http://127.0.0.1:9", a_page) as address:
        listen = address.removeprefix("http://")
        good, text = finding(
            reeldrop, inbox, outbox, UPLOAD__PUBLIC_URL=address, WEB__LISTEN=listen
        )
    assert not good
    assert f"web.listen = {listen} cannot be listened on" in text


def test_nobody_there_is_told_with_what_to_look_at(
    reeldrop: Shell, inbox: Path, outbox: Path, listens: str
) -> None:
    """A tunnel that is down, a name that is misspelt."""
    good, text = finding(
        reeldrop, inbox, outbox, UPLOAD__PUBLIC_URL="http://127.0.0.1:9", WEB__LISTEN=listens
    )
    assert not good
    assert "Nobody answers at 127.0.0.1" in text
    assert "firewall" in text


def test_without_a_place_it_says_how_files_go(reeldrop: Shell, inbox: Path, outbox: Path) -> None:
    """Nothing is wrong; large clips just go inside their requests."""
    good, text = finding(reeldrop, inbox, outbox)
    assert good
    assert "upload.data_uri_max (16 MB)" in text


def test_an_object_store_is_written_to_and_left_empty(
    reeldrop: Shell, inbox: Path, outbox: Path, tmp_path: Path
) -> None:
    """Credentials that may not write, or not read, are found before the first clip."""
    with object_server(tmp_path / "s3") as server:
        bucket = server.bucket("clips")

        def look(**change: str) -> tuple[bool, str]:
            told = {**options(server), **change}
            inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in told.items())
            return finding(
                reeldrop, inbox, outbox,
                UPLOAD__OBJECT_STORE="s3://clips/a", UPLOAD__OBJECT_STORE_OPTIONS=f"{{ {inline} }}",
            )  # fmt: skip

        good, text = look()
        assert good, text
        assert "s3://clips/a takes files" in text
        assert bucket.objects() == []
        good, text = look(secret_access_key="not+it")
        assert not good
        assert "refuses the credentials" in text
        assert SECRET not in text
