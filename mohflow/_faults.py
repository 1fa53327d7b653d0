"""What happens when a processor raises: the event goes on without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from structlog.typing import EventDict, Processor

from mohflow.diagnostics import complain


def run_contained(
    processors: Iterable[Processor],
    output: Any,
    method_name: str,
    event_dict: EventDict,
) -> EventDict:
    """
    Run *processors*; one that raises or returns no mapping is passed over.

    The event then carries ``mohflow_error``, and stderr is told.

    Raises:
        structlog.DropEvent: A processor dropped the event.
    """
    for processor in processors:
        try:
            result = processor(output, method_name, event_dict)
        except Exception as error:  # noted in the event
            note_fault(event_dict, processor, what_raised(error))
            continue
        if isinstance(result, Mapping):
            event_dict = result if type(result) is dict else dict(result)
        else:
            what = f"returned {type(result).__name__}, not a mapping"
            note_fault(event_dict, processor, what)
    return event_dict


def note_fault(event_dict: EventDict, processor: Any, what: str) -> None:
    """Say, in the event and once a minute on stderr, what *processor* did."""
    name = getattr(processor, "__qualname__", type(processor).__qualname__)
    earlier = event_dict.get("mohflow_error")
    fault = f"processor {name} {what}"
    event_dict["mohflow_error"] = f"{earlier}; {fault}" if earlier else fault
    complain(
        f"processor {name}",
        f"processor {name!r} {what}. Events are written without it, and "
        "carry mohflow_error.",
    )


def withheld(event_dict: EventDict, error: Exception) -> EventDict:
    """Return what may be shown of an event that could not be masked."""
    what = what_raised(error)
    complain(
        "chain",
        f"an event could not be made safe to show: {what}. Its fields are "
        "withheld; please report this.",
    )
    shown = {
        key: event_dict[key]
        for key in ("timestamp", "level")
        if isinstance(event_dict.get(key), str)
    }
    return {**shown, "event": "<withheld>", "mohflow_error": what}


def what_raised(error: BaseException) -> str:
    """Name the exception and its place, and nothing that it may quote."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = ""
    if place is not None:
        code = place.tb_frame.f_code
        where = f" at {code.co_filename}:{place.tb_lineno}"
    return f"raised {type(error).__name__}{where}"
