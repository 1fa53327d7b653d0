"""
How much text masking reads per second, and how long hostile text takes.

Run it alone: ``python tests/benchmarks/masking.py``. It prints a table on
stderr and JSON on stdout. Each figure is the best of several rounds that are
interleaved, so that a busy neighbour falls on all of them.
"""

from __future__ import annotations

import json
import platform
import random
import sys
import time

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from mohflow.processors import Masker


ROUNDS = 15
SIZE = 10_000
MEGABYTE = 1_000_000
HEX = "0123456789abcdef"

WORDS = [
    "order",
    "created",
    "for",
    "customer",
    "in",
    "region",
    "after",
    "retry",
    "of",
    "payment",
    "service",
    "request",
    "completed",
    "with",
    "status",
    "gateway",
    "timeout",
    "the",
    "queue",
    "was",
    "drained",
    "and",
    "workers",
    "picked",
    "up",
    "remaining",
    "jobs",
    "without",
    "further",
    "errors",
]

HOSTILE = [
    "@", "a.", "a@a.", "=", ":", "password:", 'password="', "://", "://a:",
    "4111 ", "4", "+1", "-eyJ", "-sk-", "DE89 ", "bearer ", "digest a=",
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "[", "a ", "cookie:", "SG.",
    "123-45-", "[redacted:", "token={", "xoxb-", "secret=[", "a%40", "sig=",
    "curl -u a:", "login - ", "mysql ", "password ", "<password>x</password>",
    "--password x ", " (a,password) VALUES ('x')", "1234567890 ",
    "1700000000000 ", "4111111111111111 ", "000-000-0000 ", "12345678Z ",
    ":AA", "123456789:AA", "password=a ", "Authorization: a b=c, ",
    '{"password":"', '{"a":1},', "[1,", '{"a":{', "\u00e9", "phone: 1 2",
    "('a','", "set-cookie: a=b; ", "a:b@",
]  # fmt: skip


def clean_texts() -> dict[str, str]:
    """Return texts of 10,000 characters in which nothing is hidden."""
    chance = random.Random(1)

    def number(size: int) -> str:
        return "".join(chance.choices(HEX, k=size))

    lines = [
        f"2026-11-24 10:{i % 60:02}:{i % 60:02} INFO request {i} served "
        f"/items/{i} in {i}.25 ms by worker {i % 8}"
        for i in range(400)
    ]
    pairs = [
        f"ts=2026-11-24T10:00:{i % 60:02}Z request_id={number(32)} "
        f"path=/items/{i} status=200 duration_ms={i}.25 user_id={i}"
        for i in range(200)
    ]
    texts = {
        "words": " ".join(chance.choices(WORDS, k=3000)),
        "log lines": "\n".join(lines),
        "pairs": "\n".join(pairs),
        "hex ids": " ".join(number(32) for _ in range(400)),
        "other scripts": "größe überall 日本語 текст лог " * 600,
    }
    return {name: text[:SIZE] for name, text in texts.items()}


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def megabytes_per_second() -> dict[str, float]:
    masker = Masker()
    best: dict[str, float] = {}
    texts = clean_texts()
    for text in texts.values():
        assert text == masker.text(text)
    for _ in range(ROUNDS):
        for name, text in texts.items():
            taken = seconds(lambda t=text: [masker.text(t) for _ in "12345"])
            best[name] = min(best.get(name, taken), taken)
    return {n: 5 * SIZE / taken / 1e6 for n, taken in best.items()}


def hostile_milliseconds() -> dict[str, float]:
    best: dict[str, float] = {}
    for _ in range(3):
        for piece in HOSTILE:
            text = (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]
            masker = Masker()
            taken = seconds(lambda: masker(None, "info", {"x": text}))  # noqa: B023 - called at once
            best[piece] = min(best.get(piece, taken), taken)
    ordered = sorted(best.items(), key=lambda item: -item[1])
    return {piece: 1000 * taken for piece, taken in ordered}


def microseconds() -> dict[str, float]:
    """Return microseconds per event of ten fields, and per new short text."""
    masker = Masker()
    event = {
        "timestamp": "2026-11-24T10:00:00.000000Z",
        "level": "info",
        "event": "user.login",
        "service": "shop",
        "environment": "prod",
        "correlation_id": "0a1b2c3d" * 4,
        "user_id": 42,
        "method": "password",
        "duration_ms": 12.34,
        "path": "/api/v1/login/1",
    }
    known = min(
        seconds(lambda: [masker(None, "", event) for _ in range(500)])
        for _ in range(ROUNDS)
    )
    texts = [[f"/api/v1/login/{r}{i}" for i in range(500)] for r in range(15)]
    new = min(seconds(lambda b=b: [masker.text(t) for t in b]) for b in texts)
    return {"known event": known / 500e-6, "new text": new / 500e-6}


def main() -> None:
    """Measure, and print."""
    result: dict[str, dict[str, Any]] = {
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "mohflow": version("mohflow"),
        },
        "clean_mb_per_s": megabytes_per_second(),
        "hostile_ms_per_mb": hostile_milliseconds(),
        "microseconds": microseconds(),
    }
    for section, rows in result.items():
        sys.stderr.write(f"\n{section}\n")
        for name, value in list(rows.items())[:10]:
            shown = value if isinstance(value, str) else f"{value:10.2f}"
            sys.stderr.write(f"  {name!r:24} {shown}\n")
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
