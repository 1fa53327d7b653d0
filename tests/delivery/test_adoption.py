"""Several real processes with one spool folder."""

import os
import signal
import subprocess
import sys
import textwrap
import time

from collections import Counter

import orjson
import pytest

from mohflow._event import Event
from mohflow.delivery.adoption import sink_folder
from mohflow.delivery.spool import Spool


START = textwrap.dedent("""
    import os, signal, sys, threading, time
    from pathlib import Path
    import orjson
    from mohflow._event import Event
    from mohflow.delivery.spool import Spool

    def event(name, number):
        fields = {"name": name, "n": number, "pad": "x" * (number % 700)}
        line = orjson.dumps(fields) + b"\\n"
        return Event(time.time_ns(), 20, fields, line)

    def say(text):
        os.write(1, f"{text}\\n".encode())

    spool = Spool(Path(sys.argv[1]), max_bytes=10**9)
""")


@pytest.fixture
def start(tmp_path):
    """Start Python code in a process; kill what still runs at the end."""
    running = []

    def start(code, *arguments):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                START + textwrap.dedent(code),
                *map(str, [tmp_path, *arguments]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait(30)
        process.stdin.close()
        process.stdout.close()


def event(number, time_ns=None):
    fields = {"n": number}
    time_ns = time_ns or time.time_ns()
    return Event(time_ns, 20, fields, orjson.dumps(fields) + b"\n")


def numbers(spool):
    return [e.fields["n"] for e in spool.peek(10**6, 10**9)]


def open_spool(folder):
    return Spool(folder, max_bytes=10**9)


class TestKill:
    @pytest.mark.parametrize("size", [1, 50])
    def test_every_event_that_append_returned_for_is_there(
        self, tmp_path, start, size
    ):
        process = start(
            """
            size = int(sys.argv[2])
            for n in range(0, 10**9, size):
                spool.append([event("a", n + i) for i in range(size)])
                say(n + size)
            """,
            size,
        )
        for _ in range(3000 // size):
            process.stdout.readline()
        process.kill()
        rest = process.stdout.read().split("\n")
        told = int(next(filter(None, reversed(rest)), 3000))
        spool = open_spool(tmp_path)
        spool.adopt()
        got = numbers(spool)

        assert list(range(len(got))) == got
        assert told <= len(got) <= told + size

    def test_what_was_acknowledged_is_not_sent_again(self, tmp_path, start):
        process = start("""
            spool.append([event("a", n) for n in range(20000)])
            while True:
                got = spool.peek(7, 10**6)
                spool.ack(len(got))
                say(got[-1].fields["n"])
        """)
        for _ in range(500):
            last = process.stdout.readline()
        process.kill()
        told = [*filter(None, process.stdout.read().split("\n")), last]
        last = max(map(int, told))
        spool = open_spool(tmp_path)
        spool.adopt()
        got = numbers(spool)

        assert list(range(got[0], 20000)) == got
        # The process may have died between the note and our being told.
        assert last < got[0] <= last + 8


class TestSiblings:
    def test_each_event_goes_to_one_of_many_siblings(self, tmp_path, start):
        code = """
            name = sys.argv[2]
            threading.Thread(
                target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True
            ).start()
            for n in range(400):
                spool.append([event(name, n)])
            say("ready")
            while True:
                spool.adopt()
                got = spool.peek(50, 10**6)
                for one in got:
                    say(f"{one.fields['name']} {one.fields['n']}")
                spool.ack(len(got))
                time.sleep(0.001)
        """
        silent = """
            for n in range(400):
                spool.append([event(sys.argv[2], n)])
            say("ready")
            sys.stdin.read()
        """
        dying = [start(silent, f"dead{n}") for n in range(4)]
        for process in dying:
            assert "ready\n" == process.stdout.readline()
        living = [start(code, f"live{n}") for n in range(4)]
        dying[0].kill()
        dying[1].kill()
        for process in living:
            assert "ready\n" == process.stdout.readline()
        dying[2].kill()
        dying[3].kill()
        deadline = time.monotonic() + 30
        while any(".spool" in str(names) for *_, names in os.walk(tmp_path)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for process in living:
            process.stdin.close()
        sent = Counter()
        for process in living:
            sent.update(process.stdout.read().splitlines())

        names = [f"{kind}{n}" for kind in ("dead", "live") for n in range(4)]
        expected = {f"{name} {n}" for name in names for n in range(400)}
        assert expected == set(sent)
        assert {1} == set(sent.values())

    def test_a_process_killed_while_it_adopts_loses_nothing(
        self, tmp_path, start
    ):
        for name in range(5):
            dead = open_spool(tmp_path)
            for n in range(20):
                dead.append([event(100 * name + n, 10**18 + n * 10**13)])
            dead.close()
        before = {path.read_bytes() for path in tmp_path.rglob("*.spool")}
        for moves in range(0, 100, 19):
            process = start(
                """
                rename, count = os.rename, iter(range(int(sys.argv[2])))
                def slow(*args):
                    if next(count, None) is None:
                        os.kill(os.getpid(), signal.SIGKILL)
                    rename(*args)
                os.rename = slow
                spool.adopt()
                """,
                moves,
            )
            assert -signal.SIGKILL == process.wait(30)
        spool = open_spool(tmp_path)

        assert 100 == spool.adopt()
        expected = [100 * name + n for n in range(20) for name in range(5)]
        assert sorted(expected) == sorted(numbers(spool))
        times = [e.time_ns for e in spool.peek(1000, 10**6)]
        assert sorted(times) == times
        assert before == {p.read_bytes() for p in tmp_path.rglob("*.spool")}
        assert 1 == len(list(tmp_path.iterdir()))

    def test_processes_that_come_and_go_at_once_lose_nothing(
        self, tmp_path, start
    ):
        code = """
            for n in range(100):
                spool.append([event(sys.argv[2], n)])
                spool.adopt()
                spool.close()
        """
        running = [start(code, name) for name in "abcd"]
        assert {0} == {process.wait(60) for process in running}
        spool = open_spool(tmp_path)
        spool.adopt()
        got = spool.peek(1000, 10**6)

        sent = Counter((e.fields["name"], e.fields["n"]) for e in got)
        assert (400, {1}) == (len(sent), set(sent.values()))

    def test_what_is_adopted_comes_before_ours_and_spares_a_peek(
        self, tmp_path
    ):
        ours, theirs = open_spool(tmp_path), open_spool(tmp_path)
        ours.append([event(3), event(4)])
        theirs.append([event(1), event(2)])
        assert 0 == ours.adopt()
        theirs.close()
        ours.peek(1, 100)

        assert 2 == ours.adopt()
        ours.ack(1)
        assert [1, 2, 4] == numbers(ours)

    def test_empty_folders_of_dead_processes_are_removed(
        self, tmp_path, start
    ):
        process = start("""
            spool.append([event("a", 1)])
            spool.peek(1, 1)
            spool.ack(1)
            os._exit(0)
        """)
        process.wait(30)
        assert 1 == len(list(tmp_path.iterdir()))
        spool = open_spool(tmp_path)
        spool.adopt()
        spool.close()

        assert [] == list(tmp_path.iterdir())

    def test_any_name_of_a_sink_is_one_folder(self, tmp_path):
        for name in ("loki", "a/b", "..", "x y"):
            assert tmp_path == sink_folder(tmp_path, name).parent
            assert ".." not in sink_folder(tmp_path, name).name


class TestFork:
    def test_a_child_does_not_hold_the_folder_of_a_dead_parent(
        self, tmp_path, start
    ):
        parent = start("""
            spool.append([event("parent", 1)])
            if os.fork() == 0:
                spool.after_fork()
                spool.append([event("child", 2)])
                say(os.getpid())
                time.sleep(60)
                os._exit(0)
            time.sleep(60)
        """)
        child = int(parent.stdout.readline())
        spool = open_spool(tmp_path)
        try:
            assert 0 == spool.adopt()
            parent.kill()
            parent.wait(30)
            assert 1 == spool.adopt()
            assert [1] == numbers(spool)
        finally:
            os.kill(child, signal.SIGKILL)

    def test_a_child_leaves_the_parent_what_it_has(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append([event(1), event(2)])
        spool.peek(2, 1000)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                spool.after_fork()
                assert (0, 0, []) == (
                    len(spool),
                    spool.adopt(),
                    numbers(spool),
                )
                spool.ack(2)
                spool.close()
                code = 0
            finally:
                os._exit(code)

        assert 0 == os.waitpid(child, 0)[1]
        # Had the child unlocked the folder, this would take it.
        assert 0 == open_spool(tmp_path).adopt()
        spool.append([event(3)])
        assert [1, 2, 3] == numbers(spool)
