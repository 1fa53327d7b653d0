"""The options of a sink that speaks HTTP."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import re

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    HttpUrl,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mohflow._delivery_options import DeliveryOptions
from mohflow._expression import expression
from mohflow.diagnostics import complain
from mohflow.exceptions import ConfigurationError


Url = Annotated[
    HttpUrl | str,
    GetPydanticSchema(lambda _, handler: handler.generate_schema(HttpUrl)),
]
Secret = Annotated[
    SecretStr | str,
    GetPydanticSchema(lambda _, handler: handler.generate_schema(SecretStr)),
]
Path = Annotated[
    pathlib.Path | str,
    GetPydanticSchema(
        lambda _, handler: handler.generate_schema(pathlib.Path)
    ),
    AfterValidator(lambda path: pathlib.Path(os.path.expanduser(path))),
]

_HEADER_NAME = expression(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = expression(r"[\t\x20-\x7e]*")

_CREDENTIALS = ("auth", "cookie", "key", "secret", "token")
"""What the names of headers have in them that say who one is."""

EXCLUSIVE = {
    "token": ("username",),
    "token_file": ("username", "token"),
}
"""Each way to show who one is, and those given before that exclude it."""

FILES = ("token_file", "ca_file", "cert_file", "key_file")
"""Options that name a file which the sink reads."""

NEEDED = {"password": "username", "key_file": "cert_file"}
"""Options that make no sense without another."""


class HttpOptions(DeliveryOptions):
    """Where events are sent to, and how the two sides trust each other."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Url
    """Where batches are posted to. A user and a password in it are moved to
    *username* and *password*, and never shown."""

    headers: Mapping[str, Secret] = Field(default_factory=dict)
    """Sent with every request; the values are never shown. They win over
    headers that other options make."""

    username: str | None = None
    """Basic authentication."""

    password: Secret | None = None
    """Goes with *username*; never shown."""

    token: Secret | None = None
    """Sent as ``Authorization: Bearer``; never shown."""

    token_file: Path | None = None
    """A file that holds the token. It is read again when it changes, so the
    token may rotate while the program runs."""

    ca_file: Path | None = None
    """Certificates, in PEM, of the authorities that may vouch for the server,
    instead of those that ship with httpx."""

    cert_file: Path | None = None
    """Our own certificate, in PEM, for a server that asks for one. This file,
    *key_file* and *ca_file* are read again when one of them changes."""

    key_file: Path | None = None
    """The key of *cert_file*, unless that file holds it too."""

    verify: bool = True
    """``False``: any certificate is believed. Whoever is on the way can then
    read the events and the credentials."""

    timeout: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Seconds for one request, from the connection to the end of the answer.
    The look-up of the host's name is not cut short by it: it ends when the
    resolver of the system gives up. Only the thread of the sink waits for
    either; log calls, flush and exit do not."""

    proxy: Secret | None = None
    """``http://`` or ``https://`` URL of a proxy, credentials included; never
    shown. Without it ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and
    ``NO_PROXY`` count."""

    @model_validator(mode="before")
    @classmethod
    def _move_credentials(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "url" not in data:
            return data
        url, username, password = _split_credentials(str(data["url"]))
        if username is None:
            return data
        given = {"username": username, "password": password}
        found = {k: v for k, v in given.items() if v is not None}
        return {**found, **data, "url": url}

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: Any) -> Any:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                msg = f"{name!r} is no name of a header."
                raise ValueError(msg)
            if not _HEADER_VALUE.fullmatch(value.get_secret_value()):
                msg = f"The value of {name!r} has more than printable ASCII."
                raise ValueError(msg)
        return headers

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: Any) -> Any:
        if token is not None and not is_token(token.get_secret_value()):
            msg = "A token is printable ASCII without spaces."
            raise ValueError(msg)
        return token

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, proxy: Any) -> Any:
        if proxy is not None:
            parts = urlsplit(proxy.get_secret_value())
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                msg = "Give a URL that starts with http:// or https://."
                raise ValueError(msg)
        return proxy

    @field_validator("verify")
    @classmethod
    def _check_verify(cls, verify: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - the value of the field
        if not verify and info.data.get("ca_file"):
            msg = "It excludes ca_file, which is given. Leave one out."
            raise ValueError(msg)
        return verify

    @field_validator(*EXCLUSIVE, *NEEDED)
    @classmethod
    def _check_company(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        for other in EXCLUSIVE.get(name, ()):
            if value is not None and info.data.get(other) is not None:
                msg = f"It excludes {other}, which is given. Leave one out."
                raise ValueError(msg)
        needed = NEEDED.get(name)
        if value is not None and needed and info.data.get(needed) is None:
            msg = f"It needs {needed}, which is not given."
            raise ValueError(msg)
        return value


def is_token(text: str) -> bool:
    """Return whether *text* can stand in a header as a token."""
    return re.fullmatch(r"[\x21-\x7e]+", text) is not None


def reveal(secret: SecretStr | str | None) -> str | None:
    """Return the text of a secret."""
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    return secret


def files_of(options: HttpOptions) -> list[str]:
    """Return the paths of the certificates and keys that are configured."""
    paths = (options.ca_file, options.cert_file, options.key_file)
    return [os.fspath(path) for path in paths if path is not None]


def require_readable(options: HttpOptions) -> None:
    """Raise ConfigurationError unless each file of *options* can be read."""
    for name in FILES:
        path = getattr(options, name)
        try:
            if path is not None:
                pathlib.Path(path).read_bytes()
        except OSError as error:
            msg = (
                f"Cannot read {os.fspath(path)!r} ({name}): {error.strerror}. "
                "Choose another path, or let this user read it."
            )
            raise ConfigurationError(msg) from error


def warn_of_plain_text(options: HttpOptions) -> None:
    """Complain if others on the network can read the credentials."""
    url = HttpUrl(str(options.url))
    given = (options.username, options.token, options.token_file)
    names = " ".join(options.headers).lower()
    in_headers = any(word in names for word in _CREDENTIALS)
    has_credentials = any(given) or in_headers
    if url.scheme == "http" and has_credentials and not _is_here(url.host):
        complain(
            f"plain text to {url.host}",
            f"credentials go to {url.host!r} in plain text. Use https in url.",
        )


def _is_here(host: str | None) -> bool:
    """Return whether *host* is this machine."""
    name = (host or "").strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _split_credentials(url: str) -> tuple[str, str | None, str | None]:
    """Return the URL without credentials, the user and the password."""
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError:
        return url, None, None
    if user is None:
        return url, None, None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return (
        bare.geturl(),
        unquote(user) or None,
        None if password is None else unquote(password),
    )
