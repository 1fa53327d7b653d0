"""The command line, as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mohflow.testing import LokiServer


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mohflow", *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environ},
        timeout=60,
    )


class TestDemo:
    def test_it_shows_what_is_masked_and_balances(self, tmp_path) -> None:
        path = tmp_path / "shop.log"
        done = run("demo", "--file", str(path))
        lines = path.read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        ids = {event.get("correlation_id") for event in events}

        assert (0, "") == (done.returncode, done.stderr)
        assert "the ledger balances" in done.stdout
        for secret in ("4111", "@example.org", "correct horse", "4f2a9c11d0"):
            assert secret not in done.stdout + path.read_text()
        assert {f"demo-{number}" for number in range(5)} <= ids
        assert "PaymentError" in done.stdout
        assert {"shop", "httpx"} == {event["logger"] for event in events}

    def test_it_ships_to_a_loki_that_is_named(self) -> None:
        with LokiServer() as loki:
            done = run("demo", MOHFLOW_LOKI_URL=loki.url)
            stored = len(loki.entries())

        assert 0 == done.returncode
        assert f"{stored} lines in the file, {stored} entries" in done.stdout
        assert "the ledger balances" in done.stdout

    def test_a_loki_that_holds_less_does_not_balance(self) -> None:
        with LokiServer() as loki:
            loki.flaky([204, None])
            loki.respond(204)
            done = run(
                "demo",
                MOHFLOW_LOKI_URL=loki.url,
                MOHFLOW_LOKI_BATCH_EVENTS="5",
            )

        assert 1 == done.returncode
        assert "the ledger DOES NOT balance" in done.stdout

    def test_it_may_append_to_a_file_that_exists(self, tmp_path) -> None:
        path = tmp_path / "shop.log"
        path.write_text('{"event":"before"}\n')
        done = run("demo", "--file", str(path))

        assert 0 == done.returncode
        assert "18 lines in the file, 18 entries" in done.stdout

    def test_a_loki_that_is_not_there_is_said(self) -> None:
        with LokiServer() as loki:
            loki.refuse()
            done = run("demo", MOHFLOW_LOKI_URL=loki.url)

        assert 1 == done.returncode
        assert "18 events did not reach Loki." in done.stdout
        assert "connect" in done.stderr

    def test_a_loki_that_shows_nothing_is_said(self) -> None:
        with LokiServer() as loki:
            loki.flaky(lambda r: 403 if r.method == "GET" else None)
            done = run("demo", MOHFLOW_LOKI_URL=loki.url)

        assert 0 == done.returncode
        assert "Loki does not show us its own" in done.stdout

    def test_a_reader_that_stops_gets_no_traceback(self, tmp_path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "mohflow", "demo"],
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
        os.close(writer)

        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [(), ("nope",), ("demo", "--nope")])
def test_what_it_does_not_know_is_said_without_a_traceback(arguments) -> None:
    done = run(*arguments)

    assert 2 == done.returncode
    assert "usage: mohflow" in done.stderr
    assert "Traceback" not in done.stderr
