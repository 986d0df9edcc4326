"""Dashboard, alerts and documents name metrics that there are, and the document names them all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import Limits
from reeldrop.ports import Counts, DaySpent, Health, Overview
from reeldrop.telemetry.metrics import Counters, exposition
from reeldrop.web.figures import figures
from reeldrop.web.glance import Seen
from reeldrop.web.health import Self

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "config" / "grafana" / "reeldrop.json"
RULES = ROOT / "config" / "prometheus" / "reeldrop.rules.yml"
METRIC = re.compile(r"\b(?:reeldrop|process)_[a-z_]+")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")


def samples() -> dict[str, set[str]]:
    """Return the labels of every sample that /metrics may hold, by its name."""
    overview = Overview(
        counts=Counts({State.QUEUED: 0}, 0), in_flight=0, queued_since=None, late=0, uncertain=(), blocks=(),
        paused=None, today="d", committed=0.0, priced={"a/model": 1.0},
        spent=[DaySpent("d", 1, 0, 1.0)], health=[Health("main", 1.0)], transfers=(),
        limits=Limits(1, 1, 1.0),
    )  # fmt: skip
    seen = figures(Self("1", "nas", 1), Seen(2.0, overview), {"main": 1.0})
    text, _ = exposition(Counters(["main"]), seen, "")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        found.setdefault(family.name, set())
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every query of dashboard and alerts with where it stands."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for each in dashboard["annotations"]["list"]:
        yield each["name"], each.get("expr", "")
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            yield each["name"], each["query"]["query"]
    yield from ((RULES.name, each) for each in alerts())


def alerts() -> list[str]:
    """Return the expressions of the rules, whose form is simple enough to need no library."""
    parts = re.split(r"^      - alert: ", RULES.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [part.partition("expr:")[2].partition("labels:")[0] for part in parts]


@pytest.mark.parametrize(("place", "query"), list(expressions()))
def test_every_query_asks_for_what_there_is(place: str, query: str) -> None:
    """A panel without data and an alert that never fires look like peace."""
    known = samples()
    names = set(METRIC.findall(query))
    assert names - known.keys() == set()
    allowed = {"instance", "job", *(label for name in names for label in known[name])}
    assert set(LABEL.findall(query)) <= allowed


def test_the_queries_are_found() -> None:
    """What the test above would not see it could not hold to anything."""
    found = list(expressions())
    assert len(alerts()) >= 12
    assert len(found) > 40
    assert sum(bool(METRIC.search(query)) for _, query in found) > 40


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    text = RULES.read_text("utf-8")
    names = re.findall(r"- alert: (\w+)", text)
    assert len(set(names)) == len(names) == len(alerts())
    for word in ("summary:", "description:", "severity:"):
        assert text.count(word) == len(names)


def test_every_metric_is_in_the_document_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(reeldrop_\w+)` \|", text, re.MULTILINE))
    shown = {name for name in samples() if name.startswith("reeldrop_")}
    shown = {re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", name) for name in shown}
    # The families of counters and of the build are called by the name of their one sample.
    assert listed == {name for name in shown if not shown & {f"{name}_total", f"{name}_info"}}


def test_the_dashboard_can_be_imported_anywhere() -> None:
    """It asks whichever Prometheus is chosen at its top, and no panel lies on another."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    assert "id" not in dashboard
    panels = dashboard["panels"]
    sources = {json.dumps(panel["datasource"]) for panel in panels if panel["type"] != "row"}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
