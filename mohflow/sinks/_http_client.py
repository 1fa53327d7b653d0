"""
Make the client of a sink; imported when the first sink is made.

Whatever httpx would import as it works is imported here; see ``HttpSink``.
"""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - or the first connection imports it
import ssl
import urllib.request

import certifi  # noqa: F401 - or the first context imports it
import httpx

from mohflow.sinks._http_answers import no_answer
from mohflow.sinks._http_options import HttpOptions, reveal
from mohflow.sinks._http_transport import Transport


MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; a verdict needs a few lines."""

_ABOUT_BODY = {"content-encoding", "content-length", "transfer-encoding"}


def new_transport(options: HttpOptions) -> Transport:
    """
    Return what carries requests as *options* say.

    Raises:
        OSError: A certificate cannot be read or used.
    """
    return Transport(options.timeout, tls_context(options), proxy_of(options))


def new_client(
    transport: httpx.BaseTransport | None, timeout: float
) -> httpx.Client:
    """Return a client that does what it is told, and nothing on its own."""
    return httpx.Client(
        transport=transport,
        timeout=timeout,
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


def exchange(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """
    Return the answer, with the beginning of its body in memory.

    Raises:
        mohflow.Unavailable: There was none.
    """
    body = b""
    try:
        answer = client.send(request, stream=True)
        with contextlib.closing(answer):
            for chunk in answer.iter_bytes(MAX_ANSWER):
                body += chunk
                if len(body) >= MAX_ANSWER:
                    break
    except httpx.RequestError as error:
        raise no_answer(error) from error
    headers = [
        pair
        for pair in answer.headers.multi_items()
        if pair[0] not in _ABOUT_BODY
    ]
    return httpx.Response(
        answer.status_code, headers=headers, content=body[:MAX_ANSWER]
    )


def tls_context(options: HttpOptions) -> ssl.SSLContext:
    """
    Return whom we believe, and who we are.

    Raises:
        OSError: A certificate cannot be read or used.
    """
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


def proxy_of(options: HttpOptions) -> httpx.Proxy | None:
    """Return the configured proxy, or that of the environment."""
    given = reveal(options.proxy)
    if given is not None:
        return httpx.Proxy(given)
    url = httpx.URL(str(options.url))
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get(url.scheme) or proxies.get("all") or ""
    scheme, separator, _ = found.partition("://")
    if not separator:
        return httpx.Proxy(f"http://{found}") if found else None
    return httpx.Proxy(found) if scheme in {"http", "https"} else None
