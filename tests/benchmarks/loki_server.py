"""
Something that answers pushes, in a process of its own.

``store`` is ``mohflow.testing.LokiServer``, which reads every entry as Loki
does. ``accept`` reads the bytes, answers 204 and decompresses them only when
it is asked what it got: it costs the sender nothing. ``swallow`` takes
connections and never answers. A line on stdin asks for the number of
entries.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import sys
import threading

import orjson


ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


class Acceptor:
    def __init__(self):
        self.bodies = []
        self._server = socket.create_server(("127.0.0.1", 0))
        port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.close()

    def _accept(self):
        while True:
            connection, _ = self._server.accept()
            threading.Thread(
                target=self.serve, args=(connection,), daemon=True
            ).start()

    def serve(self, connection):
        file = connection.makefile("rb")
        with contextlib.suppress(OSError), connection:
            while file.readline():
                size = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        size = int(value)
                self.bodies.append(file.read(size))
                connection.sendall(ANSWER)

    def count(self):
        return sum(
            len(stream["values"])
            for body in self.bodies
            for stream in orjson.loads(_plain(body))["streams"]
        )


def _plain(body):
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


class Swallower(Acceptor):
    def serve(self, connection):
        while connection.recv(65_536):
            pass


class Storer:
    def __init__(self):
        from mohflow.testing import LokiLimits, LokiServer

        plenty = 1 << 40
        limits = LokiLimits(
            rate=plenty,
            burst=plenty,
            stream_rate=plenty,
            stream_burst=plenty,
        )
        self._server = LokiServer(limits)

    def __enter__(self):
        self._server.__enter__()
        self.url = self._server.url
        return self

    def __exit__(self, *_):
        self._server.close()

    def count(self):
        return len(self._server.entries())


KINDS = {"store": Storer, "accept": Acceptor, "swallow": Swallower}


def main():
    with KINDS[sys.argv[1]]() as server:
        print(server.url, flush=True)
        for _ in sys.stdin:
            print(server.count(), flush=True)


if __name__ == "__main__":
    main()
