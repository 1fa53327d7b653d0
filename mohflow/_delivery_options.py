"""The options that every remote sink has: what may wait, where, how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    GetPydanticSchema,
)


Bytes = Annotated[
    int, GetPydanticSchema(lambda _, handler: handler(ByteSize)), Field(gt=0)
]
"""Bytes, or text such as ``10MB`` or ``10 MiB``."""

MiB = 1024 * 1024


class DeliveryOptions(BaseModel):
    """How much a sink may keep, how it is batched, what is lost when."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    durability: Literal["memory", "spool", "wal"] | None = None
    """What survives. ``memory``: what waits dies with the process. ``spool``:
    overflow, outages and the exit of the program spill to disk, but SIGKILL
    takes what had not been sent or spilled yet. ``wal``: every event is on
    disk before the log call returns, which each call pays for. Without it:
    ``spool`` once ``spool_dir`` is set, else ``memory``."""

    queue_bytes: Bytes = 32 * MiB
    """Bytes of memory, or text such as ``32 MiB``, for events that wait while
    the sink is slow or away: an event takes its line and 300 bytes. More of
    it rides out a longer outage and costs that much memory."""

    queue_events: int = Field(default=100_000, gt=0)
    """Events that wait in memory; the bound that is reached first counts."""

    overflow: Literal["drop_lowest", "drop_oldest", "drop_newest", "block"] = (
        "drop_lowest"
    )
    """What gives way when the queue is full and nothing can be spooled; it is
    counted. ``drop_lowest``: the lowest level first, the oldest of it, so
    that errors outlive debug messages. ``block``: log calls wait for room, a
    short while, before the event is dropped."""

    batch_bytes: Bytes = 1_000_000
    """Bytes of lines that one request holds at most. More means fewer
    requests; a larger part is lost or sent again when one fails."""

    batch_events: int = Field(default=1000, gt=0)
    """Events that one request holds at most."""

    linger: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """Seconds that an event waits for company. Less shows events sooner and
    makes more requests."""

    catch_up: Bytes = 3_000_000
    """Bytes of lines a second, at most, in which what piled up on disk is
    sent once the sink is back; it halves when the sink answers that this is
    too much. Loki takes 3 MB/s of one stream unless told otherwise
    (``per_stream_rate_limit``). More shows old events sooner."""
