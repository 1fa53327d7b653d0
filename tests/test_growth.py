"""Nothing grows with the number of events or of configurations."""

import gc
import os
import threading
import time
import tracemalloc

import pytest
import structlog

import mohflow


def mohflow_threads():
    names = [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if name.startswith("mohflow"))


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def log_many(log, count):
    for n in range(count):
        log.info("user.login", method="password", path=f"/login/{n}", x=[n])


def grown(log, count):
    """Return the bytes that *count* events leave behind."""
    log_many(log, 5000)
    gc.collect()
    tracemalloc.start()
    try:
        log_many(log, 1000)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        log_many(log, count)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_events_leave_no_memory_behind(log_file):
    log_file.configure()

    # What is remembered of texts is bounded, and may be filled or emptied.
    assert grown(structlog.get_logger(), 6000) < 1_000_000


@pytest.mark.slow
def test_a_million_events_leave_no_memory_behind(tmp_path):
    mohflow.configure(console=False, file="/dev/null")
    page = os.sysconf("SC_PAGESIZE")
    log = structlog.get_logger()

    def resident():
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * page

    log_many(log, 100_000)
    before = resident()
    log_many(log, 1_000_000)

    assert resident() - before < 8 * 1024 * 1024
    assert grown(log, 100_000) < 1_000_000


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
@pytest.mark.parametrize(
    "times", [15, pytest.param(1000, marks=pytest.mark.slow)]
)
def test_configurations_leave_no_thread_and_no_descriptor(
    log_file, times, loki_server
):
    def configure(number):
        log_file.configure(
            loki=mohflow.LokiOptions(url=loki_server.url, linger=0.01),
            service=f"shop-{number}",
        )
        structlog.get_logger().info("e", number=number)

    for number in range(5):
        configure(number)
    before, threads_before = descriptors(), mohflow_threads()
    for number in range(5, 5 + times):
        configure(number)
    mohflow.flush()

    assert threads_before == mohflow_threads()
    assert 1 == threads_before.count("mohflow-loki")
    # The server, in this process, closes its ends when it notices.
    deadline = time.monotonic() + 10
    while descriptors() > before + 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert descriptors() <= before + 4
    assert 5 + times == len(log_file.events)
