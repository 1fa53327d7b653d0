"""
Decide when a log file is full or old, and what becomes of rotated files.

Nothing here touches a file: names, times and options come in, names and
times go out. A rotated ``app.log`` is called
``app.log.20261124T031901.123456Z``, with ``.gz`` behind it once compressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from mohflow._expression import expression


SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NEVER = 2**63
"""Later than any time in nanoseconds since the epoch."""

_PERIODS = {"hourly": HOUR, "daily": 24 * HOUR}
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_ROTATED = expression(r"\d{8}T\d{6}\.\d{6}Z")
_MICROSECOND = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PACKED = ".gz"
_UNFINISHED = ".tmp"


def period_end(time_ns: int, rotate: str) -> int:
    """Return when the hour or day (in UTC) that holds *time_ns* ends."""
    length = _PERIODS.get(rotate)
    if length is None:
        return NEVER
    return (time_ns // length + 1) * length


def free_name(base: str, time_ns: int, taken: Callable[[str], bool]) -> str:
    """Return a name for *base* rotated at *time_ns* that is not *taken*."""
    while True:
        stamp = datetime.fromtimestamp(time_ns // SECOND, UTC).replace(
            microsecond=time_ns % SECOND // _MICROSECOND
        )
        name = f"{base}.{stamp.strftime(_STAMP)}"
        if not (taken(name) or taken(name + PACKED)):
            return name
        time_ns += _MICROSECOND


def lock_name(base: str) -> str:
    """Return the name of the file whose lock a rotation of *base* holds."""
    return f".{base}.lock"


def unfinished_name(rotated: str) -> str:
    """Return the name under which *rotated* is compressed."""
    return f".{rotated}{_UNFINISHED}"


def unpacked(base: str, names: Iterable[str]) -> list[str]:
    """Return the rotated files of *base* that are not compressed."""
    return sorted(name for name in names if name == _rotated(base, name))


def abandoned(base: str, names: Iterable[str]) -> list[str]:
    """Return what compressions left behind whose original is gone."""
    names = set(names)
    return sorted(
        name
        for name in names
        if name.startswith(".")
        and name.endswith(_UNFINISHED)
        and (original := _rotated(base, name[1 : -len(_UNFINISHED)]))
        and original not in names
    )


def expired(
    base: str,
    names: Iterable[str],
    now: int,
    backups: int | None,
    max_age: float | None,
) -> list[str]:
    """
    Return which *names* are rotated files of *base* that must go.

    A file and its compressed form are one backup. *now* is in nanoseconds,
    *max_age* in seconds since the rotation.
    """
    forms: dict[str, list[str]] = {}
    for name in names:
        if rotated := _rotated(base, name):
            forms.setdefault(rotated, []).append(name)
    newest_first = sorted(forms, reverse=True)
    kept = len(forms) if backups is None else backups
    oldest = -NEVER if max_age is None else now - int(max_age * SECOND)
    return sorted(
        name
        for place, rotated in enumerate(newest_first)
        if place >= kept or _time_ns(base, rotated) < oldest
        for name in forms[rotated]
    )


def _rotated(base: str, name: str) -> str | None:
    """Return *name* without ``.gz`` if it is a rotated file of *base*."""
    plain = name.removesuffix(PACKED)
    if plain.startswith(f"{base}.") and _ROTATED.fullmatch(
        plain, len(base) + 1
    ):
        return plain
    return None


def _time_ns(base: str, rotated: str) -> int:
    try:
        # strptime imports on its first call: a child forked meanwhile hangs.
        stamp = datetime.fromisoformat(rotated[len(base) + 1 :])
    except ValueError:
        # Digits that are no date: not written by us, so never too old.
        return NEVER
    passed = stamp - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND + (
        passed.microseconds * _MICROSECOND
    )
