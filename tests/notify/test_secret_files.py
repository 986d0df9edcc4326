"""The files of secrets: what is refused, and that nothing of them is ever quoted."""

import base64
import os
from pathlib import Path

import pytest

from reeldrop.domain.errors import SettingsError
from reeldrop.notify import exposed, secrets_of
from reeldrop.notify.secret_files import LARGEST, signing_keys
from reeldrop.settings import NotifySettings

KEY = base64.b64encode(b"k" * 32).decode()


def test_a_secret_is_read_as_others_write_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"\n  whsec_{KEY}  \n{KEY}\n")
    assert signing_keys(str(file)) == [b"k" * 32] * 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n \n",
        b"whsec_",
        b"correct horse battery staple",
        b"c2hvcnQ=",
        b"\xff\xfe",
        b"A" * (LARGEST + 1),
    ],
)
def test_what_is_no_secret_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"notify\.webhook_secret_file: ") as caught:
        signing_keys(str(file))
    assert "horse" not in caught.value.words


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe would be waited for for ever."""
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", ".", "nul\0"):
        with pytest.raises(SettingsError, match=r"notify\.webhook_secret_file"):
            signing_keys(str(tmp_path / name))


def test_a_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"needs one, for what is sent is signed") as caught:
        signing_keys("")
    assert "whsec_" in caught.value.hint


def test_one_that_everybody_may_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"whsec_{KEY}")
    settings = NotifySettings(webhook="https://h.example/x", webhook_secret_file=str(file))
    file.chmod(0o644)
    (told,) = exposed(settings)
    assert f"chmod o-r {file}" in told
    file.chmod(0o640)
    assert list(exposed(settings)) == []


def test_what_no_log_may_hold_is_known(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"whsec_{KEY}\n")
    (tmp_path / "apprise").write_text(
        "# mail\nmailtos://me:pass@example.com\nurls:\n  - tgram://t/1\n"
    )
    settings = NotifySettings(
        webhook="https://h.example/T0/path",
        webhook_secret_file=str(tmp_path / "secret"),
        apprise_file=str(tmp_path / "apprise"),
    )
    assert set(secrets_of(settings)) >= {
        *(f"whsec_{KEY}", "mailtos://me:pass@example.com", "tgram://t/1"),
        "https://h.example/T0/path",
    }
    assert "h.example/T0" not in repr(settings)
