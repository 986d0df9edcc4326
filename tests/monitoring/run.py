"""`make test-monitoring`: rules, scrape and dashboard in the tools that they are made for.

promtool checks and runs the rules; a Prometheus scrapes a daemon with the stand-in of the API, and is
asked every query of alerts and dashboard; the dashboard is read and written again by Grafana's own
schema, which loses what it does not know. A Grafana server is not started.
"""

import importlib
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "config"
RULES = CONFIG / "prometheus" / "reeldrop.rules.yml"
SCRAPE = CONFIG / "prometheus" / "reeldrop.scrape.yml"
DASHBOARD = CONFIG / "grafana" / "reeldrop.json"
TESTS = REPOSITORY / "tests" / "monitoring" / "rules_test.yml"
SCHEMA = "grafana-foundation-sdk==1769699379!11.6.0"
REELDROP = Path(sys.executable).with_name("reeldrop")
TOKEN = "a-token-of-this-test"
PATIENCE = 60.0


def main() -> int:
    """Run everything; return the exit code: 2 where something is missing."""
    missing = [
        f"the program {name} (Debian package prometheus)"
        for name in ("promtool", "prometheus")
        if shutil.which(name) is None
    ]
    if importlib.util.find_spec("grafana_foundation_sdk") is None:
        missing.append(f"Grafana's schema: .venv/bin/pip install '{SCHEMA}'")
    for each in missing:
        print(f"missing: {each}", file=sys.stderr)
    if missing:
        return 2
    promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(TESTS))
    promtool("check", "config", "--syntax-only", str(SCRAPE))
    schema_loses_nothing()
    with tempfile.TemporaryDirectory(prefix="reeldrop-monitoring-") as folder:
        in_a_prometheus(Path(folder))
    print("All of it was loaded, but for a Grafana server.")
    return 0


def promtool(*arguments: str, given: str | None = None) -> None:
    """Run promtool. Raises CalledProcessError."""
    subprocess.run(["promtool", *arguments], check=True, input=given, text=True)


# ---------------------------------------------------------------------------- the dashboard


def schema_loses_nothing() -> None:
    """Read the dashboard by Grafana's schema and write it again: all of it must come back."""
    # Not among the project's requirements: it is only looked for here.
    dashboards: Any = importlib.import_module("grafana_foundation_sdk.models.dashboard")
    encoder: Any = importlib.import_module("grafana_foundation_sdk.cog.encoder")
    plugins: Any = importlib.import_module("grafana_foundation_sdk.cog.plugins")
    plugins.register_default_plugins()
    ours = json.loads(DASHBOARD.read_text("utf-8"))
    read = dashboards.Dashboard.from_json(ours)
    lost = list(differences(ours, json.loads(json.dumps(read, cls=encoder.JSONEncoder)), ""))
    if lost:
        raise SystemExit("Grafana's schema does not know:\n" + "\n".join(lost))
    print(f"Grafana's schema knows all of {len(ours['panels'])} panels.")


def differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    """Yield where `theirs` lacks or changes what stands in `ours`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from differences(value, theirs[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for n, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}/{n}")
    elif ours != theirs:
        yield f"{path}: {ours!r} is {theirs!r}"


def queries() -> list[str]:
    """Return what the dashboard asks for, with its variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    found += [each["expr"] for each in dashboard["annotations"]["list"] if "expr" in each]
    return [each.replace("$instance", ".*").replace("$__rate_interval", "1m") for each in found]


# ---------------------------------------------------------------------------- a Prometheus


def in_a_prometheus(folder: Path) -> None:
    """Let a Prometheus with our rules and our scrape look at a daemon that delivers a clip."""
    daemon, server = free_address(), free_address()
    with running(daemon_of(folder, daemon), folder / "daemon.log"):
        promtool("check", "metrics", given=await_that(lambda: numbers(daemon)))
        drop(folder)
        configure(folder, daemon)
        command = [
            *("prometheus", f"--config.file={folder}/prometheus.yml"),
            *(f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address={server}"),
        ]
        with running(command, folder / "prometheus.log"):
            see(f"http://{server}/api/v1")


def see(api: str) -> None:
    """Ask the Prometheus at `api` what it made of it. Raises TimeoutError, SystemExit."""
    await_that(lambda: result(api, 'up{job="reeldrop"} == 1'))
    # A rate wants two scrapes.
    await_that(lambda: result(api, "count_over_time(reeldrop_store_up[1m]) > 2"))
    await_that(lambda: all(rule["health"] != "unknown" for rule in rules(api)))
    ill = [rule["name"] for rule in rules(api) if rule["health"] != "ok"]
    firing = [rule["name"] for rule in rules(api) if rule["state"] != "inactive"]
    if ill or firing:
        raise SystemExit(f"rules that cannot be read: {ill}; that fire for nothing: {firing}")
    print(f"{len(rules(api))} rules are loaded; none fires over a daemon that is well.")
    empty = [each for each in queries() if not result(api, each)]
    print(f"{len(queries())} queries of the dashboard are answered; with nothing to show:")
    for each in empty:
        print(f"  {each}")


def rules(api: str) -> list[dict[str, Any]]:
    """Return the rules that are loaded."""
    return [rule for group in asked(api, "rules")["groups"] for rule in group["rules"]]


def result(api: str, query: str) -> list[Any]:
    """Return what a query finds now; one that cannot be read ends all. Raises SystemExit."""
    return asked(api, "query", query=query)["result"]


def asked(api: str, what: str, **query: str) -> Any:
    """Return the data of an answer of Prometheus' API, empty while it starts. Raises SystemExit."""
    try:
        answer = httpx.get(f"{api}/{what}", params=query, trust_env=False)
    except httpx.TransportError:
        return {"result": []}
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return {"result": []}
    if answer.status_code != httpx.codes.OK:
        raise SystemExit(f"{query}: {answer.text}")
    return answer.json()["data"]


# ---------------------------------------------------------------------------- a daemon


def daemon_of(folder: Path, listen: str) -> list[Any]:
    """Make folders and settings, and return the command of a daemon with them."""
    for name in ("inbox", "outbox"):
        (folder / name).mkdir()
    (folder / "token").write_text(TOKEN)
    (folder / "reeldrop.toml").write_text(
        f'[store]\nurl = "sqlite:///{folder}/state/r.db"\n'
        f'[web]\nlisten = "{listen}"\ntoken_file = "{folder}/token"\n'
        "[limits]\nmin_free_disk = 0\ndaily_usd = 1000.0\n"
        f'[[watch]]\ninbox = "{folder}/inbox"\noutbox = "{folder}/outbox"\n'
    )
    return [REELDROP, "run", "--simulate", "--config", folder / "reeldrop.toml"]


def drop(folder: Path) -> None:
    """Drop a clip and await its delivery. Raises CalledProcessError."""
    from reeldrop.simulator.footage import make_clip  # noqa: PLC0415 - it brings the decoder

    clip = folder / "clip.mov"
    make_clip(clip, seconds=3.0, width=1280, height=720)
    folders = ("--inbox", folder / "inbox", "--outbox", folder / "outbox")
    command = [REELDROP, "drop", clip, "--prompt", "as clay", "--wait", *folders]
    subprocess.run(command, check=True, cwd=folder)


def configure(folder: Path, daemon: str) -> None:
    """Write our scrape as it is, with its places put in, and our rules."""
    text = SCRAPE.read_text("utf-8").replace("127.0.0.1:8585", daemon)
    text = text.replace("/etc/prometheus/reeldrop.token", f"{folder}/token")
    text = re.sub(r"scrape_(interval|timeout): \S+", r"scrape_\1: 2s", text)
    ours = f'rule_files: ["{RULES}"]\nglobal: {{evaluation_interval: 2s}}\n'
    (folder / "prometheus.yml").write_text(ours + text)


def numbers(daemon: str) -> str:
    """Return /metrics of the daemon, "" while it does not answer."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        answer = httpx.get(f"http://{daemon}/metrics", headers=headers, trust_env=False)
    except httpx.TransportError:
        return ""
    return answer.raise_for_status().text


@contextmanager
def running(command: list[Any], log: Path) -> Generator[None]:
    """Run a program while the block runs; what it said is shown where the block fails."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    except BaseException:
        print(log.read_text("utf-8", "replace")[-3000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(PATIENCE)


def await_that(condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns once it is true. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(0.1)
    return found


def free_address() -> str:
    """Return an address of this host that nobody listens on now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


if __name__ == "__main__":
    sys.exit(main())
