"""How things stand, as metrics: read from the store when somebody asks."""

from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

from reeldrop.ports import Overview, Scope
from reeldrop.telemetry.metrics import label
from reeldrop.web.glance import Seen
from reeldrop.web.health import Self


def figures(own: Self, seen: Seen, late: Mapping[str, float]) -> Iterator[Metric]:
    """Yield every metric that is seen now; a store that does not answer leaves its own out.

    `late` holds, by watch, after how many seconds without a look something is wrong.
    """
    yield InfoMetricFamily(
        "reeldrop_build",
        "Which Reeldrop this is.",
        {"version": own.version, "node": label(own.node)},
    )
    yield _gauge("reeldrop_store_up", "Whether the job store answers.", seen.overview is not None)
    if seen.overview is not None:
        yield from _jobs(seen.overview, seen.now)
        yield from _held_up(seen.overview)
        yield from _money(seen.overview)
        yield from _watches(seen, late)


def _jobs(overview: Overview, now: float) -> Iterator[Metric]:
    yield _gauge("reeldrop_drops_waiting", "Drops that are no job yet.", overview.counts.waiting)
    counts = {state.value: number for state, number in overview.counts.jobs.items()}
    yield _gauges("reeldrop_jobs", "Jobs by state.", "state", counts)
    yield _gauge("reeldrop_jobs_late", "Jobs that generate for too long.", overview.late)
    held = sum(job.held for job in overview.uncertain)
    yield _gauge(
        "reeldrop_jobs_held",
        "Uncertain jobs that only a person can settle: reeldrop resolve.",
        held,
    )
    yield _gauge(
        "reeldrop_in_flight", "Jobs that count against limits.in_flight.", overview.in_flight
    )
    yield _gauge(
        "reeldrop_in_flight_limit", "Jobs at once: limits.in_flight.", overview.limits.in_flight
    )
    since = overview.queued_since
    age = 0.0 if since is None else max(0.0, now - since)
    yield _gauge("reeldrop_queue_age_seconds", "Age of the oldest queued job; 0: none is.", age)


def _held_up(overview: Overview) -> Iterator[Metric]:
    lasting = [each.scope for each in overview.blocks if not each.passing]
    yield _gauges(
        "reeldrop_blocks",
        "Reasons why queued jobs are not submitted, by how far they reach; full limits are none.",
        "scope",
        {scope.value: lasting.count(scope) for scope in Scope},
    )
    yield _gauge(
        "reeldrop_paused", "Whether a person has paused submits.", overview.paused is not None
    )


def _money(overview: Overview) -> Iterator[Metric]:
    today = next((each for each in overview.spent if each.day == overview.today), None)
    yield _gauge(
        "reeldrop_budget_dollars",
        "What a day may cost: limits.daily_usd; 0 is no limit.",
        overview.limits.daily_usd,
    )
    yield _gauges(
        "reeldrop_today_spent_dollars",
        "What the provider has named of the submits since local midnight.",
        "model",
        overview.priced,
    )
    yield _gauge(
        "reeldrop_today_committed_dollars",
        "What counts against the budget of the day: charged and reserved.",
        overview.committed,
    )
    yield _gauge(
        "reeldrop_today_submits", "Submits since local midnight.", today.submits if today else 0
    )
    yield _gauge(
        "reeldrop_today_submits_unpriced",
        "Submits since local midnight without a known price.",
        today.unpriced if today else 0,
    )


def _watches(seen: Seen, late: Mapping[str, float]) -> Iterator[Metric]:
    health = {each.watch: each for each in seen.overview.health} if seen.overview else {}
    scanned = {
        watch: at for watch in late if watch in health and (at := health[watch].scanned) is not None
    }
    yield _gauges(
        "reeldrop_watch_last_scan_timestamp_seconds",
        "When the last look at the inbox came to its end; none before the first.",
        "watch",
        scanned,
    )
    well = {each["watch"]: each["ok"] for each in seen.watches(late)}
    yield _gauges("reeldrop_watch_ok", "Whether the inbox is looked at in time.", "watch", well)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _gauges(name: str, text: str, of: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[of])
    for each, value in values.items():
        family.add_metric([label(each)], float(value))
    return family
