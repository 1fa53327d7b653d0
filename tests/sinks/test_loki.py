from __future__ import annotations

import gzip
import json

import httpx
import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow._event import Event
from mohflow.exceptions import ConfigurationError, Rejected
from mohflow.sinks.loki import LokiOptions, LokiSink


URL = "http://localhost:3100"

NOW = 1_800_000_000_000_000_000
MINUTE = 60 * 10**9


def event(number=0, line=None, at=NOW, **fields):
    fields = {"level": "info", "event": f"e{number}", **fields}
    if line is None:
        line = json.dumps(fields)
    return Event(at + number, 20, fields, line.encode() + b"\n")


class Pushes:
    """A sink whose pushes all succeed, and what it pushed."""

    def __init__(self, now=NOW, known=None, **options):
        self.requests = []
        self.now = now
        self.sink = LokiSink(
            LokiOptions(**{"url": URL, **options}),
            labels={"service_name": "shop"} if known is None else known,
            transport=httpx.MockTransport(self.answer),
            clock=lambda: self.now,
        )

    def answer(self, request):
        self.requests.append(request)
        return httpx.Response(204)

    def push(self, *events):
        assert self.sink.write(list(events)) is None
        return self.streams[-1]

    @property
    def streams(self):
        bodies = [
            json.loads(gzip.decompress(request.content))
            for request in self.requests
        ]
        assert all(["streams"] == list(body) for body in bodies)
        assert all(1 == len(body["streams"]) for body in bodies)
        return [body["streams"][0] for body in bodies]


class TestPush:
    def test_it_goes_to_the_push_path_as_compressed_json(self):
        pushes = Pushes()
        pushes.push(event())
        request = pushes.requests[0]

        assert f"{URL}/loki/api/v1/push" == str(request.url)
        assert "application/json" == request.headers["Content-Type"]
        assert "gzip" == request.headers["Content-Encoding"]
        assert "X-Scope-OrgID" not in request.headers

    def test_it_is_one_stream_with_the_lines_in_order(self):
        stream = Pushes().push(event(1, "a"), event(2, "b", logger="db"))

        assert {
            "stream": {"service_name": "shop"},
            "values": [
                [str(NOW + 1), "a", {"level": "info"}],
                [str(NOW + 2), "b", {"level": "info", "logger": "db"}],
            ],
        } == stream

    def test_the_same_batch_is_the_same_bytes_later(self):
        pushes = Pushes(label_fields=("kind",))
        batch = [event(n, kind="a", user=n) for n in range(20)]
        pushes.push(*batch)
        pushes.now += 10 * MINUTE
        pushes.push(event(99, kind="b"))
        pushes.push(*batch)

        assert pushes.requests[0].content == pushes.requests[2].content

    def test_a_path_that_is_given_is_kept(self):
        options = LokiOptions(url="https://gate.example.org/push?x=1")

        assert "https://gate.example.org/push?x=1" == str(options.url)

    @pytest.mark.parametrize("url", ["http://h:3100/", "http://u:p@h:3100"])
    def test_the_path_is_added_when_there_is_none(self, url):
        assert "http://h:3100/loki/api/v1/push" == str(
            LokiOptions(url=url).url
        )


class TestMetadata:
    def metadata(self, fields, **options):
        value = Pushes(**options).push(event(**fields))["values"][0]
        return value[2] if len(value) > 2 else {}

    def test_the_fields_of_correlation_are_there_unless_empty(self):
        fields = {
            "logger": "db",
            "correlation_id": "c",
            "trace_id": "",
            "span_id": None,
            "user": "ann",
        }

        assert {
            "level": "info",
            "logger": "db",
            "correlation_id": "c",
        } == self.metadata(fields)

    def test_values_are_text(self):
        fields = {"a": 1, "b": True, "c": [1, {"d": None}], "e": 2**70}
        fields["f"] = "\ud800"

        assert {
            "a": "1",
            "b": "true",
            "c": '[1,{"d":null}]',
            "e": str(2**70),
            "f": "\\ud800",
        } == self.metadata(fields, structured_metadata=tuple("abcdef"))

    def test_what_is_a_label_is_not_repeated(self):
        stream = Pushes(label_fields=("level",)).push(event())

        assert "info" == stream["stream"]["level"]
        assert 2 == len(stream["values"][0])

    def test_there_are_at_most_128(self):
        names = tuple(f"k{n}" for n in range(200))
        metadata = self.metadata(
            dict.fromkeys(names, "v"), structured_metadata=names
        )

        assert list(names[:128]) == list(metadata)

    def test_there_are_at_most_64_kilobytes(self):
        fields = {"a": "é" * 20_000, "b": "x" * 40_000, "c": "y"}
        metadata = self.metadata(fields, structured_metadata=("a", "b", "c"))

        assert {"a", "c"} == set(metadata)


class TestLongLines:
    def test_one_as_long_as_allowed_is_whole(self):
        stream = Pushes(max_line_bytes=1000).push(event(line="é" * 500))

        assert "é" * 500 == stream["values"][0][1]
        assert {"level": "info"} == stream["values"][0][2]

    @given(st.text(min_size=1001, max_size=1500, alphabet="aé€😀"))
    def test_a_longer_one_is_cut_between_characters(self, line):
        text, metadata = Pushes(max_line_bytes=1000).push(event(line=line))[
            "values"
        ][0][1:]
        kept = text.removesuffix("...[cut]")

        assert kept != text
        assert line.startswith(kept)
        assert 996 < len(text.encode()) <= 1000
        assert str(len(line.encode())) == metadata["original_bytes"]

    def test_the_others_are_whole(self):
        stream = Pushes(max_line_bytes=1000).push(
            event(1, "a"), event(2, "b" * 2000), event(3, "c")
        )

        assert ["a", "c"] == [value[1] for value in stream["values"][::2]]

    def test_bytes_that_are_no_text_are_replaced_within_the_limit(self):
        broken = Event(NOW, 20, {}, b"\xff" * 900 + b"\n")
        text = Pushes(max_line_bytes=1000).push(broken)["values"][0][1]

        assert text.startswith("\ufffd" * 300)
        assert len(text.encode()) <= 1000


class TestTenant:
    def tenants(self, pushes):
        return [r.headers.get("X-Scope-OrgID") for r in pushes.requests]

    def test_a_static_one(self):
        pushes = Pushes(tenant="team-a")
        pushes.push(event())

        assert ["team-a"] == self.tenants(pushes)

    def test_one_per_event(self):
        pushes = Pushes(tenant="rest", tenant_field="customer")
        for fields in ({"customer": "b"}, {}, {"customer": 7}):
            pushes.push(event(**fields))

        assert ["b", "rest", "7"] == self.tenants(pushes)

    def test_events_of_two_share_no_batch(self):
        sink = Pushes(tenant="rest", tenant_field="customer").sink
        keys = [sink.partition(event(customer=c)) for c in ("a", "b", "a")]

        assert keys[0] == keys[2] != keys[1]

    @pytest.mark.parametrize("name", ["a/../b", "..", "a|b", "x" * 151, []])
    def test_an_impossible_one_is_rejected_and_not_sent(self, name):
        pushes = Pushes(tenant="rest", tenant_field="customer")

        with pytest.raises(Rejected, match="tenant"):
            pushes.sink.write([event(customer=name)])

        assert [] == pushes.requests


class TestLateEvents:
    """Fresh events of other processes move the window of the stream."""

    def late(self, minutes, **options):
        return Pushes(now=NOW + minutes * MINUTE, **options)

    def test_up_to_45_minutes_events_go_to_the_usual_stream(self):
        assert {"service_name": "shop"} == self.late(44).push(event())[
            "stream"
        ]

    def test_later_ones_go_to_a_stream_of_the_process(self):
        pushes = self.late(46)
        first, second = (pushes.push(event(n))["stream"] for n in (1, 2))

        assert {"service_name", "replay"} == set(first)
        assert first == second

    def test_each_process_has_its_own(self):
        one, other = (
            self.late(46).push(event())["stream"]["replay"] for _ in range(2)
        )

        assert one != other

    def test_so_has_the_child_of_a_fork(self):
        pushes = self.late(46)
        parent = pushes.push(event())["stream"]["replay"]
        pushes.sink.after_fork()

        assert parent != pushes.push(event())["stream"]["replay"]

    def test_late_and_fresh_events_share_no_batch(self):
        sink = self.late(46).sink
        late, fresh = event(), event(at=NOW + 5 * MINUTE)

        assert sink.partition(late) != sink.partition(fresh)

    def test_fifteen_labels_leave_no_room_for_another(self):
        labels = {f"l{n}": "x" for n in range(15)}
        stream = self.late(46, labels=labels).push(event())

        assert {"service_name": "shop", **labels} == stream["stream"]


class TestLabelsFromFields:
    def test_each_value_is_a_stream(self):
        pushes = Pushes(label_fields=("http.method",))
        keys = {
            pushes.sink.partition(event(**{"http.method": method}))
            for method in ("GET", "PUT", "GET")
        }

        assert 2 == len(keys)
        assert {"service_name": "shop", "http_method": "GET"} == (
            pushes.push(event(**{"http.method": "GET"}))["stream"]
        )

    def test_a_field_that_grows_goes_to_metadata_and_is_said_once(
        self, capsys
    ):
        pushes = Pushes(label_fields=("shard", "level"))
        streams = [pushes.push(event(shard=f"s{n}")) for n in range(100)]
        labels = {stream["stream"].get("shard") for stream in streams}
        metadata = [
            s["values"][0][2] for s in streams if len(s["values"][0]) > 2
        ]

        assert 21 == len(labels)
        assert {"shard": "s99"} == metadata[-1]
        assert all("info" == s["stream"]["level"] for s in streams)
        assert 1 == capsys.readouterr().err.count("'shard' has more than 20")

    def test_what_was_a_label_stays_one(self):
        pushes = Pushes(label_fields=("shard",))
        before = pushes.push(event(shard="s0"))
        for n in range(100):
            pushes.push(event(shard=f"s{n}"))

        assert before == pushes.push(event(shard="s0"))

    @pytest.mark.parametrize("value", ["", None, 5, [], "x" * 3000])
    def test_what_cannot_be_a_label_is_none(self, value):
        stream = Pushes(label_fields=("shard",)).push(event(shard=value))

        assert {"service_name": "shop"} == stream["stream"]


KNOWN = {"service_name": "shop", "environment": "prod"}


class TestEventsOfAnotherProgram:
    def test_they_keep_its_labels(self):
        pushes = Pushes(known={"service_name": "shop", "environment": "prod"})
        theirs = event(service="billing", environment="test")

        assert pushes.sink.partition(theirs) != pushes.sink.partition(event())
        assert {
            "service_name": "billing",
            "environment": "test",
        } == pushes.push(theirs)["stream"]

    def test_labels_that_were_given_stay(self):
        pushes = Pushes(labels={"service_name": "all"})

        stream = pushes.push(event(service="billing"))["stream"]

        assert {"service_name": "all"} == stream


class TestLabelsOfThePipeline:
    def test_those_of_the_options_win(self):
        pushes = Pushes(
            known=KNOWN, labels={"environment": "test", "team": "a"}
        )

        assert {
            "service_name": "shop",
            "environment": "test",
            "team": "a",
        } == pushes.push(event())["stream"]

    def test_empty_ones_are_left_out(self):
        known = {**KNOWN, "environment": ""}

        assert {"service_name": "shop"} == (
            Pushes(known=known).push(event())["stream"]
        )

    def test_there_is_always_one(self):
        assert {"service_name": "unknown_service"} == (
            Pushes(known={}).push(event())["stream"]
        )

    def test_too_many_in_all_are_refused(self):
        labels = {f"l{n}": "x" for n in range(15)}

        with pytest.raises(ConfigurationError, match="16 labels are too many"):
            Pushes(known=KNOWN, labels=labels)
