"""What the image is made of, and how it is started: files that have to agree with each other."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from container.run import REPOSITORY
from reeldrop.settings import load

IMAGE_FILES = REPOSITORY / "config/container"
VARIABLE = re.compile("(REELDROP|AIML).*")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment as the image gives it."""
    for name in filter(VARIABLE.match, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("STATE_DIRECTORY", "/state")
    return monkeypatch


def compose() -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "config/compose.yaml").read_text("utf-8"))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-build.txt"])
def test_the_image_holds_the_versions_that_are_tested(name: str) -> None:
    """Each with its hashes: a package of another version, or another content, is another program."""
    tested = set((REPOSITORY / "requirements-dev.txt").read_text().splitlines())
    wanted = (IMAGE_FILES / name).read_text().splitlines()
    assert [line for line in wanted if line not in tested] == []


def test_the_image_holds_all_that_is_pinned_for_a_daemon_and_its_extras() -> None:
    pins = re.compile(r"^([\w-]+)==", re.MULTILINE)
    held = set(pins.findall((IMAGE_FILES / "requirements.txt").read_text()))
    assert held >= set(pins.findall((REPOSITORY / "requirements.txt").read_text()))
    assert held >= {"obstore", "apprise"}


def test_the_images_own_settings_name_its_volumes(bare: pytest.MonkeyPatch) -> None:
    settings = load(str(IMAGE_FILES / "reeldrop.toml")).settings
    (watch,) = settings.watch
    places = (watch.inbox, watch.outbox, str(settings.store.state_folder))
    assert places == ("/inbox", "/outbox", "/state")
    (line,) = re.findall(r"^VOLUME .*", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    assert line == 'VOLUME ["/inbox", "/outbox", "/state"]'


def test_the_compose_file_sets_what_there_is(bare: pytest.MonkeyPatch) -> None:
    """Its environment is read as the container's program reads it; an unknown key would end that with 78."""
    service = compose()["services"]["reeldrop"]
    for name, value in service["environment"].items():
        bare.setenv(name, value)
    settings = load(str(IMAGE_FILES / "reeldrop.toml")).settings
    assert settings.api.key_file == f"/run/secrets/{service['secrets'][0]}"
    assert (settings.limits.daily_usd, settings.watch[0].conform) == (20.0, "auto")


def test_the_compose_file_mounts_every_volume_of_the_image() -> None:
    """A volume that nobody mounts is a new one with every container: the store would be gone."""
    file = compose()
    service = file["services"]["reeldrop"]
    mounts = [each for each in service["volumes"] if isinstance(each, dict)]
    assert {each["target"] for each in mounts} == {"/inbox", "/outbox"}
    assert [each["bind"]["create_host_path"] for each in mounts] == [False, False]
    assert [each for each in service["volumes"] if isinstance(each, str)] == ["state:/state"]
    assert "state" in file["volumes"]
    assert set(file["secrets"]) == set(service["secrets"])


def test_nothing_goes_to_the_builder_but_what_the_image_is_made_of() -> None:
    """A key or a store that lies in the checkout must not end in a layer."""
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    copied = re.findall(
        r"^COPY (?!--from)(.*) \S+$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE
    )
    allowed = [rule.removeprefix("!") for rule in rules[1:] if rule.startswith("!")]
    for source in " ".join(copied).split():
        assert any(Path(source).is_relative_to(each) for each in allowed), source
