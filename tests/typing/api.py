"""What a program may write; checked by a type checker, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import mohflow

from mohflow import Event, LedgerSnapshot, Partial, Sink
from mohflow.processors import AddTimestamp, JsonRenderer, Masker, add_level


log = mohflow.get_logger(__name__)
log.bind(a=1).info("x", b=2)
mohflow.get_logger(request_id="r").exception("failed")


class Destination(Sink):
    def write(self, batch: Sequence[Event]) -> Partial | None:
        lines: list[bytes] = [event.line for event in batch]
        return Partial(rejected=[(batch[0], "bad")]) if lines else None


def add(logger: Any, name: str, event_dict: Any) -> Any:
    return event_dict


pipeline = mohflow.configure(
    service="shop",
    level="debug",
    console=mohflow.ConsoleOptions(format="json", level="error"),
    file=Path("shop.log"),
    sinks={"d": Destination()},
    masking=mohflow.MaskingOptions(keys=("order_id",)),
    processors=[add, add_level, AddTimestamp(), Masker()],
)
mohflow.configure(mohflow.Settings(service="x"), console=False, file=False)

with mohflow.configure() as entered:
    other: mohflow.Pipeline = entered


async def work() -> None:
    await log.ainfo("x")
    is_flushed: bool = await mohflow.aflush(1.0)
    async with mohflow.bound(correlation_id="c"):
        log.info("flushed", is_flushed=is_flushed)


@mohflow.bound(a=1)
def function(number: int) -> str:
    return str(number)


@mohflow.bound(a=1)
async def coroutine(number: int) -> str:
    return str(number)


@mohflow.bound(a=1)
def generator() -> Iterator[int]:
    yield 1


@mohflow.bound(a=1)
async def async_generator() -> AsyncIterator[int]:
    yield 1


text: str = function(1)
mohflow.set_level("DEBUG", "db", ttl=60)
changed: bool = mohflow.reload()
counts: dict[str, LedgerSnapshot] = mohflow.shutdown(timeout=1.0)
line: bytes = JsonRenderer()(None, "info", {"event": "x"})
states: list[str] = [one.state for one in mohflow.health()]

with mohflow.detached(), mohflow.UnitOfWork(correlation_id="c"):
    mohflow.annotate(size=1)
with mohflow.ContextExecutor(2) as executor:
    future: Future[str] = executor.submit(function, 1)
carried: str = mohflow.in_context(function)(1)
