from __future__ import annotations

import asyncio
import threading

from concurrent.futures import ThreadPoolExecutor

import pytest

from structlog.contextvars import bind_contextvars, get_contextvars

import mohflow


class TestDetached:
    def test_nothing_is_bound_inside_and_all_comes_back(self) -> None:
        bind_contextvars(a=1)
        with mohflow.detached():
            bind_contextvars(b=2)
            inside = get_contextvars()

        assert ({"b": 2}, {"a": 1}) == (inside, get_contextvars())

    def test_it_comes_back_after_an_exception(self) -> None:
        bind_contextvars(a=1)
        with pytest.raises(ValueError), mohflow.detached(job="x"):
            assert {"job": "x"} == get_contextvars()
            raise ValueError

        assert {"a": 1} == get_contextvars()

    def test_it_decorates_functions_of_each_kind(self) -> None:
        @mohflow.detached(job="x")
        def function():
            return get_contextvars()

        @mohflow.detached(job="x")
        async def coroutine():
            return get_contextvars()

        @mohflow.detached(job="x")
        def generator():
            yield get_contextvars()

        bind_contextvars(a=1)

        assert {"job": "x"} == function()
        assert {"job": "x"} == asyncio.run(coroutine())
        assert [{"job": "x"}] == list(generator())
        assert {"a": 1} == get_contextvars()

    def test_a_worker_that_a_request_has_started_does_not_keep_its_id(
        self,
    ) -> None:
        async def worker(seen):
            with mohflow.detached():
                seen.append(get_contextvars())

        async def request():
            bind_contextvars(correlation_id="first")
            seen = []
            await asyncio.create_task(worker(seen))
            return seen

        assert [{}] == asyncio.run(request())


class TestThreads:
    def test_a_call_in_context_carries_what_was_bound_when_it_was_made(
        self,
    ) -> None:
        seen = []
        bind_contextvars(a=1)
        work = mohflow.in_context(lambda: seen.append(get_contextvars()))
        bind_contextvars(a=2)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

        assert [{"a": 1}] == seen

    def test_it_may_run_in_many_threads_at_once(self) -> None:
        bind_contextvars(a=1)
        barrier = threading.Barrier(8)

        def work(number):
            barrier.wait(10)
            bind_contextvars(number=number)
            return get_contextvars()

        with ThreadPoolExecutor(8) as executor:
            results = list(executor.map(mohflow.in_context(work), range(8)))

        assert [{"a": 1, "number": n} for n in range(8)] == results
        assert {"a": 1} == get_contextvars()

    def test_the_executor_carries_the_context_of_each_submit(self) -> None:
        with mohflow.ContextExecutor(4) as executor:
            futures = []
            for number in range(100):
                with mohflow.bound(number=number):
                    futures.append(executor.submit(get_contextvars))
            results = [future.result() for future in futures]
            with mohflow.bound(of="map"):
                mapped = list(executor.map(lambda _: get_contextvars(), "ab"))

        assert [{"number": n} for n in range(100)] == results
        assert [{"of": "map"}] * 2 == mapped


class TestUnitOfWork:
    def test_it_may_end_in_another_thread_than_it_started(self) -> None:
        seen = {}

        def start():
            unit.start()
            seen["inside"] = get_contextvars()

        def end():
            bind_contextvars(stray=1)
            unit.end()
            seen["after"] = get_contextvars()

        unit = mohflow.UnitOfWork(correlation_id="a")
        for step in (start, end):
            thread = threading.Thread(target=step)
            thread.start()
            thread.join()

        assert {"inside": {"correlation_id": "a"}, "after": {}} == seen

    def test_annotations_of_nested_units_do_not_mix(self) -> None:
        outer, inner = mohflow.UnitOfWork(), mohflow.UnitOfWork()
        with outer:
            mohflow.annotate(a=1)
            with inner:
                mohflow.annotate(b=2)
            mohflow.annotate(c=3)

        assert ({"a": 1, "c": 3}, {"b": 2}) == (
            outer.annotations,
            inner.annotations,
        )

    def test_an_annotation_outside_of_any_is_no_error(self) -> None:
        mohflow.annotate(a=1)

    def test_annotations_of_threads_and_tasks_join(self) -> None:
        async def work():
            await asyncio.to_thread(mohflow.annotate, thread=1)
            await asyncio.create_task(annotate_later())

        async def annotate_later():
            mohflow.annotate(task=2)

        unit = mohflow.UnitOfWork()
        with unit:
            asyncio.run(work())

        assert {"thread": 1, "task": 2} == unit.annotations
