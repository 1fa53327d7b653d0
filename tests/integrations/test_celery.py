"""
Real workers with a real broker between processes: a database of SQLite.

It needs no server, so a clean machine can run these tests.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


APP = """
    import os, time
    import mohflow, structlog
    from celery import Celery, chain
    from mohflow.integrations import celery

    mohflow.configure(console=False, file=os.environ["LOG"])
    log = structlog.get_logger("app")
    app = Celery("app", broker="sqla+sqlite:///broker.db")
    app.conf.update(
        task_always_eager="EAGER" in os.environ,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
    )
    celery.init_app(app)

    @app.task
    def add(a, b):
        log.info("adding", pid=os.getpid())
        structlog.contextvars.bind_contextvars(stray=a)
        mohflow.annotate(total=a + b)
        return a + b

    @app.task
    def boom():
        raise ValueError("boom")

    @app.task(throws=(KeyError,))
    def expected():
        raise KeyError("known")

    @app.task(bind=True, max_retries=2)
    def flaky(self):
        log.info("trying", attempt=self.request.retries)
        if self.request.retries < 2:
            raise self.retry(countdown=0, exc=ValueError("again"))
        return "done"

    @app.task
    def killed():
        log.info("last words")
        os.kill(os.getpid(), 9)

    @app.task(time_limit=1)
    def too_long():
        time.sleep(60)

    @app.task
    def outer():
        log.info("outer")
        return add.delay(1, 1).id
"""

SEND = """
    import sys
    import mohflow
    from app import *

    def within(name, *signatures):
        with mohflow.bound(correlation_id=name):
            for signature in signatures:
                signature.apply_async()

    for number in range(int(sys.argv[1])):
        within(f"many-{number}", add.s(number, number))
    within("boom", boom.s())
    within("expected", expected.s())
    within("flaky", flaky.s())
    within("chain", chain(add.s(1, 2), add.s(3)))
    within("outer", outer.s())
    add.delay(0, 0)  # by nobody's request
"""

COUNT = 40

POOLS = [
    pytest.param(["--pool=prefork", "-c2"], id="prefork"),
    pytest.param(
        ["--pool=threads", "-c4"], id="threads", marks=pytest.mark.slow
    ),
    pytest.param(["--pool=solo"], id="solo", marks=pytest.mark.slow),
]


def send(server, folder, count, source=SEND):
    (folder / "send.py").write_text(textwrap.dedent(source))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "send.py", str(count)],
        cwd=folder,
        env={"LOG": str(folder / "sender.log")},
        capture_output=True,
        check=False,
        text=True,
        timeout=90,
    )
    assert 0 == done.returncode, done.stderr + server.output


@pytest.mark.parametrize("pool", POOLS)
def test_ids_travel_with_tasks_their_retries_and_their_children(
    serve, tmp_path, pool
) -> None:
    worker = ["-m", "celery", "-A", "app", "worker", *pool, "-l", "info"]
    server = serve(APP, [*worker, "--without-gossip", "--without-mingle"])
    send(server, tmp_path, COUNT)
    # Of flaky three runs, of the chain two, of outer two, one of nobody.
    told = server.wait_for(COUNT + 10, "task_finished")
    check_failures(server)
    of = {}
    for event in told:
        of.setdefault(event["correlation_id"], []).append(event)

    assert {f"many-{n}": 2 * n for n in range(COUNT)} == {
        name: events[0]["total"]
        for name, events in of.items()
        if name.startswith("many-")
    }
    for event in server.named("adding"):
        assert event["task_id"] and "stray" not in event
    # The next run may write before the one that asked for it has finished.
    runs = sorted(of["flaky"], key=lambda event: event["retries"])
    assert [0, 1, 2] == [event["retries"] for event in runs]
    assert ["RETRY", "RETRY", "SUCCESS"] == [event["state"] for event in runs]
    assert ["app.add", "app.add"] == [e["task"] for e in of["chain"]]
    first, second = of["chain"]
    assert first["task_id"] == second["parent_id"]
    outer = next(e for e in of["outer"] if e["task"] == "app.outer")
    inner = next(e for e in of["outer"] if e["task"] == "app.add")
    assert outer["task_id"] == inner["parent_id"]
    # A task of nobody's request is found by the id of the first task.
    [alone] = [e for e in told if e["correlation_id"] == e["task_id"]]
    assert 0 == alone["total"]


def check_failures(server) -> None:
    [failure] = server.named("task_finished", correlation_id="boom")
    [known] = server.named("task_finished", correlation_id="expected")
    texts = [event["event"] for event in server.events]

    assert ("FAILURE", "error", "boom") == (
        failure["state"],
        failure["level"],
        failure["exception"]["message"],
    )
    assert ("FAILURE", "warning") == (known["state"], known["level"])
    assert 1 == sum("boom" in str(e.get("exception")) for e in server.events)
    assert [] == [t for t in texts if "succeeded" in t or "received" in t]
    # The worker has taken no handler away, and has added none.
    assert any("ready" in text for text in texts)
    assert "adding" not in server.output


SEND_HARD = """
    import mohflow
    from app import *

    for task in (killed, too_long):
        with mohflow.bound(correlation_id=task.__name__):
            task.delay()
"""


@pytest.mark.slow
def test_a_task_whose_process_dies_is_told_once_with_its_ids(
    serve, tmp_path
) -> None:
    worker = ["-m", "celery", "-A", "app", "worker", "--pool=prefork", "-c2"]
    server = serve(APP, [*worker, "--without-gossip", "--without-mingle"])
    send(server, tmp_path, 0, SEND_HARD)
    server.wait_until(lambda: len(server.named("task_lost")) == 2)
    server.stop()
    lost = {e["correlation_id"]: e for e in server.named("task_lost")}
    [words] = server.named("last words")

    assert {
        "killed": ("app.killed", "WorkerLostError"),
        "too_long": ("app.too_long", "TimeLimitExceeded"),
    } == {
        name: (event["task"], event["exception"]["type"])
        for name, event in lost.items()
    }
    assert words["task_id"] == lost["killed"]["task_id"]
    assert 2 == len([e for e in server.events if "exception" in e])


def test_an_eager_task_has_the_id_of_its_caller_who_keeps_it(
    program, tmp_path
) -> None:
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    result = program(
        """
        from app import *

        with mohflow.bound(correlation_id="caller", user=7):
            outer.delay()
            log.info("after")
        """,
        EAGER="1",
    )
    events = [
        event
        for event in result.log_file.events
        if event["logger"] in ("app", "mohflow.tasks")
    ]

    assert 0 == result.returncode, result.stderr
    assert {"caller"} == {event["correlation_id"] for event in events}
    assert [
        "outer",
        "adding",
        "task_finished",
        "task_finished",
        "after",
    ] == [event["event"] for event in events]
    assert 7 == events[-1]["user"]
    assert events[3]["task_id"] == events[2]["parent_id"]
