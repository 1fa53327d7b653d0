from __future__ import annotations

import base64
import json
import socket

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from pydantic import HttpUrl, SecretStr, ValidationError

from mohflow._event import Event
from mohflow.exceptions import ConfigurationError, Rejected, Unavailable
from mohflow.sinks.http import HttpOptions, HttpSink


URL = "https://logs.example.org/in"

EVENTS = [
    Event(n, 20, {"event": "e", "n": n}, b'{"event":"e","n":%d}\n' % n)
    for n in (1, 2)
]


def answering(*answers):
    """Return a transport that gives *answers* in turn, and its requests."""
    requests = []
    waiting = list(answers)

    def handle(request):
        requests.append(request)
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle), requests


def sent(answer=None, **options):
    """Return the request of one batch."""
    transport, requests = answering(answer or httpx.Response(204))
    HttpSink(HttpOptions(url=URL, **options), transport=transport).write(
        EVENTS
    )
    return requests[0]


def outcome(answer):
    """Return what a sink says of *answer*."""
    transport, _ = answering(answer)
    sink = HttpSink(HttpOptions(url=URL), transport=transport)
    try:
        return sink.write(EVENTS)
    except (Unavailable, Rejected) as error:
        return error


class TestRequest:
    def test_the_lines_are_posted_as_a_json_array(self):
        request = sent()

        assert ("POST", URL) == (request.method, str(request.url))
        assert [dict(e.fields) for e in EVENTS] == json.loads(request.content)
        assert "application/json" == request.headers["Content-Type"]

    def test_it_says_who_sends_it(self):
        assert sent().headers["User-Agent"].startswith("mohflow/")

    def test_the_same_batch_is_the_same_request(self):
        first, second = sent(username="u"), sent(username="u")

        assert first.content == second.content
        assert first.headers == second.headers

    def test_user_and_password_become_basic_authentication(self):
        header = sent(username="ann", password="pässword").headers[
            "Authorization"
        ]

        assert "ann:pässword" == base64.b64decode(header[6:]).decode()

    def test_credentials_of_the_url_are_moved_out_of_it(self):
        transport, requests = answering(httpx.Response(204))
        options = HttpOptions(url="https://ann:p%40ss@logs.example.org/in")
        HttpSink(options, transport=transport).write(EVENTS)

        assert HttpUrl(URL) == options.url
        assert (
            "Basic " + base64.b64encode(b"ann:p@ss").decode()
            == (requests[0].headers["Authorization"])
        )

    def test_a_token_is_sent_as_a_bearer(self):
        assert "Bearer t0k" == sent(token="t0k").headers["Authorization"]

    def test_headers_of_the_options_win_in_any_case(self):
        request = sent(token="t0k", headers={"authorization": "Custom x"})

        assert ["Custom x"] == request.headers.get_list("Authorization")

    def test_what_a_subclass_encodes_is_sent_with_its_headers(self):
        class Csv(HttpSink[HttpOptions]):
            def encode(self, batch):
                return b"a,b", {"content-type": "text/csv"}

        transport, requests = answering(httpx.Response(200))
        Csv(HttpOptions(url=URL), transport=transport).write(EVENTS)

        assert b"a,b" == requests[0].content
        assert ["text/csv"] == requests[0].headers.get_list("Content-Type")


class TestTokenFile:
    def test_a_token_that_rotates_is_read_again(self, tmp_path):
        path = tmp_path / "token"
        path.write_text("first\n")
        transport, requests = answering(httpx.Response(204))
        sink = HttpSink(
            HttpOptions(url=URL, token_file=path), transport=transport
        )
        sink.write(EVENTS)
        new = tmp_path / "new"
        new.write_text("other\n")
        new.replace(path)
        sink.write(EVENTS)

        assert ["Bearer first", "Bearer other"] == [
            request.headers["Authorization"] for request in requests
        ]

    @pytest.mark.parametrize("content", [None, "", "two words", "smörgås"])
    def test_a_file_that_holds_no_token_makes_events_wait(
        self, tmp_path, content
    ):
        path = tmp_path / "token"
        path.write_text("first")
        transport, requests = answering(httpx.Response(204))
        sink = HttpSink(
            HttpOptions(url=URL, token_file=path), transport=transport
        )
        path.unlink()
        if content is not None:
            path.write_text(content)

        with pytest.raises(Unavailable, match="credentials") as caught:
            sink.write(EVENTS)

        assert "two words" not in repr(caught.value)
        assert [] == requests

    @pytest.mark.parametrize("name", ["token_file", "ca_file", "cert_file"])
    def test_a_missing_file_is_refused_at_once(self, tmp_path, name):
        options = HttpOptions(url=URL, **{name: tmp_path / "missing"})

        with pytest.raises(ConfigurationError, match=rf"missing' \({name}\)"):
            HttpSink(options)


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_any_success_says_that_all_is_stored(self, status):
        assert outcome(httpx.Response(status)) is None

    @pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504])
    def test_a_passing_fault_is_tried_again(self, status):
        error = outcome(httpx.Response(status))

        assert Unavailable is type(error)
        assert (f"http_{status}", None) == (error.reason, error.retry_after)

    @pytest.mark.parametrize("status", [401, 403, 404, 405, 415, 422])
    def test_a_fault_of_the_set_up_makes_events_wait(self, status):
        error = outcome(httpx.Response(status))

        assert Unavailable is type(error)
        assert 30 <= error.retry_after <= 60

    def test_a_redirect_is_not_followed(self):
        location = {"Location": "https://elsewhere.example.org/"}
        transport, requests = answering(httpx.Response(302, headers=location))
        sink = HttpSink(HttpOptions(url=URL), transport=transport)

        with pytest.raises(Unavailable, match="redirect") as caught:
            sink.write(EVENTS)

        assert 1 == len(requests)
        assert 30 <= caught.value.retry_after <= 60

    @pytest.mark.parametrize(
        ("status", "reason"), [(400, "invalid"), (413, "too_large")]
    )
    def test_a_batch_that_is_refused_may_be_halved(self, status, reason):
        error = outcome(httpx.Response(status))

        assert (Rejected, reason, True) == (
            type(error),
            error.reason,
            error.split,
        )

    @pytest.mark.parametrize("status", [409, 501, 505])
    def test_other_refusals_are_final(self, status):
        error = outcome(httpx.Response(status))

        assert (Rejected, False) == (type(error), error.split)

    def test_the_error_quotes_the_answer(self):
        error = outcome(httpx.Response(401, text="no org id\nmore"))

        assert "no org id" == error.__notes__[0]

    def test_an_endless_answer_is_not_kept(self):
        def endless():
            while True:
                yield b"x" * 10_000

        error = outcome(httpx.Response(503, content=endless()))

        assert "http_503" == error.reason

    def test_an_answer_that_cannot_be_decompressed_is_no_answer(self):
        error = outcome(
            httpx.Response(
                200,
                headers={"Content-Encoding": "gzip"},
                stream=httpx.ByteStream(b"not gzip"),
            )
        )

        assert ("protocol", None) == (error.reason, error.retry_after)


class TestRetryAfter:
    def asked(self, text, **headers):
        headers = {"Retry-After": text, **headers}

        return outcome(httpx.Response(503, headers=headers)).retry_after

    def test_seconds(self):
        assert 7 == self.asked("7")

    def test_a_date_counts_from_the_clock_of_the_server(self):
        now = datetime(2001, 2, 3, tzinfo=UTC)
        later = now + timedelta(seconds=90)

        assert 90 == self.asked(
            format_datetime(later, usegmt=True),
            Date=format_datetime(now, usegmt=True),
        )

    def test_a_date_counts_from_ours_if_the_server_has_none(self):
        later = datetime.now(UTC) + timedelta(seconds=90)

        assert 80 < self.asked(format_datetime(later, usegmt=True)) <= 90

    @pytest.mark.parametrize(
        "text", ["86400", "9" * 5000, "Sat, 01 Jan 2090 00:00:00 GMT"]
    )
    def test_what_is_too_long_is_capped(self, text):
        assert 300 == self.asked(text)

    def test_a_date_in_the_past_means_now(self):
        assert 0 == self.asked("Sat, 01 Jan 2000 00:00:00 GMT")

    @pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "32 Jan"])
    def test_nonsense_is_passed_over(self, text):
        assert self.asked(text) is None


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (httpx.ConnectTimeout("x"), "timeout"),
            (httpx.ReadTimeout("x"), "timeout"),
            (httpx.ConnectError("refused"), "connect"),
            (httpx.ConnectError(socket.gaierror(-2, "unknown")), "dns"),
            (httpx.ReadError("reset"), "reset"),
            (httpx.WriteError("broken pipe"), "reset"),
            (httpx.ProxyError("403"), "proxy"),
            (httpx.RemoteProtocolError("garbage"), "protocol"),
        ],
    )
    def test_each_fault_has_a_name_and_advice(self, error, reason):
        found = outcome(error)

        assert (Unavailable, reason) == (type(found), found.reason)
        assert found.__notes__


class BetterStackOptions(HttpOptions):
    url: HttpUrl = HttpUrl("https://in.logs.betterstack.com")
    token: SecretStr


class BetterStackSink(HttpSink[BetterStackOptions]):
    options_type = BetterStackOptions

    def headers(self) -> dict[str, str]:
        return {
            **super().headers(),
            "Authorization": f"Bearer {self.options.token.get_secret_value()}",
        }


class TestSinkOfSomebodyElse:
    """A plug-in as short as it may be."""

    def sink(self, *answers):
        transport, self.requests = answering(*answers)
        options = BetterStackOptions(token="t0k")

        return BetterStackSink(options, transport=transport)

    def test_it_delivers(self):
        assert self.sink(httpx.Response(202)).write(EVENTS) is None
        assert "Bearer t0k" == self.requests[0].headers["Authorization"]

    def test_it_understands_refusals(self):
        sink = self.sink(httpx.Response(503), httpx.Response(413))

        with pytest.raises(Unavailable, match="http_503"):
            sink.write(EVENTS)
        with pytest.raises(Rejected, match="too_large"):
            sink.write(EVENTS)

    def test_it_can_be_checked(self):
        self.sink(httpx.Response(405)).check()
        with pytest.raises(Unavailable, match="http_401"):
            self.sink(httpx.Response(401)).check()

    def test_it_needs_its_token(self):
        with pytest.raises(ValidationError, match="token"):
            BetterStackOptions()


def test_it_may_be_used_after_it_was_closed():
    transport, requests = answering(httpx.Response(204))
    sink = HttpSink(HttpOptions(url=URL), transport=transport)
    for _ in range(2):
        sink.write(EVENTS)
        sink.close()
        sink.close()

    assert 2 == len(requests)


def test_importing_the_sinks_does_not_import_httpx(program):
    done = program(
        """
        import sys
        import mohflow.sinks.http, mohflow.sinks.loki
        print("httpx" in sys.modules, "httpcore" in sys.modules)
        """,
    )

    assert "False False\n" == done.stdout
