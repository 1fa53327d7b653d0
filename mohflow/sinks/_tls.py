"""
TLS in steps that wait for nothing, so that a fork can wait for each of them.

A socket of :mod:`ssl` waits for the network inside OpenSSL. Here OpenSSL sees
bytes in memory, and what carries them does the waiting.
"""

from __future__ import annotations

import contextlib
import ssl

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import httpx

from mohflow.sinks._fork_lock import FORK_LOCK
from mohflow.sinks._http_options import HttpOptions


Result = TypeVar("Result")


def context_of(options: HttpOptions) -> ssl.SSLContext:
    """
    Return whom we believe, and who we are.

    Raises:
        OSError: A certificate cannot be read or used.
    """
    with FORK_LOCK.held():
        if options.ca_file is None:
            context = httpx.create_ssl_context(verify=options.verify)
        else:
            context = ssl.create_default_context(cafile=options.ca_file)
        if options.cert_file is not None:
            # Without a password OpenSSL would ask for it at the terminal.
            context.load_cert_chain(
                options.cert_file, options.key_file, password=""
            )
        return context


def context_of_proxy() -> ssl.SSLContext:
    """Return whom we believe to be a proxy."""
    with FORK_LOCK.held():
        return httpx.create_ssl_context()


class Tls:
    """
    The encryption of one connection; it neither reads nor writes itself.

    Args:
        context: Whom we believe, and who we are.
        server_hostname: Whom we want to reach.
        receive: Returns encrypted bytes of the other side, none at its end.
        send: Brings encrypted bytes to it.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        server_hostname: str | None,
        receive: Callable[[], bytes],
        send: Callable[[bytes], None],
    ) -> None:
        self._receive = receive
        self._send = send
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        with FORK_LOCK.held():
            self.ssl_object = context.wrap_bio(
                self._incoming,
                self._outgoing,
                server_hostname=server_hostname,
            )

    def handshake(self) -> None:
        """
        Get to know the other side.

        Raises:
            ssl.SSLError: The two do not trust each other.
        """
        self._do(self.ssl_object.do_handshake)

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes, none at the end."""
        try:
            return self._do(lambda: self.ssl_object.read(size))
        except ssl.SSLEOFError:
            # Many servers hang up without a farewell.
            return b""

    def write(self, data: bytes) -> None:
        """Send *data*, all of it."""
        rest = memoryview(data)
        while rest:
            # OpenSSL takes one record at a time.
            rest = rest[self._do(partial(self.ssl_object.write, rest)) :]

    def _do(self, step: Callable[[], Result]) -> Result:
        """Do *step*, which may need bytes of the other side first."""
        while True:
            try:
                with FORK_LOCK.held():
                    result = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming_is(self._receive())
            except ssl.SSLError:
                with contextlib.suppress(Exception):
                    self._flush()  # Why we hang up.
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._send(self._outgoing.read())

    def _incoming_is(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
