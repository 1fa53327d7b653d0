"""A fork waits for what takes locks below Python, and its child is free."""

from __future__ import annotations

import os
import ssl
import threading

from pathlib import Path

import pytest

from mohflow._event import Event
from mohflow.exceptions import Unavailable
from mohflow.sinks import _fork_lock
from mohflow.sinks._fork_lock import FORK_LOCK


pytestmark = [
    pytest.mark.usefixtures("_no_proxies"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    # Python 3.12 and newer warn where there are threads.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

CERTIFICATES = Path(__file__).parent / "certificates"

EVENTS = [Event(1, 20, {"event": "e"}, b'{"event":"e"}\n')]


def status_of_a_child(work=lambda: None) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def use_the_lock() -> None:
    assert FORK_LOCK._lock.acquire(timeout=5)
    FORK_LOCK._lock.release()


@pytest.fixture
def hold():
    """Hold the lock in another thread until told to let go."""
    is_held, let_go = threading.Event(), threading.Event()

    def work() -> None:
        with FORK_LOCK.held():
            is_held.set()
            let_go.wait(20)

    thread = threading.Thread(target=work)

    def start() -> threading.Event:
        thread.start()
        assert is_held.wait(5)
        return let_go

    yield start
    let_go.set()
    thread.join()


def test_a_fork_waits_for_what_is_under_way(hold, monkeypatch) -> None:
    monkeypatch.setattr(_fork_lock, "PATIENCE", 60.0)
    let_go = hold()
    done: list[int] = []
    forking = threading.Thread(
        target=lambda: done.append(status_of_a_child(use_the_lock))
    )
    forking.start()
    forking.join(0.2)
    before = list(done)
    let_go.set()
    forking.join(20)

    assert ([], [0]) == (before, done)


def test_a_fork_that_has_waited_enough_leaves_the_child_a_lock(
    hold, monkeypatch
) -> None:
    monkeypatch.setattr(_fork_lock, "PATIENCE", 0.01)
    hold()

    assert 0 == status_of_a_child(use_the_lock)


def test_the_parent_has_the_lock_back_after_a_fork() -> None:
    assert 0 == status_of_a_child()
    taken: list[bool] = []

    def take() -> None:
        use_the_lock()
        taken.append(True)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()

    assert [True] == taken


def test_a_signal_handler_may_fork_while_its_thread_holds_it() -> None:
    with FORK_LOCK.held():
        assert 0 == status_of_a_child(use_the_lock)


def test_every_step_of_tls_is_taken_under_it(
    serve, store, sink_for, monkeypatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    server = serve(store, context)
    seen: dict[str, set[bool]] = {}

    def watch(owner, name) -> None:
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            seen.setdefault(name, set()).add(FORK_LOCK._lock._is_owned())
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    # What waits for the network must not hold it; the server has a socket
    # of ssl, and uses none of these.
    watch(ssl.SSLContext, "wrap_bio")
    for step in ("do_handshake", "read", "write"):
        watch(ssl.SSLObject, step)
    monkeypatch.setattr(ssl, "create_default_context", _watched_default(seen))
    sink_for(
        server, "https", "localhost", ca_file=CERTIFICATES / "ca.pem"
    ).write(EVENTS)

    steps = ("default", "wrap_bio", "do_handshake", "read", "write")
    assert {step: {True} for step in steps} == seen


def _watched_default(seen):
    original = ssl.create_default_context

    def watched(*args, **kwargs):
        seen.setdefault("default", set()).add(FORK_LOCK._lock._is_owned())
        return original(*args, **kwargs)

    return watched


def test_it_is_free_while_the_other_side_is_waited_for(
    serve, sink_for
) -> None:
    is_asked = threading.Event()

    def hang(server, connection) -> None:
        is_asked.set()
        server.stopped.wait(20)

    server = serve(hang)
    sink = sink_for(server, "https", ca_file=CERTIFICATES / "ca.pem")

    def write() -> None:
        with pytest.raises(Unavailable):
            sink.write(EVENTS)

    thread = threading.Thread(target=write)
    thread.start()
    assert is_asked.wait(10)
    is_free = FORK_LOCK._lock.acquire(timeout=10)
    FORK_LOCK._lock.release()
    server.stopped.set()
    thread.join()

    assert is_free


def test_a_sink_without_tls_never_touches_openssl(
    serve, store, sink_for, monkeypatch
) -> None:
    class Untouchable:
        def __new__(cls, *args, **kwargs):
            pytest.fail("a context was made")

    server = serve(store)
    monkeypatch.setattr(ssl, "SSLContext", Untouchable)
    monkeypatch.setattr(ssl, "create_default_context", Untouchable)

    assert sink_for(server).write(EVENTS) is None
