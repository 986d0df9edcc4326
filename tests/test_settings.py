"""Settings: what is accepted, where it may stand, and what a person is told otherwise."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from reeldrop import settings as room
from reeldrop.domain.errors import SettingsError
from reeldrop.settings import ApiSettings, Settings, WatchSettings, api_key, load

WATCH = '[[watch]]\ninbox = "/in"\noutbox = "/out"\n'


@pytest.fixture(autouse=True)
def clean_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, an empty home and no variable of ours."""
    for name in list(os.environ):
        if name.startswith("REELDROP_") or name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
            monkeypatch.delenv(name)
    for name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "r.toml").write_text(text, "utf-8")
        return str(tmp_path / "r.toml")

    return write


def complaint(config: str | None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(config)
    return caught.value.message


# ---------------------------------------------------------------- every key, by the environment


def keys_of(model: type[BaseModel], *above: str) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys_of(kind, *above, name)
        elif name != "watch":
            yield (*above, name)


OTHER = {
    "base_url": "https://elsewhere.example/v",
    "url": "sqlite:////elsewhere/x.db",
    "min_free_disk": "2GB",
    "data_uri_max": "512KiB",
    "mode": "data_uri",
    "object_store_options": '{ region = "x" }',
    "object_store": "s3://elsewhere",
    "public_url": "https://media.example",
    "listen": "127.0.0.1:7",
    "upload": "data_uri",
    "level": "debug",
    "umask": "0002",
    "file_mode": "0664",
    "dir_mode": "2775",
    "extensions": '["mp4", ".MOV"]',
    "backend": "polling",
    "archive": "keep",
    "conform": "auto",
    "duplicates": "never",
    "defaults": '{ prompt = "p" }',
}


@pytest.mark.parametrize("key", [*keys_of(Settings)], ids=".".join)
def test_every_key_can_be_given_by_the_environment(
    key: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers are configured by the environment alone."""
    monkeypatch.setenv("REELDROP_" + "__".join(key).upper(), OTHER.get(key[-1], "7"))
    before, after = Settings().model_dump(), load().settings.model_dump()
    for part in key:
        before, after = before[part], after[part]
    assert before != after


@pytest.mark.parametrize("key", sorted(WatchSettings.model_fields.keys() - {"name", "inbox"}))
def test_a_watch_key_of_the_environment_holds_for_every_watch(
    key: str, monkeypatch: pytest.MonkeyPatch, written: Callable[[str], str]
) -> None:
    """One variable sets what all watches of a container share."""
    both = WATCH + WATCH.replace("/in", "/in2").replace("inbox", 'name = "b"\ninbox')
    config = written(both)
    before = load(config).settings.watch
    monkeypatch.setenv(f"REELDROP_WATCH__{key.upper()}", OTHER.get(key, "7"))
    after = load(config).settings.watch
    assert len(after) == 2
    for old, new in zip(before, after, strict=True):
        assert getattr(old, key) != getattr(new, key)
        assert old.model_dump(exclude={key}) == new.model_dump(exclude={key})


def test_one_default_of_the_environment_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[str], str]
) -> None:
    """REELDROP_WATCH__DEFAULTS__KEEP_AUDIO must not wipe the prompt of the file."""
    config = written(WATCH + '[watch.defaults]\nprompt = "p"\n')
    monkeypatch.setenv("REELDROP_WATCH__DEFAULTS__KEEP_AUDIO", "true")
    assert load(config).settings.watch[0].defaults == {"prompt": "p", "keep_audio": True}


def test_the_environment_stands_over_the_file_and_the_command_line_over_both(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[str], str]
) -> None:
    """The nearest hand wins."""
    config = written("[limits]\nin_flight = 3\n" + WATCH)
    monkeypatch.setenv("REELDROP_LIMITS__IN_FLIGHT", "4")
    monkeypatch.setenv("REELDROP_INBOX", "/env-in")
    settings = load(config, outbox="/flag-out").settings
    assert settings.limits.in_flight == 4
    assert (settings.watch[0].inbox, settings.watch[0].outbox) == ("/env-in", "/flag-out")


def test_two_folders_alone_are_enough() -> None:
    """`run --inbox DIR --outbox DIR` needs no file."""
    loaded = load(None, "/i", "/o")
    assert loaded.source is None
    assert [(w.name, w.inbox, w.outbox) for w in loaded.settings.watch] == [("main", "/i", "/o")]


# ---------------------------------------------------------------- what is refused, and how


def test_an_unknown_key_of_the_file_names_key_place_and_the_nearest(
    written: Callable[[str], str],
) -> None:
    """A misspelt limit that is silently ignored costs money."""
    config = written("[limits]\nin_flihgt = 3\n")
    said = complaint(config)
    assert config in said
    assert "limits.in_flihgt" in said
    assert "did you mean in_flight?" in said


def test_an_unknown_key_of_a_watch_names_the_nearest(written: Callable[[str], str]) -> None:
    """Watch tables are lists; their keys are named like the others'."""
    said = complaint(written(WATCH + "settel = 2\n"))
    assert "watch[0].settel" in said
    assert "did you mean settle?" in said


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("REELDROP_LIMITS__IN_FLIHGT", "in_flight"),
        ("REELDROP_LIMTS__IN_FLIGHT", "limits"),
        ("REELDROP_WATCH__SETTEL", "settle"),
        ("REELDROP_NOED", "node"),
    ],
)
def test_an_unknown_variable_is_an_error_that_names_it(
    variable: str, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's misspelt variable is the hardest one to see."""
    monkeypatch.setenv("REELDROP_INBOX", "/i")
    monkeypatch.setenv("REELDROP_OUTBOX", "/o")
    monkeypatch.setenv(variable, "5")
    said = complaint(None)
    assert variable in said
    assert f"did you mean {near}?" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[limits]\nin_flight = 0\n", "limits.in_flight"),
        ('[limits]\nmin_free_disk = "1 apple"\n', 'like "16MB"'),
        ("[limits]\nmin_free_disk = -1\n", "limits.min_free_disk"),
        ('[api]\nbase_url = "http://api.aimlapi.com"\n', "https://"),
        ('[api]\nbase_url = "http://127.0.0.1@evil.example"\n', "https://"),
        ('[api]\nbase_url = "https://u:p@api.example"\n', "without user"),
        ('[api]\nbase_url = ""\n', "api.base_url"),
        ("[api]\npoll_interval = 0\n", "api.poll_interval"),
        ("[api]\ngeneration_timeout = inf\n", "api.generation_timeout"),
        ('[store]\nurl = "postgresql://u:hidden@h/db"\n', "PostgreSQL comes with a later version"),
        ('[store]\nurl = "mysql://x"\n', "sqlite:////"),
        ('[log]\nlevel = "loud"\n', "'debug', 'info', 'warning' or 'error', not 'loud'"),
        ("[output]\nfile_mode = 664\n", "octal"),
        ('[output]\ndir_mode = "999"\n', "octal"),
        ("[web]\nlisten = 5\n", "web.listen"),
        ('watch = "x"\n', "[[watch]]"),
        (WATCH + WATCH, 'two are named "main"'),
        (WATCH + WATCH.replace("inbox", 'name = "b"\ninbox'), "two have the inbox /in"),
        ('[[watch]]\ninbox = "/in"\n', "watch[0].outbox"),
        (WATCH + 'extensions = ["m/4"]\n', "extension"),
        (WATCH + "name = '../x'\n", "watch[0].name"),
        ("node = 'a b'\n", "node"),
        ("limits = 5\n", "below [limits]"),
        ("store = 5\n", "store"),
        ("[limits\n", "is not TOML"),
        ("\ud800", ""),
    ],
)
def test_a_wrong_value_names_its_key_and_what_is_right(
    text: str, words: str, tmp_path: Path
) -> None:
    """Settings are mended by reading one sentence."""
    (tmp_path / "r.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    said = complaint(str(tmp_path / "r.toml"))
    assert words in said
    assert "hidden" not in said


def test_every_fault_is_told_at_once(written: Callable[[str], str]) -> None:
    """Nobody starts a service five times to find five typing errors."""
    said = complaint(written("nod = 1\n[limits]\nin_flight = -1\n[log]\nlevel = 'x'\n"))
    assert len(said.splitlines()) == 3


def test_a_file_that_was_asked_for_must_be_there() -> None:
    """Starting with defaults instead would watch the wrong folders."""
    assert "/nowhere/r.toml cannot be read" in complaint("/nowhere/r.toml")


def test_an_environment_deeper_than_the_settings_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """REELDROP_NODE__X lies below a plain value."""
    monkeypatch.setenv("REELDROP_NODE", "a")
    monkeypatch.setenv("REELDROP_NODE__X", "b")
    assert "REELDROP_NODE__X" in complaint(None)


def test_folders_by_themselves_do_not_stand_for_several_watches(
    written: Callable[[str], str],
) -> None:
    """Which of the two would they replace?"""
    config = written(WATCH + WATCH.replace("/in", "/in2").replace("inbox", 'name = "b"\ninbox'))
    with pytest.raises(SettingsError, match=r"several \[\[watch\]\]"):
        load(config, "/i", "/o")


# ---------------------------------------------------------------- what cannot be done yet


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("500", 500),
        ('"500"', 500),
        ('"16MB"', 16_000_000),
        ('"512KiB"', 524_288),
        ('"1.5 gb"', 1_500_000_000),
        ('"1GiB"', 2**30),
    ],
)
def test_sizes_are_read_as_people_write_them(
    text: str, number: int, written: Callable[[str], str]
) -> None:
    """MB is a million, MiB is not."""
    settings = load(written(f"[limits]\nmin_free_disk = {text}\n")).settings
    assert settings.limits.min_free_disk == number


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_a_plain_error(text: str) -> None:
    """What is no size must not end in a traceback."""
    try:
        size = room.LimitSettings.model_validate({"min_free_disk": text}).min_free_disk
    except ValueError:
        return
    assert size >= 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:9"])
def test_plain_http_is_for_this_host_alone(host: str, written: Callable[[str], str]) -> None:
    """The stand-in needs no certificate; the API key crosses no network in the clear."""
    config = written(f'[api]\nbase_url = "http://{host}/"\n')
    assert load(config).settings.api.base_url == f"http://{host}"


# ---------------------------------------------------------------- where the state lies


def test_without_a_file_the_store_lies_in_the_xdg_state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A first try needs no root."""
    assert load().settings.store.sqlite_path == tmp_path / ".local/state/reeldrop/reeldrop.db"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "x"))
    assert load().settings.store.sqlite_path == tmp_path / "x/reeldrop/reeldrop.db"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert load().settings.store.sqlite_path == tmp_path / ".local/state/reeldrop/reeldrop.db"


def test_under_systemd_the_store_lies_in_its_state_folder(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[str], str]
) -> None:
    """The unit may write nowhere else; a key that somebody wrote stands over it."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert load().settings.store.state_folder == Path("/var/lib/one")
    assert load(written(WATCH)).settings.store.sqlite_path == Path("/var/lib/one/reeldrop.db")
    config = written('[store]\nurl = "sqlite:////other/x.db"\n')
    assert load(config).settings.store.sqlite_path == Path("/other/x.db")


def test_with_a_file_the_store_lies_where_the_example_says(written: Callable[[str], str]) -> None:
    """The default of the page is the default of the program."""
    assert load(written(WATCH)).settings.store.url == Settings().store.url


def test_a_file_of_the_working_folder_is_found(tmp_path: Path) -> None:
    """The last place of the list."""
    (tmp_path / "reeldrop.toml").write_text('node = "here"\n')
    assert load().settings.node == "here"


def test_the_host_names_the_node_where_nobody_does() -> None:
    """The name ends up in file names."""
    assert Settings().node_name
    assert Settings(node="nas").node_name == "nas"


# ---------------------------------------------------------------- the key


def test_the_key_comes_from_the_environment_the_credential_or_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In this order, each the fallback of the one before."""
    settings = ApiSettings(key_file=str(tmp_path / "k"))
    assert api_key(ApiSettings()) is None
    (tmp_path / "k").write_text("from-file\n")
    assert secret(settings) == "from-file"
    (tmp_path / "aimlapi-key").write_text("from-credential")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert secret(settings) == "from-credential"
    monkeypatch.setenv("AIML_API_KEY", "second")
    assert secret(settings) == "second"
    monkeypatch.setenv("AIMLAPI_API_KEY", "first")
    assert secret(settings) == "first"


def secret(settings: ApiSettings) -> str:
    key = api_key(settings)
    assert key is not None
    assert key.get_secret_value() not in repr(key)
    return key.get_secret_value()


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"two\nlines", "schlüssel".encode()])
def test_a_key_file_without_a_key_is_an_error_that_names_it(
    content: bytes | None, tmp_path: Path
) -> None:
    """A wrong file must not be sent to anybody as a key."""
    place = tmp_path / "k"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        api_key(ApiSettings(key_file=str(place)))
    assert str(place) in caught.value.message
    assert "schl" not in caught.value.message


@pytest.mark.parametrize("variable", ["AIMLAPI_API_KEY", "AIML_API_KEY"])
def test_a_variable_that_is_no_key_is_an_error(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line feed in a header is an attack or a mistake; either way it is said at start."""
    monkeypatch.setenv(variable, "a\nb")
    with pytest.raises(SettingsError, match=variable):
        api_key(ApiSettings())
