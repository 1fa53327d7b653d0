"""
How much text masking reads per second, and how long hostile text takes.

Run it alone: ``python tests/benchmarks/masking.py``. It prints JSON.
``run.py --only masking`` compares it with the bars, with and without RE2.
"""

from __future__ import annotations

import json
import platform
import random
import subprocess
import sys
import time

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from statistics import median
from typing import Any

from environments import environment


if __name__ == "__main__":
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
    "('a','", "set-cookie: a=b; ", "a:b@", "x_pin=", "code=", "--a ", "['a', ",
    "\u5bc6\u7801=", "2345678901 ", "123456789:AA[bearer set-cookie: a=b; ",
]  # fmt: skip


def clean_texts(seed: int = 1) -> dict[str, str]:
    """Return texts of 10,000 characters in which nothing is hidden."""
    chance = random.Random(seed)
    number = chance.randint

    def digits(size: int) -> str:
        return "".join(chance.choices(HEX, k=size))

    def at() -> str:
        return f"2026-11-24 10:{number(0, 59):02}:{number(0, 59):02}"

    def line(form: Callable[[], str]) -> str:
        return "\n".join(form() for _ in range(400))[:SIZE]

    return {
        "words": " ".join(chance.choices(WORDS, k=3000))[:SIZE],
        "log lines": line(
            lambda: (
                f"{at()} INFO request {number(1, 9**6)} served /items/"
                f"{number(1, 999)} in {number(1, 99)}.25 ms by worker 3"
            )
        ),
        "pairs": line(
            lambda: (
                f"ts={at()} request_id={digits(32)} path=/items/"
                f"{number(1, 99)} status_code=200 duration_ms=17.25"
            )
        ),
        "hex ids": line(lambda: digits(32)),
        "JSON": line(
            lambda: json.dumps(
                {"order_id": number(1, 9**6), "status": "ok", "total": 12.5}
            )
        ),
        "access log": line(
            lambda: (
                f"10.0.{number(0, 255)}.7 - - [24/Nov/2026:10:00:00 +0000]"
                f' "GET /orders/{number(1, 9**6)}?page=2 HTTP/1.1" 200 '
                f'{number(100, 9**5)} "-" "Mozilla/5.0 (X11; Linux x86_64)"'
            )
        ),
        "traceback": line(
            lambda: (
                f'  File "/usr/lib/app/mod_{number(1, 99)}.py", line '
                f"{number(1, 999)}, in handle\n    return self.next(call, c=d)"
            )
        ),
        "SQL": line(
            lambda: (
                "SELECT id, total FROM orders WHERE status = 'open' AND "
                f"created_at > '2026-11-{number(1, 28):02}' AND id IN "
                f"({number(1, 9999)}, {number(1, 9999)}) LIMIT 100;"
            )
        ),
        "URLs": line(
            lambda: (
                f"GET https://api.example.com/v2/customers/"
                f"{number(1, 9**5)}/orders?status=open&page={number(1, 99)}"
            )
        ),
        "times and prices": line(
            lambda: (
                f"{number(15 * 10**8, 19 * 10**8)} item {number(1, 999)} "
                f"at {number(1, 999)}.{number(10, 99)} EUR"
            )
        ),
        "other scripts": ("größe überall 日本語 текст лог " * 600)[:SIZE],
    }


def seconds(work: Callable[[], object]) -> float:
    """Return CPU time of this thread: a busy machine hardly changes it."""
    started = time.thread_time()
    work()
    return time.thread_time() - started


def clean_microseconds() -> dict[str, dict[str, float]]:
    """
    Return for each kind of text what 10 kB take, and what the limit takes.

    Each round has texts of its own. The limit is one pass over the bytes:
    ``encode``, ``translate``, ``decode``.
    """
    masker = Masker()
    table = bytes(range(256))
    taken: dict[str, list[float]] = {}
    limits: dict[str, list[float]] = {}
    for seed in range(ROUNDS + 1):
        for name, text in clean_texts(seed).items():
            assert text == masker.text(text), name

            def limit(text: str = text) -> None:
                text.encode().translate(table).decode()

            if seed:
                limits.setdefault(name, []).append(seconds(limit))
                work = partial(masker.text, text)
                taken.setdefault(name, []).append(seconds(work))
    return {
        name: {"us": 1e6 * median(times), "limit": 1e6 * median(limits[name])}
        for name, times in taken.items()
    }


def hostile_milliseconds() -> dict[str, float]:
    best: dict[str, float] = {}
    for _ in range(3):
        for piece in HOSTILE:
            text = (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]
            work = partial(Masker(), None, "info", {"x": text})
            taken = seconds(work)
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


def measure(python: str) -> dict[str, Any]:
    """Return what *python* measures, without RE2 and with it."""
    found = {}
    for name in VARIANTS:
        done = subprocess.run(
            [environment(python, name), __file__],
            check=True,
            capture_output=True,
            timeout=600,
        )
        found[name] = json.loads(done.stdout)
    return found


VARIANTS = {"mohflow_file": "without RE2", "mohflow_re2": "with RE2"}


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return for each clean text the limit, and ours beside it."""
    return [
        (
            text,
            f"{SIZE / found['mohflow_file']['clean'][text]['limit']:.0f}",
            *(_shown(found[name]["clean"][text]) for name in VARIANTS),
        )
        for text in found.get("mohflow_file", {}).get("clean", {})
    ]


def _shown(times: dict[str, float]) -> str:
    speed = SIZE / times["us"]
    return f"{speed:.0f} ({times['us'] / times['limit']:.1f})"


def slowest(found: dict[str, Any], kind: str) -> tuple[str, float]:
    """Return what took longest of the texts of a *kind*, and how long."""
    times = {
        name: value["us"] if kind == "clean" else value
        for name, value in found[kind].items()
    }
    return max(times.items(), key=lambda item: item[1])


def main() -> None:
    """Measure, and print."""
    result: dict[str, dict[str, Any]] = {
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "mohflow": version("mohflow"),
        },
        "clean": clean_microseconds(),
        "hostile": hostile_milliseconds(),
        "microseconds": microseconds(),
    }
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
