"""Counts what happens since the start, and writes numbers as Prometheus reads them.

Must not: hold a label whose values have no end, as paths, job ids and reasons have none.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import FINAL, Event, State
from reeldrop.ports import Direction

BUCKETS = (
    *(0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    *(1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0),
)
"""Seconds in a state: a step of a tenth of a second, a generation of minutes, a queue of a day."""
VERDICTS = {
    Event.ACCEPTED: "accepted",
    Event.REFUSED: "refused",
    Event.NOT_ACCEPTED: "not_accepted",
    Event.RETURNED: "returned",
    Event.OUTCOME_UNKNOWN: "unknown",
    Event.FREED: "freed",
}
"""What became of a submit, by what was recorded; one that is unknown may hear of another later."""
SUBMITS = frozenset({State.UPLOADING, State.SUBMITTING, State.UNCERTAIN})
CLAIMED, WITHDRAWN = "claimed", "withdrawn"
"""What the journal says of a new job whose files are ours, and of one that is forgotten."""
TAKEN, REFUSED = "taken", "refused"


class Counters:
    """The `Metrics` port. Every method is a few additions in memory."""

    def __init__(self, watches: Iterable[str]) -> None:
        """`watches` are shown from the start, at nought."""
        # When each series began is as many series again, and says no more than process_start_time_seconds.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._since: dict[JobId, float] = {}
        self._drops = Counter(
            "reeldrop_drops",
            "Drops that were taken as a job, each time they are, or refused. Each variant counts.",
            ["watch", "outcome"],
            registry=self.registry,
        )
        self._ended = Counter(
            "reeldrop_jobs_ended",
            "Jobs that ended, by their final state.",
            ["watch", "state"],
            registry=self.registry,
        )
        self._submits = Counter(
            "reeldrop_submits",
            "What became of submits; one that was unknown is counted again once it is known.",
            ["verdict"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "reeldrop_job_state_seconds",
            "Seconds that jobs were in a state, seen when they left it.",
            ["state"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._bytes = Counter(
            "reeldrop_transferred_bytes",
            "Bytes of clips (upload) and results (download) that went over the network.",
            ["direction"],
            registry=self.registry,
        )
        self._show(watches)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def _show(self, watches: Iterable[str]) -> None:
        """Let every series begin at nought: the first event of one that appears with it is not seen."""
        for watch in watches:
            for outcome in (TAKEN, REFUSED):
                self._drops.labels(label(watch), outcome)
            for state in sorted(FINAL):
                self._ended.labels(label(watch), state.value)
        for verdict in VERDICTS.values():
            self._submits.labels(verdict)
        for direction in Direction:
            self._bytes.labels(direction.value)
        for state in sorted(set(State) - FINAL):
            self._seconds.labels(state.value)

    def recorded(self, was: State | None, job: Job, event: str) -> None:
        """Count what was recorded of a job."""
        if event == CLAIMED:
            self._drops.labels(label(job.watch), TAKEN).inc()
        if event == WITHDRAWN:
            self._since.pop(job.id, None)
        elif was is None:
            self._since[job.id] = job.updated
        elif was is not job.state:
            self._left(was, job, event)

    def _left(self, was: State, job: Job, event: str) -> None:
        if was is State.QUEUED and event == Event.REFUSED:
            self._drops.labels(label(job.watch), REFUSED).inc()
        elif was in SUBMITS and event in VERDICTS:
            self._submits.labels(VERDICTS[Event(event)]).inc()
        # How long a job was in a state that it entered under another daemon is not known here.
        if (since := self._since.pop(job.id, None)) is not None:
            self._seconds.labels(was.value).observe(max(0.0, job.updated - since))
        if job.state in FINAL:
            self._ended.labels(label(job.watch), job.state.value).inc()
        else:
            self._since[job.id] = job.updated

    def passed(self, direction: Direction, count: int) -> None:
        """Count bytes."""
        self._bytes.labels(direction.value).inc(count)


class _All(Collector):
    """What was counted, and what is seen now."""

    def __init__(self, registry: CollectorRegistry, seen: Iterable[Metric]) -> None:
        self._registry, self._seen = registry, tuple(seen)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._registry.collect()
        yield from self._seen


def exposition(counters: Counters, seen: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """Return all metrics as the Accept header `accept` wants them, and their content type."""
    encode, content_type = _encoder(accept)
    return encode(_All(counters.registry, seen)), content_type


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    plain = choose_encoder("")
    try:
        wanted = choose_encoder(accept)
    except (TypeError, ValueError):
        # The library stumbles over versions that are no numbers.
        return plain
    # It repeats the version, which is a stranger's word.
    return wanted if wanted[1].isprintable() else plain


def label(text: str) -> str:
    """Return a label's value that can be written: names may carry what is no text."""
    return text.encode("utf-8", "backslashreplace").decode()
