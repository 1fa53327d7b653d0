r"""
The bytes of a spool segment. Nothing here opens a file.

A segment is a header and records behind each other, little endian::

    header    magic "MOHSPOOL", version u16, time i64 of the first record
              progress mark, at byte 24: what was acknowledged
              seal mark, at byte 56: what there is, once nothing is added
    mark      offset u64, records u64, time i64 of the last, crc32 of these
    record    ff 'M' fe 'R', crc32 of all that follows, line size u32,
              fields size u32, time i64, level i64, line, fields as JSON

The two marks are overwritten in place. A mark of zeros, or one with a wrong
checksum, counts as not there: a lost progress mark means that events are
sent again, a lost seal that the segment is counted record by record.

The fields of a record are left out when they can be read from the line.
A record begins with bytes that no UTF-8 text contains, so the next one is
found behind damaged bytes, and nothing that is logged can look like one.
"""

from __future__ import annotations

import zlib

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Any, NamedTuple

import orjson

from mohflow._event import Event


MAGIC = b"MOHSPOOL"
VERSION = 1
PROGRESS_AT = 24
SEAL_AT = 56
HEADER_BYTES = 96

RECORD_MARK = b"\xffM\xfeR"
_HEADER = Struct("<8sHq")
_MARK = Struct("<QQq")
_CRC = Struct("<I")
_START = Struct("<4sI")
_REST = Struct("<IIqq")
_RECORD = Struct("<4sIIIqq")


class Mark(NamedTuple):
    """A place in a segment, and what lies before it."""

    offset: int
    records: int
    time_ns: int


class Header(NamedTuple):
    """What the first bytes of a segment say."""

    time_ns: int
    """The time of the first record."""
    progress: Mark
    seal: Mark | None


def encode_header(time_ns: int) -> bytes:
    """Return the header of a segment whose first record has *time_ns*."""
    return _HEADER.pack(MAGIC, VERSION, time_ns).ljust(HEADER_BYTES, b"\0")


def decode_header(data: bytes) -> Header | None:
    """Return the header, or ``None`` if another version wrote the file."""
    if len(data) < HEADER_BYTES:
        return None
    magic, version, time_ns = _HEADER.unpack_from(data)
    if (magic, version) != (MAGIC, VERSION):
        return None
    start = Mark(HEADER_BYTES, 0, time_ns)
    progress = _decode_mark(data, PROGRESS_AT) or start
    return Header(time_ns, progress, _decode_mark(data, SEAL_AT))


def encode_mark(mark: Mark) -> bytes:
    """Return the bytes to be written at the place of a mark."""
    body = _MARK.pack(*mark)
    return body + _CRC.pack(zlib.crc32(body))


def _decode_mark(data: bytes, at: int) -> Mark | None:
    body = data[at : at + _MARK.size]
    (crc,) = _CRC.unpack_from(data, at + _MARK.size)
    if zlib.crc32(body) != crc:
        return None
    mark = Mark(*_MARK.unpack(body))
    return mark if mark.offset >= HEADER_BYTES else None


def encode(event: Event) -> bytes:
    """Return the record of *event*."""
    line = event.line
    fields = fields_beside(event)
    rest = _REST.pack(len(line), len(fields), event.time_ns, event.level)
    crc = zlib.crc32(fields, zlib.crc32(line, zlib.crc32(rest)))
    return b"".join((_START.pack(RECORD_MARK, crc), rest, line, fields))


class Piece(NamedTuple):
    """Records that are written at once."""

    data: bytes
    records: int
    first_ns: int
    latest_ns: int


def pieces(records: Iterable[tuple[bytes, int]], size: int) -> Iterator[Piece]:
    """Join records, each with its time, up to *size* bytes, or one record."""
    joined: list[bytes] = []
    total, first, latest = 0, 0, 0
    for record, time_ns in records:
        if joined and total + len(record) > size:
            yield Piece(b"".join(joined), len(joined), first, latest)
            joined, total = [], 0
        if not joined:
            first = latest = time_ns
        joined.append(record)
        total += len(record)
        latest = max(latest, time_ns)
    if joined:
        yield Piece(b"".join(joined), len(joined), first, latest)


def decode(data: bytes, at: int) -> tuple[Event, int] | None:
    """
    Return the event whose record begins at *at*, and where the record ends.

    ``None`` if no whole and intact record begins there.
    """
    end = end_of(data, at)
    if end is None:
        return None
    _, _, line_size, fields_size, time_ns, level = _RECORD.unpack_from(
        data, at
    )
    body = at + _RECORD.size
    line = data[body : body + line_size]
    fields = data[body + line_size : end] if fields_size else line
    try:
        return Event(time_ns, level, orjson.loads(fields), line), end
    except orjson.JSONDecodeError:
        # Not written by encode(), whatever its checksum says.
        return None


def end_of(data: bytes, at: int) -> int | None:
    """Return where the record at *at* ends, or ``None`` if it is damaged."""
    if len(data) - at < _RECORD.size:
        return None
    mark, crc, line_size, fields_size, _, _ = _RECORD.unpack_from(data, at)
    end: int = at + _RECORD.size + line_size + fields_size
    if mark != RECORD_MARK or end > len(data):
        return None
    return end if zlib.crc32(data[at + _START.size : end]) == crc else None


def next_record(data: bytes, at: int) -> int:
    """Return where the next intact record begins, or the end of *data*."""
    while (at := data.find(RECORD_MARK, at)) >= 0:
        if end_of(data, at) is not None:
            return at
        at += 1
    return len(data)


def survey(data: bytes, at: int) -> tuple[Mark, int]:
    """
    Look through the records from *at* on.

    Returns:
        The end of the last intact record, how many there are and the latest
        time; and how many bytes belong to none.
    """
    end, count, latest, skipped = at, 0, 0, 0
    while at < len(data):
        after = end_of(data, at)
        if after is None:
            found = next_record(data, at + 1)
            skipped += found - at
            at = found
            continue
        latest = max(latest, _RECORD.unpack_from(data, at)[4])
        count += 1
        end = at = after
    return Mark(end, count, latest), skipped


def fields_beside(event: Event) -> bytes:
    """Return the fields as JSON, or nothing if the line is just that."""
    fields = event.fields
    try:
        known = orjson.dumps(_as_dict(fields), None, _NEWLINE)
    except TypeError:
        # A number beyond 64 bits: what the line shows is what there is.
        return b"" if _is_object(event.line) else b"{}"
    return b"" if known == event.line else known


_NEWLINE = orjson.OPT_APPEND_NEWLINE


def _as_dict(fields: Mapping[str, Any]) -> dict[str, Any]:
    return fields if type(fields) is dict else dict(fields)


def _is_object(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        return False
