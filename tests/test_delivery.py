"""From the call to Loki: outages, kills, forks, and counts that balance."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time

from pathlib import Path

import pytest
import structlog

import mohflow

from mohflow import ConfigurationError, LokiOptions
from mohflow.testing import LokiServer, RecordingSink


@pytest.fixture
def server():
    with LokiServer() as server:
        yield server


def numbers(server: LokiServer) -> list[int]:
    lines = [json.loads(entry.line) for entry in server.entries()]
    return [line["number"] for line in lines if "number" in line]


def until(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestLoki:
    def test_events_arrive_with_labels_and_metadata(self, server) -> None:
        mohflow.configure(
            service="shop", environment="test", console=False, loki=server.url
        )
        with mohflow.bound(correlation_id="c1"):
            structlog.get_logger("a").warning("x", email="ann@example.org")
        logging.getLogger("b").error("y")
        assert mohflow.flush()
        first, second = server.entries()

        labels = {"service_name": "shop", "environment": "test"}
        assert labels.items() <= first.labels.items()
        expected = {"level": "warning", "logger": "a", "correlation_id": "c1"}
        assert expected.items() <= first.metadata.items()
        assert "ann@example.org" not in first.line
        assert "y" == json.loads(second.line)["event"]
        assert 2 == mohflow.ledger()["loki"].delivered

    def test_it_has_its_own_level(self, server) -> None:
        mohflow.configure(
            console=False, loki=LokiOptions(url=server.url, level="error")
        )
        structlog.get_logger().info("no")
        structlog.get_logger().error("yes", number=1)
        mohflow.flush()

        assert [1] == numbers(server)

    def test_a_server_that_is_not_there_costs_nothing_at_the_start(
        self, server, capsys
    ) -> None:
        server.refuse()
        started = time.monotonic()
        settings = mohflow.Settings(shutdown_timeout=0.1)
        mohflow.configure(settings, console=False, loki=server.url)
        structlog.get_logger().info("x")
        elapsed = time.monotonic() - started
        mohflow.shutdown(0.1)

        assert elapsed < 1

    def test_its_own_requests_do_not_feed_it(self, server) -> None:
        mohflow.configure(level="debug", console=False, loki=server.url)
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        for number in range(5):
            structlog.get_logger().info("x", number=number)
            mohflow.flush()
        logging.getLogger("httpx").info("of the program")
        mohflow.flush()
        events = [json.loads(e.line)["event"] for e in server.entries()]

        assert ["x"] * 5 + ["of the program"] == events

    def test_an_outage_is_ridden_out_in_order(self, server, capsys) -> None:
        mohflow.configure(console=False, loki=server.url)
        log = structlog.get_logger()
        log.info("x", number=0)
        mohflow.flush()
        server.refuse()
        for number in range(1, 500):
            log.info("x", number=number)
        assert not mohflow.flush(0.2)
        server.resume()

        assert mohflow.flush(30)
        assert list(range(500)) == numbers(server)

    def test_a_poison_event_costs_itself_only(self, server, tmp_path) -> None:
        mohflow.configure(
            console=False,
            loki=LokiOptions(url=server.url, max_line_bytes=10_000_000),
            spool_dir=tmp_path,
        )
        settings_limit = server.limits.max_line_size
        structlog.get_logger().info("x", number=0)
        structlog.get_logger().info("x", number=1, pad="x" * 200_000)
        structlog.get_logger().info("x", number=2)
        mohflow.flush(10)
        counts = mohflow.ledger()["loki"]

        assert settings_limit > 200_000
        assert counts.is_balanced
        assert [0, 1, 2] == numbers(server)


class TestSpool:
    def test_what_an_outage_leaves_is_sent_by_the_next_configuration(
        self, server, tmp_path, capsys
    ) -> None:
        server.refuse()
        mohflow.configure(
            console=False, loki=server.url, spool_dir=tmp_path / "spool"
        )
        for number in range(300):
            structlog.get_logger().info("x", number=number)
        counts = mohflow.shutdown(0.5)["loki"]
        server.resume()
        mohflow.configure(
            console=False, loki=server.url, spool_dir=tmp_path / "spool"
        )
        until(lambda: len(server.entries()) >= 300)

        assert (300, 0) == (counts.spooled, counts.lost)
        assert counts.is_balanced
        assert list(range(300)) == numbers(server)
        until(lambda: 300 == mohflow.ledger()["loki"].delivered)
        assert mohflow.ledger()["loki"].is_balanced

    def test_no_secret_touches_the_disk(
        self, server, tmp_path, capsys
    ) -> None:
        server.refuse()
        mohflow.configure(
            console=False,
            loki=LokiOptions(url=server.url, durability="wal"),
            spool_dir=tmp_path,
        )
        structlog.get_logger().info("x", password="hunter" + "22")
        mohflow.shutdown(0.1)
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        data = b"".join(path.read_bytes() for path in files)

        assert b"[redacted]" in data
        assert b"hunter22" not in data
        assert all(0o600 == path.stat().st_mode & 0o777 for path in files)

    @pytest.mark.parametrize("durability", ["spool", "wal"])
    def test_durability_needs_a_folder(self, durability) -> None:
        with pytest.raises(ConfigurationError, match="spool_dir"):
            mohflow.configure(
                loki=LokiOptions(url="http://localhost", durability=durability)
            )

    def test_a_folder_that_cannot_be_written_leaves_events_in_memory(
        self, server, tmp_path, capsys
    ) -> None:
        (tmp_path / "file").write_text("")
        mohflow.configure(
            console=False,
            loki=LokiOptions(url=server.url, durability="wal"),
            spool_dir=tmp_path / "file",
        )
        structlog.get_logger().info("x", number=1)

        assert mohflow.flush(10)
        assert [1] == numbers(server)


WRITER = textwrap.dedent(
    """
    import sys
    import mohflow, structlog

    url, spool, durability, count = sys.argv[1:]
    mohflow.configure(
        console=False,
        spool_dir=spool,
        loki=mohflow.LokiOptions(
            url=url, durability=durability, linger=0.05
        ),
    )
    log = structlog.get_logger()
    for number in range(int(count)):
        log.info("x", number=number)
        # Only what the log call returned for was accepted.
        print(number, flush=True)
    """
)


def write_and_kill(
    server: LokiServer, spool: Path, count: int, after: int
) -> int:
    """Kill a writer after it accepted *after* events; return how many."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, server.url, spool, "wal", str(count)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    accepted = 0
    with process.stdout as lines:
        for line in lines:
            accepted = int(line) + 1
            if accepted >= after:
                process.send_signal(signal.SIGKILL)
                after = count + 1
    process.wait()
    return accepted


@pytest.mark.parametrize("is_up", [True, False], ids=["up", "down"])
def test_a_killed_process_loses_nothing_that_was_accepted_with_wal(
    server, tmp_path, is_up, capsys
) -> None:
    if not is_up:
        server.refuse()
    accepted = write_and_kill(server, tmp_path / "spool", 5000, 2000)
    if not is_up:
        server.resume()
    mohflow.configure(
        console=False, loki=server.url, spool_dir=tmp_path / "spool"
    )
    until(lambda: set(range(accepted)) <= set(numbers(server)))
    stored = numbers(server)

    assert len(set(stored)) == len(stored)
    assert len(stored) - accepted in {0, 1}


@pytest.mark.slow
def test_a_hundred_thousand_accepted_events_survive_a_kill(
    tmp_path, capsys
) -> None:
    with LokiServer() as server:
        server.slow(2_000_000)
        accepted = write_and_kill(server, tmp_path / "s", 200_000, 100_000)
        server.heal()
        mohflow.configure(
            console=False, loki=server.url, spool_dir=tmp_path / "s"
        )
        until(lambda: accepted <= len(server.entries()), 120)
        stored = numbers(server)

    assert set(range(accepted)) <= set(stored)
    assert len(set(stored)) == len(stored)


def test_every_preforked_worker_ships_and_the_parents_queue_is_sent_once(
    server, program
) -> None:
    result = program(
        """
        import os, sys
        import mohflow, structlog

        mohflow.configure(
            console=False,
            loki=mohflow.LokiOptions(url=sys.argv[1], linger=60.0),
        )
        log = structlog.get_logger()
        log.info("x", number=-1)
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                for number in range(50):
                    log.info("x", number=child * 50 + number)
                ok = mohflow.flush() and mohflow.ledger()["loki"].is_balanced
                os._exit(0 if ok else 1)
            children.append(pid)
        assert [0] * 4 == [os.waitpid(pid, 0)[1] for pid in children]
        """,
        server.url,
        PYTHONWARNINGS="ignore",
    )

    assert 0 == result.returncode, result.stderr
    assert list(range(-1, 200)) == sorted(numbers(server))


def test_no_call_waits_for_a_black_hole(server, capsys) -> None:
    server.hang(60)
    settings = mohflow.Settings(shutdown_timeout=0.1)
    mohflow.configure(settings, console=False, loki=server.url)
    log = structlog.get_logger()
    calls = []
    for number in range(10_000):
        started = time.perf_counter()
        log.info("x", number=number)
        calls.append(time.perf_counter() - started)
    mohflow.shutdown(0.1)
    server.heal()

    assert sorted(calls)[9_900] < 0.005


class TestFurtherSinks:
    def test_they_can_be_given_as_options(self, server) -> None:
        mohflow.configure(
            console=False, sinks={"audit": LokiOptions(url=server.url)}
        )
        structlog.get_logger().info("x", number=1)
        mohflow.flush()

        assert [1] == numbers(server)

    def test_they_can_be_given_as_mappings(self, server) -> None:
        mohflow.configure(
            console=False,
            sinks={"audit": {"type": "loki", "url": server.url}},
        )
        structlog.get_logger().info("x", number=1)
        mohflow.flush()

        assert [1] == numbers(server)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"type": "lokii"}, "Did you mean 'loki'"),
            ({"url": "http://x"}, "sinks.audit.type .*must name a kind"),
            ({"type": "loki", "urll": "x"}, "Did you mean 'url'"),
            ({"type": "loki", "url": 5}, "sinks.audit"),
        ],
    )
    def test_what_is_wrong_with_a_mapping_is_said(
        self, given, message
    ) -> None:
        with pytest.raises(ConfigurationError, match=message):
            mohflow.configure(sinks={"audit": given})

    def test_a_sink_object_is_delivered_with_retries(self) -> None:
        sink = RecordingSink()
        mohflow.configure(console=False, sinks={"keep": sink})
        structlog.get_logger().info("x")
        mohflow.flush()

        assert ["x"] == [fields["event"] for fields in sink.fields]


def test_variables_configure_it(server, program) -> None:
    result = program(
        """
        import mohflow, structlog
        mohflow.configure(console=False)
        structlog.get_logger().info("x", number=1)
        """,
        MOHFLOW_LOKI_URL=server.url,
        MOHFLOW_LOKI_LINGER="0.1",
        MOHFLOW_SERVICE="shop",
    )

    assert (0, "") == (result.returncode, result.stderr)
    assert [1] == numbers(server)
    assert "shop" == server.entries()[0].labels["service_name"]


def test_a_password_in_the_url_is_in_no_message(monkeypatch) -> None:
    monkeypatch.setenv("MOHFLOW_LOKI_URL", "http://ann:hunter22@h:99999999")
    with pytest.raises(ConfigurationError) as caught:
        mohflow.Settings()

    assert "hunter22" not in str(caught.value)
    assert os.environ["MOHFLOW_LOKI_URL"] not in str(caught.value)
