"""The submit's own connection over TLS, as it goes to the real API."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.provider.conftest import Serve, Wire, in_time

from reeldrop.domain.errors import ClipRejected, ProviderUnavailable, SettingsError, UnknownOutcome
from reeldrop.ports import SubmitRequest
from reeldrop.provider.client import HttpProvider

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


async def test_a_submit_goes_through_the_proxy_of_the_environment(
    serve: Serve,
    connect: Connect,
    allow: Allow,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Studios let nothing out otherwise; the proxy sees a tunnel and no key."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, b'{"id":"gen-1","status":"queued"}')

    async def tunnel(wire: Wire) -> None:
        host, _, port = wire.request.target.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(wire.reader, writer))
            group.create_task(pump(reader, wire.writer))

    async with serve(handler, context) as server, serve(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with connect(server.url) as provider:
            assert (await provider.submit(BIG, allow, in_time)).id == "gen-1"

        (request,) = proxy.requests
        assert request.method == "CONNECT"
        assert "authorization" not in request.headers


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def test_a_proxy_of_another_kind_is_a_settings_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going around it silently would be worse."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")

    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        connect("https://api.example.com")
