"""Webhooks over real sockets: signed, never redirected, and every answer understood."""

import asyncio
import re
import socket
import threading
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ears import SECRET, Ears, listening
from notify.conftest import NoticeMaker
from reeldrop.domain.errors import NotTold, SettingsError
from reeldrop.host.clock import SystemClock
from reeldrop.notify.secret_files import signing_keys
from reeldrop.notify.webhook import Webhook, signature
from reeldrop.settings import NotifySettings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "notices.md"


@pytest.fixture
def ears() -> Iterator[Ears]:
    with listening() as heard:
        yield heard


def opened(url: str, *keys: bytes) -> Webhook:
    settings = NotifySettings(webhook=url, webhook_secret_file="unread")
    return Webhook(settings, keys or (b"k" * 32,), "reeldrop/9", SystemClock())


@pytest.fixture
async def webhook(ears: Ears, tmp_path) -> AsyncIterator[Webhook]:
    (tmp_path / "secret").write_text(f"whsec_{SECRET}\n")
    made = opened(f"{ears.url}/hook/", *signing_keys(str(tmp_path / "secret")))
    yield made
    await made.aclose()


def test_it_signs_as_the_specification_shows() -> None:
    """The example of the Standard Webhooks specification, as other libraries verify it."""
    body = b'{"test": 2432232314}'
    key = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_arrives_is_whole_and_signed(
    ears: Ears, webhook: Webhook, new_notice: NoticeMaker
) -> None:
    notice = new_notice(job={"path": "odd\udcff.mov"})
    assert await webhook.tell(notice)
    (heard,) = ears.heard
    assert heard.is_signed
    assert heard.notice == notice.record
    assert heard.path == "/hook/"
    assert heard.headers["webhook-id"] == notice.id
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["user-agent"] == "reeldrop/9"
    assert "authorization" not in heard.headers
    heard.body += b" "
    assert not heard.is_signed


async def test_the_few_lines_of_the_document_verify_it(
    ears: Ears, webhook: Webhook, new_notice: NoticeMaker
) -> None:
    """Whoever pastes them lets in what we send, and nothing else."""
    (snippet,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    pasted: dict[str, Any] = {}
    exec(snippet, pasted)
    await webhook.tell(new_notice())
    (heard,) = ears.heard
    verify = pasted["is_from_reeldrop"]
    assert verify(f"whsec_{SECRET}", heard.headers, heard.body)
    assert not verify(f"whsec_{SECRET}", heard.headers, heard.body + b" ")
    assert not verify(f"whsec_{SECRET[:-4]}AAAA", heard.headers, heard.body)
    old = {**heard.headers, "webhook-timestamp": str(int(heard.headers["webhook-timestamp"]) - 301)}
    assert not verify(f"whsec_{SECRET}", old, heard.body)


async def test_two_secrets_sign_both(ears: Ears, new_notice: NoticeMaker) -> None:
    """So that a secret can be changed while both sides run."""
    webhook = opened(ears.url, b"n" * 32, b64decode(SECRET))
    await webhook.tell(new_notice())
    assert len(ears.heard[0].headers["webhook-signature"].split()) == 2
    assert ears.heard[0].is_signed
    await webhook.aclose()


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (400, True),
        (422, True),
        (401, False),
        (404, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
async def test_every_other_answer_is_a_failure(
    ears: Ears, webhook: Webhook, new_notice: NoticeMaker, status: int, refused: bool
) -> None:
    ears.answer(status, b"x" * 100_000, retry_after="7")
    with pytest.raises(NotTold, match=f"127.0.0.1 answers {status}$") as caught:
        await webhook.tell(new_notice())
    assert caught.value.refused == refused
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("wait", ["soon", "-1", "9" * 400, "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_a_wait_that_is_no_number_of_seconds_is_none(
    ears: Ears, webhook: Webhook, new_notice: NoticeMaker, wait: str
) -> None:
    ears.answer(503, retry_after=wait)
    with pytest.raises(NotTold) as caught:
        await webhook.tell(new_notice())
    assert caught.value.retry_after is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(
    ears: Ears, webhook: Webhook, new_notice: NoticeMaker, status: int
) -> None:
    ears.answer(status, location=f"{ears.url}/elsewhere")
    with pytest.raises(NotTold, match="redirects are not followed"):
        await webhook.tell(new_notice())
    assert [each.path for each in ears.heard] == ["/hook/"]


async def test_gone_is_the_end(ears: Ears, webhook: Webhook, new_notice: NoticeMaker) -> None:
    ears.answer(410)
    assert not await webhook.tell(new_notice())


async def test_one_that_does_not_answer_is_given_up_in_time(
    ears: Ears, webhook: Webhook, new_notice: NoticeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeldrop.notify.webhook.IN_ALL", 0.3)
    ears.hang = threading.Event()
    with pytest.raises(NotTold, match="did not answer within"):
        await webhook.tell(new_notice())


async def test_an_answer_without_end_is_not_read(new_notice: NoticeMaker) -> None:
    left = asyncio.Event()

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except OSError:
            writer.close()
            left.set()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    webhook = opened(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with asyncio.timeout(30):
        assert await webhook.tell(new_notice())
        await webhook.aclose()
        await left.wait()
    server.close()


async def test_what_is_not_there_or_no_web_server_is_told_by_its_host_alone(
    new_notice: NoticeMaker,
) -> None:
    """The path of a webhook is often as good as a password."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/T000/very-secret"
        webhook = opened(url)
        with pytest.raises(NotTold, match=r"127.0.0.1 cannot be reached") as caught:
            await webhook.tell(new_notice())
    assert "very-secret" not in caught.value.message + str(webhook)
    await webhook.aclose()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NO_PROXY", "localhost,fd00::/8"),
        ("HTTPS_PROXY", "ftp://me:pa55word@proxy"),
        ("ALL_PROXY", "socks5://me:pa55word@proxy:1"),
        ("SSL_CERT_FILE", "/not/there"),
    ],
)
def test_an_environment_in_which_nothing_can_be_posted_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A crash here would end the start without a word, and a daemon that works at its reload."""
    for other in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        for name in (other, other.lower()):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable) as caught:
        opened("https://hooks.example.com/x")
    assert "pa55word" not in caught.value.message
    assert caught.value.__cause__ is None or variable == "SSL_CERT_FILE"
