"""
What a real Loki holds is what was logged, read back and compared.

Run by ``tox -e live`` when MOHFLOW_TEST_LOKI_URL is set; see compose.yaml.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from collections import Counter

import pytest
import structlog

import mohflow

from mohflow import LokiOptions
from mohflow._event import Event
from mohflow.sinks.loki import LokiSink


pytestmark = pytest.mark.live

log = structlog.get_logger("live")

MINUTE = 60 * 10**9


def configure(loki, tmp_path, url=None, **options):
    """Send to Loki what goes to a file too; return the file."""
    spool_dir = options.pop("spool_dir", None)
    mohflow.configure(
        service="live",
        environment="test",
        level="debug",
        console=False,
        file=tmp_path / "same.log",
        loki=LokiOptions(
            url=url or loki.url,
            labels={"run": loki.run},
            tenant=loki.tenant,
            **options,
        ),
        spool_dir=spool_dir,
    )
    return tmp_path / "same.log"


def lines_of(path):
    return path.read_bytes().decode().split("\n")[:-1]


def numbers(entries):
    return [json.loads(line)["n"] for _, line, _ in entries]


def counts(timeout=30):
    counts = mohflow.shutdown(timeout)["loki"]
    assert counts.is_balanced
    return counts


TEXTS = [
    "plain",
    "grüße, 你好, עברית, 🦉🏳️‍🌈",
    'quote " backslash \\ brace } {app="x"}',
    "tab\tnewline\nreturn\rnul\0escape\x1b",
    "\u2028\u2029\ufeff\uffff",
    "lone \ud800 surrogate",
    "",
    " ",
]


def test_every_line_comes_back_as_the_file_has_it(loki, tmp_path):
    path = configure(loki, tmp_path)
    for text in TEXTS:
        log.info("text", text=text, nested={"list": [1, None, text]})
    log.info("über", **{"späße": 1, "a.b-c": True})
    try:
        {}["missing"]
    except KeyError:
        log.exception("failed")
    assert counts().delivered == len(TEXTS) + 2
    entries = loki.wait_for(len(TEXTS) + 2)

    assert lines_of(path) == [line for _, line, _ in entries]


def test_times_are_those_of_the_events(loki, tmp_path):
    configure(loki, tmp_path)
    before = time.time_ns()
    for n in range(500):
        log.info("x", n=n)
    counts()
    times = [at for at, _, _ in loki.wait_for(500)]

    assert before <= times[0]
    assert sorted(set(times)) == times


def test_labels_and_metadata_come_back(loki, tmp_path):
    fields = ("level", "logger", "correlation_id", "user.name", "big", "who")
    configure(loki, tmp_path, structured_metadata=fields)
    with mohflow.bound(correlation_id="c-1"):
        log.warning(
            "x", **{"user.name": "ünal", "big": 2**60, "who": 'q " \\ \n'}
        )
    counts()
    ((_, _, found),) = loki.wait_for(1)

    expected = {
        "service_name": "live",
        "environment": "test",
        "run": loki.run,
        "level": "warning",
        "logger": "live",
        "correlation_id": "c-1",
        "user_name": "ünal",
        "big": str(2**60),
        "who": 'q " \\ \n',
    }
    assert expected.items() <= found.items()


def test_the_longest_line_comes_back_whole(loki, tmp_path):
    path = configure(loki, tmp_path)
    log.info("long", text="ü" * 120_000)
    log.info("too long", text="ü" * 300_000)
    assert 2 == counts().delivered
    whole, cut = (line for _, line, _ in loki.wait_for(2))

    assert lines_of(path) == [whole, cut]
    assert "ü" * 120_000 == json.loads(whole)["text"]
    assert json.loads(cut)["truncated"]


def test_many_events_come_once_each_and_in_order(loki, tmp_path):
    configure(loki, tmp_path, batch_events=300)
    for n in range(4500):
        log.debug("x", n=n, pad="p" * (n % 400))
    assert 4500 == counts().delivered

    assert list(range(4500)) == numbers(loki.wait_for(4500))


@pytest.mark.parametrize("fault", ["refuse", "cut", "swallow"])
def test_a_bad_network_neither_loses_nor_doubles(
    loki, network, tmp_path, fault
):
    network.faults = [fault, fault, None, fault]
    configure(loki, tmp_path, url=network.url, batch_events=100)
    for n in range(1000):
        log.info("x", n=n)
    assert 1000 == counts(60).delivered
    entries = loki.wait_for(1000)

    assert network.connections >= 3
    assert list(range(1000)) == numbers(entries)


def test_the_same_push_twice_is_stored_once(loki):
    options = LokiOptions(url=loki.url, labels={"run": loki.run})
    sink = LokiSink(options)
    now = time.time_ns()
    batch = [
        Event(now + n, 20, {"level": "info"}, b'{"n": %d}\n' % n)
        for n in range(100)
    ]
    sink.write(batch)
    sink.write(batch)
    sink.close()

    assert list(range(100)) == numbers(loki.wait_for(100))


def test_what_is_late_is_taken_beside_what_is_fresh(loki):
    options = LokiOptions(url=loki.url, labels={"run": loki.run})
    sink = LokiSink(options)
    now = time.time_ns()
    for n, minutes in enumerate((0, 200, 50, 1)):
        event = Event(now - minutes * MINUTE, 20, {}, b'{"n": %d}\n' % n)
        assert sink.write([event]) is None
    sink.close()
    entries = loki.wait_for(4)

    assert [1, 2, 3, 0] == numbers(entries)
    assert [True, True, False, False] == ["replay" in e[2] for e in entries]


def test_what_is_refused_is_counted_and_the_rest_is_stored(loki):
    options = LokiOptions(url=loki.url, labels={"run": loki.run})
    sink = LokiSink(options)
    now = time.time_ns()
    ages = [0, 9 * 24 * 60, 1]
    batch = [
        Event(now - age * MINUTE, 20, {}, b'{"n": %d}\n' % n)
        for n, age in enumerate(ages)
    ]
    answer = sink.write(batch)
    sink.close()

    assert [(batch[1], "too_old")] == list(answer.rejected)
    assert [2, 0] == numbers(loki.wait_for(2))


class TestSpool:
    def leave(self, loki, network, tmp_path):
        """Log while Loki is away; the events stay on disk."""
        network.go_down()
        configure(
            loki, tmp_path, url=network.url, spool_dir=tmp_path / "spool"
        )
        for n in range(700):
            log.info("x", n=n)
        assert 700 == counts(0.5).spooled
        network.is_down = False

    def test_the_next_process_sends_it(self, loki, network, tmp_path):
        self.leave(loki, network, tmp_path)
        configure(loki, tmp_path, spool_dir=tmp_path / "spool")
        log.info("x", n=700)
        assert 701 == counts().delivered

        assert list(range(701)) == numbers(loki.wait_for(701))

    def test_replay_sends_it(self, loki, network, tmp_path, monkeypatch):
        self.leave(loki, network, tmp_path)
        monkeypatch.setenv("MOHFLOW_LOKI_URL", loki.url)
        monkeypatch.setenv(
            "MOHFLOW_LOKI_LABELS", json.dumps({"run": loki.run})
        )
        done = subprocess.run(
            [sys.executable, "-m", "mohflow", "replay", tmp_path / "spool"],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

        assert (0, "") == (done.returncode, done.stderr)
        assert "700 stored, 0 left" in done.stdout
        entries = loki.wait_for(700)
        assert list(range(700)) == numbers(entries)
        assert {"live"} == {e[2]["service_name"] for e in entries}


def test_the_doctor_reads_its_event_back(loki):
    done = subprocess.run(
        [sys.executable, "-m", "mohflow", "doctor", "--loki", loki.url],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert 0 == done.returncode, done.stdout
    assert "it took an event and showed it again" in done.stdout


class TestTenants:
    def test_each_sees_its_own(self, tenants, tmp_path):
        one, other = tenants
        other.run = one.run
        configure(one, tmp_path, tenant_field="customer")
        for n in range(40):
            name = other.tenant if n % 4 == 0 else None
            log.info("x", n=n, customer=name)
        assert 40 == counts().delivered

        expected = Counter(n % 4 == 0 for n in range(40))
        assert expected[False] == len(one.wait_for(30))
        assert expected[True] == len(other.wait_for(10))
        assert {0} == {n % 4 for n in numbers(other.query())}

    def test_without_a_tenant_the_events_are_held(self, tenants, tmp_path):
        one, _ = tenants
        one.tenant = None
        configure(one, tmp_path, spool_dir=tmp_path / "spool")
        log.info("x", n=0)
        mohflow.flush(1)

        assert "http_401" == mohflow.health()[-1].reason
        assert 1 == counts(0.5).spooled
