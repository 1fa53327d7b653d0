"""How each sink is, as a readiness probe sees it."""

from __future__ import annotations

import time

import structlog

import mohflow

from mohflow.delivery.breaker import Breaker
from mohflow.delivery.ledger import Fates, Ledger
from mohflow.testing import (
    FailingSink,
    FakeClock,
    LokiServer,
    RecordingSink,
    SuspendableSink,
)


def until(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def of(name: str) -> mohflow.Health:
    return {one.name: one for one in mohflow.health()}[name]


log = structlog.get_logger()


def test_all_is_well_at_the_beginning(tmp_path) -> None:
    mohflow.configure(
        file=tmp_path / "a.log", sinks={"remote": RecordingSink()}
    )

    expected = [
        mohflow.Health(name, "ok") for name in ("console", "file", "remote")
    ]
    assert expected == mohflow.health()


def test_what_waits_has_an_age() -> None:
    sink = SuspendableSink()
    mohflow.configure(console=False, sinks={"slow": sink})
    log.info("x")
    log.info("y")
    mohflow.flush(0)

    assert "ok" == of("slow").state
    until(lambda: of("slow").oldest > 0.02)
    sink.release()
    assert mohflow.flush()
    assert of("slow").oldest is None


def test_a_loss_is_seen_for_a_minute(tmp_path) -> None:
    clock = FakeClock()
    ledger = Ledger(clock)
    assert ledger.last_loss() is None

    ledger.queue()
    ledger.take(1)
    ledger.settle(Fates(rejected={"labels": 1}))
    clock.advance(59)
    assert ("labels", 59.0) == ledger.last_loss()

    mohflow.configure(
        console=False,
        sinks={"picky": FailingSink([mohflow.Rejected("poison")])},
    )
    log.info("x")
    assert mohflow.flush()
    assert ("degraded", "poison") == (of("picky").state, of("picky").reason)


def test_a_file_that_cannot_be_written_is_degraded(tmp_path) -> None:
    folder = tmp_path / "gone"
    mohflow.configure(console=False, file=folder / "a.log")
    (folder / "a.log").unlink()
    folder.rmdir()
    folder.write_text("in the way")
    until(lambda: log.info("x") or of("file").state == "degraded")

    assert "file_missing" == of("file").reason


def test_a_breaker_remembers_why_until_it_goes_well() -> None:
    breaker = Breaker()
    breaker.failed(0.0, "timeout")
    assert "timeout" == breaker.failing
    breaker.succeeded()
    assert "" == breaker.failing


def test_a_loki_that_goes_and_comes_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("mohflow.delivery.retry.FIRST_WAIT", 0.01)
    with LokiServer() as server:
        mohflow.configure(console=False, loki=server.url, spool_dir=tmp_path)
        log.info("x")
        assert mohflow.flush()
        assert mohflow.Health("loki", "ok") == of("loki")

        server.refuse()
        log.info("y")
        mohflow.flush()
        until(lambda: of("loki").state == "away")
        assert "connect" == of("loki").reason
        assert of("loki").oldest > 0
        until(lambda: of("loki").spool_bytes > 100)

        server.resume()
        until(lambda: of("loki") == mohflow.Health("loki", "ok"))
