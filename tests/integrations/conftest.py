"""Real servers on free ports of loopback, and what they have logged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

from pathlib import Path

import httpx
import pytest


class Server:
    """A server process, its output, and the log file of its program."""

    def __init__(self, folder: Path, command: list[str], **environ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "app.log"
        self._output = (folder / "output.txt").open("w+b")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTEST_")
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                *(a.replace("{port}", str(self.port)) for a in command),
            ],
            cwd=folder,
            env={**inherited, "LOG": str(self.log), **environ},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def output(self) -> str:
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")

    def get(self, path: str, deadline: float = 30, **options):
        """Return the answer, once the server is up."""
        until = time.monotonic() + deadline
        while True:
            try:
                return httpx.get(self.url + path, timeout=20, **options)
            except httpx.ConnectError:
                dead = self.process.poll() is not None
                if dead or time.monotonic() > until:
                    pytest.fail(self.output)
                time.sleep(0.02)

    def get_many(self, paths: dict[str, str], limit: int = 40):
        """Ask for each path with its id, all at once; return the answers."""

        async def ask():
            limits = httpx.Limits(
                max_connections=limit, max_keepalive_connections=limit
            )
            async with httpx.AsyncClient(
                base_url=self.url, limits=limits, timeout=60
            ) as client:
                return await asyncio.gather(
                    *(
                        client.get(path, headers={"X-Request-ID": name})
                        for name, path in paths.items()
                    )
                )

        return asyncio.run(ask())

    def pipeline(self, requests: list[bytes]) -> bytes:
        """Send *requests* in one piece on one connection; read to its end."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.settimeout(20)
            connection.sendall(b"".join(requests))
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer

    @property
    def events(self) -> list[dict]:
        if not self.log.exists():
            return []
        text = self.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def named(self, *names: str, **fields) -> list[dict]:
        """Return the events of these names that have these fields."""
        return [
            event
            for event in self.events
            if event["event"] in names and fields.items() <= event.items()
        ]

    def wait_until(self, is_so) -> None:
        until = time.monotonic() + 20
        while not is_so():
            if time.monotonic() > until:
                pytest.fail(self.output)
            time.sleep(0.02)

    def wait_for(self, count: int, *names: str, **fields) -> list[dict]:
        """Return *count* events, waiting until there are so many."""
        until = time.monotonic() + 20
        while len(found := self.named(*names, **fields)) < count:
            if time.monotonic() > until:
                pytest.fail(f"{self.events}\n{self.output}")
            time.sleep(0.02)
        return found

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            self._output.close()


@pytest.fixture
def serve(tmp_path):
    """Start a server for a program; stop it at the end of the test."""
    started: list[Server] = []

    def start(source: str | None, command: list[str], **environ) -> Server:
        if source is not None:
            (tmp_path / "app.py").write_text(textwrap.dedent(source))
        server = Server(tmp_path, command, **environ)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()
