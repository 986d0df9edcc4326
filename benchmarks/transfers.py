"""What it costs to send and to fetch a large file, each beside a peer in the same run.

    python benchmarks/transfers.py [--runs 5] [--sizes 10,100,500] [--in FOLDER]

Submits as a data URI beside `base64 -w0 FILE | curl -T -`, uploads to an object store beside boto3 (where
it is installed; the store is `rclone serve s3`), downloads beside `curl -o` with `sync`. Runs of both
take turns; told are medians. Peak memory is what a process of its own needs over what it had before
the transfer; the stall is the longest time for which its event loop did nothing else.
"""

import argparse
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
READ = 1024 * 1024
MB = 1_000_000


def answer(connection: socket.socket, source: Path) -> None:
    """Take one request to its end, or send the file `source`."""
    with connection, suppress(OSError):
        buffer = bytearray(READ)
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        head, _, rest = head.partition(b"\r\n\r\n")
        if head.startswith(b"GET"):
            size = source.stat().st_size
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % size
            )
            with source.open("rb") as file:
                connection.sendfile(file)
            return
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        left = int(fields[b"content-length"]) - len(rest) if b"content-length" in fields else None
        end = rest[-5:]
        while left is None or left > 0:
            count = connection.recv_into(buffer)
            if not count:
                return
            if left is not None:
                left -= count
                continue
            end = (end + buffer[max(0, count - 5) : count])[-5:]
            if end == b"0\r\n\r\n":
                break
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"a"}')


def serve(source: Path) -> None:
    """Answer for ever; the port is told on standard output."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=16)
    print(listening.getsockname()[1], flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=answer, args=(connection, source), daemon=True).start()


@contextmanager
def server(source: Path) -> Iterator[str]:
    """Run the other side in a process of its own; yield its address."""
    command = [sys.executable, __file__, "--serve", str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


@dataclass
class Cost:
    """What one run took: seconds, and where it is known the peak of memory and the worst stall (ms)."""

    seconds: float
    peak_mb: float | None = None
    stall_ms: float | None = None


def ours(what: str, *args: str) -> Cost:
    """Run a transfer of Reeldrop's in a fresh process."""
    command = [sys.executable, str(HERE / "one_transfer.py"), what, *args]
    told = subprocess.run(command, capture_output=True, check=True, text=True)
    return Cost(**json.loads(told.stdout))


def shell(command: str) -> Cost:
    """Run a peer."""
    began = time.perf_counter()
    subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], check=True, stdout=-3)
    return Cost(time.perf_counter() - began)


def compare(
    name: str, size: int, mine: Callable[[], Cost], peer: Callable[[], Cost], runs: int
) -> str:
    """Let both take turns; return a line of the table."""
    costs: list[tuple[Cost, Cost]] = []
    for turn in range(runs):
        first, second = (mine, peer) if turn % 2 else (peer, mine)
        one, two = first(), second()
        costs.append((one, two) if turn % 2 else (two, one))
    took = statistics.median(mine.seconds for mine, _ in costs)
    beside = statistics.median(peer.seconds for _, peer in costs)
    peak = statistics.median(mine.peak_mb or 0 for mine, _ in costs)
    stall = statistics.median(mine.stall_ms or 0 for mine, _ in costs)
    return (
        f"| {name} | {size // MB} | {took:.2f} | {beside:.2f} | {took / beside:.2f} "
        f"| {size / MB / took:.0f} | {peak:.0f} | {stall:.0f} |"
    )


def fresh(file: Path) -> Path:
    """Let nothing be there before a download."""
    file.unlink(missing_ok=True)
    return file


def table(folder: Path, sizes: list[int], runs: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| what | MB | s | peer s | ratio | MB/s | peak MB over idle | worst stall ms |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    file, fetched = folder / "clip.mp4", folder / "fetched"
    for size in sizes:
        with file.open("wb") as made:
            for _ in range(size // MB):
                made.write(os.urandom(MB))
        with server(file) as url:
            yield compare(
                "submit as a data URI; `base64 -w0 \\| curl -T -`",
                size,
                lambda url=url: ours("submit", url, str(file)),
                lambda url=url: shell(f"base64 -w0 {file} | curl -sS -H Expect: -T - {url}/"),
                runs,
            )
            if size >= 100 * MB:
                yield compare(
                    "download; `curl -o` and `sync`",
                    size,
                    lambda url=url: ours("fetch", url, str(fetched)),
                    lambda url=url: shell(
                        f"rm -f {fetched}; curl -sS -o {fetched} {url}/r && sync {fetched}"
                    ),
                    runs,
                )
        if size >= 100 * MB and importlib.util.find_spec("boto3"):
            yield from object_store(folder, file, size, runs)


def object_store(folder: Path, file: Path, size: int, runs: int) -> Iterator[str]:
    """Yield the line of an upload to an object store."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from buckets import options, rclone  # noqa: PLC0415

    with rclone(folder / "s3") as running:
        running.bucket("bench")
        asked = json.dumps(options(running))
        yield compare(
            "upload to an object store; boto3 `upload_file`",
            size,
            lambda: ours("put", asked, str(file)),
            lambda: ours("boto3", asked, str(file)),
            runs,
        )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", default="10,100,500", help="in MB")
    parser.add_argument("--in", dest="where", default=None)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(Path(asked.serve))
    with tempfile.TemporaryDirectory(dir=asked.where) as folder:
        for line in table(
            Path(folder), [int(each) * MB for each in asked.sizes.split(",")], asked.runs
        ):
            print(line, flush=True)


if __name__ == "__main__":
    main()
