"""
Post batches to a server, and understand what it answers.

A sink for a service of one's own is a subclass that overrides what differs:
``headers()``, ``encode()`` or ``verdict()``::

    class PagerSink(HttpSink[HttpOptions]):
        def headers(self) -> dict[str, str]:
            return {**super().headers(), "X-Team": "shop"}
"""

from __future__ import annotations

import base64
import importlib.metadata
import os

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from mohflow._event import Event
from mohflow.sinks._http_answers import bad_answer, no_credentials
from mohflow.sinks._http_options import (
    HttpOptions,
    files_of,
    is_token,
    require_readable,
    reveal,
    warn_of_plain_text,
)
from mohflow.typing import Limits, Partial, Sink


if TYPE_CHECKING:
    import httpx

    from mohflow.sinks._http_transport import Transport


__all__ = ["HttpOptions", "HttpSink"]

Options = TypeVar("Options", bound=HttpOptions)


class HttpSink(Sink, Generic[Options]):
    """
    Post each batch as a JSON array of its lines; any 2xx says it is stored.

    One connection is kept open. Redirects are not followed.

    Args:
        options: Where to, and with which credentials.
        transport: Carries the requests instead of a network.

    Raises:
        ConfigurationError: A file of the options cannot be read.
    """

    limits = Limits(max_events=100_000, max_bytes=64 * 1024 * 1024)
    options_type: ClassVar[type[HttpOptions]] = HttpOptions

    def __init__(
        self,
        options: Options,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # A program without a remote sink never pays for this import. It must
        # be done here: a fork while another thread imports leaves the child
        # a module that it can never import.
        from mohflow.sinks import _http_client  # noqa: PLC0415

        self._http = _http_client
        _version()  # Imports too, and is remembered.
        self.options = options
        self._given = transport
        self._transport: Transport | None = None
        self._client: httpx.Client | None = None
        self._files: tuple[object, ...] = ()
        self._token: tuple[object, str] | None = None
        require_readable(options)
        warn_of_plain_text(options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({str(self.options.url)!r})>"

    def write(self, batch: Sequence[Event]) -> Partial | None:
        encoded = self.encode(batch)
        if isinstance(encoded, bytes):
            encoded = encoded, {"Content-Type": "application/json"}
        content, headers = encoded
        url = str(self.options.url)
        return self.verdict(self.send("POST", url, content, headers), batch)

    def headers(self) -> dict[str, str]:
        """Return the headers of every request, those of the options last."""
        headers = {"User-Agent": f"mohflow/{_version()}"}
        authorization = self._authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        for name, value in self.options.headers.items():
            headers = {
                k: v for k, v in headers.items() if k.lower() != name.lower()
            }
            headers[name] = reveal(value) or ""
        return headers

    def encode(
        self, batch: Sequence[Event]
    ) -> bytes | tuple[bytes, Mapping[str, str]]:
        """
        Return the body of a request: JSON, or any bytes with their headers.

        A batch that is tried again must become the same bytes, so that a
        server can tell.
        """
        lines = (event.line.removesuffix(b"\n") for event in batch)
        return b"[%b]" % b",".join(lines)

    def verdict(
        self, response: httpx.Response, batch: Sequence[Event]
    ) -> Partial | None:
        """
        Tell what an answer means for the events of *batch*.

        Raises:
            mohflow.Unavailable: Nothing was stored; it may be tried again.
            mohflow.Rejected: The batch will never be stored.
        """
        if 200 <= response.status_code < 300:
            return None
        raise bad_answer(
            response.status_code, response.headers, first_line(response)
        )

    def send(
        self,
        method: str,
        url: str,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """
        Return the answer to one request, whatever it is.

        Raises:
            mohflow.Unavailable: ``connect``, ``timeout``, ``tls``, ``dns``,
                ``proxy``, ``protocol``, ``reset`` or ``credentials``.
        """
        client = self._ready()
        request = client.build_request(
            method, url, content=content, headers=self.headers()
        )
        request.headers.update(headers or {})
        return self._http.exchange(client, request)

    def check(self) -> str | None:
        """
        Ask for *url*, and raise if nobody is there or we are not welcome.

        Returns:
            What was answered. That events are taken there it does not tell.

        Raises:
            mohflow.Unavailable: The reason is in it, advice in its notes.
        """
        response = self.send("GET", str(self.options.url))
        status = response.status_code
        if status in (401, 403, 407) or status >= 500:
            raise bad_answer(status, response.headers, first_line(response))
        return f"the server answers (HTTP {status} to GET); nothing was sent"

    @property
    def proxy(self) -> str | None:
        """Host and port of the proxy that requests go through, if any."""
        from mohflow.sinks import _http_client  # noqa: PLC0415 - as above

        found = _http_client.proxy_of(self.options)
        return None if found is None else found.url.netloc.decode()

    def close(self) -> None:
        """Close the connection; the next batch opens one again."""
        client, self._client, self._transport = self._client, None, None
        if client is not None:
            client.close()

    def after_fork(self) -> None:
        """Leave the connection to the parent; the child makes its own."""
        transport, self._client, self._transport = self._transport, None, None
        if transport is not None:
            transport.abandon()

    def _ready(self) -> httpx.Client:
        """Return the client, a new one when a certificate has changed."""
        try:
            files = tuple(map(_identity, files_of(self.options)))
            if self._client is not None and files == self._files:
                return self._client
            self.close()
            self._client = self._new_client()
        except OSError as error:
            raise no_credentials() from error
        self._files = files
        return self._client

    def _new_client(self) -> httpx.Client:
        if self._given is None:
            self._transport = self._http.new_transport(self.options)
        return self._http.new_client(
            self._given or self._transport, self.options.timeout
        )

    def _authorization(self) -> str | None:
        options = self.options
        if options.username is not None:
            pair = f"{options.username}:{reveal(options.password) or ''}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        token = reveal(options.token)
        if options.token_file is not None:
            token = self._token_of(os.fspath(options.token_file))
        return None if token is None else f"Bearer {token}"

    def _token_of(self, path: str) -> str:
        """Return the token in a file, which is read when it has changed."""
        try:
            identity = _identity(path)
            if self._token is None or self._token[0] != identity:
                token = Path(path).read_text(encoding="utf-8").strip()
                self._token = identity, token
        except (OSError, UnicodeError) as error:
            raise no_credentials() from error
        if not is_token(self._token[1]):
            raise no_credentials()
        return self._token[1]


def first_line(response: httpx.Response) -> str:
    """Return how the answer begins, for people."""
    lines = response.text.strip().splitlines()
    return lines[0][:300] if lines else ""


def _identity(path: str) -> tuple[int, int, int]:
    """Return what changes when a file is written or replaced."""
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns, status.st_size


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("mohflow")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
