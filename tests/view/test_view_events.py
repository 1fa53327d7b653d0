"""Lines of many tools become events with our names."""

import json

from pathlib import Path

import pytest

from mohflow.cli.view.events import Reader
from mohflow.processors import LogfmtRenderer


GOLDEN = Path(__file__).parents[1] / "processors" / "golden"

OURS = {
    "timestamp": "2026-11-24T03:19:01.123456Z",
    "level": "info",
    "event": "order.paid",
    "logger": "shop.orders",
    "service": "shop",
    "environment": "prod",
    "order_id": 17,
    "items": [{"sku": "A-1"}],
}


def read(line):
    if isinstance(line, dict):
        line = json.dumps(line)
    return Reader().read(line if isinstance(line, bytes) else line.encode())


class TestOurFormats:
    def test_json_is_left_as_it_is(self):
        assert OURS == read(OURS)

    @pytest.mark.parametrize("name", ["ecs", "gcp", "otel", "datadog"])
    def test_a_profile_gets_our_names_back(self, name):
        lines = (GOLDEN / f"{name}.jsonl").read_bytes().splitlines()
        event, failed = read(lines[0]), read(lines[1])

        assert OURS == {key: event[key] for key in OURS}
        assert "error" == failed["level"]
        assert failed["exception"].startswith("Traceback (most recent")
        assert "trace_id" in event
        assert "span_id" in event

    def test_logfmt_is_read(self):
        line = LogfmtRenderer()(
            None, "", {**OURS, "note": 'a "b"\n', "n": "1"}
        )
        event = read(line.rstrip())

        assert {**OURS, "note": 'a "b"\n', "items": '[{"sku":"A-1"}]'} == {
            key: value for key, value in event.items() if key != "n"
        }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"severity": "WARN", "message": "a"}, ("warning", "a")),
        ({"levelname": "ERROR", "msg": "a"}, ("error", "a")),
        ({"level": 30, "msg": "a", "pid": 1}, ("info", "a")),
        ({"level": 60, "msg": "a"}, ("critical", "a")),
        ({"level": "20", "msg": "a"}, ("debug", "a")),
        ({"level": 3, "short_message": "a"}, ("error", "a")),
        ({"levelno": 30, "message": "a"}, ("warning", "a")),
        ({"severity_number": 17, "body": "a"}, ("error", "a")),
        ({"log": {"level": "Fatal"}, "message": "a"}, ("critical", "a")),
        ({"level": "odd", "event": "a"}, ("odd", "a")),
        ({"level": [1], "event": "a"}, ([1], "a")),
        ({"level": True, "event": "a"}, (True, "a")),
    ],
)
def test_levels_and_messages_of_other_tools_are_understood(line, expected):
    event = read(line)

    assert expected == (event["level"], event["event"])


@pytest.mark.parametrize("key", ["ts", "time", "@timestamp", "timestamp"])
@pytest.mark.parametrize(
    "number",
    [1795490341.25, 1795490341250, 1795490341250000, 1795490341250000000],
)
def test_times_that_are_numbers_become_texts(key, number):
    event = read({key: number, "msg": "a"})

    assert "2026-11-24T03:19:01.250000Z" == event["timestamp"]


def test_a_field_of_the_program_keeps_its_name_and_value():
    line = {
        "event": "job.done",
        "level": "info",
        "name": "nightly",
        "status": "error",
        "message": "text",
        "error": {"code": 3},
        "attributes": {"a": 1},
    }

    assert line == read(line)


def test_two_fields_never_become_one():
    line = {"log": {"level": "info"}, "log.level": "error", "message": "a"}

    assert {"log": {"level": "info"}, "level": "error", "event": "a"} == (
        read(line)
    )


def test_the_traceback_of_pino_is_the_exception():
    line = {"level": 50, "msg": "a", "err": {"type": "Error", "stack": "at x"}}

    assert "at x" == read(line)["exception"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"a":NaN}', "NaN"),
        (b'{"a":"\\ud800"}', "\ud800"),
        (b'\xef\xbb\xbf{"a":1}', 1),
        (b'{"a":"\xff"}', "\udcff"),
        (b'  {"a": 1}\r', 1),
    ],
)
def test_nearly_json_is_read(line, value):
    assert {"a": value} == read(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"plain text",
        b"[1]",
        b"17",
        b'{"a":',
        b"a=b c=d",
        b"level=info",
        b'{"a":' * 5000,
    ],
)
def test_what_is_no_event_is_none(line):
    assert None is read(line)
