"""What an answer, or the lack of one, means: decided here without I/O."""

from __future__ import annotations

import random
import socket
import ssl

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

from mohflow.exceptions import Rejected, SinkError, Unavailable


Fault = TypeVar("Fault", bound=SinkError)

LONGEST_RETRY_AFTER = 300.0
"""Seconds; a server that asks for more is asked again after these."""

HOLD = (30.0, 60.0)
"""Seconds, at random between, until a faulty set-up is tried again."""

HELD = frozenset({401, 402, 403, 404, 405, 407, 410, 415, 422})
"""What a person has to mend; the events wait for it."""

TRANSIENT = frozenset({408, 425, 429, 499})
"""Refusals below 500 that pass by themselves."""

_REASONS = {
    "TimeoutException": "timeout",
    "ProxyError": "proxy",
    "ConnectError": "connect",
    "NetworkError": "reset",
}
"""By a class of httpx that the error is an instance of, the first counts."""

_ADVICE = {
    "dns": "The host's name cannot be resolved. Check url.",
    "connect": "Nothing answers at the host and port. Check url.",
    "timeout": "The server, or something on the way, does not answer.",
    "tls": "The two sides do not trust each other. Check ca_file, cert_file "
    "and key_file.",
    "proxy": "The proxy refuses. Check proxy and its credentials.",
    "protocol": "What answers does not speak HTTP. Check url.",
    "reset": "The server closed the connection before it answered.",
    "credentials": "token_file or a certificate cannot be read or used.",
    "redirect": "The server sends us elsewhere; we do not go. Check url.",
    "not_loki": "What answers is not Loki: a login page, a gateway or another "
    "service. Check url.",
    "http_401": "Check username, password, token and tenant.",
    "http_403": "The credentials are not allowed to write.",
    "http_404": "Nothing is there. Check the path of url.",
    "http_405": "It takes no events there. Check the path of url.",
    "http_407": "Check the credentials of proxy.",
}


def unavailable(
    reason: str, retry_after: float | None = None, said: str = ""
) -> Unavailable:
    """Return the error, with what the server *said* and advice as notes."""
    return _with_notes(Unavailable(reason, retry_after), said)


def rejected(reason: str, *, split: bool = False, said: str = "") -> Rejected:
    """Return the error, with what the server *said* as a note."""
    return _with_notes(Rejected(reason, split=split), said)


def no_answer(error: Exception) -> Unavailable:
    """Name what happened to a request that got no answer."""
    reason = _reason(error)
    said = _distrust(error) if reason == "tls" else ""
    return unavailable(reason, said=said)


def no_credentials() -> Unavailable:
    """Say that a file of ours cannot be used, as while it is replaced."""
    return unavailable("credentials")


def bad_answer(
    status: int, headers: Mapping[str, str], said: str = ""
) -> SinkError:
    """
    Return what a status outside of 200 to 299 means to most servers.

    Args:
        status: The status of the answer.
        headers: Its headers; ``Retry-After`` and ``Date`` are read.
        said: Its first line, for people.
    """
    asked = retry_after(headers)
    is_redirect = 300 <= status < 400
    reason = "redirect" if is_redirect else f"http_{status}"
    if status < HTTPStatus.BAD_REQUEST or status in HELD:
        return unavailable(reason, hold() if asked is None else asked, said)
    if status in (400, 413):
        name = "too_large" if status == 413 else "invalid"
        return rejected(name, split=True, said=said)
    if status in (501, 505):
        return rejected(reason, said=said)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRANSIENT:
        return unavailable(reason, asked, said)
    return rejected(reason, said=said)


def hold() -> float:
    """Return the seconds to wait for a person to mend what is wrong."""
    # Not the generator of the program, which may have seeded it.
    return random.SystemRandom().uniform(*HOLD)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Return the seconds that the server asked to wait, bounded.

    A date counts from the server's own clock when it tells its time.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(float(text[:9]), LONGEST_RETRY_AFTER)
    until = _date(text)
    if until is None:
        return None
    now = server_time(headers) or datetime.now(UTC)
    return bounded((until - now).total_seconds())


def bounded(seconds: float) -> float:
    """Return *seconds*, neither below zero nor longer than we wait."""
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return what the clock of the server shows."""
    return _date(headers.get("Date", ""))


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _reason(error: Exception) -> str:
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "dns"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "tls"
    names = {cls.__name__ for cls in type(error).__mro__}
    for name, reason in _REASONS.items():
        if name in names:
            return reason
    return "protocol"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # httpcore raises "from None" and keeps the cause as an argument.
        error = error.__cause__ or next(
            (a for a in error.args if isinstance(a, BaseException)), None
        )


_CERTIFICATE = {
    9: "The certificate of the server is not valid yet: check the clocks.",
    10: "The certificate of the server has expired.",
    18: "The certificate of the server is signed by itself: set ca_file.",
    19: "The authority of the server is not known here: set ca_file.",
    20: "The authority of the server is not known here: set ca_file.",
    21: "The authority of the server is not known here: set ca_file.",
    62: "The certificate of the server is for another name: check url.",
    64: "The certificate of the server is for another name: check url.",
}
"""By OpenSSL's numbers, X509_V_ERR_* in x509_vfy.h."""

_HANDSHAKE = {
    "WRONG_VERSION_NUMBER": "No TLS is spoken there: is it http in url?",
    "HTTP_REQUEST": "No TLS is spoken there: is it http in url?",
    "CERTIFICATE_REQUIRED": "The server asks who we are: set cert_file.",
    "HANDSHAKE_FAILURE": "The server refuses us: does it want cert_file?",
    "UNKNOWN_CA": "The server does not know the authority of cert_file.",
}
"""By what OpenSSL's reason contains."""


def _distrust(error: Exception) -> str:
    """Return why TLS failed, as far as OpenSSL tells."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            known = _CERTIFICATE.get(cause.verify_code)
            return known or f"{cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            why = cause.reason or ""
            return next((t for k, t in _HANDSHAKE.items() if k in why), why)
    return ""


def _with_notes(error: Fault, said: str) -> Fault:
    advice = _ADVICE.get(error.reason, "")
    for note in (said, advice):
        if note:
            error.add_note(note)
    return error
