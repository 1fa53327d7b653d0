"""Whether the files that the options of an HTTP sink name can be used."""

from __future__ import annotations

import ssl

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mohflow.sinks._http_options import is_token


class WrongFile(NamedTuple):
    """An option whose file cannot be used, why, and what to do."""

    option: str
    why: str
    remedy: str


def wrong_files(given: Mapping[str, str]) -> Iterator[WrongFile]:
    """
    Yield what is wrong with files, which are read.

    Args:
        given: Paths by the name of the option.
    """
    paths = {name: Path(path) for name, path in given.items()}
    contents = {}
    for name, path in paths.items():
        try:
            contents[name] = path.read_bytes()
        except OSError as error:
            remedy = "Choose another path, or let this user read it"
            yield WrongFile(name, f"{error.strerror}", remedy)
    if "token_file" in contents:
        yield from _wrong_token(contents["token_file"])
    if "ca_file" in contents:
        yield from _wrong_authorities(paths["ca_file"])
    is_whole = ("key_file" in paths) == ("key_file" in contents)
    if "cert_file" in contents and is_whole:
        yield from _wrong_certificate(
            paths["cert_file"], paths.get("key_file")
        )


def _wrong_token(content: bytes) -> Iterator[WrongFile]:
    if not is_token(content.decode("utf-8", "replace").strip()):
        remedy = "Write printable ASCII without spaces into it"
        yield WrongFile("token_file", "It holds no token", remedy)


def _wrong_authorities(path: Path) -> Iterator[WrongFile]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        why = "It holds no certificates in PEM"
        yield WrongFile("ca_file", why, "Put those of the authority into it")


def _wrong_certificate(cert: Path, key: Path | None) -> Iterator[WrongFile]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # With a password OpenSSL asks nobody for it at the terminal.
        context.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            why = "The key is not that of the certificate"
        else:
            why = "It holds no certificate and key in PEM without a password"
        remedy = "Give the certificate in cert_file, its key in key_file"
        yield WrongFile("cert_file", why, remedy)
