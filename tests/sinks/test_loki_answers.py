"""The texts are what a real Loki answered, or what stands in its source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from mohflow._event import Event
from mohflow.diagnostics import complain
from mohflow.exceptions import Rejected, SinkError, Unavailable
from mohflow.sinks.loki import LokiOptions, LokiSink


NOW = datetime(2026, 11, 23, 0, 26, 42, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9

TOO_LONG = (
    "max entry size '65536' bytes exceeded for stream '{job=\"p\"}' while "
    "adding an entry with length '65537' bytes\n"
)
TOO_OLD = (
    "entry for stream '{job=\"p\"}' has timestamp too old: "
    "2026-11-15T00:26:31Z, oldest acceptable timestamp is: "
    "2026-11-16T00:26:42Z\n"
)
TOO_NEW = (
    "entry for stream '{job=\"p\"}' has timestamp too new: "
    "2026-11-23T00:37:29Z\n"
)
TOO_FAR_BEHIND = (
    "entry with timestamp 2026-11-22 22:26:34.052417541 +0000 UTC ignored, "
    "reason: 'entry too far behind, entry timestamp is: "
    "2026-11-22T22:26:34Z, oldest acceptable timestamp is: "
    "2026-11-22T23:26:34Z',\nuser 'fake', total ignored: 2 out of 4 for "
    'stream: {job="p", service_name="p"}\n'
)
MANY_PAIRS = (
    "stream '{job=\"p\"}' has too many structured metadata labels: '3', "
    "limit: '1'. Please see `limits_config.max_structured_metadata_entries_"
    "count` or contact your Loki administrator to increase it\n"
)
LARGE_PAIRS = (
    "stream '{job=\"p\"}' has structured metadata too large: '66001' bytes, "
    "limit: '30' bytes. Please see `limits_config.max_structured_metadata_"
    "size` or contact your Loki administrator to increase it\n"
)
LABELS = "entry for stream '{job=\"p\"}' has 16 label names; limit 15\n"
LABEL_NAME = "stream '{job=\"p\"}' has label name too long: 'llll'\n"
LABEL_VALUE = "stream '{job=\"p\"}' has label value too long: '1111'\n"
RATE = (
    "ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) "
    "while attempting to ingest '35' lines totaling '{}' bytes, reduce log "
    "volume or contact your Loki administrator to see if the limit can be "
    "increased\n"
)
STREAMS = (
    "maximum active stream limit exceeded when trying to create stream "
    '{job="p"}, reduce the number of active streams (reduce labels or reduce '
    "label values), or contact your Loki administrator to see if the limit "
    "can be increased, user: 'fake'\n"
)
TOO_LARGE_FOR_GRPC = (
    "rpc error: code = ResourceExhausted desc = grpc: received message "
    "larger than max (5000000 vs. 4194304)\n"
)


def event(seconds=0, line="x", **fields):
    return Event(NOW_NS + seconds * 10**9, 20, fields, line.encode() + b"\n")


FOUR = [event(n) for n in range(4)]


def sink_for(*answers):
    """Return a sink that gets *answers* in turn."""
    waiting = iter(answers)
    transport = httpx.MockTransport(lambda _: next(waiting))
    options = LokiOptions(url="http://localhost:3100")

    return LokiSink(options, transport=transport, clock=lambda: NOW_NS)


def outcome(status, text="", batch=FOUR, **headers):
    """Return what a sink makes of an answer."""
    sink = sink_for(httpx.Response(status, text=text, headers=headers))
    try:
        return sink.write(batch)
    except SinkError as error:
        return error


def lost(text, batch):
    """Return which events a partial answer is about, and why."""
    partial = outcome(400, text, batch)

    assert () == partial.retry
    return [(batch.index(event), reason) for event, reason in partial.rejected]


class TestStored:
    def test_only_204_says_so(self):
        assert outcome(204) is None

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            (200, "<html>Log in</html>"),
            (200, ""),
            (202, ""),
            (206, ""),
            (301, ""),
            (302, "<html>"),
            (307, ""),
        ],
    )
    def test_other_success_comes_from_something_else(self, status, text):
        error = outcome(status, text)

        assert (Unavailable, "not_loki") == (type(error), error.reason)
        assert 30 <= error.retry_after <= 60


class TestBlocked:
    TEXT = "ingestion blocked for user 'fake' until '{}' with status code '{}'"

    @pytest.mark.parametrize("status", [260, 200, 403, 429, 503])
    def test_it_waits_until_the_date(self, status):
        until = (NOW + timedelta(seconds=70)).isoformat()
        error = outcome(
            status,
            self.TEXT.format(until, status),
            Date=format_datetime(NOW, usegmt=True),
        )

        assert (Unavailable, "blocked") == (type(error), error.reason)
        assert 70 == error.retry_after

    def test_no_longer_than_is_sensible(self):
        error = outcome(260, self.TEXT.format("2090-01-01T00:00:00Z", 260))

        assert 300 == error.retry_after

    def test_without_a_date_it_asks_now_and_then(self):
        error = outcome(260)

        assert "blocked" == error.reason
        assert 30 <= error.retry_after <= 60


class TestPartOfThePush:
    """The rest is stored, so nothing is sent again."""

    def test_lines_longer_than_the_server_takes(self):
        batch = [event(n, "x" * size) for n, size in enumerate((9, 65536))]
        batch += [event(5, "é" * 32769), event(6, "x" * 65537)]

        assert [(2, "line_too_long"), (3, "line_too_long")] == (
            lost(TOO_LONG, batch)
        )

    def test_events_older_than_a_week(self):
        week = 7 * 24 * 3600
        batch = [event(-week - 60), event(-week - 1), event(-week + 5)]

        assert [(0, "too_old"), (1, "too_old")] == lost(TOO_OLD, batch)

    def test_events_of_the_future(self):
        assert [(3, "too_new")] == lost(TOO_NEW, FOUR)

    def test_events_behind_the_window_of_the_stream(self):
        assert [(0, "too_far_behind"), (1, "too_far_behind")] == (
            lost(TOO_FAR_BEHIND, FOUR)
        )

    def test_too_many_pairs(self):
        batch = [event(n, level="info") for n in range(3)]
        batch[1] = event(1, level="info", logger="db", span_id="s")

        assert [(1, "metadata")] == lost(MANY_PAIRS, batch)

    def test_too_large_pairs(self):
        batch = [event(0, level="info"), event(1, logger="x" * 30)]

        assert [(1, "metadata")] == lost(LARGE_PAIRS, batch)

    @pytest.mark.parametrize("text", [LABELS, LABEL_NAME, LABEL_VALUE])
    def test_labels_are_those_of_all(self, text):
        assert [(n, "labels") for n in range(4)] == lost(text, FOUR)

    def test_several_reasons_at_once(self):
        text = f"2 errors like: {TOO_NEW.strip()}; 1 errors like: {TOO_LONG}"
        batch = [event(0, "x" * 70_000), *(event(n) for n in range(1, 5))]

        assert [(0, "line_too_long"), (3, "too_new"), (4, "too_new")] == (
            lost(text, batch)
        )

    def test_a_rule_that_fits_no_event_costs_the_likeliest(self):
        assert [(0, "too_old")] == lost(TOO_OLD, FOUR)

    def test_it_is_said_with_the_first_line_of_the_answer(self, capsys):
        outcome(400, TOO_FAR_BEHIND)
        outcome(400, TOO_FAR_BEHIND)
        said = capsys.readouterr().err

        assert 1 == said.count("2 of 4 events")
        assert "entry too far behind" in said


class TestRefused:
    @pytest.mark.parametrize(
        "text",
        [
            "EOF\n",
            "unexpected EOF\n",
            "couldn't parse labels: 1:28: parse error: unexpected\n",
            "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: ...\n",
            "<html>400 Bad Request</html>",
            "",
        ],
    )
    def test_a_push_that_cannot_be_read_is_halved(self, text):
        error = outcome(400, text)

        assert (Rejected, "invalid", True) == (
            type(error),
            error.reason,
            error.split,
        )

    @pytest.mark.parametrize(
        ("status", "text"), [(413, ""), (500, TOO_LARGE_FOR_GRPC)]
    )
    def test_a_push_that_is_too_large_is_halved(self, status, text):
        error = outcome(status, text)

        assert (Rejected, "too_large", True) == (
            type(error),
            error.reason,
            error.split,
        )

    @pytest.mark.parametrize("status", [501, 505])
    def test_a_server_that_cannot_do_it_never_will(self, status):
        error = outcome(status)

        assert (Rejected, False) == (type(error), error.split)

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            (401, "no org id\n"),
            (403, ""),
            (404, "404 page not found\n"),
            (405, ""),
            (415, ""),
            (422, "error at least one valid stream is required\n"),
        ],
    )
    def test_a_faulty_set_up_makes_events_wait(self, status, text):
        error = outcome(status, text)

        assert (Unavailable, f"http_{status}") == (type(error), error.reason)
        assert 30 <= error.retry_after <= 60

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            (408, ""),
            (499, ""),
            (500, "context canceled\n"),
            (500, "Ingester is shutting down\n"),
            (502, "<html>"),
            (503, "circuit breaker open\n"),
            (504, ""),
        ],
    )
    def test_a_passing_fault_is_tried_again(self, status, text):
        error = outcome(status, text)

        assert (Unavailable, f"http_{status}") == (type(error), error.reason)
        assert error.retry_after is None


class TestTooMuch:
    def test_too_fast_is_tried_again(self):
        error = outcome(429, RATE.format(1_000_000))

        assert (Unavailable, "rate_limited") == (type(error), error.reason)

    def test_when_a_gateway_says(self):
        error = outcome(429, **{"Retry-After": "17"})

        assert 17 == error.retry_after

    def test_more_than_ever_fits_is_halved(self):
        error = outcome(429, RATE.format(7_000_060))

        assert (Rejected, "burst", True) == (
            type(error),
            error.reason,
            error.split,
        )

    def test_too_many_streams_is_about_labels(self, capsys):
        error = outcome(429, STREAMS)

        assert (Unavailable, "stream_limit") == (type(error), error.reason)
        assert "fewer labels" in capsys.readouterr().err

    @pytest.mark.parametrize("status", [429, 500])
    def test_what_is_refused_again_and_again_is_halved(self, status):
        sink = sink_for(*[httpx.Response(status)] * 4)
        for _ in range(3):
            with pytest.raises(Unavailable):
                sink.write(FOUR)

        with pytest.raises(Rejected) as caught:
            sink.write(FOUR)

        assert caught.value.split

    def test_a_single_event_is_never_given_up_for_it(self):
        sink = sink_for(*[httpx.Response(429)] * 10)
        for _ in range(10):
            with pytest.raises(Unavailable):
                sink.write(FOUR[:1])

    def test_refusals_of_other_batches_do_not_count(self):
        sink = sink_for(*[httpx.Response(429)] * 10)
        for number in range(10):
            with pytest.raises(Unavailable):
                sink.write([event(number), event(number + 1)])

    def test_success_ends_the_count(self):
        limited, stored = httpx.Response(429), httpx.Response(204)
        sink = sink_for(*[limited] * 3, stored, limited)
        for _ in range(3):
            with pytest.raises(Unavailable):
                sink.write(FOUR)
        sink.write(FOUR)

        with pytest.raises(Unavailable):
            sink.write(FOUR)


def test_an_error_quotes_the_answer_and_gives_advice():
    error = outcome(401, "no org id\n")

    assert "no org id" == error.__notes__[0]
    assert "tenant" in error.__notes__[1]


def test_an_answer_that_is_fine_is_not_spoken_of():
    outcome(204)

    assert {} == complain.counts()
