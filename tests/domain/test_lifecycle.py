"""The laws of the one table of transitions."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from reeldrop.domain.lifecycle import (
    AFTER_CRASH,
    FINAL,
    PLACED_AS,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
    Verdict,
    advance,
)

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


def reachable_from(start: State) -> set[State]:
    found, new = {start}, {start}
    while new:
        new = {to for (state, _), to in TRANSITIONS.items() if state in new} - found
        found |= new
    return found


def diagram() -> str:
    """Draw TRANSITIONS as a mermaid state diagram: one arrow per pair of states."""
    labels: dict[tuple[State, State], list[str]] = defaultdict(list)
    for (state, event), to in TRANSITIONS.items():
        labels[state, to].append(event)
    arrows = [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in labels.items()]
    ends = [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(["stateDiagram-v2", "    [*] --> queued", *arrows, *ends])


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_way_to_an_end(state: State) -> None:
    """A job that can never end would hold its clip for ever."""
    assert reachable_from(state) & FINAL


def test_every_state_is_reached_from_the_queue() -> None:
    assert set(State) == reachable_from(State.QUEUED)


def test_only_a_person_leads_out_of_a_final_state() -> None:
    """What has ended stays so, whatever the daemon meets: each of these arrows is an act of `retry`."""
    out = {event for state, event in TRANSITIONS if state in FINAL}
    assert {Event.AGAIN, Event.REVIVED} == out
    assert {state for state, event in TRANSITIONS if event in out} == FINAL


def test_every_event_has_an_arrow() -> None:
    assert set(Event) == {event for _, event in TRANSITIONS}


def test_only_a_definite_answer_leads_from_a_submit_back_to_the_queue() -> None:
    """The law that keeps a clip from being paid for twice."""
    back = {
        event
        for (state, event), to in TRANSITIONS.items()
        if state in {State.SUBMITTING, State.UNCERTAIN} and to in {State.QUEUED, State.UPLOADING}
    }
    assert back == {Event.NOT_ACCEPTED, Event.FREED}


def test_no_generation_is_begun_without_a_declared_intent() -> None:
    """What is on disk before the request's end leaves is what a restart can ask about."""
    into = {state for (state, _), to in TRANSITIONS.items() if to is State.SUBMITTING}
    assert {State.UPLOADING} == into
    begins = {state for state, event in TRANSITIONS if event is Event.ACCEPTED}
    assert {State.SUBMITTING, State.UNCERTAIN} == begins
    takes_part = {event for (_, event), to in TRANSITIONS.items() if to is State.GENERATING}
    assert {Event.ACCEPTED, Event.JOINED, Event.REVIVED} == takes_part


def test_after_a_crash_what_may_have_been_sent_is_uncertain() -> None:
    assert State.UNCERTAIN is advance(State.SUBMITTING, AFTER_CRASH[State.SUBMITTING])


@pytest.mark.parametrize(("state", "event"), AFTER_CRASH.items())
def test_a_crash_is_answered_by_arrows_of_the_table(state: State, event: Event) -> None:
    assert (state, event) in TRANSITIONS


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_ends_in_the_state_of_its_name(verdict: Verdict) -> None:
    assert verdict.value == advance(State.DELIVERING, PLACED_AS[verdict]).value


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_advance_takes_the_tables_arrows_and_no_other(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition):
            advance(state, event)


def test_the_diagram_in_the_architecture_is_the_table() -> None:
    """A drawing that has gone out of step misleads more than none."""
    if not ARCHITECTURE.exists():
        pytest.skip("docs/architecture.md is not written yet")
    drawn = re.findall(r"```mermaid\n(.*?)\n?```", ARCHITECTURE.read_text("utf-8"), re.DOTALL)
    assert diagram() in drawn, f"put this between the fences:\n{diagram()}"
