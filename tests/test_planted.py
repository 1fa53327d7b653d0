"""Planted secrets are in no byte that leaves the process or meets a disk."""

from __future__ import annotations

import gzip
import json

from pathlib import Path

import pytest

from mohflow.testing import LokiServer


SECRETS = {
    "field": "fieldSecret" + "7a1",
    "message": "messageSecret" + "7a2",
    "url": "urlSecret" + "7a3",
    "header": "headerSecret" + "7a4",
    "nested": "nestedSecret" + "7a5",
    "raw": "bytesSecret" + "7a6",
    "error": "errorSecret" + "7a7",
    "note": "noteSecret" + "7a8",
    "cause": "causeSecret" + "7a9",
    "local": "localSecret" + "7b1",
    "stdlib": "stdlibSecret" + "7b2",
    "argument": "argumentSecret" + "7b3",
    "context": "contextSecret" + "7b4",
    "thread": "threadSecret" + "7b5",
    "warning": "warningSecret" + "7b6",
    "uncaught": "uncaughtSecret" + "7b7",
    "detector": "detectorSecret" + "7b8",
    "object": "objectSecret" + "7b9",
    "json": "jsonSecret" + "7c1",
    "key": "keySecret" + "7c2",
    "mail": "mailSecret7c3@" + "example.org",
}

PROGRAM = """
import json, logging, os, sys, threading, warnings
from dataclasses import dataclass
import mohflow, structlog
from mohflow import ConsoleOptions, FileOptions, LokiOptions, MaskingOptions
from mohflow.processors import Masker
from pydantic import BaseModel, SecretStr

S = json.loads(os.environ["PLANTED"])

def detect(text):
    if S["detector"] in text:
        raise ValueError(text)
    return []

class Model(BaseModel):
    inner: SecretStr
    password: str

@dataclass
class Login:
    api_key: str

mohflow.configure(
    mohflow.Settings(traceback_locals=True),
    console=ConsoleOptions(format=sys.argv[1]),
    file=FileOptions(path="a.log", format=sys.argv[1]),
    loki=LokiOptions(
        url=os.environ["LOKI"], durability=sys.argv[2], linger=0
    ),
    masking=MaskingOptions(detectors={"own": detect}),
    spool_dir="spool",
)
log = structlog.get_logger("planted").bind(password=S["context"])
log.info(f"login password={S['message']} by {S['mail']}")
log.info("field", secret=S["field"], url=f"redis://:{S['url']}@cache/0")
log.info("header", headers=[("Authorization", f"Bearer {S['header']}")])
log.info("nested", a=[{"b": ({"client_secret": S["nested"]},)}])
log.info("raw", body=f"api_key={S['raw']}".encode())
log.info("object", a=Model(inner=S["object"], password=S["object"]),
         b=Login(S["object"]))
log.info("json", body=json.dumps({"o": {"token": S["json"]}}))
log.info("detector", x=S["detector"])
log.info("key", **{f"password={S['key']}": 1})

def fail(password):
    try:
        raise KeyError(f"password={S['cause']}")
    except KeyError as cause:
        error = ValueError(f"bad url https://u:{S['error']}@host/")
        error.add_note(f"token={S['note']}")
        raise error from cause

try:
    fail(S["local"])
except ValueError:
    log.exception("failed")
    logging.getLogger("old").exception("failed %s", S["mail"])
logging.getLogger("old").warning("password=%s", S["stdlib"])
logging.getLogger("old").error("login %s", {"password": S["argument"]})
warnings.warn(f"secret={S['warning']}")

def run():
    raise RuntimeError(f"password={S['thread']}")

thread = threading.Thread(target=run)
thread.start()
thread.join()
mohflow.flush(2)
raise RuntimeError(f"api_key={S['uncaught']}")
"""


def run(program, tmp_path, server, format: str, durability: str):

    result = program(
        PROGRAM,
        format,
        durability,
        timeout=60,
        PLANTED=json.dumps(SECRETS),
        LOKI=server.url,
        MOHFLOW_SHUTDOWN_TIMEOUT="1",
    )
    (tmp_path / "program.py").unlink()
    return result


def everything(tmp_path: Path, result, server) -> dict[str, bytes]:
    """Return all that came out of the program, by where it is."""
    files = {
        str(file.relative_to(tmp_path)): file.read_bytes()
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    unpacked = {
        f"{name} unpacked": gzip.decompress(content)
        for name, content in files.items()
        if content.startswith(b"\x1f\x8b")
    }
    sent = {
        f"request {number}": request.path.encode() + request.body
        for number, request in enumerate(server.requests)
    }
    said = {
        "stdout": result.stdout.encode(),
        "stderr": result.stderr.encode(),
    }
    return {**files, **unpacked, **sent, **said}


@pytest.mark.parametrize(
    ("format", "durability", "loki"),
    [
        ("console", "wal", "up"),
        ("json", "memory", "up"),
        ("logfmt", "wal", "down"),
        ("ecs", "spool", "down"),
        ("gcp", "memory", "down"),
        ("otel", "wal", "refuses"),
        ("datadog", "spool", "refuses"),
    ],
)
def test_no_secret_is_in_any_byte(
    program, tmp_path, format, durability, loki
) -> None:
    with LokiServer() as server:
        if loki == "down":
            server.refuse()
        if loki == "refuses":
            server.respond(400, "no", times=None)
        result = run(program, tmp_path, server, format, durability)
        places = everything(tmp_path, result, server)
    found = {
        (name, place)
        for place, content in places.items()
        for name, secret in SECRETS.items()
        if secret.encode() in content
    }

    assert set() == found
    assert b"nested" in places["a.log"]
    assert b"nested" in places["stdout"]
    assert "masking failed" in result.stderr
    if loki == "up":
        assert any(b"nested" in places[p] for p in places if "request" in p)
    elif loki == "refuses":
        assert any("dead" in place for place in places)
    elif durability != "memory":
        assert any(place.startswith("spool") for place in places)
