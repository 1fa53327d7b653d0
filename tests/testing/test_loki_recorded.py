"""What a real Loki answered, asked again of the stand-in."""

import http.client
import json

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mohflow.testing import LokiServer


SECOND = 1_000_000_000

RECORDED = json.loads(
    Path(__file__).with_name("push_responses.json").read_text(encoding="utf-8")
)

CASES = {case["case"]: case for case in RECORDED["cases"]}

SHOWN = 1500
"""Characters of an answer that were recorded."""

EARLIER = {
    "out_of_order_30m": ["out_of_order_1st"],
    "out_of_order_2h": ["out_of_order_1st", "out_of_order_30m"],
    "resend_same_ts_same_line": ["same_ts_same_line_twice"],
    "streams_5001_u": ["streams_5001_t"],
}
"""Pushes that a case builds on."""

AGES = {
    "future_11m": timedelta(minutes=-11),
    "future_9m": timedelta(minutes=-9),
    "old_8d": timedelta(days=8),
    "old_6d": timedelta(days=6),
    "otlp_old_8d": timedelta(days=8),
    "out_of_order_30m": timedelta(minutes=30),
    "out_of_order_2h": timedelta(hours=2),
}
"""How much older than the push its timestamps are."""

STREAMS_BEFORE = 26
"""Streams that the recorded Loki had when it was sent 5001 more."""


def push_of(*values, **labels):
    stream = {"stream": labels, "values": list(values)}
    return json.dumps({"streams": [stream]}).encode()


def made_body(name, now):
    """Return the body of a case that was too long to be recorded."""
    stamp = str(now)
    bodies = {
        "label_value_2049": lambda: push_of(
            [stamp, "x"], job="probe-98e1c12c3e", l="1" * 2049
        ),
        "line_256KB": lambda: push_of([stamp, "x" * 262144], job="probe"),
        "line_over_256KB": lambda: push_of(
            [stamp, "x" * 262145], job="probe-dcfe895a9f"
        ),
        "one_line_too_long_of_three": lambda: push_of(
            [stamp, "a"],
            [stamp, "x" * 262145],
            [stamp, "b"],
            job="probe-432df580f0",
        ),
        "metadata_over_64KB": lambda: push_of(
            [stamp, "x", {"k": "v" * 66000}], job="probe-8c94ef579a"
        ),
        "burst_over_6MB": lambda: push_of(
            *([stamp, "x" * 200_000 + str(i)] for i in range(35)), job="probe"
        ),
    }
    if name.startswith("streams_5001"):
        values = [[stamp, "x"]]
        job = f"cardinality{name[-1]}"
        streams = [
            {"stream": {"job": job, "n": str(i)}, "values": values}
            for i in range(5001)
        ]
        return json.dumps({"streams": streams}).encode()
    return bodies[name]()


def body_of(case, now):
    if "request_body" in case:
        return case["request_body"].encode()
    if "request_body_hex" in case:
        return bytes.fromhex(case["request_body_hex"])
    return made_body(case["case"], now)


def newest_in(case):
    """Return the newest timestamp of a recorded body; some have none."""
    try:
        document = json.loads(case["request_body"])
        if "resourceLogs" in document:
            record = document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
            return int(record[0]["timeUnixNano"])
        return max(
            int(value[0])
            for stream in document["streams"]
            for value in stream["values"]
        )
    except (KeyError, TypeError, ValueError):
        return None


def time_of(case):
    """Return when a case was recorded."""
    newest = newest_in(case)
    if case["case"] == "ts_seconds":
        newest = newest * SECOND
    if newest is None or newest < SECOND:
        return int(datetime(2026, 11, 23, 0, 27, tzinfo=UTC).timestamp() * 1e9)
    age = AGES.get(case["case"], timedelta())
    return newest + round(age.total_seconds()) * SECOND


def ask(server, case, now):
    connection = http.client.HTTPConnection(
        server.url.removeprefix("http://"), timeout=30
    )
    try:
        connection.request(
            case["method"],
            case["path"],
            body_of(case, now),
            case["request_headers"],
        )
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
        return response.status, response.headers["Content-Type"], body
    finally:
        connection.close()


def prepare(server, name, now):
    """Push what the server held before the case."""
    for earlier in EARLIER.get(name, ()):
        ask(server, CASES[earlier], now)
    if name.startswith("two_streams"):
        streams = json.loads(CASES[name]["request_body"])["streams"]
        bad = next(s["stream"] for s in streams if s["stream"]["s"] == "bad")
        fresh = {"method": "POST", "path": "/loki/api/v1/push"}
        fresh["request_headers"] = {"Content-Type": "application/json"}
        fresh["request_body"] = push_of([str(now), "fresh"], **bad).decode()
        ask(server, fresh, now)


def seed_streams(server, now):
    for number in range(STREAMS_BEFORE):
        case = {
            "method": "POST",
            "path": "/loki/api/v1/push",
            "request_headers": {"Content-Type": "application/json"},
            "request_body": push_of([str(now), "x"], job=f"{number}").decode(),
        }
        ask(server, case, now)
    return STREAMS_BEFORE


@pytest.mark.parametrize("name", CASES)
def test_a_push_is_answered_and_kept_as_by_a_real_loki(name):
    case = CASES[name]
    now = time_of(case)
    has_tenant = name.startswith("tenant")

    with LokiServer(auth_enabled=has_tenant, clock=lambda: now) as server:
        seeded = 0
        if name.startswith("streams_5001"):
            seeded = seed_streams(server, now)
        prepare(server, name, now)
        if name == "streams_5001_u":
            seeded = len(server.entries())
        status, content_type, body = ask(server, case, now)

        assert case["status"] == status
        assert case["response_content_type"] == content_type
        assert case["response_body"] == body[:SHOWN]
        if case.get("entries_kept") is not None:
            assert case["entries_kept"] == len(server.entries()) - seeded


def test_every_kind_of_push_is_asked():
    assert 75 == len(CASES)


def test_the_limits_are_those_that_were_recorded():
    limits = LokiServer().limits
    recorded = RECORDED["limits"]

    assert recorded == {
        "max_line_size": f"{limits.max_line_size >> 10}KB",
        "max_label_names_per_series": limits.max_label_names,
        "max_label_name_length": limits.max_label_name_length,
        "max_label_value_length": limits.max_label_value_length,
        "max_structured_metadata_size": f"{limits.max_metadata_size >> 10}KB",
        "max_structured_metadata_entries_count": limits.max_metadata_count,
        "reject_old_samples_max_age": f"{limits.max_age.days // 7}w",
        "creation_grace_period": f"{limits.grace.seconds // 60}m",
        "ingestion_rate_mb": limits.rate / (1 << 20),
        "ingestion_burst_size_mb": limits.burst / (1 << 20),
        "max_global_streams_per_user": limits.max_streams,
    }
