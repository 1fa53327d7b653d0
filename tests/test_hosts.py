"""Loops, green threads and hosts that freeze: what is logged there ships."""

from __future__ import annotations

import json
import textwrap

from importlib.util import find_spec

import pytest

from mohflow.testing import LokiServer


@pytest.fixture
def loki():
    with LokiServer() as server:
        yield server


def numbers(loki: LokiServer) -> list[int]:
    return [json.loads(entry.line)["number"] for entry in loki.entries()]


SETUP = """
    import sys
    import mohflow, structlog

    mohflow.configure(
        console=False,
        loki=mohflow.LokiOptions(url=sys.argv[1], linger=60.0),
    )
    log = structlog.get_logger()

    async def work(worker, sleep):
        with mohflow.bound(worker=worker):
            for number in range(50):
                await log.ainfo("x", number=worker * 50 + number)
                await sleep(0)

    async def finish():
        # The linger is a minute: without a flush nothing would be there.
        assert await mohflow.aflush(20)
        assert mohflow.ledger()["loki"].delivered == 500
        log.info("last", number=500)
"""

LOOPS = {
    "asyncio": """
        import asyncio

        async def main():
            await asyncio.gather(*(work(n, asyncio.sleep) for n in range(10)))
            await finish()

        asyncio.run(main())
    """,
    "uvloop": """
        import asyncio, uvloop

        async def main():
            await asyncio.gather(*(work(n, asyncio.sleep) for n in range(10)))
            await finish()

        uvloop.run(main())
    """,
    "trio": """
        import trio

        async def main():
            async with trio.open_nursery() as nursery:
                for worker in range(10):
                    nursery.start_soon(work, worker, trio.sleep)
            await finish()

        trio.run(main)
    """,
    "anyio": """
        import anyio

        async def main():
            async with anyio.create_task_group() as group:
                for worker in range(10):
                    group.start_soon(work, worker, anyio.sleep)
            await finish()

        anyio.run(main)
        # A second loop of the other kind, in the same process.
        async def other():
            assert await mohflow.aflush(20)

        anyio.run(other, backend="trio")
    """,
}


@pytest.mark.parametrize("loop", LOOPS)
def test_tasks_of_a_loop_ship_with_their_context(loki, program, loop) -> None:
    pytest.importorskip("trio" if loop == "anyio" else loop)
    source = textwrap.dedent(SETUP) + textwrap.dedent(LOOPS[loop])
    result = program(source, loki.url)
    lines = [json.loads(entry.line) for entry in loki.entries()]

    assert (0, "") == (result.returncode, result.stderr)
    assert list(range(501)) == sorted(numbers(loki))
    assert all(e["worker"] == e["number"] // 50 for e in lines[:500])


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_loop_goes_on_while_it_waits_for_a_flush(
    loki, program, loop
) -> None:
    """And a flush that is cancelled ends at once."""
    pytest.importorskip(loop)
    loki.hang(60)
    result = program(
        """
        import sys
        import anyio, mohflow, structlog

        settings = mohflow.Settings(shutdown_timeout=0.1)
        mohflow.configure(settings, console=False, loki=sys.argv[1])
        structlog.get_logger().info("x", number=0)

        async def main():
            turns = 0
            with anyio.move_on_after(0.5) as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(mohflow.aflush, 1.0)
                    while turns < 10:
                        await anyio.sleep(0.001)
                        turns += 1
                    print("turned")
            print(scope.cancel_called)
            print(await mohflow.aflush(0.01))

        anyio.run(main, backend=sys.argv[2])
        """,
        loki.url,
        loop,
    )
    loki.heal()

    assert 0 == result.returncode, result.stderr
    assert ["turned", "True", "False"] == result.stdout.split()


GREEN = {
    "gevent": """
        from gevent import monkey; monkey.patch_all()
        import gevent

        def together(work):
            gevent.joinall([gevent.spawn(work, n) for n in range(10)])

        sleep = gevent.sleep
    """,
    "eventlet": """
        import sys
        # httpcore imports trio where it is; and trio cannot be imported into
        # a program that eventlet has patched.
        sys.modules["trio"] = None
        import eventlet; eventlet.monkey_patch()

        def together(work):
            pool = eventlet.GreenPool()
            for number in range(10):
                pool.spawn(work, number)
            pool.waitall()

        sleep = eventlet.sleep
    """,
}


@pytest.mark.parametrize("host", GREEN)
def test_a_host_that_is_patched_ships(loki, program, host) -> None:
    if find_spec(host) is None:
        # To import eventlet here would have every later fork warn.
        pytest.skip(f"{host} is not installed")
    result = program(
        textwrap.dedent(GREEN[host])
        + textwrap.dedent(
            """
            import sys
            import mohflow, structlog

            mohflow.configure(
                console=False,
                loki=mohflow.LokiOptions(url=sys.argv[1], linger=0.05),
            )
            log = structlog.get_logger()

            def work(worker):
                for number in range(50):
                    log.info("x", number=worker * 50 + number)
                    sleep(0)

            together(work)
            assert mohflow.flush(20)
            counts = mohflow.ledger()["loki"]
            assert counts.delivered == 500, counts
            log.info("last", number=500)
            """
        ),
        loki.url,
        PYTHONWARNINGS="ignore",
    )

    assert (0, "") == (result.returncode, result.stderr)
    assert list(range(501)) == sorted(numbers(loki))


def test_a_function_that_is_frozen_between_calls_has_sent_before(
    loki, program
) -> None:
    """A host of functions stops the process when the handler returns."""
    result = program(
        """
        import os, signal, sys, time
        import mohflow, structlog

        mohflow.configure(
            console=False,
            loki=mohflow.LokiOptions(url=sys.argv[1], linger=60.0),
        )
        log = structlog.get_logger()

        def handler(event, context):
            log.info("asked", number=event)
            assert mohflow.flush(10)
            return mohflow.ledger()["loki"].delivered

        def state():
            with open(f"/proc/{os.getppid()}/stat") as file:
                return file.read().rpartition(")")[2].split()[0]

        for call in range(3):
            assert handler(call, None) == call + 1
            if os.fork() == 0:
                # The host: it wakes a process that it has found stopped.
                while state() != "T":
                    time.sleep(0.02)
                os.kill(os.getppid(), signal.SIGCONT)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.wait()
        # Then it is killed, without a word.
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        loki.url,
        PYTHONWARNINGS="ignore",
    )

    assert (-9, "") == (result.returncode, result.stderr)
    assert [0, 1, 2] == numbers(loki)
