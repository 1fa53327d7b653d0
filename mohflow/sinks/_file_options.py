"""The options of a log file."""

from __future__ import annotations

import os
import pathlib

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    GetPydanticSchema,
)

from mohflow.typing import Format, Level


def _path(path: pathlib.Path | str) -> pathlib.Path:
    text = str(path)
    if not text.strip(".") or "\0" in text:
        msg = f"{text!r} is no path of a file"
        raise ValueError(msg)
    return pathlib.Path(os.path.expanduser(path))


def _seconds(age: Any) -> Any:
    return age.total_seconds() if isinstance(age, timedelta) else age


def _permissions(mode: Any) -> Any:
    """Read text as octal, and refuse decimals that were meant as octal."""
    try:
        number = int(mode, 8) if isinstance(mode, str) else mode
    except ValueError:
        number = None
    if isinstance(number, int) and number & 0o200 and number <= 0o777:
        return number
    msg = (
        f"{mode!r} is no file mode that lets the owner write. "
        "Give text such as '0640', or 0o640 in Python."
    )
    raise ValueError(msg)


class FileOptions(BaseModel):
    """Where and how events are written to a file."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    path: Annotated[pathlib.Path | str, AfterValidator(_path)]
    """The file. It and its folders are created when they are missing."""

    format: Format = "json"
    """How an event becomes text. Only in ``console``, which is for people,
    can an event take several lines."""

    level: Level | None = None
    """A number or the name of a level. Events below it do not reach the
    file; without it the level of the program counts."""

    max_bytes: (
        Annotated[
            int | str,
            GetPydanticSchema(lambda _, handler: handler(ByteSize)),
            Field(gt=0),
        ]
        | None
    ) = None
    """Bytes, or text such as ``10MB`` or ``10 MiB``. A file that has reached
    this size is rotated, so it is larger by up to a line of each process.
    Without it a file grows until the disk is full, unless *rotate* is set."""

    rotate: Literal["hourly", "daily", "none"] = "none"
    """A new file for each hour or day in UTC, begun by its first event. The
    time of the event counts; at a boundary, events that several threads or
    processes log at the same moment may share either file."""

    backups: Annotated[int, Field(ge=0)] | None = None
    """How many rotated files are kept; older ones are deleted for good.
    Without it rotated files pile up, unless *max_age* is set."""

    max_age: (
        Annotated[
            float,
            BeforeValidator(_seconds),
            Field(gt=0, allow_inf_nan=False),
        ]
        | None
    ) = None
    """Seconds. Files rotated longer ago are deleted for good, at a rotation
    and about once an hour while events are written."""

    compress: bool = False
    """Compress rotated files with gzip. It costs one thread of each process
    that rotates some CPU time, and needs room for the compressed file."""

    mode: Annotated[int | str, BeforeValidator(_permissions)] = 0o600
    """Permissions of new files, as octal text such as ``0640``; the umask
    takes nothing away. Files that exist keep theirs. With more than ``0600``
    other users of the machine can read what is logged."""
