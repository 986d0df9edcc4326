"""What a running daemon takes of settings that were read anew."""

import re
from pathlib import Path
from typing import Any

import pytest

from reeldrop.domain.errors import SettingsError
from reeldrop.settings import RELOADABLE, LimitSettings, Settings, WatchSettings, renewed
from reeldrop.settings.model import OutputSettings, PathMapSettings, UploadSettings, WebSettings

ROOT = Path(__file__).resolve().parents[1]
MAIN = WatchSettings(inbox="/in", outbox="/out")
NOW = Settings(watch=(MAIN,))


def test_nothing_new_changes_nothing() -> None:
    assert renewed(NOW, Settings(watch=(MAIN,)), None) == (NOW, [], [])


def test_what_may_not_change_stays_and_is_named() -> None:
    """Each time anew, until there is a restart."""
    new = Settings(
        node="other",
        limits=LimitSettings(in_flight=2),
        web=WebSettings(listen=""),
        output=OutputSettings(umask="0002"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        watch=(MAIN.model_copy(update={"inbox": "/else", "settle": 9.0}),),
    )
    first = renewed(NOW, new, None)
    assert first.changed == ["limits.in_flight", "watch.main.settle"]
    assert first.kept == ["node", "output.umask", "watch.main.inbox", "web.listen"]
    assert (first.settings.watch[0].inbox, first.settings.watch[0].settle) == ("/in", 9.0)
    again = renewed(first.settings, new, None)
    assert (again.changed, again.kept) == ([], first.kept)


def test_watches_that_come_and_go_wait_for_a_restart() -> None:
    """They are known by name: another order of the same ones is no change."""
    other = WatchSettings(name="other", inbox="/in2", outbox="/out2")
    third = WatchSettings(name="third", inbox="/in3", outbox="/out3")
    now = Settings(watch=(MAIN, other))
    assert renewed(now, Settings(watch=(other, MAIN)), None).kept == []
    found = renewed(now, Settings(watch=(third, other)), None)
    assert found.kept == ["watch.main", "watch.third"]
    assert found.settings.watch == now.watch


def test_a_farms_paths_are_taken_as_they_are_now() -> None:
    rule = PathMapSettings(**{"from": "P:", "to": "/in/shows"})
    found = renewed(NOW, Settings(path_map=(rule,), watch=(MAIN,)), None)
    assert (found.changed, found.kept) == (["path_map"], [])
    assert found.settings.path_map == (rule,)


def test_what_does_not_go_with_what_stays_is_refused() -> None:
    """The mode may change, the object store that it needs may not."""
    new = Settings(upload=UploadSettings(mode="signed_url", object_store="s3://b"), watch=(MAIN,))
    with pytest.raises(SettingsError, match="signed_url"):
        renewed(NOW, new, Path("reeldrop.toml"))


def test_a_secret_among_the_options_is_not_named() -> None:
    new = Settings(
        upload=UploadSettings(object_store_options={"secret_access_key": "hush"}), watch=(MAIN,)
    )
    found: Any = renewed(NOW, new, None)
    assert found.kept == ["upload.object_store_options"]


def test_the_document_lists_what_a_reload_applies() -> None:
    """Whoever edits a setting must know whether to reload or to restart."""
    text = (ROOT / "docs/systemd.md").read_text("utf-8")
    rows = re.findall(r"^\| `\[{1,2}(\w+)\]{1,2}` \| (.*) \|$", text, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", keys)) for name, keys in rows} == RELOADABLE


def test_the_template_unit_differs_by_its_name_alone() -> None:
    """A rule that stands in two files is changed in one of them."""
    one, many = ((ROOT / f"systemd/reeldrop{each}.service").read_text() for each in ("", "@"))
    for single, own in {
        "/etc/reeldrop/reeldrop.toml": "/etc/reeldrop/%i.toml",
        "/etc/reeldrop/aimlapi-key": "/etc/reeldrop/%i.aimlapi-key",
        "StateDirectory=reeldrop\n": "StateDirectory=reeldrop-%i\n",
        "Description=Reeldrop,": "Description=Reeldrop %i,",
    }.items():
        assert single in one
        one = one.replace(single, own)
    plain = [
        [line for line in unit.splitlines() if not line.startswith("#")] for unit in (one, many)
    ]
    assert plain[0] == plain[1]
