"""Finalizers and signal handlers log wherever they happen to run."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import textwrap
import time

import pytest


SETUP = """
    import gc, os, random, signal, sys, time
    import mohflow, structlog

    class Collected:
        def __init__(self):
            self.itself = self

        def __del__(self):
            log.info("collected")

    class Null(mohflow.Sink):
        limits = mohflow.Limits(max_events=3)

        def write(self, batch):
            return None

    mohflow.configure(
        console=False, file=os.environ["LOG"], sinks={"null": Null()}
    )
    log = structlog.get_logger()
"""


@pytest.mark.parametrize(
    "call",
    ["mohflow.ledger()", "mohflow.flush(0.001)", 'log.info("x")', "restart()"],
)
def test_a_finalizer_may_log_in_the_middle_of_any_call(program, call) -> None:
    result = program(
        SETUP
        + f"""
    def restart():
        mohflow.configure(console=False, sinks={{"null": Null()}})
        log.info("x")

    gc.set_threshold(20)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        keep = [[] for _ in range(random.randrange(60))]
        Collected()
        {call}
    print("done")
    """
    )

    assert (0, "done\n") == (result.returncode, result.stdout), result.stderr


def test_a_signal_handler_may_log_in_the_middle_of_any_call(program) -> None:
    result = program(
        SETUP
        + """
    def on_alarm(number, frame):
        log.info("tick")

    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        mohflow.flush(0.001)
        mohflow.ledger()
        log.info("x")
    signal.setitimer(signal.ITIMER_REAL, 0)
    mohflow.flush()
    counts = mohflow.ledger()["null"]
    print(counts.is_balanced, counts.accepted > 100)
    """
    )

    assert "True True\n" == result.stdout, result.stderr


def test_a_signal_handler_may_raise_in_the_middle_of_any_call(program) -> None:
    result = program(
        SETUP
        + """
    class Late(BaseException):
        pass

    def on_alarm(number, frame):
        raise Late

    signal.signal(signal.SIGALRM, on_alarm)
    raised = 0
    until = time.monotonic() + 3
    while time.monotonic() < until:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 3e-4))
            # Not for ever: what is raised in a finalizer is lost.
            for _ in range(100):
                log.info("x")
                mohflow.ledger()
        except Late:
            raised += 1
        log.info("after", raised=raised)
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(raised > 100, mohflow.flush(10))
    counts = mohflow.ledger()["null"]
    print(counts.is_balanced, counts.queued, counts.in_flight)
    """
    )
    after = {e["raised"] for e in result.log_file.events if "raised" in e}

    assert "True True\nTrue 0 0\n" == result.stdout, result.stderr
    assert set(range(1, max(after) + 1)) == after - {0}


def waiting(pipe: int) -> int:
    """Return how many bytes nobody has read yet."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def test_sigterm_ends_a_program_that_is_stuck_in_a_full_pipe(tmp_path) -> None:
    source = textwrap.dedent(
        """
        import mohflow, structlog

        class Null(mohflow.Sink):
            def write(self, batch):
                return None

        mohflow.configure(sinks={"null": Null()})
        while True:
            structlog.get_logger().info("x" * 1000)
        """
    )
    reader, writer = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", source], stdout=writer)
    try:
        deadline = time.monotonic() + 20
        last, now = -1, 0
        while now == 0 or now != last:
            assert time.monotonic() < deadline
            time.sleep(0.2)
            last, now = now, waiting(reader)
        process.send_signal(signal.SIGTERM)

        assert -signal.SIGTERM == process.wait(20)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)
