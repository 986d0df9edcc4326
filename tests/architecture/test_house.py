"""The house stands: imports point down, errors are classed, documents and example tell the truth."""

import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from reeldrop.domain import errors
from reeldrop.domain.errors import Disposition, ReeldropError
from reeldrop.settings import Settings, WatchSettings, load

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "config" / "reeldrop.toml"


# ---------------------------------------------------------------------------- walls


def test_imports_point_down() -> None:
    """Nobody needs more than three rooms open to change one thing."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_only_one_room_starts_tasks_and_reads_the_environment() -> None:
    """What the linter is told to refuse stays refused: an ignored rule is no rule."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    banned = rules["flake8-tidy-imports"]["banned-api"]
    assert {"os.environ", "os.getenv", "time.time", "asyncio.create_task"} <= set(banned)
    assert [path for path, off in rules["per-file-ignores"].items() if "TID251" in off] == [
        "tests/**",
        "benchmarks/**",
        "daemon/reeldrop/settings/**",
    ]


# ---------------------------------------------------------------------------- errors


def error_classes() -> list[type[ReeldropError]]:
    found = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    return [kind for kind in found if issubclass(kind, ReeldropError)]


ABSTRACT = {"ReeldropError", "StepError"}
CONCRETE = [kind for kind in error_classes() if kind.__name__ not in ABSTRACT]


@pytest.mark.parametrize("kind", CONCRETE)
def test_every_error_says_what_must_happen_next(kind: type[ReeldropError]) -> None:
    """An error that nobody classed would be retried, and the one that costs money must not be."""
    assert kind.disposition in Disposition
    assert (kind.__doc__ or "").strip()
    assert f"{kind.__name__}" in (errors.__doc__ or ""), "name it in the module's tree"


def test_every_error_has_a_code_of_its_own() -> None:
    """Records and logs are searched by it."""
    codes = [kind.code for kind in CONCRETE]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", CONCRETE)
def test_the_tree_shows_the_disposition_that_the_class_has(kind: type[ReeldropError]) -> None:
    """The tree is what people read; each name stands under the word of its branch."""
    word = ""
    for line in (errors.__doc__ or "").splitlines():
        word = next((d.name for d in Disposition if re.search(rf"\b{d.name}\b", line)), word)
        if re.search(rf"\b{kind.__name__}\b", line):
            assert word == kind.disposition.name
            return
    raise AssertionError(kind)


# ---------------------------------------------------------------------------- the example


def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    return {
        name: keys_of(kind)
        if isinstance(kind := field.annotation, type) and issubclass(kind, BaseModel)
        else None
        for name, field in model.model_fields.items()
    }


def keys_in(table: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: keys_in(value, known[key]) if isinstance(known.get(key), dict) else None
        for key, value in table.items()
    }


def test_the_example_holds_every_key_and_no_other() -> None:
    """It is the only list of settings there is."""
    example = tomllib.loads(EXAMPLE.read_text("utf-8"))
    (watch,) = example["watch"]
    assert keys_in(example, keys_of(Settings)) == keys_of(Settings)
    assert keys_in(watch, keys_of(WatchSettings)) == keys_of(WatchSettings)


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever deletes a line must get what stood in it."""
    for name in ("STATE_DIRECTORY", "REELDROP_INBOX", "REELDROP_OUTBOX"):
        monkeypatch.delenv(name, raising=False)
    shown = load(str(EXAMPLE)).settings
    (watch,) = shown.watch
    assert shown.model_copy(update={"watch": ()}) == Settings()
    assert watch == WatchSettings(inbox=watch.inbox, outbox=watch.outbox)


def test_every_line_of_the_example_is_explained() -> None:
    """A key without a word is a key to look up elsewhere."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    plain = {"name", "inbox", "outbox", "key_file", "model"}
    keys = [line for line in lines if re.match(r"[a-z_]+ = ", line)]
    assert not [line for line in keys if "#" not in line and line.split()[0] not in plain]


# ---------------------------------------------------------------------------- documents

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOPS = tuple(path.name for path in (ROOT / "daemon" / "reeldrop").iterdir() if path.is_dir())
PLACES = ("daemon/", "docs/", "tests/", "config/", "systemd/", "benchmarks/", ".ci/")


def named_files(text: str) -> Iterator[str]:
    """Yield what a document names as a file or folder of the project."""
    for quoted in re.findall(r"`([\w./-]+)`", text):
        if quoted.startswith(PLACES) or (quoted.split("/")[0] in TOPS and "/" in quoted):
            yield quoted
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    """A map that names houses of last year is worse than none."""
    places = (document.parent, ROOT, ROOT / "daemon" / "reeldrop")
    missing = [
        name
        for name in named_files(document.read_text("utf-8"))
        if not any((place / each).exists() for place in places for each in (name, f"{name}.py"))
    ]
    assert missing == []


def test_every_dependency_has_its_reason() -> None:
    """A library that nobody can say the use of is one to remove."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.match(r"[\w-]+", each)[0] for each in wanted}  # pyright: ignore[reportOptionalSubscript] - it always matches
    listed = re.findall(
        r"^\| ([\w-]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE
    )
    assert set(listed) - {"library", "tool", "---"} == names


# ---------------------------------------------------------------------------- what must not be there


def project_files() -> list[Path]:
    if shutil.which("git") is None:
        pytest.skip("no git")
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    names = [name for name in done.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = "|".join(
    ("files." + r"pythonhosted\.org", "pypi" + r"\.org/simple", "--(extra-)?index" + "-url")
)
HOMES = "|".join(("/" + "root/", "/" + r"home/\w+/", "/" + "work/", "/" + r"Users/\w+/"))
FOREIGN = re.compile(rf"{REGISTRIES}|(?<![\w.~/}}-])({HOMES})")


def test_no_file_names_a_registry_or_a_machine() -> None:
    """Requirements install from wherever their user's pip looks; paths of one machine help nobody."""
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in project_files()
        if path.stat().st_size < 2_000_000
        and (match := FOREIGN.search(path.read_text("utf-8", "replace")))
    ]
    assert found == []
