"""Fields that hold for a block, a function, a task, a request or a thread."""

from __future__ import annotations

import functools
import inspect

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import ContextVar, copy_context
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from structlog.contextvars import bound_contextvars

from mohflow.processors.context import context_fields, replace_context


P = ParamSpec("P")
R = TypeVar("R")

_ANNOTATIONS: ContextVar[dict[str, Any] | None] = ContextVar(
    "mohflow_annotations", default=None
)


class bound:  # noqa: N801 - reads as a verb, like structlog's bound_contextvars
    """
    Add *fields* to every event of a block or of a function.

    As a decorator it serves functions, coroutine functions, generators and
    asynchronous generators: the fields hold while the body runs, not while a
    generator waits for its consumer. What was bound before comes back, on an
    exception and on cancellation too.

    Args:
        fields: Names and values.
    """

    def __init__(self, /, **fields: Any) -> None:
        self._fields = fields
        self._entered: list[AbstractContextManager[None]] = []

    def _block(self) -> AbstractContextManager[None]:
        return bound_contextvars(**self._fields)

    def __enter__(self) -> Self:
        block = self._block()
        block.__enter__()
        self._entered.append(block)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered.pop().__exit__(None, None, None)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isasyncgenfunction(function):
            wrapped = self._around_async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapped = self._around_generator(function)
        elif inspect.iscoroutinefunction(function):
            wrapped = self._around_coroutine(function)
        else:
            wrapped = self._around_function(function)
        return cast("Callable[P, R]", functools.wraps(function)(wrapped))

    def _around_function(self, function: Callable[..., Any]) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._block():
                return function(*args, **kwargs)

        return wrapped

    def _around_coroutine(self, function: Callable[..., Any]) -> Any:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._block():
                return await function(*args, **kwargs)

        return wrapped

    def _around_generator(self, function: Callable[..., Any]) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            step, value = generator.send, None
            while True:
                try:
                    with self._block():
                        item = step(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    step, value = generator.send, (yield item)
                except GeneratorExit:
                    with self._block():
                        generator.close()
                    raise
                except BaseException as error:  # thrown on
                    step, value = generator.throw, error

        return wrapped

    def _around_async_generator(self, function: Callable[..., Any]) -> Any:
        async def wrapped(
            *args: Any, **kwargs: Any
        ) -> AsyncGenerator[Any, Any]:
            generator = function(*args, **kwargs)
            step, value = generator.asend, None
            while True:
                try:
                    with self._block():
                        item = await step(value)
                except StopAsyncIteration:
                    return
                try:
                    step, value = generator.asend, (yield item)
                except GeneratorExit:
                    with self._block():
                        await generator.aclose()
                    raise
                except BaseException as error:  # thrown on
                    step, value = generator.athrow, error

        return wrapped


class detached(bound):  # noqa: N801 - reads as a verb, like bound
    """
    Take away what is bound, for a block or a function, and add *fields*.

    For work that outlives the request that starts it, such as a worker thread
    or a task that is never awaited: its events do not carry the ids of that
    request. What was bound before comes back at the end.

    Args:
        fields: Names and values that hold instead.
    """

    def _block(self) -> AbstractContextManager[None]:
        return UnitOfWork(**self._fields)


class UnitOfWork:
    """
    One request, task or message, with a context of its own.

    Between :meth:`start` and :meth:`end` nothing is bound but *fields* and
    what the work itself binds; :func:`annotate` collects in
    :attr:`annotations`. Each may be called in another thread or task than the
    one before.

    Args:
        fields: Names and values, such as ``correlation_id``.
    """

    __slots__ = ("_before", "_fields", "annotations")

    def __init__(self, /, **fields: Any) -> None:
        self._fields = fields
        self._before: tuple[Mapping[str, Any], Any] = {}, None
        self.annotations: dict[str, Any] = {}
        """What :func:`annotate` was given since the start."""

    def start(self) -> None:
        """Let nothing be bound but the fields."""
        before = context_fields()
        self._before = before, _ANNOTATIONS.get()
        _ANNOTATIONS.set(self.annotations)
        replace_context(before, self._fields)

    def settle(self) -> None:
        """Take away what was bound since the start."""
        replace_context(context_fields(), self._fields)

    def end(self) -> None:
        """Bring back what was bound before the start."""
        before, annotations = self._before
        _ANNOTATIONS.set(annotations)
        replace_context(context_fields(), before)

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.end()


def annotate(**fields: Any) -> None:
    """
    Add *fields* to the one event that ends this request, task or message.

    It works from threads, tasks and middleware that carry the context of the
    request, too. Outside of any, nothing happens.
    """
    annotations = _ANNOTATIONS.get()
    if annotations is not None:
        annotations.update(fields)


def in_context(function: Callable[P, R]) -> Callable[P, R]:
    """
    Return *function*, made to run with what is bound here and now.

    For whatever starts threads: ``Thread(target=in_context(work))``,
    ``loop.run_in_executor(None, in_context(work))``.
    """
    context = copy_context()

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        # A context can be entered once at a time; each call has its own.
        return context.copy().run(function, *args, **kwargs)

    return wrapped


class ContextExecutor(ThreadPoolExecutor):
    """A thread pool whose calls run with what was bound at ``submit()``."""

    def submit(
        self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        """Run ``fn(*args, **kwargs)`` in a thread, with this context."""
        return super().submit(in_context(fn), *args, **kwargs)
