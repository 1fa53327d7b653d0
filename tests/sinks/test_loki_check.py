from __future__ import annotations

import gzip
import json

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from mohflow.exceptions import Rejected, SinkError, Unavailable
from mohflow.sinks import _loki_check
from mohflow.sinks.loki import LokiOptions, LokiSink


NOW = datetime(2026, 11, 23, 0, 26, 42, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9


class Loki:
    """Remembers the push, and shows it unless told otherwise."""

    def __init__(self, **options):
        self.pushed = httpx.Response(204)
        self.shown = True
        self.queried = None
        self.requests = []
        options = {"url": "http://localhost:3100", **options}
        self.sink = LokiSink(
            LokiOptions(**options),
            labels={"service_name": 'sh"op', "environment": "prod"},
            transport=httpx.MockTransport(self.answer),
            clock=lambda: NOW_NS,
        )

    def answer(self, request):
        self.requests.append(request)
        if request.method == "POST":
            return self.pushed
        if self.queried is not None:
            return self.queried
        body = json.loads(gzip.decompress(self.requests[0].content))
        stream = body["streams"][0]
        values = [v[:2] for v in stream["values"]] if self.shown else []
        result = [{"stream": stream["stream"], "values": values}]
        return httpx.Response(200, json={"data": {"result": result}})


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(_loki_check, "PAUSE", 0)


def fault(loki):
    with pytest.raises(SinkError) as caught:
        loki.sink.check()
    return caught.value


def test_what_was_pushed_is_read_back():
    loki = Loki(tenant="team-a")

    assert "it took an event and showed it again" == loki.sink.check()
    push, query = loki.requests

    assert "/loki/api/v1/query_range" == query.url.path
    assert (
        '{service_name="sh\\"op", environment="prod"}'
        == (query.url.params["query"])
    )
    assert str(NOW_NS) == query.url.params["start"]
    assert ["team-a"] * 2 == [
        request.headers["X-Scope-OrgID"] for request in (push, query)
    ]


def test_an_event_that_is_not_shown_is_a_fault():
    loki = Loki()
    loki.shown = False
    error = fault(loki)

    assert (Unavailable, "not_shown") == (type(error), error.reason)
    assert "tenant" in error.__notes__[0]


@pytest.mark.parametrize(
    "answer", [httpx.Response(403), httpx.Response(200, text="<html>")]
)
def test_reading_may_be_forbidden(answer):
    loki = Loki()
    loki.queried = answer

    assert f"answer HTTP {answer.status_code} to us" in loki.sink.check()


def test_another_path_is_only_pushed_to():
    loki = Loki(url="https://gate.example.org/push")

    assert "nothing is read back" in loki.sink.check()
    assert 1 == len(loki.requests)


def test_a_missing_tenant_is_named():
    loki = Loki()
    loki.pushed = httpx.Response(401, text="no org id\n")
    error = fault(loki)

    assert "http_401" == error.reason
    assert "no org id" == error.__notes__[0]
    assert "tenant" in error.__notes__[1]


@pytest.mark.parametrize(
    ("minutes", "said"), [(-12, "720 s ahead of"), (12, "720 s behind")]
)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(204),
        httpx.Response(400, text="entry has timestamp too new: x\n"),
    ],
)
def test_a_clock_that_is_wrong_is_named(minutes, said, answer):
    date = format_datetime(NOW + timedelta(minutes=minutes), usegmt=True)
    loki = Loki()
    loki.pushed = httpx.Response(
        answer.status_code, text=answer.text, headers={"Date": date}
    )
    error = fault(loki)

    assert "clock_skew" == error.reason
    assert said in error.__notes__[0]


def test_an_event_that_is_refused_is_a_fault():
    loki = Loki()
    loki.pushed = httpx.Response(400, text="'{}' has 9 label names; limit 8\n")
    error = fault(loki)

    assert (Rejected, "labels") == (type(error), error.reason)
    assert "limit 8" in error.__notes__[0]


def test_nobody_there_is_named():
    sink = LokiSink(LokiOptions(url="http://no.such.host.invalid"))

    with pytest.raises(Unavailable, match="dns") as caught:
        sink.check()

    assert "cannot be resolved" in caught.value.__notes__[0]
