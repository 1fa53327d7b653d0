"""Forks, exits, signals: a process ends or splits, and nothing is lost."""

from __future__ import annotations

import signal

import pytest


FORK_STORM = """
    import os, sys, threading
    import mohflow, structlog

    mohflow.configure(console=False, file=os.environ["LOG"])
    log = structlog.get_logger()
    stop = threading.Event()

    def hammer():
        while not stop.is_set():
            log.info("parent", filler="x" * 200)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            try:
                log.info("child", number=number)
                log.bind(a=1).warning("child too", number=number)
                counts = mohflow.ledger()["file"]
                os._exit(0 if counts.delivered == 2 else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
    stop.set()
    for thread in threads:
        thread.join()
"""


def assert_every_child_logged(result, count: int) -> None:
    assert 0 == result.returncode, result.stderr
    children = [e for e in result.log_file.events if e["event"] == "child"]

    assert list(range(count)) == [event["number"] for event in children]


def test_a_child_forked_in_the_middle_of_log_calls_logs_at_once(
    program,
) -> None:
    assert_every_child_logged(program(FORK_STORM, "100"), 100)


def test_a_child_forked_in_the_middle_of_masking_logs_at_once(program) -> None:
    """RE2, if it is there, lets other threads run while it searches."""
    words = FORK_STORM.replace(
        'log.info("parent", filler="x" * 200)',
        'log.info("parent", filler="".join(random.choices(LETTERS, k=3000)))',
    ).replace(
        'log.info("child", number=number)',
        'log.info("child", number=number, '
        'filler="".join(random.choices(LETTERS, k=3000)))',
    )
    letters = "    import random\n    LETTERS = 'abc 0123=:/.-@_AZé'\n"

    assert_every_child_logged(program(f"\n{letters}{words}", "60"), 60)


def test_a_child_forked_inside_of_a_log_call_and_of_locks_logs_at_once(
    program,
) -> None:
    result = program(
        """
        import os, sys, threading, time, warnings
        import mohflow, structlog
        from mohflow._pipeline import THRESHOLDS
        from mohflow.diagnostics import complain

        warnings.simplefilter("ignore", DeprecationWarning)
        mohflow.configure(console=False, file=os.environ["LOG"])
        log = structlog.get_logger().bind()
        held, release = threading.Event(), threading.Event()

        def hold():
            with THRESHOLDS._lock, complain._lock:
                held.set()
                release.wait(20)

        class Forking:
            def __repr__(self):
                pid = os.fork()
                if pid == 0:
                    try:
                        mohflow.set_level("debug", "db")
                        structlog.get_logger("db").debug("child")
                        complain("test", "said by the child")
                    finally:
                        os._exit(0)
                until = time.monotonic() + 15
                while os.waitpid(pid, os.WNOHANG)[0] == 0:
                    if time.monotonic() > until:
                        os.kill(pid, 9)
                    time.sleep(0.01)
                return "shown"

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        log.info("parent", value=Forking())
        release.set()
        thread.join()
        """
    )

    assert 0 == result.returncode, result.stderr
    assert ["level_changed", "child", "parent"] == [
        event["event"] for event in result.log_file.events
    ]
    assert "mohflow: said by the child\n" == result.stderr


@pytest.mark.slow
def test_a_thousand_children_forked_under_load_log_at_once(program) -> None:
    result = program(FORK_STORM, "1000", timeout=300)

    assert_every_child_logged(result, 1000)


def test_the_queue_of_the_parent_is_sent_once_by_the_parent(program) -> None:
    result = program(
        """
        import os, warnings
        import mohflow, structlog

        # From Python 3.12 on a fork beside a thread warns, in the log too.
        warnings.simplefilter("ignore", DeprecationWarning)

        class Appender(mohflow.Sink):
            limits = mohflow.Limits(max_age=60.0)

            def write(self, batch):
                with open(os.environ["LOG"], "ab") as file:
                    file.write(b"".join(event.line for event in batch))

        mohflow.configure(console=False, sinks={"appender": Appender()})
        log = structlog.get_logger()
        log.info("queued by parent")
        pid = os.fork()
        log.info("after fork", child=pid == 0)
        assert mohflow.flush()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        """
    )
    events = [(e["event"], e.get("child")) for e in result.log_file.events]

    assert 0 == result.returncode, result.stderr
    assert [
        ("after fork", False),
        ("after fork", True),
        ("queued by parent", None),
    ] == sorted(events, key=str)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_log_at_once(program, method) -> None:
    result = program(
        """
        import multiprocessing, os, sys
        import mohflow, structlog

        log = structlog.get_logger("work")

        def setup():
            mohflow.configure(console=False, file=os.environ["LOG"])

        def work(number):
            log.info("work", number=number)
            return number

        if __name__ == "__main__":
            setup()
            context = multiprocessing.get_context(sys.argv[1])
            with context.Pool(2, initializer=setup) as pool:
                assert list(range(20)) == pool.map(work, range(20))
                pool.close()
                pool.join()
        """,
        method,
    )
    numbers = sorted(event["number"] for event in result.log_file.events)

    assert 0 == result.returncode, result.stderr
    assert list(range(20)) == numbers


def test_a_logger_that_went_through_pickle_logs_in_the_child(program) -> None:
    result = program(
        """
        import copy, os, pickle
        import mohflow, structlog

        mohflow.configure(console=False, file=os.environ["LOG"])
        log = structlog.get_logger("a").bind(x=1)
        for twin in (
            pickle.loads(pickle.dumps(log)), copy.copy(log), copy.deepcopy(log)
        ):
            twin.info("y")
        """
    )

    assert [("a", 1)] * 3 == [
        (event["logger"], event["x"]) for event in result.log_file.events
    ]


QUEUED = """
    import atexit, os, signal, sys, threading, time
    import mohflow, structlog

    class Appender(mohflow.Sink):
        limits = mohflow.Limits(max_age=60.0)

        def write(self, batch):
            with open(os.environ["LOG"], "ab") as file:
                file.write(b"".join(event.line for event in batch))

    mohflow.configure(console=False, sinks={"appender": Appender()})
    log = structlog.get_logger()
    for number in range(1000):
        log.info("x", number=number)
"""


@pytest.mark.parametrize(
    ("end", "returncode"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ValueError", 1),
        ("threading.Thread(target=time.sleep, args=(0.2,)).start()", 0),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
    ids=["end", "exit", "exception", "thread outlives main", "SIGTERM"],
)
def test_what_is_queued_at_the_end_is_delivered(
    program, end, returncode
) -> None:
    result = program(f"{QUEUED}\n    {end}")

    assert returncode == result.returncode
    assert 1000 == sum(e["event"] == "x" for e in result.log_file.events)
    assert "mohflow:" not in result.stderr


def test_a_handler_of_sigterm_that_the_program_has_stays(program) -> None:
    result = program(
        f"""
    import signal

    def on_term(number, frame):
        print("mine")
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, on_term)
    {QUEUED}
    os.kill(os.getpid(), signal.SIGTERM)
    """
    )

    assert (0, "mine\n") == (result.returncode, result.stdout)
    assert 1000 == len(result.log_file.events)


def test_sigterm_in_the_middle_of_a_log_call_is_obeyed(program) -> None:
    result = program(
        QUEUED
        + """
    class Ending:
        def __repr__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            return "last"

    log.info("x", value=Ending())
    print("not reached")
    """
    )

    assert -signal.SIGTERM == result.returncode
    assert "" == result.stdout
    assert 1001 == len(result.log_file.events)


def test_what_cannot_be_delivered_at_the_end_is_counted_in_one_line(
    program,
) -> None:
    result = program(
        """
        import threading, time
        import mohflow, structlog

        class Hanging(mohflow.Sink):
            def write(self, batch):
                threading.Event().wait(60)

        settings = mohflow.Settings(shutdown_timeout=0.3)
        mohflow.configure(
            settings, console=False, sinks={"hanging": Hanging()}
        )
        for number in range(1200):
            structlog.get_logger().info("x", number=number)
        started = time.monotonic()
        import atexit
        """
    )

    assert 0 == result.returncode
    assert (
        "mohflow: of 1200 events for sink 'hanging': 1200 lost "
        "(shutdown: 1200) at its end.\n"
    ) == result.stderr


class TestStdout:
    def test_a_closed_pipe_raises_nothing(self, program) -> None:
        result = program(
            """
            import os, sys
            import mohflow, structlog

            mohflow.configure()
            reader, writer = os.pipe()
            os.dup2(writer, 1)
            os.close(writer)
            os.close(reader)
            log = structlog.get_logger()
            for number in range(10):
                log.info("x", number=number)
            counts = mohflow.ledger()["console"]
            print(counts.dropped, file=sys.stderr)
            """
        )

        assert 0 == result.returncode, result.stderr
        assert "{'broken_pipe': 10}" in result.stderr
        assert "Exception ignored" not in result.stderr

    @pytest.mark.parametrize(
        "change",
        ["sys.stdout = None", "sys.stdout.close()", "os.close(1)"],
    )
    def test_without_one_nothing_is_raised_and_it_is_counted(
        self, program, change
    ) -> None:
        result = program(
            f"""
            import os, sys
            import mohflow, structlog

            mohflow.configure()
            {change}
            structlog.get_logger().info("x")
            counts = mohflow.ledger()["console"]
            print(sum(counts.dropped.values()), file=sys.stderr)
            """
        )

        assert "1" in result.stderr.splitlines(), result.stderr
        assert "Traceback" not in result.stderr

    def test_a_full_disk_raises_nothing(self, program) -> None:
        result = program(
            """
            import os, sys
            import mohflow, structlog

            mohflow.configure()
            os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
            structlog.get_logger().info("x")
            print(mohflow.ledger()["console"].dropped, file=sys.stderr)
            """
        )

        assert "{'disk_full': 1}" in result.stderr
        assert "Traceback" not in result.stderr


def test_an_event_during_interpreter_shutdown_raises_nothing(program) -> None:
    result = program(
        """
        import mohflow, structlog

        mohflow.configure()
        log = structlog.get_logger().bind()

        class Late:
            def __del__(self):
                log.info("late")

        keep = Late()
        keep.self = keep
        """
    )

    assert 0 == result.returncode
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONWARNINGS": "error"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_a_line_is_the_same_however_python_is_started(
    program, environ
) -> None:
    result = program(
        """
        import logging, os
        import mohflow, structlog

        mohflow.configure(file=os.environ["LOG"], loki="http://127.0.0.1:9")
        log = structlog.get_logger()
        log.info("größe 日本 \U0001f600", password="hunter22")
        logging.getLogger("a").warning("b")
        mohflow.shutdown(0.1)
        """,
        **environ,
    )

    assert 0 == result.returncode, result.stderr
    assert "Traceback" not in result.stderr
    assert "größe 日本 \U0001f600" == result.events[0]["event"]
    assert 2 == len(result.events)
    assert result.events == result.log_file.events


@pytest.mark.parametrize("form", ["console", "json", "logfmt", "ecs"])
def test_a_log_call_imports_nothing_that_a_fork_could_cut_in_two(
    program, tmp_path, form
) -> None:
    result = program(
        """
        import datetime, decimal, fractions, ipaddress, logging, os, sys, uuid
        import mohflow, structlog
        from mohflow import bound

        mohflow.configure(
            mohflow.Settings(traceback_locals=True),
            level=10,
            console={"format": sys.argv[1]},
            file=os.environ["LOG"],
            loki="http://127.0.0.1:1",
            processors=[mohflow.processors.Sample(0.5)],
        )
        log = structlog.get_logger("a")
        before = set(sys.modules)
        log.debug("x", password="hunter2", text="mail ann@example.org a=b")
        log.info("x %s", "y", at=datetime.datetime.now(datetime.UTC))
        log.info("x", id=uuid.UUID(int=5), price=decimal.Decimal("1.5"))
        log.info("x", host=ipaddress.ip_address("::1"))
        log.info("x", part=fractions.Fraction(1, 3), path="x" * 300_000)
        log.info("x", nested={1: [b"\\xff", {2}, object()]})
        log.info("x" * 3000, card="4111 1111 1111 1111", url="https://a:b@c/d")
        try:
            int("x")
        except ValueError:
            log.exception("failed")
        logging.getLogger("b").warning("y %s", 1, extra={"z": 2})
        with bound(user=1):
            log.error("z", stack_info=True)
        with open("imported", "w") as file:
            print(sorted(set(sys.modules) - before), file=file)
        """,
        form,
    )

    assert 0 == result.returncode, result.stderr
    assert "[]\n" == (tmp_path / "imported").read_text()
