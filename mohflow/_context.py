"""Fields that hold for a block, a function, a task or a generator."""

from __future__ import annotations

import functools
import inspect

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from structlog.contextvars import bound_contextvars


P = ParamSpec("P")
R = TypeVar("R")


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
