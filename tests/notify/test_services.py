"""Chat, mail and the rest, by the real apprise and its generic JSON service."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ears import SECRET, Ears, listening
from notify.conftest import NoticeMaker
from reeldrop.domain.errors import NotTold, SettingsError
from reeldrop.domain.notices import Occasion
from reeldrop.host.clock import SystemClock
from reeldrop.notify import open_receivers
from reeldrop.ports import Receiver
from reeldrop.settings import NotifySettings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of apprise's own imports

Opener = Callable[[str], list[Receiver]]


@pytest.fixture
def ears() -> Iterator[Ears]:
    with listening() as heard:
        yield heard


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    receivers: list[Receiver] = []

    def opener(text: str) -> list[Receiver]:
        (tmp_path / "apprise").write_text(text)
        settings = NotifySettings(apprise_file=str(tmp_path / "apprise"))
        receivers[:] = open_receivers(settings, {"PATH": ""}, "reeldrop/9", SystemClock())
        return receivers

    yield opener
    for receiver in receivers:
        await receiver.aclose()


def address(ears: Ears, rest: str = "") -> str:
    return f"json://me:pa55word@{ears.url.removeprefix('http://')}/{rest}"


@pytest.mark.parametrize("wrong", ["nosuch://a/b", "slack://a", "team=slak://a/b/c"])
def test_an_address_that_is_not_understood_is_named_by_its_line(opened: Opener, wrong: str) -> None:
    """Passed over in silence, nobody would ever hear of a typo; and the address may hold a password."""
    with pytest.raises(SettingsError) as caught:
        opened(f"# ours\njson://localhost/\n{wrong}\n")
    assert "line 3" in caught.value.message
    assert wrong not in caught.value.message


async def test_each_address_is_told_by_itself(
    ears: Ears, opened: Opener, new_notice: NoticeMaker
) -> None:
    """Where one fails, the others are not told a second time."""
    receivers = opened(f"# ours\n{address(ears, 'a')}\n\n{address(ears, 'b')}\n")
    assert [each.name for each in receivers] == ["apprise 1", "apprise 2"]
    assert Occasion.DELIVERED not in receivers[0].occasions
    notice = new_notice(Occasion.FAILED, message="show/odd\\xff.mov could not be done: no.")
    for receiver in receivers:
        assert await receiver.tell(notice)
    assert [each.path.rstrip("/") for each in ears.heard] == ["/a", "/b"]
    assert ears.heard[0].notice["message"] == notice.message
    assert ears.heard[0].notice["title"] == notice.title
    assert ears.heard[0].notice["type"] == "failure"


async def test_a_failure_names_no_address_and_no_password(
    ears: Ears, opened: Opener, new_notice: NoticeMaker, caplog: pytest.LogCaptureFixture
) -> None:
    (receiver,) = opened(address(ears, "very-secret"))
    ears.answer(500)
    with caplog.at_level(logging.DEBUG), pytest.raises(NotTold) as caught:
        await receiver.tell(new_notice())
    assert caught.value.message == "apprise 1 (JSON) did not take it"
    assert "pa55word" not in caplog.text
    assert "very-secret" not in caplog.text


async def test_a_plugin_that_breaks_is_a_failure_like_any_other(
    opened: Opener, new_notice: NoticeMaker
) -> None:
    """What stands there in place of a message is no text at all."""
    (receiver,) = opened("json://127.0.0.1:9")
    with pytest.raises(NotTold, match="did not take it"):
        await receiver.tell(replace(new_notice(), message=object()))  # pyright: ignore[reportArgumentType] - it is wrong


async def test_one_that_hangs_is_not_asked_again_meanwhile(
    ears: Ears, opened: Opener, new_notice: NoticeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeldrop.notify.services.IN_ALL", 0.2)
    ears.hang = threading.Event()
    (receiver,) = opened(address(ears))
    with pytest.raises(NotTold, match="did not take it within"):
        await receiver.tell(new_notice())
    with pytest.raises(NotTold, match="still hangs"):
        await receiver.tell(new_notice())
    async with asyncio.timeout(30):
        while not ears.heard:
            await asyncio.sleep(0.01)
    assert len(ears.heard) == 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "nonsense\n"])
def test_a_file_without_an_address_is_refused(opened: Opener, text: str) -> None:
    with pytest.raises(SettingsError, match="holds no address"):
        opened(text)


WITHOUT = """
import sys
sys.modules["apprise"] = None
from reeldrop.notify import open_receivers
from reeldrop.settings import NotifySettings
from reeldrop.host.clock import SystemClock
from reeldrop.domain.errors import SettingsError
assert open_receivers(NotifySettings(), {"PATH": ""}, "", SystemClock()) == []
try:
    open_receivers(NotifySettings(apprise_file=sys.argv[1]), {"PATH": ""}, "", SystemClock())
except SettingsError as error:
    print(error.hint)
"""


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "apprise").write_text("json://localhost")
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "apprise")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "pip install 'reeldrop[notify]'\n"


def test_nothing_is_held_for_who_has_been_told_nothing(tmp_path: Path) -> None:
    """A reload may open receivers that are never told anything: nobody closes those."""
    for name, text in {"apprise": "json://localhost/\n", "secret": f"whsec_{SECRET}\n"}.items():
        (tmp_path / name).write_text(text)
    settings = NotifySettings(
        command=("/bin/true",), webhook="https://hooks.example.com/x",
        webhook_secret_file=str(tmp_path / "secret"), apprise_file=str(tmp_path / "apprise"),
    )  # fmt: skip

    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    opened = [open_receivers(settings, {"PATH": ""}, "reeldrop/9", SystemClock())]
    before = held()
    opened.append(open_receivers(settings, {"PATH": ""}, "reeldrop/9", SystemClock()))
    assert held() == before
    assert [len(each) for each in opened] == [3, 3]
