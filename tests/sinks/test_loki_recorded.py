from __future__ import annotations

import json

from pathlib import Path

import httpx
import pytest

from mohflow._event import Event
from mohflow.exceptions import SinkError
from mohflow.sinks.loki import LokiOptions, LokiSink


RECORDED = json.loads(
    Path(__file__)
    .parents[1]
    .joinpath("testing", "push_responses.json")
    .read_text(encoding="utf-8")
)["cases"]

RECORDED_AT = 1_795_393_600_000_000_000

IN_ONE_STREAM = (
    "ok",
    "ok_structured_metadata",
    "ok_gzip",
    "bad_gzip",
    "empty_body",
    "labels_15",
    "labels_16",
    "label_name_1025",
    "line_256KB",
    "line_over_256KB",
    "one_line_too_long_of_three",
    "future_9m",
    "future_11m",
    "old_8d",
    "one_old_of_two",
    "metadata_128",
    "metadata_129",
    "metadata_over_64KB",
    "utf8_line",
    "burst_over_6MB",
    "tenant_missing",
    "tenant_given",
)


@pytest.mark.parametrize("name", IN_ONE_STREAM)
def test_as_many_count_as_stored_as_loki_kept(name):
    case = next(case for case in RECORDED if name == case["case"])
    count = case.get("entries_sent", 1)
    times = [0, *range(RECORDED_AT, RECORDED_AT + count - 1)]
    answer = httpx.Response(case["status"], text=case["response_body"])
    sink = LokiSink(
        LokiOptions(url="http://localhost:3100"),
        transport=httpx.MockTransport(lambda _: answer),
    )
    try:
        partial = sink.write([Event(ns, 20, {}, b"x") for ns in times])
    except SinkError:
        stored = 0
    else:
        stored = count - len(partial.rejected if partial else ())

    assert case.get("entries_kept", 0) == stored
