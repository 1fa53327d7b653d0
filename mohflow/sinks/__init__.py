"""
Destinations of events.

A sink is a subclass of :class:`mohflow.typing.Sink` with one method,
``write(batch)``, that stores the lines or the fields of a batch of events.
It returns ``None`` when all are stored and a ``Partial`` when some are; it
raises ``Unavailable`` when trying again may help and ``Rejected`` when it
will not. Queue, thread, batches and retries belong to the delivery engine::

    class ListSink(Sink):
        def __init__(self) -> None:
            self.lines: list[bytes] = []

        def write(self, batch: Sequence[Event]) -> None:
            self.lines += [event.line for event in batch]
"""
