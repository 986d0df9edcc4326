"""The submit's own connection over TLS, as it goes to the real API."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.provider.conftest import Serve, WallClock, Wire, in_time

from reeldrop.domain.errors import ClipRejected, ProviderUnavailable, SettingsError, UnknownOutcome
from reeldrop.ports import SubmitRequest
from reeldrop.provider.client import HttpProvider, open_provider
from reeldrop.settings import ApiSettings

Connect = Callable[..., HttpProvider]
Allow = Callable[[], Awaitable[None]]
BIG = SubmitRequest("m/x", {"prompt": "p" * 20_000_000}, "job.1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate of 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate of this test")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", "key", "-out", "cert"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "cert", folder / "key"


@pytest.fixture
def context(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a server's context that the client trusts through SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def test_a_submit_goes_through_tls(
    serve: Serve, connect: Connect, allow: Allow, context: ssl.SSLContext
) -> None:
    """Session tickets come while the body leaves; they are no answer."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, b'{"id":"gen-1","status":"queued"}')

    async with serve(handler, context) as server, connect(server.url) as provider:
        assert (await provider.submit(BIG, allow, in_time)).id == "gen-1"
        assert len(server.requests[0].body) == server.requests[0].length


async def test_an_early_answer_is_read_through_tls(
    serve: Serve, connect: Connect, allow: Allow, context: ssl.SSLContext
) -> None:
    """The reason must not be lost with the connection."""

    async def handler(wire: Wire) -> None:
        await wire.read_body(500_000)
        await wire.answer(413, b'{"statusCode":413,"message":"early"}')
        wire.writer.close()

    async with serve(handler, context) as server, connect(server.url) as provider:
        with pytest.raises(ClipRejected, match="early"):
            await provider.submit(BIG, allow, in_time)


async def test_a_cut_after_the_end_is_unknown_through_tls(
    serve: Serve, connect: Connect, allow: Allow, context: ssl.SSLContext
) -> None:
    """The same law as without."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        wire.cut()

    async with serve(handler, context) as server, connect(server.url) as provider:
        with pytest.raises(UnknownOutcome):
            await provider.submit(BIG, allow, in_time)


async def test_an_unknown_certificate_is_definite(
    serve: Serve,
    connect: Connect,
    allow: Allow,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the key nor the clip goes to whoever cannot prove who it is."""
    monkeypatch.delenv("SSL_CERT_FILE")

    async def handler(wire: Wire) -> None:
        raise AssertionError

    async with serve(handler, context) as server, connect(server.url) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.submit(BIG, allow, in_time)
        assert not server.requests


@pytest.mark.parametrize("no_proxy", ["", "localhost,fd00::/8,10.0.0.0/8"])
async def test_submits_and_polls_go_through_the_proxy_of_the_environment(
    serve: Serve,
    connect: Connect,
    allow: Allow,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    no_proxy: str,
) -> None:
    """Studios let nothing out otherwise; the proxy sees a tunnel and no key.

    A network in NO_PROXY names no host, and keeps no poll of what is paid from its answer.
    """

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, b'{"id":"gen-1","status":"queued"}')

    ends = list[asyncio.StreamWriter]()

    async def tunnel(wire: Wire) -> None:
        host, _, port = wire.request.target.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        ends.extend((wire.writer, writer))
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(wire.reader, writer))
            group.create_task(pump(reader, wire.writer))

    async with serve(handler, context) as server, serve(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        async with connect(server.url) as provider:
            paid = await provider.submit(BIG, allow, in_time)
            assert (await provider.poll(paid.id)).status == "queued"
        for end in ends:
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

        assert [request.method for request in proxy.requests] == ["CONNECT", "CONNECT"]
        assert not any("authorization" in request.headers for request in proxy.requests)


async def test_what_no_proxy_names_is_reached_without_one(
    serve: Serve,
    connect: Connect,
    allow: Allow,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Submits and polls take one way: what is paid on the one is asked for on the same."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, b'{"id":"gen-1","status":"queued"}')

    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "fd00::/8, 127.0.0.1")
    async with serve(handler, context) as server, connect(server.url) as provider:
        paid = await provider.submit(BIG, allow, in_time)
        assert (await provider.poll(paid.id)).status == "queued"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.parametrize("no_proxy", ["", "api.example.com"])
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "proxy:three"])
def test_a_proxy_that_cannot_be_used_is_a_settings_error(
    monkeypatch: pytest.MonkeyPatch, proxy: str, no_proxy: str
) -> None:
    """Going around it silently would be worse, and results lie where NO_PROXY does not reach."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", no_proxy)

    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        open_provider(ApiSettings(base_url="https://api.example.com"), None, "1", WallClock())


def test_a_proxy_that_is_never_used_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    open_provider(ApiSettings(base_url="https://api.example.com"), None, "1", WallClock())
