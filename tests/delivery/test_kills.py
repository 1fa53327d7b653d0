"""What SIGKILL takes at a random moment: what is promised, and no more."""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import textwrap
import time

from pathlib import Path

import pytest

import mohflow

from mohflow.testing import LokiServer


WRITER = textwrap.dedent(
    """
    import mmap, os, struct, sys
    import mohflow, structlog

    url, spool, durability, shared, first, queue = sys.argv[1:]
    mohflow.configure(
        console=False,
        spool_dir=spool,
        loki=mohflow.LokiOptions(
            url=url,
            durability=durability,
            linger=0.02,
            queue_events=int(queue),
            timeout=2.0,
        ),
    )
    with open(shared, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 16)
    log = structlog.get_logger()
    number = int(first)
    while True:
        log.info("x", number=number)
        # Only what the log call returned for was accepted.
        number += 1
        memory[:8] = struct.pack("<q", number)
        if number % 64 == 0:
            counts = mohflow.ledger()["loki"]
            safe = counts.delivered + counts.spooled
            memory[8:16] = struct.pack("<q", int(first) + safe)
    """
)


class Victim:
    """A program that logs as fast as it can, and is killed."""

    def __init__(
        self,
        url: str,
        folder: Path,
        durability: str,
        first: int,
        queue: int = 100_000,
    ) -> None:
        self._path = folder / "progress"
        self._path.write_bytes(struct.pack("<qq", first, first))
        arguments = [url, str(folder / "spool"), durability, str(self._path)]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WRITER,
                *arguments,
                str(first),
                str(queue),
            ],
            stderr=subprocess.DEVNULL,
        )

    def progress(self) -> tuple[int, int]:
        """Return up to which number events are accepted, and are safe."""
        with (
            open(self._path, "rb") as file,
            mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ) as memory,
        ):
            return struct.unpack("<qq", memory[:16])

    def kill_after(self, count: int) -> tuple[int, int]:
        deadline = time.monotonic() + 120
        while self.progress()[0] < count:
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return self.progress()


def numbers(server: LokiServer) -> list[int]:
    return [json.loads(entry.line)["number"] for entry in server.entries()]


def trouble(server: LokiServer, chance: random.Random) -> None:
    """Let the server be as bad as it likes, for the next requests."""
    server.heal()
    kind = chance.choice(["fine", "down", "slow", "reset", "torn", "flaky"])
    if kind == "down":
        server.refuse()
    elif kind == "slow":
        server.slow(3_000_000)
    elif kind == "reset":
        server.reset_after_storing(times=2)
    elif kind == "torn":
        server.truncate(times=2)
    elif kind == "flaky":
        server.flaky(lambda _: chance.choice([204, 204, 503, 500]))


def adopt_until(server: LokiServer, folder: Path, condition) -> None:
    """Let this process send what the killed ones left."""
    mohflow.configure(
        console=False,
        spool_dir=folder / "spool",
        loki=mohflow.LokiOptions(url=server.url, catch_up="100 MB"),
    )
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    mohflow.shutdown(10)


def kill_often(
    server: LokiServer, folder: Path, total: int, lives: int
) -> set[int]:
    """Return the numbers of the events that were accepted with ``wal``."""
    chance = random.Random(os.urandom(8))
    accepted: set[int] = set()
    first = 0
    for life in range(1, lives + 1):
        trouble(server, chance)
        victim = Victim(server.url, folder, "wal", first)
        least = total * life // lives - chance.randrange(total // lives // 3)
        if life == lives:
            least = total
        end, _ = victim.kill_after(max(least, first + 1))
        accepted |= set(range(first, end))
        # The event that was being logged may, or may not, be on disk.
        first = end + 1
    server.heal()
    return accepted


def assert_exactly(
    server: LokiServer, folder: Path, accepted: set[int]
) -> None:
    adopt_until(server, folder, lambda: len(server.entries()) >= len(accepted))
    stored = numbers(server)

    assert set() == accepted - set(stored)
    assert len(set(stored)) == len(stored)
    between = set(stored) - accepted
    # Nothing but what a kill interrupted between the disk and the return.
    assert all(number - 1 in accepted for number in between)


@pytest.fixture
def server():
    with LokiServer() as server:
        yield server


def test_wal_loses_nothing_that_was_accepted_whenever_it_is_killed(
    server, tmp_path, capsys
) -> None:
    accepted = kill_often(server, tmp_path, total=4000, lives=3)

    assert len(accepted) >= 4000
    assert_exactly(server, tmp_path, accepted)


@pytest.mark.slow
def test_wal_loses_none_of_a_hundred_thousand_over_ten_kills(
    server, tmp_path, capsys
) -> None:
    accepted = kill_often(server, tmp_path, total=100_010, lives=10)

    assert len(accepted) >= 100_000
    assert_exactly(server, tmp_path, accepted)


def test_spool_keeps_what_was_spilled_and_loses_only_memory(
    server, tmp_path, capsys
) -> None:
    server.refuse()
    victim = Victim(server.url, tmp_path, "spool", 0, queue=1000)
    accepted, safe = victim.kill_after(6000)
    server.resume()
    adopt_until(server, tmp_path, lambda: len(server.entries()) >= safe)
    stored = sorted(numbers(server))

    # In memory were the batch that was being tried, which is the oldest, and
    # the queue, which is the newest: a thousand each at most.
    assert list(range(stored[0], stored[0] + len(stored))) == stored
    assert stored[0] <= 1000
    assert accepted - 1001 <= stored[-1] <= accepted


def test_memory_loses_what_waits_and_nothing_that_was_delivered(
    server, tmp_path
) -> None:
    victim = Victim(server.url, tmp_path, "memory", 0)
    accepted, safe = victim.kill_after(20_000)
    stored = numbers(server)

    assert safe <= len(stored) <= accepted + 1
    assert list(range(len(stored))) == stored
