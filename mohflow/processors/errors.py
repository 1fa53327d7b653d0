"""Exceptions as data, and that data as the text people know."""

from __future__ import annotations

import linecache
import sys

from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from mohflow.processors._traceback import format_traceback, frame_lines
from mohflow.processors.limits import fit
from mohflow.processors.plain import (
    cut_text,
    distinct,
    plain_key,
    plain_text,
    plain_tree,
)


if TYPE_CHECKING:
    from structlog.typing import EventDict


__all__ = ["StructuredExceptions", "format_traceback"]

MAX_CHAIN = 10
"""Exceptions that led to each other, or groups inside groups."""

MAX_EXCEPTIONS = 20
"""Exceptions of one event, members of groups included."""

_OUTERMOST = 10
_MAX_CODE = 500
_MAX_NOTES = 50
_MAX_LOCALS = 20
_OURS = frozenset({"mohflow", "structlog"})

_Place = tuple[FrameType, int]


class StructuredExceptions:
    """
    Replace ``exc_info`` by ``exception`` and ``stack_info`` by ``stack``.

    Args:
        locals: Add the variables of each frame. They may hold secrets that
            no masker knows by name or shape.
        max_frames: Frames of one exception: the ten outermost and the rest
            from where it was raised.
    """

    def __init__(
        self,
        *,
        locals: bool = False,  # noqa: A002 - what Python calls them
        max_frames: int = 50,
    ) -> None:
        self._locals = locals
        self._max_frames = max_frames

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> EventDict:
        if "exc_info" in event_dict:
            error, traceback = _active(event_dict.pop("exc_info"))
            if error is not None:
                _put(event_dict, "exception", self._tell(error, traceback))
        stack = event_dict.pop("stack_info", None)
        if isinstance(stack, str):
            _put(event_dict, "stack", stack)
        elif _is_true(stack):
            _put(event_dict, "stack", _stack(self._max_frames))
        return event_dict

    def _tell(
        self, error: BaseException, traceback: TracebackType | None
    ) -> dict[str, Any]:
        try:
            return _Report(self._max_frames, wants_locals=self._locals).of(
                error, traceback
            )
        except Exception as failure:
            # The stack is full; the report says so.
            name = type(error).__name__
            return {"type": name, "incomplete": type(failure).__name__}


def _put(event_dict: EventDict, key: str, value: object) -> None:
    """Set a field; the caller's own of that name gets an underscore."""
    if key in event_dict:
        own = distinct(f"{key}_", event_dict)
        event_dict[own] = event_dict.pop(key)
    event_dict[key] = value


def _is_true(value: object) -> bool:
    try:
        return bool(value)
    except Exception:
        # An array, say: something was passed, so something was meant.
        return True


def _active(
    exc_info: object,
) -> tuple[BaseException | None, TracebackType | None]:
    """Return the exception that *exc_info* means and its traceback."""
    if isinstance(exc_info, BaseException):
        return exc_info, exc_info.__traceback__
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        _, error, traceback = exc_info
        if not isinstance(error, BaseException):
            return None, None
        if isinstance(traceback, TracebackType):
            return error, traceback
        return error, error.__traceback__
    _, active, traceback = sys.exc_info()
    return (active, traceback) if _is_true(exc_info) else (None, None)


class _Report:
    """The exceptions of one event, told within the bounds above."""

    __slots__ = ("left", "max_frames", "path", "wants_locals")

    def __init__(self, max_frames: int, *, wants_locals: bool) -> None:
        self.wants_locals = wants_locals
        self.max_frames = max_frames
        self.left = MAX_EXCEPTIONS
        self.path: list[BaseException] = []

    def of(
        self, error: BaseException, traceback: TracebackType | None
    ) -> dict[str, Any]:
        self.left -= 1
        self.path.append(error)
        kind = type(error)
        report: dict[str, Any] = {
            "type": kind.__qualname__,
            "module": kind.__module__,
            "message": _message(error),
            "frames": [],
        }
        try:
            report.update(self.frames(_places(traceback)))
            report.update(_details(error))
            self._add_related(report, error)
        except Exception as failure:
            # An exception with attributes that raise; the report says so.
            report["incomplete"] = type(failure).__name__
        finally:
            self.path.pop()
        return report

    def frames(self, places: Iterator[_Place]) -> dict[str, Any]:
        kept, omitted = _ends(places, self.max_frames)
        frames = [_frame(frame.f_code, line, frame) for frame, line in kept]
        if self.wants_locals:
            for told, (frame, _) in zip(frames, kept, strict=True):
                told["locals"] = _variables(frame)
        more = {"frames_omitted": omitted} if omitted else {}
        return {"frames": frames, **more}

    def _add_related(
        self, report: dict[str, Any], error: BaseException
    ) -> None:
        if error.__cause__ is not None:
            report.update(self._one("cause", error.__cause__))
        elif error.__context__ is not None and not error.__suppress_context__:
            report.update(self._one("context", error.__context__))
        if isinstance(error, BaseExceptionGroup):
            members = error.exceptions
            told = []
            for member in members:
                if not self._has_room(member):
                    break
                told.append(self.of(member, member.__traceback__))
            report["exceptions"] = told
            if len(told) < len(members):
                omitted = report.get("exceptions_omitted", 0)
                omitted += len(members) - len(told)
                report["exceptions_omitted"] = omitted

    def _one(self, key: str, error: BaseException) -> dict[str, Any]:
        if any(error is told for told in self.path):
            return {}
        if not self._has_room(error):
            return {"exceptions_omitted": _chain_length(error)}
        return {key: self.of(error, error.__traceback__)}

    def _has_room(self, error: BaseException) -> bool:
        if any(error is told for told in self.path):
            return False
        return self.left > 0 and len(self.path) < MAX_CHAIN


def _chain_length(error: BaseException | None) -> int:
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < 1000:
        seen.add(id(error))
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)
    return len(seen)


def _message(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        return plain_text(str.__str__(text))
    except Exception as failure:
        # The text takes the place of the message.
        name = type(failure).__name__
        return f"<unrepresentable {type(error).__name__}: {name}>"


def _details(error: BaseException) -> dict[str, Any]:
    """Return the notes, and where the syntax is wrong."""
    details: dict[str, Any] = {}
    if isinstance(error, SyntaxError) and error.lineno is not None:
        details["syntax"] = {
            "file": plain_key(error.filename),
            "line": error.lineno,
            "offset": error.offset,
            "text": cut_text(plain_key(error.text or "").rstrip(), _MAX_CODE),
        }
    try:
        notes = getattr(error, "__notes__", None)
        if isinstance(notes, list | tuple):
            details["notes"] = [plain_key(n) for n in notes[:_MAX_NOTES]]
        elif notes is not None:
            details["notes"] = [plain_key(notes)]
    except Exception as failure:
        # The text takes the place of the notes.
        details["notes"] = [f"<unrepresentable: {type(failure).__name__}>"]
    return details


def _places(traceback: TracebackType | None) -> Iterator[_Place]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno or 0
        traceback = traceback.tb_next


def _ends(
    places: Iterator[_Place], max_frames: int
) -> tuple[list[_Place], int]:
    """Return the first and the last places, and how many are between."""
    first = list(islice(places, min(_OUTERMOST, max_frames // 2)))
    last: deque[_Place] = deque(maxlen=max(max_frames - len(first), 0))
    total = 0
    for place in places:
        total += 1
        last.append(place)
    return [*first, *last], total - len(last)


def _frame(code: CodeType, line: int, frame: FrameType) -> dict[str, Any]:
    try:
        text = linecache.getline(code.co_filename, line, frame.f_globals)
    except Exception:
        # A loader that cannot tell its source; the line number is enough.
        text = ""
    return {
        "file": plain_text(code.co_filename),
        "line": line,
        "function": plain_text(code.co_name),
        "code": cut_text(plain_text(text.strip()), _MAX_CODE),
    }


def _variables(frame: FrameType) -> dict[str, Any]:
    """Return local variables in small; a masker sees them by name."""
    return {
        plain_key(name): fit(plain_tree(value, max_nodes=20), 500)
        for name, value in list(frame.f_locals.items())[:_MAX_LOCALS]
    }


def _callers() -> Iterator[_Place]:
    """Return who called, innermost first, without the logging itself."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in _OURS:
            yield frame, frame.f_lineno or 0
        frame = frame.f_back


def _stack(max_frames: int) -> str:
    frames = _Report(max_frames, wants_locals=False).frames(
        reversed([*_callers()])
    )
    lines = ["Stack (most recent call last):", *frame_lines(frames)]
    return "\n".join(lines)
