"""The text of an exception that was told as data."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any


_MAX_DEPTH = 32
_OUTERMOST = 10
_BECAUSE = {
    "cause": (
        "The above exception was the direct cause of the following exception:"
    ),
    "context": (
        "During handling of the above exception, another exception occurred:"
    ),
}


def format_traceback(exception: Mapping[str, Any]) -> str:
    """
    Return the text that Python would print for this exception.

    Args:
        exception: What :class:`StructuredExceptions` made of it. Missing
            keys are left out; odd values are shown as they are.
    """
    return "\n".join(_lines(exception, "", 0))


def _lines(exception: Any, margin: str, depth: int) -> list[str]:
    """Return the lines with *margin*, which tells how deep in groups it is."""
    if not isinstance(exception, Mapping) or depth >= _MAX_DEPTH:
        text = exception if isinstance(exception, str) else "..."
        return [margin + line for line in text.split("\n")]
    lines: list[str] = []
    for key, sentence in _BECAUSE.items():
        if exception.get(key):
            lines += _lines(exception[key], margin, depth + 1)
            lines += [margin + line for line in ("", sentence, "")]
    if isinstance(exception.get("exceptions"), list | tuple):
        return lines + _group(exception, margin, depth)
    if _frames(exception):
        lines.append(f"{margin}Traceback (most recent call last):")
    return lines + [margin + line for line in _own_lines(exception)]


def _own_lines(exception: Mapping[str, Any]) -> list[str]:
    return [*frame_lines(exception), *_last_lines(exception)]


def _group(exception: Mapping[str, Any], margin: str, depth: int) -> list[str]:
    pad = margin[:-2] or "  "
    lines = [f"{pad}| {line}" for line in _own_lines(exception)]
    if _frames(exception):
        head = "Exception Group Traceback (most recent call last):"
        lines.insert(0, f"{pad}{'|' if margin else '+'} {head}")
    for number, member in enumerate(exception["exceptions"], 1):
        start = f"{pad}+-+" if number == 1 else f"{pad}  +"
        lines.append(f"{start}---------------- {number} ----------------")
        lines += _lines(member, f"{pad}  | ", depth + 1)
    return [*lines, f"{pad}  +------------------------------------"]


def _frames(exception: Mapping[str, Any]) -> list[Any]:
    frames = exception.get("frames")
    return list(frames) if isinstance(frames, list | tuple) else []


def frame_lines(exception: Mapping[str, Any]) -> list[str]:
    """Return the lines of the frames, without a headline."""
    frames = [_frame(frame) for frame in _frames(exception)]
    if omitted := exception.get("frames_omitted"):
        place = min(_OUTERMOST, len(frames) // 2)
        frames.insert(place, [f"  [{omitted} frames omitted]"])
    return [*chain.from_iterable(frames)]


def _frame(frame: Any) -> list[str]:
    if not isinstance(frame, Mapping):
        return [f"  {frame}"]
    lines = [
        (
            f'  File "{frame.get("file", "?")}", line {frame.get("line", "?")}'
            f", in {frame.get('function', '?')}"
        )
    ]
    if frame.get("code"):
        lines.append(f"    {frame['code']}")
    variables = frame.get("locals")
    if isinstance(variables, Mapping):
        lines += [f"      {name} = {variables[name]!r}" for name in variables]
    return lines


def _last_lines(exception: Mapping[str, Any]) -> list[str]:
    syntax = exception.get("syntax")
    lines = _syntax(syntax) if isinstance(syntax, Mapping) else []
    kind, module = exception.get("type", "?"), exception.get("module")
    if module not in (None, "builtins", "__main__"):
        kind = f"{module}.{kind}"
    message = str(exception.get("message") or "")
    lines += f"{kind}: {message}".split("\n") if message else [str(kind)]
    notes = exception.get("notes")
    for note in notes if isinstance(notes, list | tuple) else ():
        lines += str(note).split("\n")
    if omitted := exception.get("exceptions_omitted"):
        lines.append(f"[{omitted} exceptions omitted]")
    return lines


def _syntax(syntax: Mapping[str, Any]) -> list[str]:
    lines = [f'  File "{syntax.get("file", "?")}", line {syntax.get("line")}']
    text = str(syntax.get("text") or "")
    if text:
        lines.append(f"    {text.strip()}")
        offset = syntax.get("offset")
        indent = len(text) - len(text.lstrip())
        if isinstance(offset, int) and indent < offset <= len(text) + 1:
            lines.append(" " * (3 + offset - indent) + "^")
    return lines
