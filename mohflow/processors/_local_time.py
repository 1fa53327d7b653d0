"""The time of day where the reader is."""

from __future__ import annotations

from datetime import datetime

from mohflow._expression import expression
from mohflow.processors._remembered import Remembered


_ISO = expression(
    r"([0-9]{4}-[0-9][0-9]-[0-9][0-9])[T ]([0-9][0-9]:[0-9][0-9])"
    r":([0-5][0-9])(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9][0-9]:[0-9][0-9]|)"
)


class LocalTime:
    """
    Turn ISO 8601 times into local ones, to the millisecond.

    The offset from UTC is asked for once a minute of the log, because it
    changes on whole minutes only. A time without an offset is a local one.

    Args:
        dates: Whether the date is shown too.
    """

    def __init__(self, *, dates: bool) -> None:
        self._format = "%Y-%m-%d %H:%M" if dates else "%H:%M"
        self._minutes = Remembered(self._minute)

    def show(self, text: str) -> str | None:
        """Return the local time of *text*, or ``None`` if it is no time."""
        parts = _ISO.fullmatch(text)
        try:
            if parts is None:
                return self._any(datetime.fromisoformat(text))
            date, minute, second, fraction, zone = parts.groups("000")
            shown = self._minutes[f"{date} {minute}{zone}"]
            if not shown:
                return self._any(datetime.fromisoformat(text))
        except (ValueError, OverflowError, OSError):
            return None
        return f"{shown}:{second}.{fraction[:3]:0<3}"

    def _minute(self, text: str) -> str:
        time = datetime.fromisoformat(text).astimezone()
        # Local mean time, before zones were made, has odd seconds.
        return "" if time.second else time.strftime(self._format)

    def _any(self, time: datetime) -> str:
        time = time.astimezone()
        seconds = f":%S.{time.microsecond // 1000:03d}"
        return time.strftime(self._format + seconds)
