"""Several real processes, signals and forks with one log file."""

import gzip
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

from collections import Counter

import pytest


START = textwrap.dedent("""
    import os, signal, sys, threading, time
    from mohflow._event import Event
    from mohflow.sinks.file import FileOptions, FileSink

    def log(sink, name, number):
        # The text follows from the number, so that a torn line shows.
        line = f"{name} {number} {'x' * (number % 150)}\\n".encode()
        sink.write([Event(time.time_ns(), 20, {}, line)])
""")


@pytest.fixture
def start():
    """Start Python code in a process; kill what still runs at the end."""
    running = []

    def start(code, *arguments):
        process = subprocess.Popen(
            # From Python 3.12 on a fork beside a thread warns on stderr.
            [
                sys.executable,
                "-W",
                "ignore::DeprecationWarning",
                "-c",
                START + textwrap.dedent(code),
            ]
            + [str(argument) for argument in arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def finish(process):
    _, errors = process.communicate(timeout=60)

    assert (0, "") == (process.returncode, errors)


def until(condition):
    """Wait for *condition*, at most half a minute."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def lines(path):
    """Count (name, number) of the lines in all files; each must be whole."""
    found = Counter()
    for file in path.parent.glob(f"{path.name}*"):
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
        assert content[-1:] in (b"", b"\n")
        for line in content.decode().splitlines():
            name, number, text = line.split(" ")
            assert "x" * (int(number) % 150) == text
            found[name, int(number)] += 1
    return found


def each_once(names, count):
    return Counter({(str(n), i): 1 for n in names for i in range(count)})


@pytest.mark.parametrize("compress", [False, True])
def test_eight_processes_rotate_one_file_without_loss(
    tmp_path, start, compress
):
    path = tmp_path / "app.log"
    code = """
        path, name, compress = sys.argv[1:]
        sink = FileSink(FileOptions(
            path=path, max_bytes="100kB", compress=compress
        ))
        for number in range(3000):
            log(sink, name, number)
    """

    for process in [start(code, path, n, compress) for n in range(8)]:
        finish(process)
    # What a process held until it ended is compressed by the next one.
    finish(start(code, path, 8, compress))

    rotated = list(tmp_path.glob("app.log.*"))
    assert each_once(range(9), 3000) == lines(path)
    assert len(rotated) >= 10
    if compress:
        assert {".gz"} == {file.suffix for file in rotated}
    assert [".app.log.lock"] == [f.name for f in tmp_path.glob(".*")]


def test_threads_rotate_one_file_without_loss(tmp_path, start):
    path = tmp_path / "app.log"

    process = start(
        """
        sink = FileSink(
            FileOptions(path=sys.argv[1], max_bytes="20kB", compress=True),
            background=lambda work: threading.Thread(target=work).start(),
        )
        def run(name):
            for number in range(2000):
                log(sink, name, number)
        threads = [
            threading.Thread(target=run, args=[name]) for name in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
        path,
    )
    finish(process)

    assert each_once(range(4), 2000) == lines(path)
    assert len(list(tmp_path.glob("*.gz"))) >= 5


def test_processes_change_the_hour_together(tmp_path, start):
    path = tmp_path / "app.log"
    code = """
        sink = FileSink(FileOptions(path=sys.argv[1], rotate="hourly"))
        line = b"%s %d %s\\n"
        hour = 3600 * 10**9
        now = time.time_ns() // hour * hour + hour - 1000
        for number in range(2000):
            text = b"x" * (number % 150)
            name = sys.argv[2].encode()
            sink.write([
                Event(now + number, 20, {}, line % (name, number, text))
            ])
    """

    for process in [start(code, path, n) for n in range(4)]:
        finish(process)

    assert each_once(range(4), 2000) == lines(path)
    assert list(tmp_path.glob("app.log.*"))


def test_a_move_by_logrotate_loses_no_line_of_two_processes(tmp_path, start):
    path = tmp_path / "app.log"
    code = """
        path, name = sys.argv[1:]
        sink = FileSink(FileOptions(path=path))
        number = 0
        while number < 1000 or not os.path.exists(path + ".stop"):
            log(sink, name, number)
            number += 1
            time.sleep(0.0005)
        print(number)
    """

    both = [start(code, path, n) for n in range(2)]
    until(lambda: path.exists() and path.stat().st_size > 1000)
    path.rename(tmp_path / "app.log.1")
    until(lambda: path.exists() and path.stat().st_size > 1000)
    moved = (tmp_path / "app.log.1").read_bytes()
    (tmp_path / "app.log.stop").touch()
    counts = [int(process.communicate(timeout=60)[0]) for process in both]

    expected = each_once([0], counts[0]) + each_once([1], counts[1])
    assert expected == lines(path)
    assert b"" != moved


def test_a_killed_process_loses_no_line_but_the_one_it_was_writing(
    tmp_path, start
):
    path = tmp_path / "app.log"

    process = start(
        """
        sink = FileSink(FileOptions(path=sys.argv[1]))
        number = 0
        while True:
            log(sink, "a", number)
            number += 1
        """,
        path,
    )
    until(lambda: path.exists() and path.stat().st_size > 100_000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = path.read_bytes()
    whole, _, torn = left.rpartition(b"\n")
    finish(start('log(FileSink(FileOptions(path=sys.argv[1])), "b", 0)', path))

    # The kernel gives up a write to a killed process between two pages only.
    assert b"" == torn or 0 == len(left) % resource.getpagesize()
    after = path.read_bytes()[len(left) :]
    assert (b"\n" if torn else b"") + b"b 0 \n" == after
    path.write_bytes(whole + b"\n")
    found = lines(path)
    assert each_once(["a"], len(found)) == found


def test_children_forked_while_a_thread_writes_can_write(tmp_path, start):
    path = tmp_path / "app.log"

    process = start(
        """
        sink = FileSink(FileOptions(
            path=sys.argv[1], max_bytes="5kB", compress=True
        ))
        done = threading.Event()
        def run():
            number = 0
            while not done.is_set() or number < 1000:
                log(sink, "thread", number)
                number += 1
        thread = threading.Thread(target=run, daemon=True)
        os.register_at_fork(after_in_child=sink.after_fork)
        thread.start()
        for child in range(50):
            if not os.fork():
                signal.alarm(30)
                for number in range(20):
                    log(sink, f"child{child}", number)
                os._exit(0)
        assert not any(os.wait()[1] for _ in range(50))
        done.set()
        thread.join()
        """,
        path,
    )
    finish(process)

    found = lines(path)
    written = sum(name == "thread" for name, _ in found)
    children = each_once([f"child{n}" for n in range(50)], 20)
    assert children + each_once(["thread"], written) == found


def test_a_stopped_process_in_a_rotation_holds_up_nobody(tmp_path, start):
    path = tmp_path / "app.log"
    holder = start(
        """
        import fcntl
        lock = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("held", flush=True)
        signal.pause()
        """,
        tmp_path / ".app.log.lock",
    )
    assert "held\n" == holder.stdout.readline()
    code = """
        sink = FileSink(FileOptions(path=sys.argv[1], max_bytes=100))
        for number in range(100):
            log(sink, "a", number)
    """

    finish(start(code, path))
    before = list(tmp_path.glob("app.log.*"))
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    finish(start(code, path))

    assert [] == before
    assert [] != list(tmp_path.glob("app.log.*"))
    assert Counter({("a", n): 2 for n in range(100)}) == lines(path)


def test_without_locks_one_process_rotates_without_loss(tmp_path, start):
    path = tmp_path / "app.log"

    finish(
        start(
            """
            for name in [n for n in sys.modules if n.startswith("mohflow")]:
                del sys.modules[name]
            sys.modules["fcntl"] = None
            from mohflow.sinks.file import FileOptions, FileSink

            sink = FileSink(FileOptions(
                path=sys.argv[1], max_bytes="5kB", compress=True
            ))
            def run(name):
                for number in range(300):
                    log(sink, name, number)
            for name in range(3):
                threading.Thread(target=run, args=[name]).start()
            """,
            path,
        )
    )

    assert each_once(range(3), 300) == lines(path)
    assert len(list(tmp_path.glob("*.gz"))) >= 3
