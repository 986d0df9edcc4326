"""Every event of the log is listed in docs/operations.md with its fields, and none that there is not."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reeldrop.domain.lifecycle import State

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "daemon" / "reeldrop"
LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
NAME = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \|", re.MULTILINE)
OPEN = "…"
"""Stands in the list for fields that have no fixed name."""


@dataclass(frozen=True, slots=True)
class Told:
    """One call that writes an event."""

    place: str
    names: frozenset[str]
    fields: frozenset[str]
    more: bool
    """It also writes fields whose names stand elsewhere."""


def calls() -> Iterator[Told]:
    """Yield every call of a module's `log`."""
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _writes(call):
                    yield _told(f"{file.relative_to(SOURCE)}:{call.lineno}", call, function)


def _writes(call: ast.Call) -> bool:
    called = call.func
    return (
        isinstance(called, ast.Attribute)
        and called.attr in LEVELS
        and isinstance(called.value, ast.Name)
        and called.value.id == "log"
    )


def _told(place: str, call: ast.Call, function: ast.AST) -> Told:
    event = call.args[1 if getattr(call.func, "attr", "") == "log" else 0]
    fields = {each.arg for each in call.keywords if each.arg} - {"exc_info"}
    more = any(each.arg is None for each in call.keywords)
    return Told(place, frozenset(_names(event, function)), frozenset(fields), more)


def _names(event: ast.expr, function: ast.AST) -> Iterator[str]:
    """Yield the names that an event may have."""
    match event:
        case ast.Constant(value=str(name)):
            yield name
        case ast.Name(id=variable):
            for each in ast.walk(function):
                if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == variable:
                    yield from _names(each.value, function)
        case ast.IfExp(body=one, orelse=other):
            yield from _names(one, function)
            yield from _names(other, function)
        case ast.Call(func=ast.Name(id="_event"), args=[argument]):
            # A job's own events: its states, and what is recorded of it without a change of state.
            of_state = "state" in ast.unparse(argument)
            yield from (f"job.{name}" for name in (map(str, State) if of_state else updates()))
        case _:
            return


def updates() -> set[str]:
    """Return what is recorded of jobs by `Attempt.update`."""
    found: set[str] = set()
    for file in (SOURCE / "engine").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="attempt"), attr="update"),
                    args=[_, ast.Constant(value=str(name)), *_],
                ):
                    found.add(name)
                case ast.Call(func=ast.Attribute(value=ast.Name(id="attempt"), attr="update")):
                    raise AssertionError(
                        f"{file}:{call.lineno}: name the event where it is written"
                    )
                case _:
                    pass
    return found


def written() -> dict[str, tuple[set[str], bool]]:
    """Return the fields of each event, and whether there may be more."""
    events: dict[str, tuple[set[str], bool]] = {}
    for call in calls():
        for name in call.names:
            fields, more = events.get(name, (set[str](), False))
            events[name] = (fields | call.fields, more or call.more)
    return events


def listed() -> Mapping[str, set[str]]:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = text.partition("## Logs")[2].partition("\n## ")[0]
    rows = ROW.findall(section)
    names = [name for name, _ in rows]
    assert sorted(set(names)) == sorted(names), "an event is listed twice"
    return {name: set(re.findall(r"[\w…]+", fields)) for name, fields in rows}


def test_every_call_names_its_event() -> None:
    """What cannot be found here cannot be found by whoever searches a log, either."""
    assert [call.place for call in calls() if not call.names] == []


def test_every_event_has_a_name_that_can_be_searched_for() -> None:
    assert [name for name in written() if not NAME.fullmatch(name)] == []


def test_every_event_is_listed_and_no_other() -> None:
    assert sorted(listed()) == sorted(written())


def test_every_field_is_listed_and_no_other() -> None:
    """Where a call passes on what others name, the list may say more than the call."""
    known = listed()
    for name, (fields, more) in written().items():
        told = known[name] - {OPEN}
        assert fields <= told, f"{name}: not listed: {fields - told}"
        assert more or told <= fields, f"{name}: not written: {told - fields}"


def test_no_line_of_the_log_is_written_past_the_list() -> None:
    """The standard library's own logging has no events and no fields."""
    found = [
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if re.search(
            r"logging\.(debug|info|warning|error)\(|get_logger\(\)\.", file.read_text("utf-8")
        )
    ]
    assert found == []
