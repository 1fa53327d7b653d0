"""A log call waits for no server, whatever the server does."""

from __future__ import annotations

import socket
import sys
import threading
import time

import pytest
import structlog

import mohflow

from mohflow.sinks import _loki_encode
from mohflow.testing import LokiServer


CALLS = 2000


@pytest.fixture
def black_hole():
    """Take connections, and never read or answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def full_backlog():
    """Do not even take connections: the queue of the listener is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"
        for filler in fillers:
            filler.close()


def p99_of_calls(url: str, spool=None) -> float:
    """Return how long the slowest but a hundredth of log calls take."""
    settings = mohflow.Settings(shutdown_timeout=0.1)
    mohflow.configure(
        settings,
        console=False,
        loki=mohflow.LokiOptions(url=url, linger=0.01),
        spool_dir=spool,
    )
    log = structlog.get_logger()
    calls = []
    for number in range(CALLS):
        started = time.perf_counter()
        log.info("x", number=number)
        calls.append(time.perf_counter() - started)
    mohflow.shutdown(0.1)
    return sorted(calls)[CALLS * 99 // 100]


@pytest.mark.parametrize("hole", ["black_hole", "full_backlog"])
@pytest.mark.parametrize("has_disk", [False, True], ids=["memory", "spool"])
def test_calls_take_no_longer_than_with_a_server_that_answers(
    request, tmp_path, hole, has_disk, capsys
) -> None:
    url = request.getfixturevalue(hole)
    spool = tmp_path / "spool" if has_disk else None
    p99_of_calls(url, spool)
    with LokiServer() as server:
        pairs = [
            (p99_of_calls(url, spool), p99_of_calls(server.url, spool))
            for _ in range(3)
        ]

    # A call that waited would take seconds, a thousand times as long.
    assert any(away <= 20 * up for away, up in pairs)


def test_no_call_waits_while_a_batch_is_compressed_or_sent(
    tmp_path, monkeypatch, capsys
) -> None:
    is_entered, let_go = threading.Event(), threading.Event()
    compress = _loki_encode.zlib.compress

    def stuck(*arguments, **options):
        is_entered.set()
        let_go.wait(60)
        return compress(*arguments, **options)

    with LokiServer() as server:
        mohflow.configure(
            console=False,
            loki=mohflow.LokiOptions(
                url=server.url, linger=0.0, durability="wal"
            ),
            spool_dir=tmp_path,
        )
        log = structlog.get_logger()
        monkeypatch.setattr(_loki_encode.zlib, "compress", stuck)
        log.info("x", number=0)
        assert is_entered.wait(20)
        for number in range(1, CALLS):
            log.info("x", number=number)
        # All of them have returned, and the first batch is stuck still.
        accepted, sent = mohflow.ledger()["loki"].accepted, server.entries()
        server.hang(times=1)
        let_go.set()
        server.wait_for(lambda: server.requests)
        log.info("x", number=CALLS)
        before = mohflow.ledger()["loki"].delivered
        server.heal()
        mohflow.flush(20)

    assert (CALLS, []) == (accepted, list(sent))
    assert 0 == before


@pytest.mark.parametrize("hole", ["black_hole", "full_backlog"])
def test_the_callers_thread_makes_no_call_to_the_network_or_the_compressor(
    request, hole, capsys
) -> None:
    settings = mohflow.Settings(shutdown_timeout=0.1)
    mohflow.configure(
        settings,
        console=False,
        loki=mohflow.LokiOptions(
            url=request.getfixturevalue(hole), linger=0.0
        ),
    )
    log = structlog.get_logger()
    log.info("x")
    main = threading.get_ident()
    foreign = ("socket", "getaddrinfo", "compress", "connect", "send", "wait")
    seen = []

    def watch(frame, kind, what) -> None:
        if threading.get_ident() == main and kind == "c_call":
            name = what.__name__
            if name in foreign or name == "sleep":
                seen.append(name)

    sys.setprofile(watch)
    try:
        for number in range(200):
            log.info("x", number=number)
    finally:
        sys.setprofile(None)
    mohflow.shutdown(0.1)

    assert [] == seen
