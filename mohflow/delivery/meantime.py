"""What is done while a sink is away: wait, make room, let others pass."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from mohflow._event import Event
from mohflow.delivery.batch import Batch
from mohflow.delivery.bypass import Bypass
from mohflow.delivery.shared import Shared
from mohflow.exceptions import Unavailable


TICK = 0.5
"""Seconds between two looks at what else can be done while the sink is
away."""


class Meantime:
    """
    Wait between two attempts, and make good use of it.

    Args:
        shared: The state, of which it takes the lock.
        partition: Tells which events may share a batch.
        deliver: Tries a batch once, and tells what stood in the way.
    """

    def __init__(
        self,
        shared: Shared,
        partition: Callable[[Event], Hashable],
        deliver: Callable[[Batch], Unavailable | None],
    ) -> None:
        self._shared = shared
        self._partition = partition
        self._deliver = deliver

    def relieve(self) -> None:
        """Move what is in memory to disk, a little at a time, if it helps."""
        shared = self._shared
        is_done = False
        while not is_done:
            with shared.wake:
                shared.collect()
                is_done = not (
                    shared.must_spill() and shared.backlog.spill_slice()
                )
                shared.tell()

    def pause(self, seconds: float, held: Batch | None = None) -> None:
        """
        Wait for *seconds*, or until the end.

        Args:
            seconds: How long.
            held: Only events of its partition must wait; others are tried.
        """
        shared = self._shared
        bypass = Bypass(shared, self._partition)
        if held is not None:
            bypass.hold(held)
        while seconds > 0 and not shared.is_closing:
            self.relieve()
            if held is not None:
                self._overtake(bypass)
            self._rest(min(seconds, TICK))
            seconds -= TICK

    def _rest(self, seconds: float) -> None:
        """Wait, or until the end has come or events must go to disk."""
        shared = self._shared
        with shared.wake:
            # What could not be moved just now is no reason to wake up.
            is_stuck = shared.must_spill()
            shared.wake.wait_for(
                lambda: (
                    shared.is_closing or (not is_stuck and shared.must_spill())
                ),
                seconds,
            )

    def _overtake(self, bypass: Bypass) -> None:
        """Deliver what need not wait for what is held."""
        while (batch := bypass.take()) is not None:
            fault = self._deliver(batch)
            if fault is not None:
                if not fault.only_partition or self._shared.is_closing:
                    return
                bypass.hold(batch)
