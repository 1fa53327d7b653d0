"""Outgoing calls, over real sockets, of httpx and of requests."""

from __future__ import annotations

import asyncio
import threading

from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import requests

import mohflow

from mohflow.integrations import httpx as httpx_integration
from mohflow.integrations import requests as requests_integration
from mohflow.integrations._outgoing import Allowed


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
CONTEXT = {
    "correlation_id": "the-one",
    "trace_id": TRACE,
    "span_id": SPAN,
    "trace_flags": "01",
}


@pytest.fixture
def remote():
    """A service that remembers the headers of each call."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append((self.path, dict(self.headers)))
            is_move = self.path == "/move"
            self.send_response(302 if is_move else 200)
            if is_move:
                # Another name of the same machine: another host.
                port = self.server.server_port
                self.send_header("Location", f"http://localhost:{port}/moved")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    calls = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.calls = calls
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


def call_httpx(url, hosts, headers):
    with httpx.Client(follow_redirects=True) as client:
        httpx_integration.propagate(client, hosts=hosts)
        client.get(url, headers=headers)


def call_httpx_async(url, hosts, headers):
    async def call():
        async with httpx.AsyncClient(follow_redirects=True) as client:
            httpx_integration.propagate(client, hosts=hosts)
            await client.get(url, headers=headers)

    asyncio.run(call())


def call_requests(url, hosts, headers):
    with requests.Session() as session:
        requests_integration.propagate(session, hosts=hosts)
        session.get(url, headers=headers, timeout=10)


@pytest.fixture(params=[call_httpx, call_httpx_async, call_requests])
def call(request):
    def run(url, hosts=None, headers=None):
        with mohflow.bound(**CONTEXT):
            request.param(url, hosts, headers)

    return run


def sent(remote):
    calls = [
        {name.lower(): value for name, value in headers.items()}
        for _, headers in remote.calls
    ]
    return [(c.get("x-request-id"), c.get("traceparent")) for c in calls]


PARENT = f"00-{TRACE}-{SPAN}-01"


class TestACall:
    def test_it_carries_the_ids_of_the_context(self, remote, call) -> None:
        call(remote.url)

        assert [("the-one", PARENT)] == sent(remote)

    def test_a_header_of_the_caller_stays(self, remote, call) -> None:
        call(remote.url, headers={"X-Request-ID": "mine"})

        assert [("mine", PARENT)] == sent(remote)

    def test_a_host_that_is_not_allowed_is_told_nothing(
        self, remote, call
    ) -> None:
        call(remote.url, hosts=["example.org"])

        assert [(None, None)] == sent(remote)

    def test_a_redirect_takes_nothing_to_a_host_that_is_not_allowed(
        self, remote, call
    ) -> None:
        call(f"{remote.url}/move", hosts=["127.0.0.1"])

        assert [("the-one", PARENT), (None, None)] == sent(remote)

    def test_a_redirect_to_an_allowed_host_carries_them_on(
        self, remote, call
    ) -> None:
        call(f"{remote.url}/move")

        assert [("the-one", PARENT)] * 2 == sent(remote)


def test_without_a_context_nothing_is_added(remote) -> None:
    call_httpx(remote.url, None, None)

    assert [(None, None)] == sent(remote)


def test_an_id_that_no_header_can_have_is_not_sent(remote) -> None:
    with mohflow.bound(correlation_id="a\r\nSet-Cookie: b", trace_id="x"):
        call_httpx(remote.url, None, None)

    assert [(None, None)] == sent(remote)


def test_hooks_of_the_program_stay(remote) -> None:
    seen = []
    with httpx.Client(event_hooks={"request": [seen.append]}) as client:
        assert client is httpx_integration.propagate(client)
        client.get(remote.url)

    assert 1 == len(seen)


class TestAllowedHosts:
    @pytest.mark.parametrize(
        ("host", "expected"),
        [
            ("api.example.org", True),
            ("API.Example.ORG", True),
            ("example.org", True),
            ("badexample.org", False),
            ("example.org.evil.test", False),
            ("one", True),
            ("two.one", False),
            ("", False),
        ],
    )
    def test_a_leading_dot_stands_for_all_below(self, host, expected) -> None:
        assert expected == (host in Allowed([".example.org", "one"]))

    def test_an_empty_list_allows_none(self) -> None:
        assert "example.org" not in Allowed([])

    def test_a_string_is_refused(self) -> None:
        with pytest.raises(mohflow.ConfigurationError, match="Give a list"):
            Allowed("example.org")
