import os
import stat
import time

import orjson
import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow._event import Event
from mohflow.delivery import _segment
from mohflow.delivery.spool import Spool
from mohflow.exceptions import SpoolError


HOUR = 3600 * 10**9
NOW = 1_795_003_200 * 10**9


def event(number, size=0, time_ns=None):
    fields = {"n": number, "pad": "x" * size}
    line = orjson.dumps(fields) + b"\n"
    return Event(time_ns or NOW + number, 20, fields, line)


def events(*numbers, **kwargs):
    return [event(number, **kwargs) for number in numbers]


def numbers(spool, max_events=10**6, max_bytes=10**9):
    return [e.fields["n"] for e in spool.peek(max_events, max_bytes)]


def open_spool(folder, **options):
    options = {"max_bytes": 10**8, "clock": lambda: NOW, **options}
    return Spool(folder / "spools" / "loki", **options)


def segments(folder):
    return sorted(folder.rglob("*.spool"))


def restart(spool, folder, **options):
    spool.close()
    successor = open_spool(folder, **options)
    successor.adopt()
    return successor


class TestOrder:
    def test_what_is_peeked_at_stays_until_it_is_acknowledged(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(1, 2, 3))

        assert [1, 2] == numbers(spool, max_events=2)
        assert [1, 2, 3] == numbers(spool)
        spool.ack(2)
        assert [3] == numbers(spool)
        assert 1 == len(spool)
        assert NOW + 3 == spool.oldest_time_ns

    @pytest.mark.parametrize(("most", "size"), [(7, 10**9), (100, 300)])
    def test_what_is_read_ahead_is_not_read_again(
        self, tmp_path, monkeypatch, most, size
    ):
        spool = open_spool(tmp_path)
        spool.append(events(*range(20), size=50))
        decoded = []
        decode = _segment.decode
        monkeypatch.setattr(
            _segment, "decode", lambda *a: decoded.append(a) or decode(*a)
        )
        while spool.read_ahead(3, most, size):
            pass
        before = len(decoded)
        peeked = numbers(spool, most, size)

        assert list(range(len(peeked))) == peeked
        assert 0 < len(peeked) <= before == len(decoded) <= len(peeked) + 1

    def test_a_peek_returns_one_event_that_is_too_large(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(1, 2, size=500))

        assert [1] == numbers(spool, max_bytes=10)
        assert [1] == numbers(spool, max_bytes=600)

    def test_what_is_prepended_comes_first_now_and_later(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(3, 4))
        assert [3] == numbers(spool, max_events=1)
        spool.prepend(events(1, 2))
        spool.ack(1)

        assert [1, 2, 4] == numbers(spool)
        assert [1, 2, 4] == numbers(restart(spool, tmp_path))

    def test_reading_the_oldest_time_leaves_a_peek_alone(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(2, 3))
        numbers(spool)
        spool.prepend(events(1))

        assert NOW + 1 == spool.oldest_time_ns
        spool.ack(1)
        assert [1, 3] == numbers(spool)

    def test_progress_inside_a_segment_survives(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(*range(100)))
        numbers(spool, 40)
        spool.ack(40)
        spool = restart(spool, tmp_path)

        assert 60 == len(spool)
        assert list(range(40, 100)) == numbers(spool)

    def test_a_segment_goes_only_with_its_last_event(self, tmp_path):
        spool = open_spool(tmp_path, max_bytes=4000)
        spool.append(events(*range(12), size=200))
        before = len(segments(tmp_path))
        numbers(spool)
        spool.ack(2)

        assert before == len(segments(tmp_path)) == 4
        numbers(spool)
        spool.ack(1)
        assert before - 1 == len(segments(tmp_path))
        numbers(spool)
        spool.ack(9)
        assert [] == segments(tmp_path)
        assert (0, 0) == (len(spool), spool.bytes)

    def test_a_segment_spans_an_hour_at_most(self, tmp_path):
        spool = open_spool(tmp_path)
        for hour in range(3):
            spool.append([event(hour, time_ns=NOW + hour * HOUR)])

        assert 3 == len(segments(tmp_path))

    def test_fields_that_are_not_in_the_line_come_back(self, tmp_path):
        spool = open_spool(tmp_path)
        sent = [
            Event(NOW, 10**6, {"a": [1, {"b": None}]}, b"not json\n"),
            Event(NOW, -5, {}, b""),
            Event(NOW, 20, {"a": 1}, b'{"b":1}\n'),
            Event(NOW, 20, {"a": 2**70}, b'{"a":"2**70"}\n'),
        ]
        spool.append(sent)
        got = spool.peek(10, 1000)

        assert sent[:3] == got[:3]
        assert {"a": "2**70"} == got[3].fields


class TestBounds:
    def test_the_oldest_segment_gives_way_to_what_is_new(self, tmp_path):
        spool = open_spool(tmp_path, max_bytes=4000)
        spool.append(events(*range(18), size=200))
        lost = spool.evict()

        kept = numbers(spool)
        assert {"spool_full": 18 - len(kept)} == lost
        assert list(range(18 - len(kept), 18)) == kept
        assert 4000 >= sum(p.stat().st_size for p in segments(tmp_path))
        assert {} == spool.evict()

    def test_what_is_peeked_at_is_not_evicted(self, tmp_path):
        spool = open_spool(tmp_path, max_bytes=4000)
        spool.append(events(*range(3), size=200))
        assert [0] == numbers(spool, 1)
        spool.append(events(*range(3, 30), size=200))
        lost = spool.evict()
        spool.ack(1)

        assert 30 - 1 == lost["spool_full"] + len(spool)
        assert [1, 2] == numbers(spool, 2)

    def test_an_eviction_does_not_repeat_what_was_peeked_at(self, tmp_path):
        spool = open_spool(tmp_path, max_bytes=4000)
        spool.append(events(0, 1, 2, size=200))
        assert [0, 1, 2] == numbers(spool)
        spool.append(events(*range(3, 30), size=200))
        spool.evict()
        assert NOW == spool.oldest_time_ns
        spool.ack(2)

        assert [2] == numbers(spool, 1)

    def test_events_expire(self, tmp_path):
        now = NOW
        spool = open_spool(tmp_path, max_age=7200, clock=lambda: now)
        for hour in range(4):
            spool.append([event(hour, time_ns=NOW + hour * HOUR)])
        now = NOW + 4 * HOUR

        assert {"spool_expired": 2} == spool.evict()
        assert [2, 3] == numbers(spool)

    def test_only_this_user_can_read_it(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(1))
        root = tmp_path / "spools"
        modes = {
            (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
            for path in (root, *root.rglob("*"))
        }

        assert {(True, 0o700), (False, 0o600)} == modes

    def test_nothing_is_made_before_there_is_something_to_keep(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.evict()
        spool.adopt()
        spool.close()

        assert [] == list(tmp_path.iterdir())

    def test_an_empty_spool_leaves_no_folder(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(1))
        numbers(spool)
        spool.ack(1)
        spool.close()

        assert [] == list((tmp_path / "spools" / "loki").iterdir())

    def test_reading_does_not_begin_again_each_time(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append(events(*range(8000), size=300))
        began = time.process_time()
        for _ in range(8000):
            spool.peek(1, 1000)
            spool.ack(1)

        assert 0 == len(spool)
        # Reading 3 MB 8000 times would take a minute.
        assert 5 > time.process_time() - began


class TestDamage:
    @given(data=st.data())
    def test_wrong_bytes_never_become_an_event(self, data, tmp_path_factory):
        folder = tmp_path_factory.mktemp("damage")
        spool = open_spool(folder)
        sent = events(*range(20), size=30)
        for one in sent:
            spool.append([one])
        numbers(spool, 3)
        spool.ack(3)
        if data.draw(st.booleans(), "sealed"):
            spool.close()
        (path,) = segments(folder)
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(raw) - 1))
            junk = data.draw(st.binary(min_size=1, max_size=60))
            raw[at : at + len(junk)] = junk
        cut = data.draw(st.integers(0, len(raw)))
        path.write_bytes(raw[:cut] if data.draw(st.booleans()) else raw)
        spool.after_fork()
        successor = open_spool(folder)
        adopted = successor.adopt()
        got = successor.peek(100, 10**6)
        lost = successor.evict().get("spool_damaged", 0)

        assert set(map(repr, got)) <= set(map(repr, sent))
        assert sorted(e.fields["n"] for e in got) == [
            e.fields["n"] for e in got
        ]
        assert adopted == len(got) + lost
        assert len(successor) == len(got)
        successor.ack(len(got))
        successor.evict()
        assert (0, 0) == (len(successor), successor.bytes)
        successor.close()

    @pytest.mark.parametrize("is_sealed", [True, False])
    def test_events_behind_damaged_bytes_are_found(self, tmp_path, is_sealed):
        spool = open_spool(tmp_path)
        spool.append(events(1, 2, 3))
        if is_sealed:
            spool.close()
        else:
            spool.after_fork()
        (path,) = segments(tmp_path)
        raw = bytearray(path.read_bytes())
        raw[raw.index(b'{"n":2')] ^= 1
        path.write_bytes(raw)
        spool = open_spool(tmp_path)
        adopted = spool.adopt()
        size = len(_segment.encode(event(2)))

        assert [1, 3] == numbers(spool)
        assert size == spool.skipped_bytes
        lost = {"spool_damaged": 1} if is_sealed else {}
        assert (2 + len(lost), lost) == (adopted, spool.evict())

    def test_a_torn_tail_only_loses_itself(self, tmp_path, capsys):
        spool = open_spool(tmp_path)
        spool.append(events(1, 2, 3))
        spool.after_fork()
        (path,) = segments(tmp_path)
        os.truncate(path, path.stat().st_size - 5)
        spool = open_spool(tmp_path)

        assert 2 == spool.adopt()
        assert [1, 2] == numbers(spool)
        assert len(_segment.encode(event(3))) - 5 == spool.skipped_bytes
        assert "belong to no whole event" in capsys.readouterr().err

    def test_a_line_cannot_pretend_to_be_a_record(self, tmp_path):
        forged = _segment.encode(event(666))
        spool = open_spool(tmp_path)
        line = orjson.dumps(forged.decode(errors="replace"))
        spool.append([Event(NOW, 20, {"n": 1}, line), event(2)])
        spool.after_fork()
        (path,) = segments(tmp_path)
        raw = bytearray(path.read_bytes())
        raw[_segment.HEADER_BYTES + 5] ^= 1
        path.write_bytes(raw)

        spool = open_spool(tmp_path)
        spool.adopt()
        assert [2] == numbers(spool)

    def test_what_another_version_wrote_stays_and_is_said_once(
        self, tmp_path, capsys
    ):
        spool = open_spool(tmp_path)
        spool.append(events(1))
        spool.close()
        (path,) = segments(tmp_path)
        raw = bytearray(path.read_bytes())
        raw[8] = 2
        path.write_bytes(raw)
        spool = open_spool(tmp_path)

        assert (0, 0) == (spool.adopt(), spool.adopt())
        assert raw == path.read_bytes()
        assert 1 == capsys.readouterr().err.count("another version")

    def test_a_reason_is_given_with_every_refusal(self, tmp_path):
        (tmp_path / "spools").write_text("a file")

        with pytest.raises(SpoolError) as caught:
            open_spool(tmp_path).append(events(1))
        assert "folder_missing" == caught.value.reason
