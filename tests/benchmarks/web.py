"""
What the middleware costs: requests per second and CPU time per request.

Each variant is a server process of its own; those of one framework share an
environment. A client in this process keeps some connections busy over
loopback. The variants take turns, round after round, and each is compared
with its framework without middleware in the same round: the median of these
ratios counts. CPU time is the server's own, read from ``/proc``, so that
neighbours on the machine matter less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import textwrap
import time

from pathlib import Path

import page

from environments import prepared, versions
from web_programs import CONNECTIONS, DOES, VARIANTS


REQUEST = b"""GET /items/1 HTTP/1.1\r
Host: 127.0.0.1\r
User-Agent: benchmark\r
Accept: */*\r
\r
"""


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of *pid* and of its children that run now."""
    tasks = Path(f"/proc/{pid}/task")
    # /proc/<pid>/stat counts in hundredths of a second.
    total = sum(
        int((task / "schedstat").read_text().split()[0]) / 1e9
        for task in tasks.iterdir()
    )
    children = (tasks / str(pid) / "children").read_text().split()
    return total + sum(cpu_seconds(int(child)) for child in children)


def framework_of(name: str) -> str:
    """Return the variant without middleware that *name* is compared with."""
    return name.replace(",", " ").partition(" ")[0]


class Server:
    """One variant at work in a process of its own; it writes into a file."""

    def __init__(self, name: str, python: str) -> None:
        source, command, requirements = VARIANTS[name]
        framework = framework_of(name).lower()
        self.python = prepared(python, f"web-{framework}", requirements)
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "app.py").write_text(textwrap.dedent(source))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._output = (folder / "output.txt").open("ab")
        self.process = subprocess.Popen(
            [self.python, *(a.format(port=self.port) for a in command)],
            cwd=folder,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    @property
    def written(self) -> int:
        return os.fstat(self._output.fileno()).st_size

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._output.close()
        self._folder.cleanup()


async def one_connection(port: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length, head
        await reader.readexactly(int(length[1]))
    writer.close()


async def load(port: int, count: int) -> None:
    each = count // CONNECTIONS
    await asyncio.gather(
        *(one_connection(port, each) for _ in range(CONNECTIONS))
    )


def measure_once(server: Server, count: int) -> dict[str, float]:
    """Return the rate, the CPU time and the output of *count* requests."""
    pid = server.process.pid
    written, cpu = server.written, cpu_seconds(pid)
    begun = time.perf_counter()
    asyncio.run(load(server.port, count))
    seconds = time.perf_counter() - begun
    used = cpu_seconds(pid) - cpu
    return {
        "requests_per_second": round(count / seconds),
        "cpu_us_per_request": round(used / count * 1e6, 1),
        "bytes_per_request": round((server.written - written) / count),
    }


def measure(python: str, names: list[str], rounds: int, count: int) -> dict:
    """Return what each round of each variant has shown."""
    servers: dict[str, Server] = {}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    try:
        for name in names:
            servers[name] = Server(name, python)
            measure_once(servers[name], count // 4)  # warm
        for _ in range(rounds):
            for name, server in servers.items():
                found[name].append(measure_once(server, count))
        seen = {
            key: version
            for server in servers.values()
            for key, version in versions(server.python).items()
        }
    finally:
        for server in servers.values():
            server.stop()
    return {"rounds": found, "versions": seen}


def parts(python: str) -> dict[str, float]:
    """Return the microseconds of what the middleware is made of."""
    inside = prepared(python, "web-fastapi", VARIANTS["FastAPI"][2])
    with tempfile.TemporaryFile() as log:
        done = subprocess.run(
            [inside, Path(__file__).with_name("web_parts.py")],
            stdout=log,
            stderr=subprocess.PIPE,
            check=True,
            text=True,
        )
    found: dict[str, float] = json.loads(done.stderr)
    return found


def ratios(rounds: dict[str, list[dict]], name: str, what: str) -> float:
    """Return the median ratio to the framework alone in the same round."""
    bare = rounds[framework_of(name)]
    pairs = zip(rounds[name], bare, strict=True)
    return statistics.median(one[what] / base[what] for one, base in pairs)


def rows(rounds: dict[str, list[dict]]) -> list[list[str]]:
    """Return the lines of the table."""
    made = []
    for name, measured in rounds.items():
        cpu = [row["cpu_us_per_request"] for row in measured]
        made.append(
            [
                f"**{name}**" if "MohFlow" in name else name,
                DOES[name],
                f"{ratios(rounds, name, 'requests_per_second'):.2f}",
                f"{ratios(rounds, name, 'cpu_us_per_request'):.2f}",
                f"{min(cpu):.0f}",
                f"{measured[-1]['bytes_per_request']:.0f}",
            ]
        )
    return made


HEAD = (
    "",
    "for each request",
    "requests/s",
    "CPU",
    "CPU µs, best",
    "bytes written",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="python3.11")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=1600)
    parser.add_argument("--only", default="", help="part of a variant's name")
    parser.add_argument(
        "--update", action="store_true", help="rewrite docs/performance/web.*"
    )
    options = parser.parse_args()
    if options.only and options.update:
        parser.error("--update needs all of it")
    wanted = {name for name in VARIANTS if options.only in name}
    wanted |= set(map(framework_of, wanted))
    names = [name for name in VARIANTS if name in wanted]
    found = measure(options.python, names, options.rounds, options.requests)
    for name, _, rate, cpu, micro, size in rows(found["rounds"]):
        print(f"{name:58}{rate:>6}{cpu:>6}{micro:>6} us{size:>6} B")
    found["parts"] = parts(options.python)
    for name, micro in found["parts"].items():
        print(f"{name:50}{micro:8.2f} us")
    if options.update:
        found["machine"] = {
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
            "requests": options.requests,
            "load": round(os.getloadavg()[0], 1),
        }
        page.keep("web", found)
        page.write_web(HEAD, rows(found["rounds"]), found)


if __name__ == "__main__":
    main()
