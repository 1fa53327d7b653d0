"""Servers that fork and children of all kinds ship what they log."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import time

from pathlib import Path

import pytest

from mohflow.testing import LokiServer


@pytest.fixture
def loki():
    with LokiServer() as server:
        yield server


def until(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(loki: LokiServer) -> list[dict]:
    return [json.loads(entry.line) for entry in loki.entries()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def ask(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def is_up(port: int) -> bool:
    try:
        return ask(port, "/ready") != ""
    except OSError:
        return False


@contextlib.contextmanager
def running(tmp_path, port: int, *command: str, **environ: str):
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_")
    }
    with open(tmp_path / "stderr", "wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(tmp_path), **environ},
            stdout=stderr,
            stderr=stderr,
        )
    try:
        until(lambda: process.poll() is not None or is_up(port))
        assert process.poll() is None, (tmp_path / "stderr").read_text()
        yield process
    finally:
        process.terminate()
        process.wait(20)


WSGI = """
    import os
    import mohflow, structlog

    mohflow.configure(
        console=False,
        loki=mohflow.LokiOptions(url=os.environ["LOKI"], linger=60.0),
    )
    log = structlog.get_logger()
    log.info("loaded", pid=os.getpid())

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        if path != "/ready":
            log.info("asked", path=path, pid=os.getpid())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]
"""


def test_preloaded_workers_of_gunicorn_ship_and_the_parent_sends_once(
    loki, tmp_path
) -> None:
    (tmp_path / "shop.py").write_text(textwrap.dedent(WSGI))
    port = free_port()
    with running(
        tmp_path,
        port,
        "-m",
        "gunicorn",
        "--preload",
        "--workers=4",
        f"--bind=127.0.0.1:{port}",
        "shop:application",
        LOKI=loki.url,
    ):
        pids: dict[str, int] = {}
        count = 0
        deadline = time.monotonic() + 30
        while len(pids) < 4 or count < 200:
            assert time.monotonic() < deadline
            pid = ask(port, f"/{count}")
            pids[pid] = pids.get(pid, 0) + 1
            count += 1
    # SIGTERM to the arbiter: each worker delivers before it ends.
    asked = [event for event in events(loki) if event["event"] == "asked"]
    loaded = [event for event in events(loki) if event["event"] == "loaded"]

    assert sorted(f"/{n}" for n in range(count)) == sorted(
        event["path"] for event in asked
    )
    assert set(pids) == {str(event["pid"]) for event in asked}
    assert 1 == len(loaded)
    assert str(loaded[0]["pid"]) not in pids


def test_a_worker_of_uvicorn_delivers_when_it_is_told_to_end(
    loki, tmp_path
) -> None:
    source = """
        import os
        import mohflow, structlog

        mohflow.configure(
            console=False,
            loki=mohflow.LokiOptions(url=os.environ["LOKI"], linger=60.0),
        )
        log = structlog.get_logger()

        async def application(scope, receive, send):
            if scope["type"] != "http":
                return
            if scope["path"] != "/ready":
                await log.ainfo("asked", path=scope["path"])
            await send({"type": "http.response.start", "status": 200,
                        "headers": [(b"content-length", b"1")]})
            await send({"type": "http.response.body", "body": b"x"})
    """
    (tmp_path / "shop.py").write_text(textwrap.dedent(source))
    port = free_port()
    with running(
        tmp_path,
        port,
        "-m",
        "uvicorn",
        "--lifespan=off",
        f"--port={port}",
        "shop:application",
        LOKI=loki.url,
    ):
        for number in range(20):
            ask(port, f"/{number}")
    paths = [e["path"] for e in events(loki) if e["event"] == "asked"]

    assert [f"/{number}" for number in range(20)] == paths


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_deliver_before_they_end(
    loki, program, method
) -> None:
    result = program(
        """
        import multiprocessing, os, sys
        import mohflow, structlog

        log = structlog.get_logger("work")

        def setup():
            mohflow.configure(
                console=False,
                loki=mohflow.LokiOptions(url=sys.argv[1], linger=60.0),
            )

        def work(number, is_configured):
            if not is_configured:
                sys.argv[1:] = [os.environ["LOKI"]]
                setup()
            log.info("work", number=number)

        if __name__ == "__main__":
            setup()
            log.info("parent")
            context = multiprocessing.get_context(sys.argv[2])
            children = [
                context.Process(target=work, args=(n, sys.argv[2] == "fork"))
                for n in range(4)
            ]
            for child in children:
                child.start()
            for child in children:
                child.join()
                assert child.exitcode == 0
        """,
        loki.url,
        method,
        LOKI=loki.url,
        PYTHONWARNINGS="ignore",
    )
    sent = events(loki)

    assert (0, "") == (result.returncode, result.stderr)
    assert [0, 1, 2, 3] == sorted(e["number"] for e in sent if "number" in e)
    assert 1 == sum(event["event"] == "parent" for event in sent)


CERTIFICATES = Path(__file__).parent / "sinks" / "certificates"


FORK_STORM = """
    import os, sys, threading
    import mohflow, structlog

    mohflow.configure(
        console=False,
        loki=mohflow.LokiOptions(
            url=sys.argv[1], linger=0.0, batch_events=5, queue_events=10**6,
            queue_bytes="1 GB", ca_file=os.environ.get("CA"),
        ),
        **({"spool_dir": sys.argv[3]} if len(sys.argv) > 3 else {}),
    )
    log = structlog.get_logger()
    stop = threading.Event()

    def hammer():
        number = 0
        while not stop.wait(0.0005):
            log.info("parent", number=number)
            number += 1

    threads = [
        threading.Thread(target=hammer, daemon=True) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for number in range(int(sys.argv[2])):
        pid = os.fork()
        if pid == 0:
            log.info("child", number=number)
            ok = mohflow.flush(20)
            counts = mohflow.shutdown(5)["loki"]
            if not ok or counts.lost:
                print(number, ok, counts, file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
    stop.set()
    for thread in threads:
        thread.join()
    counts = mohflow.shutdown(20)["loki"]
    assert counts.delivered + counts.spooled == counts.accepted, counts
    print(counts.accepted - counts.spooled)
"""


def check_storm(loki, program, *folder: str, **environ: str) -> None:
    result = program(
        FORK_STORM, loki.url, "20", *folder, PYTHONWARNINGS="ignore", **environ
    )
    sent = events(loki)
    parents = [event for event in sent if event["event"] == "parent"]

    assert 0 == result.returncode, result.stderr
    assert list(range(20)) == sorted(
        event["number"] for event in sent if event["event"] == "child"
    )
    assert int(result.stdout) == len(parents)


@pytest.mark.parametrize("has_disk", [False, True], ids=["memory", "spool"])
def test_a_child_forked_while_the_sender_is_at_it_ships_its_own(
    loki, program, tmp_path, has_disk
) -> None:
    folder = [str(tmp_path / "spool")] if has_disk else []
    check_storm(loki, program, *folder)


@pytest.mark.slow
def test_a_child_forked_while_the_sender_speaks_tls_ships_its_own(
    program,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    with LokiServer(tls=context) as server:
        check_storm(server, program, CA=str(CERTIFICATES / "ca.pem"))


def test_threads_of_one_process_lose_nothing(loki, program) -> None:
    result = program(
        """
        import sys, threading
        import mohflow, structlog

        mohflow.configure(console=False, loki=sys.argv[1])
        log = structlog.get_logger()

        def work(thread):
            for number in range(300):
                log.info("x", thread=thread, number=number)

        threads = [
            threading.Thread(target=work, args=(n,)) for n in range(32)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
        loki.url,
    )
    sent = events(loki)
    by_thread: dict[int, list[int]] = {}
    for event in sent:
        by_thread.setdefault(event["thread"], []).append(event["number"])

    assert (0, "") == (result.returncode, result.stderr)
    assert 32 == len(by_thread)
    assert all(list(range(300)) == n for n in by_thread.values())
    times = [entry.time_ns for entry in loki.entries()]
    assert len(set(times)) == len(times)


def test_the_sender_imports_nothing_that_a_fork_could_cut_in_two(
    loki, program, tmp_path
) -> None:
    result = program(
        """
        import sys
        import mohflow, structlog

        mohflow.configure(
            console=False, loki=sys.argv[1], spool_dir=sys.argv[2]
        )
        log = structlog.get_logger()
        log.info("x")
        before = set(sys.modules)
        assert mohflow.flush(10)
        print(sorted(set(sys.modules) - before))
        """,
        loki.url,
        str(tmp_path / "spool"),
    )

    assert (0, "[]\n") == (result.returncode, result.stdout)


def test_a_plain_script_that_is_terminated_delivers(loki, tmp_path) -> None:
    source = """
        import os, sys, time
        import mohflow, structlog

        mohflow.configure(
            console=False,
            loki=mohflow.LokiOptions(url=sys.argv[1], linger=60.0),
        )
        structlog.get_logger().info("x", number=1)
        print("ready", flush=True)
        while True:
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source), loki.url],
        stdout=subprocess.PIPE,
    )
    with process.stdout as stdout:
        assert b"ready\n" == stdout.readline()
        process.terminate()
        process.wait(20)

    assert -signal.SIGTERM == process.returncode
    assert [1] == [event["number"] for event in events(loki)]
