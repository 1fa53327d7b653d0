"""
Against real sockets: whom we believe, who we are, and through whom.

The certificates in the folder beside this file are valid from 2020 to 2100.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import threading

from pathlib import Path

import pytest

from mohflow._event import Event
from mohflow.exceptions import Unavailable


pytestmark = pytest.mark.usefixtures("_no_proxies")

HERE = Path(__file__).parent / "certificates"
CA = HERE / "ca.pem"
OTHER_CA = HERE / "other_ca.pem"
CLIENT = {
    "cert_file": HERE / "client.pem",
    "key_file": HERE / "client_key.pem",
}

EVENTS = [Event(1, 20, {"event": "e"}, b'{"event":"e"}\n')]

STORED = b"HTTP/1.1 204 No Content\r\n\r\n"


def tls(*, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "server.pem")
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def reason(sink, events=EVENTS):
    with pytest.raises(Unavailable) as caught:
        sink.write(events)
    return caught.value.reason


class TestTls:
    def test_a_private_authority(self, serve, store, sink_for):
        server = serve(store, tls())
        sink = sink_for(server, "https", "localhost", ca_file=CA)
        sink.write(EVENTS)
        sink.write(EVENTS)

        assert (1, 2) == (server.connections, len(server.requests))

    @pytest.mark.parametrize("ca", [{}, {"ca_file": OTHER_CA}])
    def test_an_unknown_authority_is_not_believed(
        self, serve, store, sink_for, ca
    ):
        server = serve(store, tls())

        assert "tls" == reason(sink_for(server, "https", "localhost", **ca))
        assert [] == server.requests

    def test_another_name_is_not_believed(self, serve, store, sink_for):
        server = serve(store, tls())
        sink = sink_for(server, "https", "127.0.0.2", ca_file=CA)

        assert reason(sink) in {"tls", "connect"}
        assert [] == server.requests

    def test_any_certificate_is_believed_without_verify(
        self, serve, store, sink_for
    ):
        server = serve(store, tls())
        sink = sink_for(server, "https", "localhost", verify=False)

        assert sink.write(EVENTS) is None

    def test_a_server_that_asks_who_we_are(self, serve, store, sink_for):
        server = serve(store, tls(client_ca=CA))
        sink = sink_for(server, "https", "localhost", ca_file=CA, **CLIENT)

        assert sink.write(EVENTS) is None

    def test_a_server_that_does_not_get_to_know(self, serve, store, sink_for):
        server = serve(store, tls(client_ca=CA))
        sink = sink_for(server, "https", "localhost", ca_file=CA)

        assert reason(sink) in {"tls", "reset"}
        assert [] == server.requests

    def test_certificates_that_are_replaced_are_read_again(
        self, serve, store, sink_for, tmp_path
    ):
        path = tmp_path / "ca.pem"
        shutil.copy(OTHER_CA, path)
        server = serve(store, tls())
        sink = sink_for(server, "https", "localhost", ca_file=path)

        assert "tls" == reason(sink)
        path.write_text("half a certificate")
        assert "credentials" == reason(sink)
        shutil.copy(CA, path)
        assert sink.write(EVENTS) is None


def forward(server, connection):
    """Be a proxy: answer for plain requests, carry the others."""
    head, body = server.read(connection)
    server.requests.append((head, body))
    if not head.startswith("CONNECT"):
        connection.sendall(STORED)
        return
    port = int(head.split()[1].rpartition(":")[2])
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port), 20) as target:
        back = threading.Thread(target=pump, args=(target, connection))
        back.start()
        pump(connection, target)
        back.join(20)


def pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class TestProxy:
    def test_plain_requests_go_through_it(self, serve, store, sink_for):
        server, proxy = serve(store), serve(forward)
        url = f"http://bob:p%40ss@127.0.0.1:{proxy.port}"
        sink = sink_for(server, proxy=url)
        sink.write(EVENTS)
        head, _ = proxy.requests[0]

        assert head.startswith(f"POST http://127.0.0.1:{server.port}/in ")
        assert "Proxy-Authorization: Basic Ym9iOnBAc3M=" in head
        assert [] == server.requests

    def test_encrypted_requests_pass_unseen(self, serve, store, sink_for):
        server, proxy = serve(store, tls()), serve(forward)
        sink = sink_for(
            server,
            "https",
            "localhost",
            ca_file=CA,
            token="s3cret",
            proxy=f"http://127.0.0.1:{proxy.port}",
        )
        sink.write(EVENTS)
        sink.close()

        assert f"CONNECT localhost:{server.port} " in proxy.requests[0][0]
        assert "s3cret" not in repr(proxy.requests)
        assert "Bearer s3cret" in server.requests[0][0]

    def test_one_that_refuses_is_named(self, serve, store, sink_for):
        def refuse(server, connection):
            server.read(connection)
            connection.sendall(
                b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"
            )

        server, proxy = serve(store, tls()), serve(refuse)
        url = f"http://127.0.0.1:{proxy.port}"

        assert "proxy" == reason(
            sink_for(server, "https", "localhost", ca_file=CA, proxy=url)
        )

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
    @pytest.mark.parametrize("scheme", ["http://", ""])
    def test_the_environment_names_one(
        self, serve, store, sink_for, monkeypatch, name, scheme
    ):
        server, proxy = serve(store), serve(forward)
        monkeypatch.setenv(name, f"{scheme}127.0.0.1:{proxy.port}")
        sink_for(server).write(EVENTS)

        assert (0, 1) == (len(server.requests), len(proxy.requests))

    def test_the_environment_names_hosts_without(
        self, serve, store, sink_for, monkeypatch
    ):
        server, proxy = serve(store), serve(forward)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        sink_for(server).write(EVENTS)

        assert (1, 0) == (len(server.requests), len(proxy.requests))
