"""Settings: what is accepted, where it may stand, and what a person is told otherwise."""

import os
import traceback
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
    "path_map": '[{ from = "/farm", to = "/srv" }]',
    "command": '["/usr/local/bin/told", "--quiet"]',
    "command_on": '["failed"]',
    "webhook": "https://hooks.example/a/",
    "webhook_on": '["unblocked"]',
    "apprise_on": "[]",
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
        ('[notify]\ncommand = ["bin/told"]\n', "an absolute path, or a name to find in PATH"),
        ('[notify]\ncommand = [""]\n', "an absolute path, or a name to find in PATH"),
        ('[notify]\ncommand = ["/bin/a", "\\u0000"]\n', "NUL"),
        ('[notify]\ncommand = "/bin/a"\n', "notify.command"),
        ('[notify]\ncommand_on = ["done"]\n', "'delivered', 'failed', 'uncertain'"),
        ("[notify]\ncommand_timeout = 3601\n", "notify.command_timeout"),
        ('[notify]\nwebhook = "http://hooks.lan/a"\n', "https://"),
        ('[notify]\nwebhook = "https://u:p@hooks.example/a"\n', "without user"),
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


# ---------------------------------------------------------------- uploads, and where they are fetched

MOST = "9" * 400


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[limits]\nupload_bandwidth = "10MB/s"\n', ["limits.upload_bandwidth", 'like "16MB"']),
        ("[limits]\nupload_bandwidth = true\n", ["limits.upload_bandwidth", "a number is needed"]),
        (f'[limits]\nupload_bandwidth = "{MOST}"\n', ["limits.upload_bandwidth", 'like "16MB"']),
        ("[limits]\ndownload_bandwidth = -1\n", ["limits.download_bandwidth", "to 0, not -1"]),
        ("[limits]\ndownload_bandwidth = 1.5\n", ["limits.download_bandwidth", "not 1.5"]),
        ('[upload]\nmode = "url"\n', ["upload.mode", "'data_uri' or 'signed_url', not 'url'"]),
        ('[upload]\nmode = "signed_url"\n', ["upload.mode", "object_store or upload.public_url"]),
        (f'{WATCH}upload = "ftp"\n', ["watch[0].upload", "'auto', 'data_uri'", "not 'ftp'"]),
        (f'{WATCH}upload = "signed_url"\n', ["watch main: upload", "upload.public_url"]),
        ('[upload]\nobject_store = "https://b"\n', ["upload.object_store", "s3://bucket/prefix"]),
        ('[upload]\nobject_store = "s3://"\n', ["upload.object_store", "s3://bucket/prefix"]),
        ('[upload]\nobject_store = "s3://b/../c"\n', ["upload.object_store", "s3://bucket/prefix"]),
        ('[upload]\nobject_store = "s3://b//c"\n', ["upload.object_store", "s3://bucket/prefix"]),
        ('[upload]\nobject_store = "s3://k:hidden@b"\n', ["upload.object_store", "az://"]),
        ('[upload]\nobject_store_options = "hidden"\n', ["object_store_options: this is a table"]),
        ("[upload]\nurl_ttl = 0\n", ["upload.url_ttl", "not 0"]),
        ("[upload]\nurl_ttl = 604801\n", ["upload.url_ttl", "equal to 604800, not 604801"]),
        ('[upload]\nurl_ttl = "1h"\n', ["upload.url_ttl", "not '1h'"]),
        ("[upload]\nurl_ttl = true\n", ["upload.url_ttl", "a number is needed"]),
        ('[upload]\npublic_url = "http://media.example"\n', ["upload.public_url", "https://"]),
        ('[upload]\npublic_url = "media.example"\n', ["upload.public_url", "https://"]),
        ('[upload]\npublic_url = "https://m?t=hidden"\n', ["upload.public_url", "without user"]),
        ('[upload]\npublic_url = "https://u:hidden@m"\n', ["upload.public_url", "without user"]),
        ('[upload]\npublic_url = "https://m:hidden"\n', ["upload.public_url", "is no URL"]),
        ('[upload]\npublic_url = "https://[::1"\n', ["upload.public_url", "is no URL"]),
        ('[upload]\npublic_url = "https://m"\n[web]\nlisten = ""\n', ["public_url", "web.listen"]),
        ('[web]\nlisten = "8585"\n', ["web.listen", '"127.0.0.1:8585"', '"[::1]:8585"']),
        ('[web]\nlisten = ":8585"\n', ["web.listen", "host:port"]),
        ('[web]\nlisten = "::1:8585"\n', ["web.listen", "host:port"]),
        ('[web]\nlisten = "[:::]:8585"\n', ["web.listen", "host:port"]),
        ('[web]\nlisten = "127.0.0.1:65536"\n', ["web.listen", "host:port"]),
        ('[web]\nlisten = "localhost:80\\n"\n', ["web.listen", "host:port"]),
        ('[web]\nlisten = "0.0.0.0:8585"\n', ["web: listen = 0.0.0.0:8585", "a token_file"]),
        ('[web]\nlisten = "[::]:8585"\n', ["web: listen = [::]:8585", "a token_file"]),
        ('[web]\nlisten = "nas:8585"\n', ["web: listen = nas:8585", "a token_file"]),
        ("[web]\ntoken_file = 5\n", ["web.token_file"]),
    ],
)
def test_a_wrong_way_to_send_or_to_be_reached_is_told_at_the_start(
    text: str, words: list[str], written: Callable[[str], str]
) -> None:
    """Else the first big clip finds it out, at night."""
    said = complaint(written(text))
    assert [word for word in words if word not in said] == []
    assert "hidden" not in said
    assert len(said.splitlines()) == 1


GOOD_UPLOADS = """
[limits]
upload_bandwidth = "10MB"
download_bandwidth = 0
[upload]
mode = "signed_url"
object_store = "s3://clips.example/reel_drop/2026/"
object_store_options = { endpoint = "http://127.0.0.1:9000", region = "x", skip_signature = false, n = 5 }
url_ttl = 604800
public_url = "https://media.example:8443/reeldrop/"
[web]
listen = "[::1]:0"
"""


def test_what_may_be_set_of_uploads_is_read_as_it_stands(written: Callable[[str], str]) -> None:
    """obstore's keys are handed on as they are: a flag stays a flag, a number a number."""
    settings = load(written(GOOD_UPLOADS + WATCH + 'upload = "auto"\n')).settings
    assert (settings.limits.upload_bandwidth, settings.limits.download_bandwidth) == (10**7, 0)
    upload = settings.upload
    assert upload.object_store == "s3://clips.example/reel_drop/2026"
    assert upload.object_store_options == {
        "endpoint": "http://127.0.0.1:9000", "region": "x", "skip_signature": False, "n": 5
    }  # fmt: skip
    assert upload.object_store_options["skip_signature"] is False
    assert (upload.url_ttl, upload.public_url) == (604_800, "https://media.example:8443/reeldrop")
    assert upload.can_sign
    assert settings.watch[0].upload == "auto"
    assert settings.web.address == ("::1", 0)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8585", ("127.0.0.1", 8585)),
        ("localhost:0", ("localhost", 0)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::]:80", ("::", 80)),
        ("", None),
    ],
)
def test_where_to_listen_is_read_as_host_and_port(
    listen: str, address: tuple[str, int] | None, written: Callable[[str], str]
) -> None:
    """A token_file is named, not read: nothing that is served asks for one yet."""
    config = written(f'[web]\nlisten = "{listen}"\ntoken_file = "/nowhere/token"\n')
    assert load(config).settings.web.address == address


OPTIONS = [
    ('{ aws_secret_access_key = ["hidden"] }', "aws_secret_access_key: an option is a text"),
    ('{ aws_secret_access_key = { x = "hidden" } }', "aws_secret_access_key: an option is"),
    ("{ aws_secret_access_key = 1234.5678 }", "aws_secret_access_key: an option is a text"),
    ('{ aws_secret_access_key = "hidden", region = [1] }', "region: an option is a text"),
    ('{ secret = "hidden", endpoint = "http://minio.lan" }', "endpoint: an https:// URL"),
    ('{ secret = "hidden", AWS_ENDPOINT_URL = "HTTP://minio.lan" }', "AWS_ENDPOINT_URL: an https"),
    ('{ secret = "hidden", google_base_url = "http://gcs.lan" }', "google_base_url: an https://"),
    ('{ secret = "hidden", endpoint = "minio.lan:9000" }', "endpoint: an https:// URL"),
    ('{ endpoint = "https://u:hidden@minio.lan" }', "endpoint: a URL without user"),
    ('{ endpoint = "https://minio.lan:hidden" }', "endpoint: this is no URL"),
]


@pytest.mark.parametrize(("options", "words"), OPTIONS)
@pytest.mark.parametrize("place", ["file", "environment"])
def test_a_wrong_option_of_the_object_store_tells_no_secret(
    options: str,
    words: str,
    place: str,
    written: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message goes to the journal, which is read by more people than the bucket's key."""
    if place == "file":
        config = written(f"[upload]\nobject_store_options = {options}\n")
    else:
        config = None
        monkeypatch.setenv("REELDROP_UPLOAD__OBJECT_STORE_OPTIONS", options)
    with pytest.raises(SettingsError) as caught:
        load(config)
    said = caught.value.message
    assert "upload.object_store_options" in said
    assert words in said
    whole = "".join(traceback.format_exception(caught.value))
    assert not any(secret in whole for secret in ("hidden", "1234.5678"))


@pytest.mark.parametrize(
    "options",
    [
        '{ endpoint = "http://localhost:9000", allow_http = true }',
        '{ aws_endpoint = "http://[::1]:9000" }',
        '{ endpoint = "https://minio.lan:9000", proxy_url = "http://proxy.lan:3128" }',
        '{ azure_use_fabric_endpoint = true, allow_http = "false" }',
    ],
)
def test_plain_http_to_this_host_and_what_names_no_address_is_taken(
    options: str, written: Callable[[str], str]
) -> None:
    """A gateway on the same host has no certificate; what passes a proxy is encrypted already."""
    config = written(f"[upload]\nobject_store_options = {options}\n")
    assert load(config).settings.upload.object_store_options


def test_one_option_of_the_environment_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, written: Callable[[str], str]
) -> None:
    """A container gets its secret by a variable, the rest by the file."""
    config = written('[upload]\nobject_store_options = { region = "x" }\n')
    monkeypatch.setenv("REELDROP_UPLOAD__OBJECT_STORE_OPTIONS__AWS_SECRET_ACCESS_KEY", "hidden")
    options = load(config).settings.upload.object_store_options
    assert options == {"region": "x", "aws_secret_access_key": "hidden"}
    monkeypatch.setenv("REELDROP_UPLOAD__OBJECT_STORE_OPTIONS__ENDPOINT", "http://minio.lan")
    said = complaint(config)
    assert "REELDROP_UPLOAD__OBJECT_STORE_OPTIONS__" in said
    assert "endpoint: an https:// URL" in said


def test_what_a_command_hears_of_a_notice_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks `reeldrop` about the job, with the variables that it was given."""
    before = load(None, "/i", "/o")
    monkeypatch.setenv("REELDROP_NOTICE_JOB", "1")
    monkeypatch.setenv("REELDROP_NOTICE_WATCH", "main")
    assert load(None, "/i", "/o") == before


def test_the_address_of_a_webhook_is_kept_to_the_letter_and_not_printed(
    written: Callable[[str], str],
) -> None:
    """Some answer a missing slash with a redirect; and its path is as good as a password."""
    loaded = load(written('[notify]\nwebhook = "https://hooks.example/hidden/"\n'))
    assert loaded.settings.notify.webhook == "https://hooks.example/hidden/"
    assert "hidden" not in repr(loaded)


def test_settings_that_are_printed_tell_no_secret(written: Callable[[str], str]) -> None:
    """Whatever logs them, or prints them in a report of a fault."""
    config = written('[upload]\nobject_store_options = { aws_secret_access_key = "hidden" }\n')
    loaded = load(config)
    assert "hidden" in loaded.settings.upload.object_store_options.values()
    for shown in (loaded, loaded.settings, loaded.settings.upload):
        assert "hidden" not in f"{shown!r} {shown!s}"


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


# ---------------------------------------------------------------- path_map


def test_a_map_may_be_written_as_tables(written: Callable[[str], str]) -> None:
    """Long lists of rules read best so."""
    config = written(f"[[path_map]]\nfrom = 'P:\\shows'\nto = '/srv/in/shows'\n{WATCH}")
    (rule,) = load(config).settings.path_map
    assert (rule.source, rule.target) == ("P:\\shows", "/srv/in/shows")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from = 'shows'\nto = '/srv'", ["path_map[0].from", "from its root on"]),
        ("from = 'P:shows'\nto = '/srv'", ["path_map[0].from", "from its root on"]),
        ("from = '/shows'\nto = 'P:\\srv'", ["path_map[0].to", "begins with /"]),
        ("from = '/shows'", ["path_map[0].to"]),
        ("form = '/shows'\nto = '/srv'", ["path_map[0].form", "did you mean from?"]),
        (
            "from = '/a'\nto = '/b'\n[[path_map]]\nfrom = '/a'\nto = '/c'",
            ["path_map", "two tables are from /a; keep one"],
        ),
        *(
            (
                f"from = '{one}'\nto = '/b'\n[[path_map]]\nfrom = '{other}'\nto = '/c'",
                ["path_map", f"two tables are from {one} and {other}, which is the same; keep one"],
            )
            for one, other in (
                ("X:\\shots", "x:/Shots/"),
                (r"\\nas\reels", "//NAS/reels"),
                ("/shots", "/shots/./"),
                ("X:\\shots", r"\\?\x:\shots"),
            )
        ),
        ("from = '/shots/../..'\nto = '/srv'", ["path_map[0].from", "leaves its own drive"]),
    ],
)
def test_a_wrong_rule_is_named(text: str, words: list[str], written: Callable[[str], str]) -> None:
    """A rule that never holds would be looked for in the drops."""
    said = complaint(written(f"[[path_map]]\n{text}\n{WATCH}"))
    assert all(word in said for word in words), said
