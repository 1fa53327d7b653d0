"""Sending again, as a person does it: nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from collections import Counter

import pytest

from mohflow._event import Event
from mohflow.delivery.adoption import sink_folder
from mohflow.delivery.dead_letters import DeadLetters
from mohflow.delivery.spool import Spool
from mohflow.testing import LokiServer


def events(first, count):
    start = time.time_ns()
    for number in range(first, first + count):
        fields = {"event": "e", "service": "shop", "n": number}
        line = json.dumps(fields).encode() + b"\n"
        yield Event(start + number, 20, fields, line)


class Folder:
    """A spool_dir, and what is in it."""

    def __init__(self, path):
        self.path = path
        self.letters = DeadLetters(path / "loki.dead.jsonl", 10**7)
        self.spool = Spool(sink_folder(path, "loki"), max_bytes=10**9)

    def bury(self, first, count):
        self.letters.append(
            "loki", [(one, "labels") for one in events(first, count)]
        )

    def leave(self, first, count):
        self.spool.append(events(first, count))
        self.spool.close()

    def files(self):
        return {
            path.relative_to(self.path): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def server():
    with LokiServer() as server:
        yield server


def start(folder, server, *arguments):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "mohflow", "replay"),
            *(str(folder.path), "--loki", server.url, *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def replay(folder, server, *arguments):
    process = start(folder, server, *arguments)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out


def stored(server):
    return Counter(json.loads(e.line)["n"] for e in server.entries())


def pushed(server):
    """Count what was in the pushes that were taken."""
    return Counter(
        json.loads(value[1])["n"]
        for request in server.requests
        if request.status == 204
        for value in request.json["streams"][0]["values"]
    )


def test_all_is_stored_once_and_gone_from_disk(folder, server):
    folder.bury(0, 50)
    folder.leave(50, 3000)
    code, out = replay(folder, server)

    assert (0, Counter(range(3050))) == (code, pushed(server))
    assert "50 dead letters (labels 50)" in out
    assert "3050 stored, 0 left" in out
    assert {} == folder.files()
    assert {"shop"} == {e.labels["service_name"] for e in server.entries()}
    assert (0, 3050) == (replay(folder, server)[0], len(server.entries()))


def test_a_dry_run_changes_nothing(folder, server):
    folder.bury(0, 5)
    folder.leave(5, 7)
    before = folder.files()
    code, out = replay(folder, server, "--dry-run")

    assert (0, before, []) == (code, folder.files(), server.requests)
    assert "5 dead letters" in out
    assert "7 spooled events" in out


def test_what_is_refused_again_is_kept(folder, server):
    folder.bury(0, 20)
    server.flaky(lambda r: 400 if b'\\"n\\": 7' in r.body else None)
    code, out = replay(folder, server)

    assert 1 == code
    assert "19 stored, 1 left, 1 of them refused again" in out
    assert [7] == [one.event.fields["n"] for one in folder.letters]
    server.heal()
    assert 0 == replay(folder, server)[0]
    assert Counter(range(20)) == stored(server)


def test_what_is_refused_of_orphans_is_sent_once(folder, server):
    folder.leave(0, 20)
    server.flaky(lambda r: 400 if b'\\"n\\": 7' in r.body else None)
    code, out = replay(folder, server)

    assert 1 == code
    assert "19 stored, 1 left, 1 of them refused again" in out
    assert [7] == [one.event.fields["n"] for one in folder.letters]


def test_nobody_there_leaves_all_on_disk(folder, server):
    folder.bury(0, 5)
    folder.leave(5, 5)
    server.respond(401, "no org id", times=None)
    code, out = replay(folder, server)

    assert 1 == code
    assert "0 stored, 10 left; the sink is away (http_401)" in out
    server.heal()
    assert 0 == replay(folder, server)[0]
    assert Counter(range(10)) == pushed(server)


def test_what_a_running_process_has_is_left_alone(folder, server):
    folder.spool.append(events(0, 5))
    code, out = replay(folder, server)

    assert (0, 5, []) == (code, len(folder.spool), server.entries())
    assert "1 running processes, left alone" in out


def test_what_another_version_wrote_is_kept_and_said(folder, server):
    folder.bury(0, 1)
    with folder.letters.path.open("ab") as file:
        file.write(b"not a letter\n")
    process = folder.path / "loki" / "1-2-3"
    process.mkdir(parents=True)
    segment = process / "01000000000000000000.spool"
    segment.write_bytes(b"MOHSPOOL\x09\x00" + bytes(200))
    code, out = replay(folder, server)

    assert 1 == code
    assert "is damaged or of another version, and stays" in out
    assert b"not a letter\n" == folder.letters.path.read_bytes()
    assert segment.exists()
    assert Counter({0: 1}) == pushed(server)


def test_a_file_of_letters_alone(folder, server):
    folder.bury(0, 3)
    folder.leave(3, 3)
    process = subprocess.run(
        [
            *(sys.executable, "-m", "mohflow", "replay", "--loki", server.url),
            folder.letters.path,
        ],
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (0, b"") == (process.returncode, process.stderr)
    assert Counter(range(3)) == pushed(server)


@pytest.mark.parametrize("kind", ["bury", "leave"])
def test_ctrl_c_ends_after_the_batch_that_is_sent(folder, server, kind):
    getattr(folder, kind)(0, 8000)
    server.hang(0.15)
    process = start(folder, server)
    assert server.wait_for(lambda: len(server.requests) == 3, 30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (130, "") == (process.returncode, err)
    sent = sum(pushed(server).values())
    assert f"{sent} stored, {8000 - sent} left" in out
    assert "interrupted" in out
    assert 0 < sent < 8000
    server.heal()
    assert 0 == replay(folder, server)[0]
    assert Counter(range(8000)) == pushed(server)


@pytest.mark.parametrize("kind", ["bury", "leave"])
def test_a_kill_loses_nothing_and_loki_has_each_once(folder, server, kind):
    getattr(folder, kind)(0, 8000)
    for requests in (0, 1, 2):
        server.hang(0.02)
        process = start(folder, server)
        seen = len(server.requests) + requests
        until = time.monotonic() + 0.5
        while len(server.requests) <= seen and time.monotonic() < until:
            time.sleep(0.001)
        process.kill()
        process.communicate(timeout=30)
        server.heal()
    assert 0 == replay(folder, server)[0]

    assert Counter(range(8000)) == stored(server)
    assert {} == folder.files()


def test_two_at_once_share_the_work(folder, server):
    folder.bury(0, 4000)
    folder.leave(4000, 4000)
    server.hang(0.05)
    both = [start(folder, server) for _ in range(2)]
    for process in both:
        process.communicate(timeout=60)
    server.heal()
    replay(folder, server)

    assert Counter(range(8000)) == pushed(server)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "does not exist"),
        (["--loki", "http://localhost"], "spool_dir is missing"),
        ([".", "--loki", "nonsense"], "loki.url"),
        (["."], "have no sink 'loki'"),
        ([".", "--sink", "elsewhere"], "have no sink 'elsewhere'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", "mohflow", "replay", *arguments],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
        timeout=60,
    )

    assert 2 == done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bar_shows_how_far_it_is_on_a_terminal_only(folder, server):
    folder.leave(0, 6000)
    server.hang(0.1)
    parent, child = os.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mohflow", "replay", folder.path),
            *("--loki", server.url),
        ],
        stderr=child,
        stdout=subprocess.DEVNULL,
    )
    os.close(child)
    assert 0 == process.wait(60)
    shown = os.read(parent, 100_000)
    os.close(parent)

    assert b"loki [####" in shown
    assert b"/6000" in shown
    assert shown.endswith(b"\r\x1b[K")
