import json

from pathlib import Path

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.processors.profiles import (
    PROFILES,
    ProfileRenderer,
    datadog,
    ecs,
    gcp,
    otel,
)


GOLDEN = Path(__file__).with_name("golden")

HEAD = {
    "timestamp": "2026-11-24T03:19:01.123456Z",
    "level": "info",
    "event": "order.paid",
    "logger": "shop.orders",
    "service": "shop",
    "environment": "prod",
}
FRAME = {"file": "a.py", "line": 3, "function": "pay", "code": "charge()"}
EVENTS = {
    "plain": HEAD
    | {
        "correlation_id": "0e0e473649a1b2c3",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "trace_flags": "01",
        "order_id": 17,
        "items": [{"sku": "A-1"}],
    },
    "exception": HEAD
    | {
        "level": "error",
        "exception": {
            "type": "CardError",
            "module": "shop.cards",
            "message": "declined",
            "frames": [FRAME],
            "cause": {
                "type": "OSError",
                "module": "builtins",
                "message": "reset",
                "frames": [FRAME],
            },
        },
        "order_id": 17,
    },
    "access": HEAD
    | {
        "event": "request",
        "method": "GET",
        "route": "/orders/{id}",
        "path": "/orders/17",
        "status": 200,
        "duration_ms": 12.5,
        "client": "10.0.0.7",
        "bytes": 512,
    },
    "custom level": HEAD | {"level_number": 25},
    "callsite": HEAD
    | {"pathname": "/app/a.py", "lineno": 3, "func_name": "pay", "n": 1},
    "conflicts": HEAD
    | {
        "message": "mine",
        "severity": "mine",
        "status": "mine",
        "body": "mine",
        "time": "mine",
        "@timestamp": "mine",
        "log.level": "mine",
        "log": "mine",
        "user": "ann",
        "user.id": 1,
        "url": "https://example.org",
        "exception.type": "mine",
        "error.kind": "mine",
        "host": "mine",
        "path": "/tmp",
        "method": "mine",
    },
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = sorted({key for fields in EVENTS.values() for key in fields})
names = st.sampled_from([*NAMES, "user_", "user.id.x", "message.x", "a..b."])
events = st.dictionaries(names | st.text(), values, max_size=8)
raw_events = st.dictionaries(
    names | st.integers(), values | st.just(object()), max_size=4
)


@pytest.mark.parametrize("name", PROFILES)
def test_events_are_rendered_as_in_the_golden_file(name):
    render = ProfileRenderer(PROFILES[name])
    golden = (GOLDEN / f"{name}.jsonl").read_bytes().splitlines(keepends=True)

    rendered = [render(None, "info", e) for e in EVENTS.values()]

    assert golden == rendered


@pytest.mark.parametrize("name", PROFILES)
class TestEveryProfile:
    def test_the_callers_fields_stay_as_they_are(self, name):
        before = json.dumps(EVENTS)

        for fields in EVENTS.values():
            PROFILES[name](fields)

        assert before == json.dumps(EVENTS)

    def test_no_event_needs_any_field(self, name):
        assert isinstance(PROFILES[name]({}), dict)

    def test_a_traceback_that_is_text_is_the_stack(self, name):
        fields = PROFILES[name]({"exception": "Traceback\nE: x"})

        assert "Traceback\\nE: x" in json.dumps(fields)
        assert "exception" not in fields

    @given(events)
    def test_it_never_raises_and_loses_no_value(self, name, fields):
        marked = {
            key: f"<{number}>" if isinstance(value, str) else value
            for number, (key, value) in enumerate(fields.items())
            if key != "exception"
        }

        text = json.dumps(PROFILES[name](marked))

        for value in marked.values():
            assert not isinstance(value, str) or value in text

    @given(raw_events)
    def test_any_event_is_one_line_of_json(self, name, fields):
        line = ProfileRenderer(PROFILES[name])(None, "info", fields)

        assert line.endswith(b"\n")
        assert 1 == line.count(b"\n")
        assert isinstance(json.loads(line), dict)


def test_an_event_whose_mapping_fails_keeps_our_names():
    line = ProfileRenderer(lambda fields: 1 / 0)(None, "info", {"event": "x"})

    assert b'{"event":"x"}\n' == line


class TestEcs:
    def test_the_first_fields_are_as_the_specification_wants(self):
        keys = [*ecs({"a": 1} | HEAD)]

        assert ["@timestamp", "log.level", "message", "ecs.version"] == keys[
            :4
        ]

    @pytest.mark.parametrize(
        ("fields", "names"),
        [
            ({"cart": "x", "cart.id": 1}, {"cart_", "cart.id"}),
            ({"cart.id": 1, "cart": "x"}, {"cart_", "cart.id"}),
            ({"user": "x"}, {"user_"}),
            ({"user": {"id": 1}}, {"user"}),
            ({"http": {"request": "x"}}, {"http_"}),
            ({"event": "x", "message.a": 1}, {"message", "message_.a"}),
            ({"a": 1, "a.b": 2, "a_": 3}, {"a_", "a.b", "a__"}),
            ({"a..b.": 1, "": 2}, {"a._.b._", "_"}),
        ],
    )
    def test_no_name_is_a_value_and_an_object(self, fields, names):
        assert names == ecs(fields).keys() - {"ecs.version"}

    @given(events)
    def test_the_names_form_a_tree(self, fields):
        mapped = ecs(fields)

        assert not [
            (a, b) for a in mapped for b in mapped if b.startswith(a + ".")
        ]

    def test_only_addresses_become_a_client_ip(self):
        fields = EVENTS["access"] | {"client": "testclient"}

        assert "client.ip" not in ecs(fields)
        assert "testclient" == ecs(fields)["client.address"]


class TestGcp:
    @pytest.mark.parametrize(
        ("fields", "severity"),
        [
            ({"level": "trace", "level_number": 5}, "DEBUG"),
            ({"level": "debug"}, "DEBUG"),
            ({"level": "info"}, "INFO"),
            ({"level": "info", "level_number": 25}, "NOTICE"),
            ({"level": "warning"}, "WARNING"),
            ({"level": "error"}, "ERROR"),
            ({"level": "critical"}, "CRITICAL"),
            ({"level": "loud"}, "DEFAULT"),
            ({"level": ["x"]}, "DEFAULT"),
            ({}, "DEFAULT"),
        ],
    )
    def test_severity(self, fields, severity):
        assert severity == gcp(fields)["severity"]

    def test_a_project_makes_a_name_of_the_trace(self):
        fields = gcp({"trace_id": "abc"}, project="p")

        assert (
            "projects/p/traces/abc" == fields["logging.googleapis.com/trace"]
        )

    @pytest.mark.parametrize(("flags", "sampled"), [("01", 1), ("02", 0)])
    def test_the_last_bit_of_the_flags_means_sampled(self, flags, sampled):
        fields = gcp({"trace_flags": flags})

        assert sampled == fields["logging.googleapis.com/trace_sampled"]


class TestOtel:
    @pytest.mark.parametrize(
        ("fields", "number", "text"),
        [
            ({"level": "trace", "level_number": 5}, 1, "TRACE"),
            ({"level": "trace", "level_number": 9}, 4, "TRACE"),
            ({"level": "trace", "level_number": 0}, 1, "TRACE"),
            ({"level": "debug"}, 5, "DEBUG"),
            ({"level": "debug", "level_number": 19}, 8, "DEBUG"),
            ({"level": "info"}, 9, "INFO"),
            ({"level": "info", "level_number": 25}, 11, "INFO"),
            ({"level": "warning"}, 13, "WARN"),
            ({"level": "error"}, 17, "ERROR"),
            ({"level": "critical"}, 21, "FATAL"),
            ({"level": "critical", "level_number": 999}, 24, "FATAL"),
            ({"level": "loud"}, 0, ""),
        ],
    )
    def test_severity(self, fields, number, text):
        record = otel(fields)

        assert number == record["severity_number"]
        assert text == record["severity_text"]


class TestDatadog:
    @pytest.mark.parametrize(
        ("trace_id", "shown"),
        [
            ("4bf92f3577b34da6a3ce929d0e0e4736", "11803532876627986230"),
            ("00f067aa0ba902b7", "67667974448284343"),
            ("not hex", "not hex"),
            (None, None),
        ],
    )
    def test_ids_are_the_low_64_bits_in_decimal(self, trace_id, shown):
        assert shown == datadog({"trace_id": trace_id})["dd.trace_id"]


class TestAccess:
    """Only what surely is an access event becomes one."""

    @pytest.mark.parametrize(
        "other",
        [
            {"status": "paid"},
            {"method": 1},
            {"path": None},
            {"duration_ms": float("nan")},
            {"duration_ms": -1},
            {"duration_ms": 10**400},
        ],
    )
    def test_other_events_keep_their_fields(self, other):
        fields = {"method": "GET", "path": "/", "status": 200}
        fields |= {"duration_ms": 1.5} | other

        assert "http.request.method" not in ecs(fields)
        assert "httpRequest" not in gcp(fields)
