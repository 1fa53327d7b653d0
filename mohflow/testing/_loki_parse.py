"""
From the bytes of a push to streams, or to the text that Loki answers.

The texts for malformed JSON are exact where Loki's own decoder looks at a
stream, and close elsewhere. A body that is not JSON is answered as if its
snappy block were corrupt: protobuf is not read.
"""

from __future__ import annotations

import json
import re
import zlib

from collections.abc import Mapping
from typing import Any

from mohflow.testing._loki_model import RefusedError, Stream, Value


STRING = "Value is string, but can't find closing '\"' symbol"
ARRAY = "Value is array, but can't find closing ']' symbol"
OBJECT = "Value looks like object, but can't find closing '}' symbol"
VALUE = (
    "Value looks like Number/Boolean/None, but can't find its end: "
    "',' or '}' symbol"
)

STREAMS = "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: "

SERVICE_LABELS = (
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
)
"""The first of these that a stream has becomes its ``service_name``."""

_WINDOW_BITS = {"gzip": 31, "deflate": -15}
_NOT_IN_A_NAME = re.compile("[^a-zA-Z0-9_]|^[0-9]|^$")
_STREAM_LIST = re.compile(r'"streams"\s*:\s*\[')
_SEPARATORS = re.compile(r"[\s,]*")


class _Number(str):
    """A number of the body, as it was written."""

    __slots__ = ()


class _MalformedError(Exception):
    """A value of a stream is not what it should be."""


DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number)


def decompress(body: bytes, encoding: str) -> bytes:
    """
    Return the bytes of *body* that can be had.

    Deflate is raw, as in Go. A broken body becomes an empty one.
    """
    if encoding in ("", "snappy"):
        return body
    if encoding not in _WINDOW_BITS:
        msg = f'Content-Encoding "{encoding}" not supported'
        raise RefusedError(400, msg)
    if encoding == "gzip":
        _check_gzip(body)
    try:
        return zlib.decompressobj(_WINDOW_BITS[encoding]).decompress(body)
    except zlib.error:
        return b""


def _check_gzip(body: bytes) -> None:
    if not body:
        raise RefusedError(400, "EOF")
    if len(body) < 10:
        raise RefusedError(400, "unexpected EOF")
    if not body.startswith(b"\x1f\x8b\x08"):
        raise RefusedError(400, "gzip: invalid header")


def parse_push(body: bytes, headers: Mapping[str, str]) -> list[Stream]:
    """
    Return the streams of a push, with ``service_name`` where it was missing.

    Args:
        body: As it came, compressed or not.
        headers: By lower-case names.

    Raises:
        RefusedError: Loki answers 400 and stores nothing.
    """
    text = _json_text(body, headers)
    items = _items(text)
    streams = []
    for number, item in enumerate(items):
        try:
            streams.append(_stream(item))
        except _MalformedError as error:
            head = _end_of_stream(text, number)
            msg = f"{STREAMS}unmarshalerDecoder: {error}"
            raise malformed(msg, text, head) from None
    return [Stream(_with_service(s.labels), s.values) for s in streams]


def parse_legacy(body: bytes, headers: Mapping[str, str]) -> list[Stream]:
    """Return the streams of ``/api/prom/push``; entries are not read."""
    items = _items(_json_text(body, headers))
    if any(item.get("entries") for item in items if isinstance(item, dict)):
        msg = "LokiServer does not read the entries of /api/prom/push"
        raise RefusedError(501, msg)
    return [Stream(_with_service({}), []) for _ in items]


def _json_text(body: bytes, headers: Mapping[str, str]) -> str:
    body = decompress(body, headers.get("content-encoding", ""))
    content_type = headers.get("content-type", "").partition(";")[0].strip()
    if not content_type:
        raise RefusedError(400, "mime: no media type")
    if content_type.lower() != "application/json":
        raise RefusedError(400, "snappy: corrupt input")
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise RefusedError(400, "EOF")
    return text


def _items(text: str) -> list[Any]:
    if text[0] not in "{n":
        found = f"readObjectStart: expect {{ or n, but found {text[0]}"
        raise malformed(found, text, 1)
    try:
        document, _ = DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        culprit = ord(text[error.pos]) if error.pos < len(text) else 0
        msg = f"{STREAMS}Skip: do not know how to skip: {culprit}"
        raise malformed(msg, text, error.pos + 1) from None
    items = (document or {}).get("streams") or []
    if not isinstance(items, list):
        msg = f"{STREAMS}decode slice: expect [ or n, but found {items}"
        raise malformed(msg, text, len(text))
    return items


def malformed(message: str, text: str, head: int) -> RefusedError:
    """Add to *message* what is around *head*, as json-iterator does."""
    data = text.encode("utf-8", "surrogatepass")
    head = len(text[:head].encode("utf-8", "surrogatepass"))
    start = max(head - 10, 0)
    near = data[start : head + 10].decode("utf-8", "replace")
    wide = data[max(head - 50, 0) : head + 50].decode("utf-8", "replace")
    return RefusedError(
        400,
        f"{message}, error found in #{head - start} byte of ...|{near}|..., "
        f"bigger context ...|{wide}|...",
    )


def _end_of_stream(text: str, number: int) -> int:
    """Return where the stream of that *number* ends in *text*."""
    match = _STREAM_LIST.search(text)
    end = match.end() if match else len(text)
    for _ in range(number + 1):
        blank = _SEPARATORS.match(text, end)
        _, end = DECODER.raw_decode(text, blank.end() if blank else end)
    return end


def _stream(item: Any) -> Stream:
    if not isinstance(item, dict):
        raise _MalformedError(OBJECT)
    labels, values = item.get("stream", {}), item.get("values")
    if not isinstance(labels, dict):
        raise _MalformedError(OBJECT)
    if values is not None and not isinstance(values, list):
        raise _MalformedError(ARRAY)
    named = {name: _label(value) for name, value in labels.items()}
    return Stream(named, [_value(v) for v in values or () if v is not None])


def _label(value: Any) -> str:
    """Return the value of a label; Loki takes any JSON as it is written."""
    return _text(value if isinstance(value, str) else json.dumps(value))


def _value(item: Any) -> Value:
    """
    Return an element of ``values``.

    A part that is wrong is reported by the last part that was tried in its
    place, because Loki goes on with the next one.
    """
    if not isinstance(item, list):
        raise _MalformedError(ARRAY)
    readers = (_timestamp, _line, _metadata)
    parts: list[Any] = []
    fault = None
    for part in item:
        try:
            if len(parts) < len(readers):
                parts.append(readers[len(parts)](part))
        except _MalformedError as error:
            fault = error
    if fault is not None:
        raise fault
    return Value(*(parts + [0, "", ()][len(parts) :]))


def _timestamp(part: Any) -> int:
    if type(part) is not str:
        raise _MalformedError(STRING)
    if not re.fullmatch("-?[0-9]{1,19}", part) or abs(int(part)) >= 1 << 63:
        raise _MalformedError(VALUE)
    return int(part)


def _line(part: Any) -> str:
    if type(part) is not str:
        raise _MalformedError(STRING)
    return _text(part)


def _metadata(part: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(part, dict):
        raise _MalformedError(OBJECT)
    return tuple((name, _line(value)) for name, value in part.items())


def _text(value: str) -> str:
    """Return *value*; an escaped half of a surrogate pair is refused."""
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise _MalformedError(VALUE)
    return value


def _with_service(labels: Mapping[str, str]) -> dict[str, str]:
    """Return *labels* without empty values and with ``service_name``."""
    _check_names(labels)
    kept = {name: value for name, value in labels.items() if value}
    found = (kept[name] for name in SERVICE_LABELS if name in kept)
    return {"service_name": next(found, "unknown_service"), **kept}


def _check_names(labels: Mapping[str, str]) -> None:
    """Refuse the first name that the parser of LogQL stumbles over."""
    before = "{"
    for name, value in sorted(labels.items()):
        match = _NOT_IN_A_NAME.search(name)
        if match is not None:
            before += name[: match.start()]
            raise _wrong_name(before, name[match.start() :])
        before += f"{name}={json.dumps(value, ensure_ascii=False)}, "


def _wrong_name(before: str, rest: str) -> RefusedError:
    char, after = rest[:1], rest.lstrip(" ")
    if not char:
        reason = 'unexpected "=" in label set, expected identifier or "}"'
    elif char == " " and after:
        before += " " * (len(rest) - len(after))
        word = re.match("[a-zA-Z0-9_]*", after)
        found = word.group() if word else ""
        reason = f'unexpected identifier "{found}" in label set, expected "="'
    else:
        reason = f"unexpected character inside braces: '{char}'"
    column = len(before.encode()) + 1
    return RefusedError(
        400, f"couldn't parse labels: 1:{column}: parse error: {reason}"
    )
