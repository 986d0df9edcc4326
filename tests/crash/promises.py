"""The promises, checked from outside: folders, the status file, and the stand-in's ledger.

Nothing here asks the product's own memory. Each function returns what is broken, a sentence for each.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from acceptance.world import Site
from crash.drops import Drop
from reeldrop.simulator.ledger import Ledger

HOME = ".reeldrop"
MARKER = "owner.json"
CLAIMS = "claims"
HELD = ("uncertain", "queued")
"""The states in which a job may be left when all is worked off: it waits for a person, or for such a one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What was dropped where, and who counted the money."""

    site: Site
    drops: Sequence[Drop]
    ledger: Ledger


def broken_at_any_time(scene: Scene) -> list[str]:
    """Check what holds at every instant, also right after a kill."""
    return [*_paid_twice(scene), *_lost(scene), *_half_written(scene)]


def broken_at_the_end(scene: Scene) -> list[str]:
    """Check what holds as well once a later start has worked off what was left."""
    ends = _ends(scene.site)
    return [
        *broken_at_any_time(scene),
        *_not_ended(scene, ends),
        *_left_behind(scene, ends),
    ]


def outcome(site: Site) -> str:
    """Say how the jobs ended, in a few words for a table."""
    count = Counter(state for _, state in _ends(site))
    return ", ".join(f"{number} {state}" for state, number in sorted(count.items()))


# ---------------------------------------------------------------------------- money


def _paid_twice(scene: Scene) -> Iterator[str]:
    # A twin that comes when the first has ended is another job: what is under way alone is shared.
    allowed = Counter(prompt for drop in scene.drops for prompt in drop.prompts)
    prompts = Counter(str(each.params.get("prompt")) for each in scene.ledger.accepted)
    ids = Counter(each.client_request_id for each in scene.ledger.accepted)
    jobs = Counter(str(each.client_request_id).partition(".")[0] for each in scene.ledger.accepted)
    for what, counted in (("prompt", prompts), ("request id", ids), ("job", jobs)):
        for name, number in counted.items():
            if number > max(1, allowed[str(name)]):
                yield f"paid {number} times: the {what} {name}"
    for prompt in prompts.keys() - allowed:
        yield f"paid for what nobody asked for: {prompt}"


# ---------------------------------------------------------------------------- sources


def _lost(scene: Scene) -> Iterator[str]:
    there = {_digest(path) for path in _where_sources_lie(scene.site)}
    for drop in scene.drops:
        for path, content in drop.files.items():
            if hashlib.sha256(content).hexdigest() not in there:
                yield f"lost: {path} lies neither in the inbox nor in a source/ of the outbox"


def _where_sources_lie(site: Site) -> Iterator[Path]:
    yield from _files(site.inbox)
    for path in _files(site.outbox):
        folders = path.relative_to(site.outbox).parts[:-1]
        if "source" in folders and HOME not in folders:
            yield path


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str:
    found = path.stat()
    return _digest_of(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _digest_of(path: Path, *_stamp: int) -> str:
    # Torture checks after every kill: what has not changed since is not read again.
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---------------------------------------------------------------------------- the outbox


def _half_written(scene: Scene) -> Iterator[str]:
    outbox = scene.site.outbox
    folders = {path.parent for path in _shown(outbox) if path.name == "job.json"}
    for folder in sorted(folders):
        for fault in _faults_of(folder):
            yield f"half-written: {folder.relative_to(outbox)}: {fault}"
    for path in _shown(outbox):
        if folders.isdisjoint(path.parents):
            yield f"half-written: {path.relative_to(outbox)} belongs to no job's folder"


def _shown(outbox: Path) -> Iterator[Path]:
    """Yield the files that users take for results."""
    for path in _files(outbox):
        top, *rest = path.relative_to(outbox).parts
        if top not in {HOME, "_logs"} and (rest or not top.startswith("_status.")):
            yield path


def _faults_of(folder: Path) -> Iterator[str]:
    record = json.loads((folder / "job.json").read_text())
    wanted = {"job.log.jsonl"} | ({"error.txt"} if record["state"] != "delivered" else set())
    for name in sorted(wanted):
        if not (folder / name).is_file():
            yield f"{name} is missing"
    if not any(path.is_file() for path in (folder / "source").rglob("*")):
        yield "source/ is empty or missing"
    if record["state"] == "delivered":
        yield from _faults_of_result(folder, record["result"])
    for path in _files(folder):
        if path.suffix == ".part":
            yield f"{path.name} is unfinished"


def _faults_of_result(folder: Path, result: dict[str, Any]) -> Iterator[str]:
    path = folder / result["name"]
    if not path.is_file():
        yield f"{result['name']} is missing"
    elif path.stat().st_size != result["bytes"] or _digest(path) != result["sha256"]:
        yield f"{result['name']} is not what job.json says"


# ---------------------------------------------------------------------------- ends


def _ends(site: Site) -> list[tuple[str, str]]:
    """Return (the drop's path, how it ended) for every job that a person can see the end of."""
    ended = [
        (path.parent.relative_to(site.outbox).as_posix(), json.loads(path.read_text())["state"])
        for path in _shown(site.outbox)
        if path.name == "job.json"
    ]
    held = [(job["path"], job["state"]) for job in _status(site) if job["state"] in HELD]
    return sorted([*ended, *held])


def _status(site: Site) -> list[dict[str, Any]]:
    if not site.status_path.exists():
        return []
    return json.loads(site.status_path.read_text())["jobs"]


def _not_ended(scene: Scene, ends: Sequence[tuple[str, str]]) -> Iterator[str]:
    for drop in scene.drops:
        own = [state for path, state in ends if _is_of(drop, path)]
        expected = {"delivered", "uncertain"} if drop.prompts else {"failed"}
        if drop.twin:
            # It waits with the one whose outcome nobody knows.
            expected |= {"queued"}
        if len(own) != drop.ends or not expected.issuperset(own):
            seen = ", ".join(own) or "nothing to be seen"
            yield f"not ended: {drop.path} wants {drop.ends} of {sorted(expected)}: {seen}"


def _is_of(drop: Drop, path: str) -> bool:
    stem = drop.path.removesuffix(".mov")
    return path.removeprefix("_failed/") in {drop.path, stem, f"{stem}-v1", f"{stem}-v2"}


def _left_behind(scene: Scene, ends: Iterable[tuple[str, str]]) -> Iterator[str]:
    site = scene.site
    held = {path for path, state in ends if state in HELD}
    for path in (*site.inbox.glob(f"{HOME}/*"), *site.outbox.glob(f"{HOME}/*")):
        if path.name not in {MARKER, CLAIMS} and (path.is_file() or any(path.iterdir())):
            yield f"not swept: {path.name} in the {path.parents[1].name}"
    claims = [{_digest(file) for file in _files(claim)} for claim in _claims(site)]
    for drop in scene.drops:
        content = drop.files[drop.path]
        clip = hashlib.sha256(content).hexdigest()
        found = sum(clip in claim for claim in claims)
        same = sum(each.path in held for each in scene.drops if each.files[each.path] == content)
        if found != same:
            yield f"claims: {drop.path} has {found}, {'' if same else 'not '}held"
    if len(claims) != len(held):
        yield f"claims: there are {len(claims)} for {len(held)} held drops"


def _claims(site: Site) -> list[Path]:
    return sorted(site.inbox.glob(f"**/{HOME}/{CLAIMS}/*"))
