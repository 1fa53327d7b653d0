"""What the access event says is decided without I/O."""

from __future__ import annotations

import logging

import pytest
import structlog

from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bind_contextvars, get_contextvars

import mohflow

from mohflow.integrations._claims import CURRENT, claim, is_claimed
from mohflow.integrations._http import (
    Exchange,
    Policy,
    new_id,
    trace_fields,
    valid_id,
)


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


def exchange(headers=None, path="/x", policy=None, **options):
    policy = policy or Policy(**options)
    return Exchange(policy, "GET", path, "", "127.0.0.1", headers or {})


class TestIds:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({"x-request-id": "a"}, "a"),
            ({"x-correlation-id": "b"}, "b"),
            ({"x-correlation-id": "b", "x-request-id": "a"}, "a"),
            ({"x-correlation-id": "b", "x-request-id": "no no"}, "b"),
            ({"x-request-id": "a" * 128}, "a" * 128),
            ({"x-request-id": "A.b-c_9"}, "A.b-c_9"),
            ({"x-request-id": " \ta\t "}, "a"),
        ],
    )
    def test_the_first_valid_header_counts(self, headers, expected) -> None:
        assert expected == exchange(headers).correlation_id

    @pytest.mark.parametrize(
        "value", ["", "a\nb", "a\n", "a" * 129, "ä", "a b", "a;b", "\u0661"]
    )
    def test_another_id_is_made_for_a_bad_one_which_is_never_shown(
        self, log_file, value
    ) -> None:
        log_file.configure()
        one = exchange({"x-request-id": value})
        one.start()
        one.status = 200
        one.answered()
        one.finish()

        assert 32 == len(one.correlation_id)
        assert "x-request-id" == log_file.last["refused_header"]
        assert one.correlation_id == log_file.last["correlation_id"]
        assert value not in log_file.last.values()

    @given(st.text(max_size=140))
    def test_an_id_is_valid_if_it_is_harmless_everywhere(self, text) -> None:
        harmless = set("abcdefghijklmnopqrstuvwxyz0123456789._-")
        is_right = 0 < len(text) <= 128 and set(text.lower()) <= harmless

        # The Kelvin sign and its like are lower-cased to letters.
        assert (text if is_right and text.isascii() else None) == valid_id(
            text
        )

    def test_made_ids_are_valid_and_differ(self) -> None:
        ids = {new_id() for _ in range(1000)}

        assert 1000 == len(ids) == len(set(map(valid_id, ids)))


class TestTraces:
    def test_a_traceparent_is_taken_apart(self) -> None:
        assert {
            "trace_id": TRACE,
            "span_id": SPAN,
            "trace_flags": "01",
        } == trace_fields(f"00-{TRACE}-{SPAN}-01")

    def test_one_of_a_later_version_may_be_longer(self) -> None:
        assert TRACE == trace_fields(f"cc-{TRACE}-{SPAN}-01-x")["trace_id"]

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "x",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"00-{TRACE}-{SPAN}-01-x",
            f"00-{TRACE}-{SPAN}-01\n",
        ],
    )
    def test_an_invalid_one_is_ignored(self, value) -> None:
        assert {} == trace_fields(value)


class TestAccessEvent:
    @pytest.fixture
    def told(self, log_file):
        def run(status=200, *, error=None, complete=True, path="/x", **attrs):
            clock = Clock()
            log_file.configure(level="debug")
            one = exchange(path=path, policy=Policy(clock=clock))
            one.start()
            one.status = status
            for name, value in attrs.items():
                setattr(one, name, value)
            clock.now += 0.25
            if complete:
                one.answered()
            clock.now += 10
            if error is not None:
                one.fail(error)
            one.finish()
            return log_file.last

        return run

    def test_it_has_its_fields_in_their_order(self, told) -> None:
        fields = list(told(client="203.0.113.7", sent_bytes=5))

        assert [
            "timestamp",
            "level",
            "event",
            "logger",
            "correlation_id",
            "method",
            "route",
            "path",
            "status",
            "duration_ms",
            "client",
            "bytes",
        ] == fields

    def test_its_duration_ends_with_the_last_byte(self, told) -> None:
        assert 250.0 == told()["duration_ms"]

    @pytest.mark.parametrize(
        ("status", "level"),
        [
            (200, "info"),
            (302, "info"),
            (404, "warning"),
            (499, "warning"),
            (500, "error"),
            (503, "error"),
        ],
    )
    def test_its_level_is_that_of_the_status(
        self, told, status, level
    ) -> None:
        assert level == told(status)["level"]

    @pytest.mark.parametrize(
        ("status", "level"), [(200, "debug"), (503, "error"), (401, "warning")]
    )
    def test_a_probe_is_quiet_unless_it_fails(
        self, told, status, level
    ) -> None:
        assert level == told(status, path="/healthz")["level"]

    @pytest.mark.parametrize(
        ("attributes", "outcome", "level"),
        [
            ({}, None, "info"),
            ({"complete": False}, "incomplete", "warning"),
            (
                {"complete": False, "is_cancelled": True},
                "cancelled",
                "warning",
            ),
            ({"error": ValueError()}, "failed", "error"),
            (
                {"complete": False, "error": KeyboardInterrupt()},
                "cancelled",
                "warning",
            ),
        ],
    )
    def test_it_tells_how_the_answer_ended(
        self, told, attributes, outcome, level
    ) -> None:
        event = told(**attributes)

        assert (outcome, level) == (event.get("outcome"), event["level"])

    def test_secrets_in_the_query_are_masked(self, told) -> None:
        event = told(query="page=2&token=hunter22&mail=ann@example.org")

        assert (
            "page=2&token=[redacted]&mail=[redacted:email]" == event["query"]
        )
        assert "/x" == event["path"]

    def test_annotations_join_it_but_take_no_name_of_its_own(
        self, log_file
    ) -> None:
        log_file.configure()
        one = exchange()
        one.start()
        mohflow.annotate(basket=3, path="/other")
        mohflow.annotate(basket=4)
        one.finish()
        mohflow.annotate(late=True)

        assert (4, "/x") == (log_file.last["basket"], log_file.last["path"])
        assert "late" not in log_file.last

    def test_what_the_request_has_bound_is_not_in_it(self, log_file) -> None:
        log_file.configure()
        one = exchange()
        one.start()
        bind_contextvars(user=7, correlation_id="other")
        one.finish()

        assert "user" not in log_file.last
        assert one.correlation_id == log_file.last["correlation_id"]

    def test_an_error_behind_the_answer_has_an_event_of_its_own(
        self, log_file
    ) -> None:
        log_file.configure()
        one = exchange()
        one.start()
        one.status = 200
        one.answered()
        one.log()
        one.fail(ValueError("later"))
        one.finish()
        access, error = log_file.events

        assert "request_finished" == access["event"]
        assert "unhandled_exception" == error["event"]
        assert "later" == error["exception"]["message"]
        assert access["correlation_id"] == error["correlation_id"]


class TestContext:
    def test_it_is_empty_at_the_start_and_as_before_at_the_end(self) -> None:
        bind_contextvars(leaked=1)
        one = exchange()
        one.start()
        inside = get_contextvars()
        bind_contextvars(more=1)
        one.finish()

        assert {"correlation_id": one.correlation_id} == inside
        assert {"leaked": 1} == get_contextvars()
        assert CURRENT.get() is None

    def test_fields_of_the_process_stay(self, log_file) -> None:
        log_file.configure(service="shop")
        one = exchange()
        one.start()
        structlog.get_logger().info("x")
        one.finish()

        assert ["shop", "shop"] == [e["service"] for e in log_file.events]


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [
            {"headers": "X-Id"},
            {"headers": []},
            {"headers": [""]},
            {"quiet": "/health"},
            {"quiet": [1]},
        ],
    )
    def test_a_wrong_one_is_refused(self, options) -> None:
        with pytest.raises(mohflow.ConfigurationError, match="Give a list"):
            Policy(**options)

    @pytest.mark.parametrize("name", ["X-Ïd", "X Id", "X-Id:", "X-Id\n"])
    def test_what_cannot_name_a_header_is_refused(self, name) -> None:
        with pytest.raises(mohflow.ConfigurationError, match="names of head"):
            Policy(headers=[name])

    def test_names_of_headers_and_of_quiet_paths_can_be_others(
        self, log_file
    ) -> None:
        log_file.configure()
        policy = Policy(headers=["X-Id"], quiet=[])
        one = exchange({"x-id": "a", "x-request-id": "b"}, "/health", policy)
        one.start()
        one.answered()
        one.finish()

        assert ("X-Id", "a") == one.header
        assert "a" == log_file.last["correlation_id"]


class TestClaims:
    def test_an_exception_that_refuses_attributes_can_be_claimed(self) -> None:
        class Frozen(Exception):
            def __setattr__(self, name, value):
                raise AttributeError(name)

        error = Frozen()
        claim(error)

        assert is_claimed(error)
        assert not is_claimed(ValueError())

    def test_a_group_is_claimed_if_all_of_it_is(self) -> None:
        one, other = ValueError(), ValueError()
        claim(one)

        assert is_claimed(ExceptionGroup("", [ExceptionGroup("", [one])]))
        assert not is_claimed(ExceptionGroup("", [one, other]))


class TestAccessLinesOfServers:
    @pytest.fixture
    def lines(self):
        """Return what reaches a handler of the logger *name*."""
        made = []

        def listen(name):
            logger = logging.getLogger(name)
            handler = logging.Handler()
            handler.emit = lambda record: made.append(record.getMessage())
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            added.append((logger, handler))
            return logger, made

        added = []
        Policy()
        yield listen
        for logger, handler in added:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)

    @pytest.mark.parametrize(
        ("name", "within"),
        [
            ("uvicorn.access", []),
            ("gunicorn.access", []),
            ("hypercorn.access", []),
            ("django.server", []),
            ("werkzeug", ["fault"]),
        ],
    )
    def test_are_not_made_within_a_request_that_we_tell_of(
        self, lines, name, within
    ) -> None:
        logger, made = lines(name)
        one = exchange()
        one.start()
        logger.info("GET /")
        logger.warning("fault")
        assert within == made
        one.leave()
        made.clear()
        logger.info("GET /")
        logger.debug("too quiet")

        assert ["GET /"] == made

    def test_can_be_had_back(self, lines) -> None:
        logger, made = lines("gunicorn.access")
        del logger.isEnabledFor
        CURRENT.set(object())
        logger.info("GET /")
        CURRENT.set(None)

        assert ["GET /"] == made
