"""The headers that a call to another service carries, and to which."""

from __future__ import annotations

from collections.abc import Iterable

from structlog.contextvars import get_contextvars

from mohflow.exceptions import ConfigurationError
from mohflow.integrations._http import HEADERS, trace_fields, valid_id


class Allowed:
    """
    The hosts that are told the ids.

    Args:
        hosts: Names; ``.example.org`` stands for all below it and for
            itself. ``None`` allows every host.
    """

    def __init__(self, hosts: Iterable[str] | None) -> None:
        if isinstance(hosts, str):
            msg = f"hosts cannot be {hosts!r}. Give a list: [{hosts!r}]."
            raise ConfigurationError(msg)
        names = () if hosts is None else [host.lower() for host in hosts]
        self._is_any = hosts is None
        self._exact = {name.lstrip(".") for name in names}
        self._above = tuple(name for name in names if name.startswith("."))

    def __contains__(self, host: object) -> bool:
        if self._is_any:
            return True
        name = str(host).lower()
        return name in self._exact or name.endswith(self._above or ("\0",))


def outgoing_headers() -> dict[str, str]:
    """Return the headers that tell the ids of this context."""
    context = get_contextvars()
    headers: dict[str, str] = {}
    correlation_id = valid_id(str(context.get("correlation_id", "")))
    if correlation_id:
        headers[HEADERS[0]] = correlation_id
    parent = "00-{trace_id}-{span_id}-{trace_flags}".format_map(
        {name: context.get(name) for name in _TRACE}
    )
    if trace_fields(parent):
        headers["traceparent"] = parent
    return headers


_TRACE = ("trace_id", "span_id", "trace_flags")
