"""What the web listener of the installed daemon answers: /healthz, /metrics, and `status --health`."""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from acceptance.world import STOPPED, Site, eventually
from doors import free_port
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

GOOD = {"prompt": "as watercolour"}
TOKEN = "a-token-that-nobody-guesses"
Parser = Callable[[str], Iterable[Metric]]


def listening(site: Site) -> str:
    """Let the site's daemon listen on a port that is free; return its address."""
    listen = f"127.0.0.1:{free_port()}"
    site.configure(web={"listen": listen})
    return f"http://{listen}"


def get(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=20) as client:
        return client.get(url, headers=headers)


def values(text: str, parse: Parser) -> dict[str, float]:
    """Return the samples by name and sorted labels, as `name{a=b}`."""
    found: dict[str, float] = {}
    for family in parse(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def read(base: str, **headers: str) -> dict[str, float]:
    return values(get(f"{base}/metrics", **headers).text, text_families)


async def scanned(base: str) -> None:
    await eventually(lambda: get(f"{base}/healthz").json()["watches"][0]["scanned"])


# ---------------------------------------------------------------------------- metrics


async def test_the_numbers_of_a_run_are_those_of_its_jobs(site: Site) -> None:
    """Parsed by the client library's own parser, in both formats that it knows."""
    base = listening(site)
    site.configure(limits={"daily_usd": 100.0}, watch={"name": "plates"})
    await site.start()
    await scanned(base)
    site.drop("a.mov", GOOD)
    site.drop("b.mov", {"prompt": ""})
    await site.finished("a")
    await site.finished("_failed/b")
    await eventually(lambda: read(base).items() >= NUMBERS.items())

    plain = get(f"{base}/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    asked = "application/openmetrics-text; version=1.0.0"
    modern = get(f"{base}/metrics", accept=asked)
    assert modern.headers["content-type"].startswith(asked)
    told = values(plain.text, text_families)
    assert {name: told.get(name) for name in NUMBERS} == NUMBERS
    again = values(modern.text, openmetrics_families)
    assert {name: again.get(name) for name in NUMBERS} == NUMBERS
    see_that_it_is_true_of(site, told)


NUMBERS = {
    "reeldrop_drops_total{outcome=taken,watch=plates}": 1,
    "reeldrop_drops_total{outcome=refused,watch=plates}": 1,
    "reeldrop_drops_waiting{}": 0,
    "reeldrop_jobs_ended_total{state=delivered,watch=plates}": 1,
    "reeldrop_jobs_ended_total{state=failed,watch=plates}": 1,
    "reeldrop_jobs{state=delivered}": 1,
    "reeldrop_jobs{state=generating}": 0,
    "reeldrop_jobs_held{}": 0,
    "reeldrop_jobs_late{}": 0,
    "reeldrop_submits_total{verdict=accepted}": 1,
    "reeldrop_submits_total{verdict=unknown}": 0,
    "reeldrop_job_state_seconds_count{state=generating}": 1,
    "reeldrop_in_flight{}": 0,
    "reeldrop_in_flight_limit{}": 10,
    "reeldrop_queue_age_seconds{}": 0,
    "reeldrop_blocks{scope=all}": 0,
    "reeldrop_paused{}": 0,
    "reeldrop_budget_dollars{}": 100,
    "reeldrop_today_submits{}": 1,
    "reeldrop_today_submits_unpriced{}": 0,
    "reeldrop_watch_ok{watch=plates}": 1,
    "reeldrop_store_up{}": 1,
}
"""After one drop that was delivered and one that was refused."""


def see_that_it_is_true_of(site: Site, told: dict[str, float]) -> None:
    """Hold what is measured against the record of the delivered job."""
    record = site.record("a")
    # In the body of a request the clip is base64.
    sent = told["reeldrop_transferred_bytes_total{direction=upload}"]
    assert sent == pytest.approx(site.clip.stat().st_size * 4 / 3, abs=100)
    fetched = told["reeldrop_transferred_bytes_total{direction=download}"]
    assert fetched == record["result"]["bytes"]
    (charged,) = [value for name, value in told.items() if "today_spent_dollars" in name]
    assert charged == pytest.approx(record["cost"]["usd"])
    assert told["reeldrop_today_committed_dollars{}"] == pytest.approx(charged)
    assert 0.1 < told["reeldrop_job_state_seconds_sum{state=generating}"] < 30
    assert told["reeldrop_watch_last_scan_timestamp_seconds{watch=plates}"] > 1.7e9
    assert told["process_resident_memory_bytes{}"] > 1e6


async def test_no_label_grows_with_what_is_dropped(site: Site) -> None:
    """A path, an id or a reason as a label would make the scraper's memory grow for ever."""
    base = listening(site)
    await site.start()
    await eventually(lambda: read(base)["reeldrop_store_up{}"])
    before = set(read(base))
    site.drop("shot-with-a-name/a.mov", {"prompt": ""})
    await site.finished("_failed/shot-with-a-name/a")
    await eventually(lambda: read(base).get("reeldrop_jobs{state=failed}") == 1)
    new = set(read(base)) - before
    assert {name for name in new if "last_scan_timestamp" not in name} == set()


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=x",
        "text/plain;version=\u00b2",
        "application/openmetrics-text;version=1.0.0\u00e9",
        "*/*",
        "," * 5000,
    ],
)
async def test_no_accept_header_breaks_the_page(site: Site, accept: str) -> None:
    base = listening(site)
    await site.start()
    answer = httpx.get(
        f"{base}/metrics",
        headers=[(b"accept", accept.encode("latin-1"))],
        trust_env=False,
        timeout=20,
    )
    assert answer.status_code == 200
    assert values(answer.text, text_families)["reeldrop_store_up{}"] == 1
    assert "Traceback" not in site.log


# ---------------------------------------------------------------------------- health


async def test_a_daemon_that_works_is_well_and_says_how_its_watches_are(site: Site) -> None:
    base = listening(site)
    site.configure(watch={"name": "plates"})
    await site.start()
    await scanned(base)
    answer = get(f"{base}/healthz")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert told["ok"] is True
    assert told["store"] == {"ok": True, "reason": ""}
    assert told["provider"] == {"state": "ok", "reason": ""}
    assert told["stalled"] == []
    (watch,) = told["watches"]
    assert set(watch) == {"watch", "ok", "scanned", "age", "late_after", "trouble", "modes"}
    assert (watch["watch"], watch["ok"], watch["trouble"]) == ("plates", True, "")
    assert await site.command("status", "--health") == (0, "well\n", "")


async def test_an_inbox_that_has_gone_is_no_health(site: Site) -> None:
    """Drops that nobody looks at are what the page is for."""
    base = listening(site)
    site.configure(watch={"backend": "polling", "poll_interval": 0.2, "rescan_interval": 0.2})
    await site.start()
    await scanned(base)
    site.inbox.rename(site.inbox.with_name("elsewhere"))
    await eventually(lambda: get(f"{base}/healthz").status_code == 503)
    told = get(f"{base}/healthz").json()
    assert told["ok"] is False
    assert told["watches"][0]["trouble"]
    code, line, _ = await site.command("status", "--health")
    assert code == 1
    assert line.startswith("not well: main: ")
    assert read(base)["reeldrop_watch_ok{watch=main}"] == 0


async def test_a_daemon_that_waits_for_the_provider_is_well(site: Site) -> None:
    """It does what it should: a restart by a container's health check would help nobody."""
    base = listening(site)
    await site.start()
    assert (await site.command("pause"))[0] == 0
    await eventually(lambda: get(f"{base}/healthz").json()["provider"]["state"] == "paused")
    answer = get(f"{base}/healthz")
    assert answer.status_code == 200
    assert "paused" in answer.json()["provider"]["reason"]
    assert read(base)["reeldrop_paused{}"] == 1
    code, line, _ = await site.command("status", "--health")
    assert (code, line.startswith("well: submits are paused: ")) == (0, True)


async def test_an_account_that_is_empty_is_told_as_a_block(site: Site, api: Simulator) -> None:
    base = listening(site)
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_credits", times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: get(f"{base}/healthz").json()["provider"]["state"] == "blocked")
    assert get(f"{base}/healthz").status_code == 200
    assert read(base)["reeldrop_blocks{scope=all}"] == 1
    refused = [f"reeldrop_submits_total{{verdict={each}}}" for each in ("not_accepted", "returned")]
    await eventually(lambda: any(read(base)[each] for each in refused))


async def test_a_head_is_an_answer_without_its_body_and_nothing_else_is_answered(
    site: Site,
) -> None:
    base = listening(site)
    await site.start()
    with httpx.Client(base_url=base, trust_env=False, timeout=20) as client:
        for page in ("/healthz", "/metrics"):
            head = client.head(page)
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) > 10
            refused = client.post(page, content=b"x" * 100_000)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert client.get("/healthz?verbose=1").status_code == 200
        for other in ("/", "/healthz/", "/media/x", "/metrics/..", "/favicon.ico", "/HEALTHZ"):
            assert client.get(other).status_code == 404
        await eventually(lambda: b"HTTP/1.1 429 " in asked_in_one_breath(base, "/x", 60))
        assert client.get("/healthz").status_code == 200


def asked_in_one_breath(base: str, page: str, times: int) -> bytes:
    """Return everything that is answered: whoever waits for each answer may not ask often enough."""
    host, _, port = base.removeprefix("http://").partition(":")
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection((host, int(port)), 20))
            for _ in range(times)
        ]
        for client in clients:
            client.sendall(f"GET {page} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return b"".join(client.recv(65_536) for client in clients)


# ---------------------------------------------------------------------------- the token


@pytest.fixture
async def guarded(site: Site) -> str:
    """A daemon whose pages want a token; the address."""
    base = listening(site)
    token = site.config.with_name("token")
    token.write_text(TOKEN + "\n")
    site.configure(web={"token_file": str(token)}, log={"level": "debug"})
    await site.start()
    return base


async def test_without_the_token_nothing_but_the_health_is_told(guarded: str, site: Site) -> None:
    assert get(f"{guarded}/healthz").json() == {"ok": True}
    for page, given in (
        ("metrics", None),
        ("metrics", "Bearer wrong"),
        ("metrics", f"Basic {TOKEN}"),
        ("metrics", TOKEN),
        ("metrics", f"Bearer {TOKEN}x"),
        ("metrics", "Bearer \u00e9"),
        ("healthz", "Bearer wrong"),
    ):
        headers = [] if given is None else [(b"authorization", given.encode("latin-1"))]
        answer = httpx.get(f"{guarded}/{page}", headers=headers, trust_env=False, timeout=20)
        assert (answer.status_code, answer.content) == (401, b"")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for scheme in ("Bearer", "bearer", "BEARER"):
        with_token = {"authorization": f"{scheme} {TOKEN}"}
        assert get(f"{guarded}/metrics", **with_token).status_code == 200
        assert get(f"{guarded}/healthz", **with_token).json()["watches"]
    assert await site.command("status", "--health") == (0, "well\n", "")
    await site.stop()
    logs = site.log + "".join(each.read_text() for each in (site.outbox / "_logs").iterdir())
    assert "web.refused" in logs
    assert TOKEN not in logs


async def test_who_has_another_token_is_told_so(guarded: str, site: Site) -> None:
    site.config.with_name("token").write_text("another-one")
    code, line, _ = await site.command("status", "--health")
    assert (code, "another token" in line) == (1, True)
    site.config.with_name("token").unlink()
    assert (await site.command("status", "--health"))[:2] == (0, "well\n")


async def test_what_the_world_can_reach_tells_nobody_anything_without_a_token(site: Site) -> None:
    """A tunnel passes on whatever is asked for, and comes from this host itself."""
    base = listening(site)
    site.configure(upload={"public_url": "https://media.example.com"})
    await site.start()
    assert get(f"{base}/healthz").json() == {"ok": True}
    assert get(f"{base}/metrics").status_code == 401
    assert get(f"{base}/metrics", authorization="Bearer None").status_code == 401
    assert await site.command("status", "--health") == (0, "well\n", "")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines", b"\xff\xfe"])
async def test_a_token_file_without_a_token_ends_the_start(
    site: Site, content: bytes | None
) -> None:
    """A listener that lets nobody in, or everybody, is found out at the start."""
    token = site.config.with_name("token")
    if content is not None:
        token.write_bytes(content)
    site.configure(web={"listen": "0.0.0.0:0", "token_file": str(token)})
    code, _, errors = await site.command("run", "--once")
    assert code == 78
    assert "web.token_file" in errors
    code, told, _ = await site.command("check")
    assert (code, "web.token_file" in told) == (78, True)


async def test_connections_that_ask_for_nothing_do_not_shut_the_health_out(site: Site) -> None:
    """Whoever restarts a container for its health must hear of that, and not of others' silence."""
    base = listening(site)
    await site.start()
    host, _, port = base.removeprefix("http://").partition(":")
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(closing(socket.create_connection((host, int(port)))))
        for _ in range(3):
            code, line, errors = await site.command("status", "--health")
            assert (code, errors) == (0, ""), line


async def test_who_asks_without_end_shuts_nobody_out_and_delays_no_stop(site: Site) -> None:
    """It takes no token to send requests that are all refused, and to read what is answered."""
    base = listening(site)
    await site.start()
    over = threading.Event()
    pushing = threading.Thread(target=push, args=(base, over))
    pushing.start()
    try:
        await eventually(lambda: "web.refused" in site.log)
        for _ in range(3):
            code, line, errors = await site.command("status", "--health")
            assert (code, errors) == (0, ""), line
        began = time.monotonic()
        assert await site.stop() == 0
        assert time.monotonic() - began < STOPPED
    finally:
        over.set()
        await asyncio.to_thread(pushing.join)


def push(base: str, over: threading.Event) -> None:
    """Send requests as fast as they go, on one connection after another, until it is over."""
    host, _, port = base.removeprefix("http://").partition(":")
    while not over.is_set():
        with suppress(OSError), socket.create_connection((host, int(port)), 20) as client:
            reading = threading.Thread(target=read_all, args=(client,))
            reading.start()
            with suppress(OSError):
                while not over.is_set():
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
            client.shutdown(socket.SHUT_RDWR)
            reading.join()


def read_all(client: socket.socket) -> None:
    """Read until there is nothing more."""
    with suppress(OSError):
        while client.recv(65_536):
            pass


# ---------------------------------------------------------------------------- the address


async def test_a_default_that_another_daemon_has_is_done_without(site: Site) -> None:
    """Two daemons with the defaults of one host: both work."""
    lines = [line for line in site.config.read_text().splitlines() if "listen" not in line]
    site.config.write_text("\n".join(lines) + "\n")
    with await _default_port():
        site.drop("a.mov", GOOD)
        code, _, errors = await site.command("run", "--once")
    assert code == 0, errors
    assert "web.unavailable" in errors
    assert site.record("a")["state"] == "delivered"


async def _default_port() -> socket.socket:
    """Take the default port; a daemon of a neighbour has it for a moment, and one of this host's for good."""

    def take() -> socket.socket | None:
        try:
            return socket.create_server(("127.0.0.1", 8585))
        except OSError:
            return None

    try:
        return await eventually(take)
    except TimeoutError:
        return socket.socket()


async def test_an_address_that_was_asked_for_ends_the_start_where_it_is_taken(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        site.configure(web={"listen": listen})
        code, _, errors = await site.command("run", "--once")
    assert code == 75
    assert f"web.listen = {listen}" in errors


async def test_nobody_who_answers_is_no_health(site: Site) -> None:
    listening(site)
    code, line, errors = await site.command("status", "--health")
    assert (code, errors) == (1, "")
    assert line.startswith("no daemon answers at 127.0.0.1:")
    site.configure(web={"listen": ""})
    assert await site.command("status", "--health") == (
        1,
        'nobody can be asked: web.listen is ""\n',
        "",
    )


async def test_a_daemon_of_other_settings_is_not_taken_for_ours(site: Site, tmp_path: Path) -> None:
    """Where two share a default address, the health of one says nothing of the other."""
    base = listening(site)
    await site.start()
    other = tmp_path / "other.toml"
    listen = base.removeprefix("http://")
    other.write_text(
        f'[store]\nurl = "sqlite:///{tmp_path}/other/r.db"\n[web]\nlisten = "{listen}"\n'
    )
    code, line, _ = await site.bare_command("status", "--health", "--config", other)
    assert code == 1
    assert line.startswith(
        f"another daemon answers at {listen}, that of these settings does not run"
    )


async def test_a_port_of_another_program_is_no_health(site: Site) -> None:
    base = listening(site)
    port = int(base.rpartition(":")[2])
    folder = site.config.parent / "www"
    folder.mkdir()
    (folder / "healthz").write_text('{"ok": true}')
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", cwd=folder,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await eventually(lambda: _connects(port))
        code, line, _ = await site.command("status", "--health")
    finally:
        server.terminate()
        await server.wait()
    assert (code, line.startswith("another program")) == (1, True)


def _connects(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def test_a_daemon_that_stands_still_is_told_within_seconds(site: Site) -> None:
    """The port is the kernel's: it takes connections for a process that is stopped."""
    listening(site)
    await site.start()
    assert site.process is not None
    os.kill(site.process.pid, signal.SIGSTOP)
    try:
        code, line, _ = await site.command("status", "--health")
    finally:
        os.kill(site.process.pid, signal.SIGCONT)
    assert code == 1
    assert "no daemon answers" in line
    assert "timed out" in line
