"""The status of an outbox: complete, bounded, and safe whatever the names are."""

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import Claim, Cost, GenerationId, Job, JobId, RelPath, Waiting
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.domain.moments import moment
from reeldrop.ports import Block, DaySpent, Health, Mode
from reeldrop.web.page import ROWS, status_page
from reeldrop.web.status import FINISHED_SHOWN, Around, status_document

NOW = 1_790_000_000.0


def job(number: int = 1, state: State = State.GENERATING, **changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": JobId(f"{number:032x}"),
        "watch": "main",
        "path": RelPath(f"showA/shot{number:03}.mp4"),
        "folder": RelPath(f"showA/shot{number:03}"),
        "model": "m",
        "params": {},
        "claim": Claim(RelPath(""), ()),
        "source_key": str(number),
        "created": NOW + number,
        "updated": NOW + number,
        "state": state,
    }
    return Job(**(fields | changes))


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, links and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def document(jobs: Sequence[Job] = (), waiting: Sequence[Waiting] = ()) -> dict[str, Any]:
    made = status_document("nas", NOW, jobs, waiting)
    assert made == json.loads(json.dumps(made)), "plain JSON values only"
    return made


def test_the_document_has_the_keys_that_programs_follow() -> None:
    """`drop --wait` and farms read this file and nothing else."""
    made = document(
        [
            job(
                1,
                State.FAILED,
                reason="",
                ticket="t",
                generation_id=GenerationId("g:1/x"),
                error=Trouble("rejected", "No.", "Mend it."),
                cost=Cost(3.0, 0.5),
                final=RelPath("_failed/showA/shot001"),
            )
        ],
        [Waiting("main", RelPath("b.mp4"), "waiting for sidecar b.json", NOW)],
    )
    keys = {"schema", "node", "updated", "counts", "blocked", "spent", "watches"}
    keys |= {"waiting", "jobs"}
    assert set(made) == keys
    assert made["updated"] == "2026-09-21T14:13:20.000Z"
    assert made["waiting"][0]["reason"] == "waiting for sidecar b.json"
    shown = made["jobs"][0]
    assert shown["error"] == {"code": "rejected", "message": "No.", "hint": "Mend it."}
    assert (shown["ticket"], shown["generation_id"]) == ("t", "g:1/x")
    assert shown["cost"] == {"credits": 3.0, "usd": 0.5}
    assert shown["final"] == "_failed/showA/shot001"
    assert shown["created"] == moment(NOW + 1)
    assert (made["counts"]["failed"], made["counts"]["waiting"]) == (1, 1)


def test_what_the_day_has_cost_so_far_is_on_the_page() -> None:
    """Whoever drops clips sees what they cost, and what is not known of it yet."""
    days = [DaySpent("2026-09-21", 3, 1, 3.9), DaySpent("2026-09-20", 1, 0, 1.95)]
    made = status_document("nas", NOW, [], [], Around(spent=days))
    assert made["spent"][0] == {"day": "2026-09-21", "submits": 3, "unpriced": 1, "usd": 3.9}
    assert [told["day"] for told in made["spent"]] == ["2026-09-21", "2026-09-20"]
    told = Reader(status_page(made)).text
    assert "2026-09-21: $3.90 for 3 submits, 1 of them not priced yet" in told
    assert "2026-09-20" not in told


HEALTH = (
    Health("main", NOW - 12, "", (Mode(RelPath(""), "inotify", "local file system (ext4)"),)),
    Health("late", NOW - 400),
    Health("far", NOW - 30, "The inbox <b> has not answered."),
    Health("new"),
)


def test_how_long_ago_each_inbox_was_looked_at_is_shown() -> None:
    """Nobody misses what a blind daemon does not take; that it is blind must be seen."""
    made = status_document("nas", NOW, [], [], Around(health=[(each, 150.0) for each in HEALTH]))
    main, late, far, new = made["watches"]
    assert (main["ok"], main["age"], main["scanned"]) == (True, 12.0, moment(NOW - 12))
    assert main["modes"] == [{"folder": "", "how": "inotify", "why": "local file system (ext4)"}]
    assert (late["ok"], far["ok"], far["trouble"]) == (False, False, HEALTH[2].trouble)
    assert (new["ok"], new["age"]) == (True, None)
    page = status_page(made)
    told = Reader(page).text
    assert "main: looked at 12 s ago, inotify (local file system (ext4))" in told
    assert "late: last looked at 7 min ago, which is too long" in told
    assert "far: last looked at 30 s ago. The inbox <b> has not answered." in told
    assert "new: not looked at yet" in told
    assert page.count('class="ill"') == 2


@pytest.mark.parametrize("state", [State.DOWNLOADING, State.DELIVERING])
def test_a_delivery_that_a_share_holds_says_so(state: State) -> None:
    """The step itself cannot: it waits in the kernel."""
    jobs = [job(1, state, watch="far"), job(2, state), job(3, State.GENERATING, watch="far")]
    made = status_document("nas", NOW, jobs, [], Around(health=[(each, 150.0) for each in HEALTH]))
    assert {each["path"][-5]: each["reason"] for each in made["jobs"]} == {
        "1": HEALTH[2].trouble,
        "2": "",
        "3": "",
    }


def test_a_queued_job_says_what_its_limit_waits_for() -> None:
    """The day's budget stops the queue, not the daemon: it is said of each job, not of all."""
    budget = Block("budget: $2.00 of $2.00 a day are spent", passing=True)
    made = status_document("nas", NOW, [job(1, State.QUEUED), job(2)], [], Around([budget]))
    assert [told["reason"] for told in made["jobs"]] == [budget.reason, ""]
    assert made["blocked"] == ""
    assert budget.reason in Reader(status_page(made)).text


def test_all_that_is_unfinished_is_listed_and_the_last_of_the_rest() -> None:
    """A file that grows for ever is read by nobody; a job that is missing from it is asked for."""
    finished = [job(n, State.DELIVERED) for n in range(FINISHED_SHOWN + 50)]
    going = [job(n) for n in range(1000, 1300)]
    made = document([*finished, *going])
    listed = [entry["id"] for entry in made["jobs"]]
    assert listed[:300] == [one.id for one in going]
    assert listed[300:] == [one.id for one in reversed(finished)][:FINISHED_SHOWN]


def test_what_is_first_in_the_queue_stands_first() -> None:
    """The page answers "when is it my turn?"."""
    made = document([job(1, State.QUEUED), job(2, State.QUEUED, priority=5)])
    assert [entry["path"] for entry in made["jobs"]] == [
        "showA/shot002.mp4",
        "showA/shot001.mp4",
    ]


@pytest.mark.parametrize("state", State)
def test_a_job_of_every_state_is_on_the_page(state: State) -> None:
    """A state that no section shows would be a clip that vanished."""
    final = RelPath("showA/x") if state in FINAL else None
    text = Reader(status_page(document([job(7, state, final=final)]))).text
    assert "showA/shot007.mp4" in text
    assert state in text


def test_the_page_says_what_waits_and_why_and_what_to_do_about_a_failure() -> None:
    """A person at the share has nothing but this page."""
    made = document(
        [
            job(1, State.QUEUED, reason="the account is empty"),
            job(2, State.FAILED, error=Trouble("x", "No prompt.", "Add one.")),
            job(3, State.DELIVERED, final=RelPath("showA/shot003"), cost=Cost(usd=1.95)),
        ],
        [Waiting("main", RelPath("b.mp4"), "waiting for sidecar b.json", NOW)],
    )
    reader = Reader(status_page(made))
    for words in ("the account is empty", "No prompt.", "Add one.", "sidecar b.json", "$1.95"):
        assert words in reader.text
    assert "./showA/shot003/" in reader.links
    assert "./showA/shot003/poster.jpg" in reader.links


def test_what_is_said_of_the_inbox_itself_has_a_name() -> None:
    """A line without a name belongs to nothing."""
    page = status_page(document(waiting=[Waiting("main", RelPath(""), "it is offline", NOW)]))
    assert "<h3>the inbox</h3>" in page


def test_the_page_needs_no_server_no_script_and_no_network() -> None:
    """It is opened from a share by a double click."""
    page = status_page(document([job(1, State.DELIVERED, final=RelPath("a"))]))
    reader = Reader(page)
    assert not {"script", "link", "iframe", "object", "form"} & set(reader.tags)
    assert all(link.startswith("./") for link in reader.links)
    assert not re.search(r"https?://|@import|url\(", page)
    assert 'http-equiv="refresh"' in page


names = st.text(st.characters(min_codepoint=1, exclude_characters="/"), min_size=1, max_size=20)
odd = st.sampled_from(
    ["<script>alert(1)</script>", '"onload="x', "a&b #?%2F.mp4", "\udcff\n", "x:y"]
)


@given(name=names | odd)
def test_no_name_breaks_out_of_the_page_or_its_link(name: str) -> None:
    """A dozen people and a render farm write to the share; names are not to be trusted."""
    entry = job(
        1,
        State.DELIVERED,
        path=RelPath(name),
        final=RelPath(name),
        reason=name,
        generation_id=GenerationId(name),
        error=Trouble("x", name, name),
    )
    plain = Reader(status_page(document([job(1, State.DELIVERED, final=RelPath("a"))])))
    try:
        wanted = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return  # not a name that a file system can give
    reader = Reader(status_page(document([entry])))
    assert {tag for tag in reader.tags if tag != "p"} == {tag for tag in plain.tags if tag != "p"}
    folder, poster = reader.links[0], reader.links[1]
    assert unquote_to_bytes(folder) == b"./" + wanted + b"/"
    assert poster == folder + "poster.jpg"


def test_text_that_is_no_text_does_not_stop_the_page() -> None:
    r"""JSON lets a sidecar hold a lone \\ud800; one such prompt must not blind everybody."""
    odd_job = job(
        1,
        error=Trouble("x", "\ud800", "\udcff"),
        generation_id=GenerationId("\ud800"),
        reason="\ud801",
    )
    page = status_page(document([odd_job], [Waiting("main", RelPath("\udcfe"), "\ud802", NOW)]))
    assert "\\ud800" in page.encode("utf-8").decode()


def test_a_long_list_is_cut_with_a_count() -> None:
    """Twenty thousand files at once must not make a page that no browser opens."""
    page = status_page(document([job(n, State.QUEUED) for n in range(ROWS + 7)]))
    assert page.count("<h3>") == ROWS
    assert "… and 7 more" in page


def test_an_empty_outbox_says_so() -> None:
    """A blank page looks like a fault."""
    text = Reader(status_page(document())).text
    assert "Nothing here yet" in text
    assert "idle" in text
