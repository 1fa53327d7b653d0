"""
``mohflow demo``: a small web service under real traffic, and its logs.

A shop answers real HTTP requests on loopback. It logs through structlog, its
HTTP client logs through the standard library, one request fails, and the
traffic carries secrets. Everything is also shipped to the Loki of
``MOHFLOW_LOKI_URL``, or to a stand-in of one. At the end the counts must
balance.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
import uuid

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import structlog

import mohflow

from mohflow import (
    ConsoleOptions,
    FileOptions,
    LedgerSnapshot,
    LokiOptions,
    Pipeline,
    Settings,
)
from mohflow.cli import loki_count
from mohflow.testing import LokiServer


log = structlog.get_logger("shop")

CARD = "4111 1111 1111 1111"
"""The test number that card networks publish; it belongs to nobody."""


RUN_LABEL = "mohflow_demo"
"""A label whose value is that of one run; the counts are compared by it."""


class PaymentError(Exception):
    """The bank refused."""


def charge(order: dict[str, Any]) -> None:
    """Pretend to charge a card; the bank refuses large amounts."""
    log.debug("card.charging", amount=order["amount"])
    if order["amount"] > 1000:
        try:
            msg = f"no answer from bank for {order['card']}"
            raise TimeoutError(msg)  # noqa: TRY301 - a chain is to be shown
        except TimeoutError as error:
            msg = f"cannot charge {order['email']}"
            raise PaymentError(msg) from error


class Shop(BaseHTTPRequestHandler):
    """Three pages, each with something that must not be in a log."""

    def do_POST(self) -> None:
        """Answer one request under its own correlation id."""
        correlation_id = self.headers.get("X-Request-ID") or uuid.uuid4().hex
        with mohflow.bound(correlation_id=correlation_id):
            size = int(self.headers["Content-Length"])
            status = self._answer(json.loads(self.rfile.read(size)))
            log.info("request.done", path=self.path, status=status)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, body: dict[str, Any]) -> int:
        try:
            if self.path == "/login":
                headers = dict(self.headers)
                log.info("user.login", user=body["user"], headers=headers)
            elif self.path == "/orders":
                log.info("order.received", order=body)
                charge(body)
                log.info("order paid with card %s", body["card"])
            else:
                log.warning("page.unknown", path=self.path)
                return 404
        except PaymentError:
            log.exception("order.failed", amount=body["amount"])
            return 502
        return 200

    def log_message(self, *_: Any) -> None:
        """Stay silent: the shop logs its requests itself."""


def _order(amount: float, email: str) -> dict[str, Any]:
    return {"amount": amount, "email": email, "card": CARD, "items": [7, 21]}


REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/login", {"user": "ann", "password": "correct horse"}),
    ("/orders", _order(19.9, "ann@example.org")),
    ("/orders", _order(5.0, "bob@example.org")),
    ("/carts?token=4f2a9c11d0", {}),
    ("/orders", _order(2500.0, "eve@example.org")),
)


def _drive(server: ThreadingHTTPServer) -> None:
    """Send the requests, two at a time, each with an id of its own."""
    token = "Bearer " + "demo." * 4
    with (
        httpx.Client(
            base_url=f"http://127.0.0.1:{server.server_port}",
            headers={"Authorization": token},
        ) as client,
        ThreadPoolExecutor(2) as pool,
    ):

        def send(number: int, path: str, body: dict[str, Any]) -> None:
            headers = {"X-Request-ID": f"demo-{number}"}
            client.post(path, json=body, headers=headers)

        numbered = [(n, *request) for n, request in enumerate(REQUESTS)]
        list(pool.map(send, *zip(*numbered, strict=True)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell *parser* what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Send real HTTP requests to a small web service on loopback; show\n"
        "its console, its log file, what was masked, and what became of\n"
        "every event."
    )
    parser.epilog = (
        "examples:\n"
        "  mohflow demo\n"
        "  mohflow demo --file shop.log\n"
        "\n"
        "exit codes: 0 every event is accounted for, 1 one is not, 2 wrong\n"
        "usage or settings"
    )
    parser.add_argument(
        "--file",
        type=Path,
        metavar="PATH",
        help="where the JSON lines go (default: a temporary file)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the demo; return 0 if every event is accounted for, else 1."""
    path: Path | None = options.file
    if path is None:
        path = Path(tempfile.mkdtemp(prefix="mohflow-demo-")) / "shop.log"
    before = _lines(path)
    with ExitStack() as stack:
        loki, since_ns = _loki(stack), time.time_ns()
        pipeline = mohflow.configure(
            service="shop",
            environment="demo",
            console=ConsoleOptions(format="console"),
            file=FileOptions(path=path),
            loki=loki,
        )
        _serve()
        ledger = mohflow.shutdown()
        delivered = ledger["loki"].delivered
        run = RUN_LABEL, loki.labels[RUN_LABEL]
        stored = loki_count.count(loki, run, since_ns, delivered)
    lines = _lines(path)[len(before) :]
    _show(pipeline, path, lines)
    return _balance(len(lines), ledger, stored)


def _lines(path: Path) -> list[str]:
    """Return what is in the file, which may be there from another run."""
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _loki(stack: ExitStack) -> LokiOptions:
    """Return the Loki of the variables, or one of our own; label this run."""
    found = Settings().loki
    if not isinstance(found, LokiOptions):
        server = stack.enter_context(LokiServer())
        found = LokiOptions(url=server.url)
    labels = {**found.labels, RUN_LABEL: uuid.uuid4().hex[:12]}
    return found.model_copy(update={"labels": labels})


def _serve() -> None:
    """Run the shop for as long as its customers need."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        _title("The console")
        _drive(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _show(pipeline: Pipeline, path: Path, lines: list[str]) -> None:
    """Print a line of the file, and what was masked."""
    _title(f"The file: {len(lines)} JSON lines, the last one")
    print(lines[-1])
    print(f"\n  all of them: {path}")
    _title("What was masked")
    for rule, count in sorted(pipeline.masked.items()):
        print(f"  {rule:<24}{count:>5}")


def _balance(
    lines: int, ledger: dict[str, LedgerSnapshot], stored: int | None
) -> int:
    """Print the ledger, held against the file and Loki; return 0 or 1."""
    _title("What became of every event")
    print(f"  {'sink':<10}{'accepted':>10}{'delivered':>11}{'lost':>6}")
    for name, counts in ledger.items():
        print(
            f"  {name:<10}{counts.accepted:>10}{counts.delivered:>11}"
            f"{counts.lost:>6}"
        )
    where = f"{lines} lines in the file"
    is_right = lines == ledger["file"].delivered
    if stored is None:
        where += "; Loki does not show us its own"
    else:
        where += f", {stored} entries shown by Loki"
        is_right = is_right and stored == ledger["loki"].delivered
    is_right = is_right and all(one.is_balanced for one in ledger.values())
    verdict = "balances" if is_right else "DOES NOT balance"
    print(f"\n  {where}: the ledger {verdict}.")
    return 0 if is_right else 1


def _title(text: str) -> None:
    print(f"\n── {text} ".ljust(72, "─") + "\n", flush=True)
