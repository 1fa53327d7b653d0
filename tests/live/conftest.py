"""A real Loki, named by a variable, and a bad network on the way to it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
import uuid

import httpx
import pytest


NAMES = {
    "url": "MOHFLOW_TEST_LOKI_URL",
    "tenants": "MOHFLOW_TEST_LOKI_TENANTS_URL",
}

LIMIT = 5000
"""What Loki shows at most for one query: max_entries_limit_per_query."""

RESET = struct.pack("ii", 1, 0)


class Loki:
    """What a Loki shows of one run of a test."""

    def __init__(self, url, tenant=None):
        self.url = url
        self.run = f"r{uuid.uuid4().hex[:12]}"
        self.tenant = tenant
        self.since = time.time_ns() - 7 * 24 * 3600 * 10**9 + 3600 * 10**9

    def query(self, selector=None):
        """Return (time, line, labels and metadata), the oldest first."""
        headers = {"X-Scope-OrgID": self.tenant} if self.tenant else {}
        answer = httpx.get(
            f"{self.url}/loki/api/v1/query_range",
            params={
                "query": selector or f'{{run="{self.run}"}}',
                "start": str(self.since),
                "end": str(time.time_ns() + 60 * 10**9),
                "limit": str(LIMIT),
                "direction": "forward",
            },
            headers=headers,
            timeout=30,
        )
        answer.raise_for_status()
        found = [
            (int(value[0]), value[1], stream["stream"])
            for stream in answer.json()["data"]["result"]
            for value in stream["values"]
        ]
        assert len(found) < LIMIT
        return sorted(found, key=lambda entry: entry[0])

    def wait_for(self, count, seconds=30):
        """Return the entries once there are *count* of them."""
        deadline = time.monotonic() + seconds
        while len(found := self.query()) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count}"
            time.sleep(0.1)
        return found


# The fixture of all tests takes our variables away, before any test.
URLS = {kind: os.environ.get(name) for kind, name in NAMES.items()}


def address(kind):
    url = URLS[kind]
    if not url:
        pytest.skip(f"{NAMES[kind]} is not set: no real Loki is tested")
    return url.rstrip("/")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def loki():
    return Loki(address("url"))


@pytest.fixture
def tenants():
    url = address("tenants")
    names = [f"mohflow-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    return [Loki(url, name) for name in names]


class Network:
    """
    Carries connections to a Loki, and spoils some of them on demand.

    Faults happen to the connections that follow, one each: ``refuse`` resets
    it at once, ``cut`` resets it inside the request, ``swallow`` resets it
    when the answer comes, so that what was pushed is stored.
    """

    def __init__(self, url):
        target = httpx.URL(url)
        self.target = (target.host, target.port or 80)
        self.faults = []
        self.is_down = False
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open = set()
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            fault = self.faults.pop(0) if self.faults else None
            if self.is_down or fault == "refuse":
                self.reset(client)
                continue
            thread = threading.Thread(target=self.carry, args=(client, fault))
            self.threads.append(thread)
            thread.start()

    def reset(self, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()

    def carry(self, client, fault):
        with contextlib.suppress(OSError):
            server = socket.create_connection(self.target, 10)
            self.open |= {client, server}
            back = threading.Thread(
                target=self.bring_back, args=(server, client, fault)
            )
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    if fault == "cut":
                        server.sendall(data[: len(data) // 2])
                        break
                    server.sendall(data)
            if fault == "cut":
                self.reset(client)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join()
            server.close()
            client.close()

    def bring_back(self, server, client, fault):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if fault == "swallow":
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)

    def go_down(self):
        """Reset what there is, and what comes."""
        self.is_down = True
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.go_down()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(20)


@pytest.fixture
def network(loki):
    network = Network(loki.url)
    yield network
    network.stop()
