import http.client
import json

from urllib.parse import urlencode

import pytest

from mohflow.testing import FakeClock, LokiLimits, LokiServer


JSON = {"Content-Type": "application/json"}


class Client:
    """Push to a server, and ask it."""

    def __init__(self, server):
        self.server = server

    def request(self, method, path, body=None, headers=JSON):
        host = self.server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def push(self, *values, headers=JSON, **labels):
        body = json.dumps({"streams": [{"stream": labels, "values": values}]})
        return self.request(
            "POST", "/loki/api/v1/push", body.encode(), headers
        )

    def query(self, **parameters):
        path = f"/loki/api/v1/query_range?{urlencode(parameters)}"
        status, body = self.request("GET", path)
        assert 200 == status, body
        return json.loads(body)["data"]["result"]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def serve(clock):
    """Start servers with limits of their own."""
    servers = []

    def start(auth_enabled=False, **limits):
        server = LokiServer(
            LokiLimits(**limits),
            auth_enabled=auth_enabled,
            clock=clock.time_ns,
        )
        servers.append(server.__enter__())
        return Client(server)

    yield start
    for server in servers:
        server.close()
