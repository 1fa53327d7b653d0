"""Write each event in the thread that logged it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mohflow._event import Event
from mohflow.delivery.ledger import Ledger
from mohflow.delivery.sight import Sight
from mohflow.diagnostics import complain
from mohflow.exceptions import Rejected, SinkError
from mohflow.typing import Sink


def close_sink(name: str, sink: Sink) -> None:
    """Close *sink*; what it raises is said, and stops nothing."""
    try:
        sink.close()
    except Exception as error:  # said on stderr
        complain(
            f"close {name}",
            f"sink {name!r} cannot be closed: {type(error).__name__}.",
        )


class Inline:
    """
    Hand every event to *sink* at once, and count what became of it.

    For sinks that are quick and safe for threads: the console and files.

    Args:
        name: The name of the sink in complaints.
        sink: The destination.
    """

    is_queued = False

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self.sink = sink
        self.ledger = Ledger()
        self._takes_lines = hasattr(sink, "append")

    def put(self, event: Event) -> None:
        """Write *event*; a failure is counted and said, never raised."""
        try:
            self.sink.write((event,))
        except Exception as error:  # counted, said on stderr
            self._refused(error)
        else:
            self.ledger.wrote()

    def put_line(
        self, time_ns: int, level: int, fields: Mapping[str, Any], line: bytes
    ) -> None:
        """Do what :meth:`put` does; a sink may want no more than the line."""
        if not self._takes_lines:
            self.put(Event(time_ns, level, fields, line))
            return
        try:
            self.sink.append(time_ns, line)  # type: ignore[attr-defined]
        except Exception as error:  # counted, said on stderr
            self._refused(error)
        else:
            self.ledger.wrote()

    def _refused(self, error: Exception) -> None:
        if isinstance(error, SinkError):
            by_sink = isinstance(error, Rejected)
            self.ledger.refused(error.reason, by_sink=by_sink)
            self._say(error.reason)
        else:
            self.ledger.refused("sink_error")
            self._say(type(error).__name__)

    def _say(self, what: str) -> None:
        complain(
            f"sink {self.name}",
            f"sink {self.name!r} cannot write: {what}. "
            "The events are lost to this sink and counted in its ledger.",
        )

    def expedite(self) -> int:
        """Return 0: nothing ever waits here."""
        return 0

    def flush(self, deadline: float) -> bool:
        """Return ``True``: nothing ever waits here."""
        return True

    def close(self, deadline: float) -> None:
        """Close the sink."""
        close_sink(self.name, self.sink)

    def look(self) -> Sight:
        """Return that nothing waits and nothing is tried again."""
        return Sight()

    def after_fork(self) -> None:
        """Make parent and child independent of each other."""
        self.ledger.after_fork()
        self.sink.after_fork()
