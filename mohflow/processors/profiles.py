"""
Events in the field names that a back end expects.

A mapping takes the fields of an event and returns new ones; it never raises.
A field of the caller whose name belongs to the back end gets an underscore.
Exceptions become text, access events the back end's own HTTP fields.
"""

from __future__ import annotations

import ipaddress
import re

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from structlog.typing import EventDict

from mohflow._levels import NUMBERS
from mohflow.processors import _ecs
from mohflow.processors import _profile_names as names
from mohflow.processors.errors import format_traceback
from mohflow.processors.plain import Plain, distinct, plain_tree
from mohflow.processors.render import JsonRenderer


Fields = dict[str, Any]
Profile = Callable[[Mapping[str, Any]], Fields]


class ProfileRenderer:
    """
    Render what *mapping* makes of an event as one line of JSON.

    Args:
        mapping: One of this module, or a function of the same kind. An event
            on which it raises is rendered in our own names.
    """

    def __init__(self, mapping: Profile) -> None:
        self._mapping = mapping
        self._render = JsonRenderer()

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict, /
    ) -> bytes:
        fields = event_dict
        try:
            if not all(type(key) is str for key in event_dict):
                fields = Plain()(logger, method_name, event_dict)
            fields = self._mapping(fields)
        except Exception:  # our own names take their place
            fields = event_dict
        return self._render(logger, method_name, fields)


def ecs(fields: Mapping[str, Any]) -> Fields:
    """Return *fields* in the names of the Elastic Common Schema."""
    rest = dict(fields)
    own = _moved(rest, _ecs.HEAD)
    own["ecs.version"] = _ecs.VERSION
    own |= _moved(rest, _ecs.NAMES)
    if type(rest.get("level_number")) is int:
        own["event.severity"] = rest.pop("level_number")
    access = _access(rest)
    own |= _renamed(access, _ecs.HTTP)
    if access:
        own["event.duration"] = _nanoseconds(access)
        if _is_ip(access.get("client")):
            own["client.ip"] = access["client"]
    own |= _renamed(_callsite(rest), _ecs.CALLSITE)
    own |= _renamed(_error(rest), _ecs.ERROR)
    return _ecs.with_objects(own, rest)


def gcp(fields: Mapping[str, Any], project: str = "") -> Fields:
    """
    Return *fields* as Google Cloud Logging reads them from stdout.

    Args:
        project: The project of the traces, if it is not that of the logs.
    """
    rest = dict(fields)
    own: Fields = {"severity": _severity(rest, "DEFAULT")}
    own |= _moved(rest, names.GCP)
    if project and names.GCP_TRACE in own:
        trace = f"projects/{project}/traces/{own[names.GCP_TRACE]}"
        own[names.GCP_TRACE] = trace
    if re.fullmatch("[0-9a-f]{2}", str(rest.get("trace_flags"))):
        own[names.GCP_SAMPLED] = bool(int(rest.pop("trace_flags"), 16) & 1)
    own |= _nested(
        "serviceContext",
        _moved(rest, {"service": "service", "version": "version"}),
    )
    own |= _nested("httpRequest", _http_request(_access(rest, keep="route")))
    callsite = _callsite(rest)
    own |= _nested(
        names.GCP_SOURCE, {key: str(callsite[key]) for key in callsite}
    )
    error = _error(rest)
    if error:
        own["stack_trace"] = error["stack"]
        own["@type"] = names.GCP_ERROR
    return _with_rest(own, rest, names.GCP_TAKEN)


def otel(fields: Mapping[str, Any]) -> Fields:
    """Return *fields* as a log record of OpenTelemetry's data model."""
    rest = dict(fields)
    own = _moved(rest, {"timestamp": "timestamp"})
    number = _otel_number(_number(rest))
    own["severity_text"] = names.OTEL_LEVELS[(number + 3) // 4]
    own["severity_number"] = number
    if number:
        rest.pop("level", None)
    own |= _moved(rest, names.OTEL)
    own |= _nested("scope", _moved(rest, {"logger": "name"}))
    own |= _nested("resource", _moved(rest, names.OTEL_RESOURCE))
    attributes = _renamed(_access(rest, keep="duration_ms"), names.OTEL_HTTP)
    attributes |= _renamed(_callsite(rest), names.OTEL_CALLSITE)
    attributes |= _renamed(_error(rest), names.OTEL_ERROR)
    own["attributes"] = _with_rest(attributes, rest, names.OTEL_TAKEN)
    return own


def datadog(fields: Mapping[str, Any]) -> Fields:
    """Return *fields* in the standard attributes of Datadog."""
    rest = dict(fields)
    own = _moved(rest, {"timestamp": "timestamp"})
    own["status"] = _severity(rest, "INFO").lower()
    own |= _moved(rest, names.DATADOG)
    for name in {"dd.trace_id", "dd.span_id"} & own.keys():
        own[name] = _datadog_id(own[name])
    access = _access(rest)
    own |= _renamed(access, names.DATADOG_HTTP)
    if access:
        own["duration"] = _nanoseconds(access)
    own |= _renamed(_error(rest), names.DATADOG_ERROR)
    return _with_rest(own, rest, names.DATADOG_TAKEN)


PROFILES: dict[str, Profile] = {
    "ecs": ecs,
    "gcp": gcp,
    "otel": otel,
    "datadog": datadog,
}
"""The mappings, by the name of their format."""


def _moved(rest: Fields, table: Mapping[str, str]) -> Fields:
    """Take the fields of *table* out of *rest*, and return them renamed."""
    return {new: rest.pop(old) for old, new in table.items() if old in rest}


def _renamed(fields: Fields, table: Mapping[str, str]) -> Fields:
    return {table[key]: fields[key] for key in table if key in fields}


def _nested(name: str, fields: Fields) -> Fields:
    return {name: fields} if fields else {}


def _with_rest(own: Fields, rest: Fields, taken: AbstractSet[str]) -> Fields:
    """Return *own* and the fields of *rest*, renamed where they are taken."""
    reserved = dict.fromkeys(taken) | own
    for key, value in rest.items():
        name = distinct(key, reserved)
        own[name] = reserved[name] = value
    return own


def _number(fields: Mapping[str, Any]) -> int | None:
    number, level = fields.get("level_number"), fields.get("level")
    if type(number) is int:
        return number
    return NUMBERS.get(level.lower()) if isinstance(level, str) else None


_SEVERITIES = (
    (50, "CRITICAL"),
    (40, "ERROR"),
    (30, "WARNING"),
    (25, "NOTICE"),
    (20, "INFO"),
    (1, "DEBUG"),
)


def _severity(rest: Fields, unknown: str) -> str:
    """Take the level out of *rest*, if it is known; its number stays."""
    number = _number(rest)
    if number is None:
        return unknown
    rest.pop("level", None)
    return next((s for floor, s in _SEVERITIES if number >= floor), unknown)


def _otel_number(number: int | None) -> int:
    """Spread the levels between two standard ones over the four of a range."""
    if number is None:
        return 0
    if number < 10:
        return 1 + max(number - 5, 0) * 4 // 5
    if number < 20:
        return 5 + (number - 10) * 4 // 10
    return 9 + min((number - 20) * 4 // 10, 15)


def _error(rest: Fields) -> dict[str, str]:
    """Take the exception out of *rest*: its ``stack``, type and message."""
    exception = plain_tree(rest.get("exception"))
    if isinstance(exception, str):
        return {"stack": rest.pop("exception")}
    if not isinstance(exception, dict):
        return {}
    del rest["exception"]
    kind, module = str(exception.get("type", "?")), exception.get("module")
    if module not in (None, "builtins", "__main__"):
        kind = f"{module}.{kind}"
    return {
        "type": kind,
        "message": str(exception.get("message", "")),
        "stack": format_traceback(exception),
    }


def _callsite(rest: Fields) -> Fields:
    """Take out what structlog's ``CallsiteParameterAdder`` put in."""
    if not isinstance(rest.get("pathname"), str):
        return {}
    if type(rest.get("lineno")) is not int:
        return {}
    ours = {"pathname": "file", "lineno": "line", "func_name": "function"}
    return _moved(rest, ours)


def _access(rest: Fields, keep: str = "") -> Fields:
    """Take the fields of an access event out of *rest*; but *keep* stays."""
    method, path = rest.get("method"), rest.get("path")
    status, duration = rest.get("status"), rest.get("duration_ms")
    if not (
        isinstance(method, str)
        and isinstance(path, str)
        and type(status) is int
        and isinstance(duration, int | float)
        and 0 <= duration < 1e12  # no NaN, and nanoseconds fit 64 bits
    ):
        return {}
    keys = {*_ecs.HTTP, "duration_ms"} - {keep}
    return {key: rest.pop(key) for key in keys if rest.get(key) is not None}


def _nanoseconds(access: Fields) -> int:
    milliseconds: float = access["duration_ms"]
    return round(milliseconds * 1_000_000)


def _is_ip(client: object) -> bool:
    try:
        ipaddress.ip_address(str(client))
    except ValueError:
        return False
    return True


def _http_request(access: Fields) -> Fields:
    request = _renamed(access, names.GCP_HTTP)
    if access:
        request["latency"] = f"{access['duration_ms'] / 1000:.6f}s"
    if "bytes" in access:
        request["responseSize"] = str(access["bytes"])
    return request


def _datadog_id(text: Any) -> Any:
    """Return the low 64 bits of hexadecimal *text* as decimal text."""
    if isinstance(text, str) and re.fullmatch("[0-9a-fA-F]{1,32}", text):
        return str(int(text[-16:], 16))
    return text
