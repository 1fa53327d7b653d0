import gzip
import os

from datetime import UTC, datetime, timedelta

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow._event import Event
from mohflow.sinks import rotation
from mohflow.sinks.file import FileOptions, FileSink


SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOON = 1_795_003_200 * SECOND
TIMES = st.integers(0, 4 * 10**18)


def event(text, time_ns=NOON):
    return Event(time_ns, 20, {}, f"{text}\n".encode())


def sink(path, background=None, **options):
    return FileSink(FileOptions(path=path, **options), background=background)


def texts(path):
    """Return what the rotated files hold, oldest first, then the file."""
    rotated = sorted(path.parent.glob(f"{path.name}.*"))
    return [
        (gzip.decompress if file.suffix == ".gz" else bytes)(
            file.read_bytes()
        ).decode()
        for file in [*rotated, path]
    ]


class TestDecisions:
    """The pure part."""

    @given(time_ns=TIMES)
    def test_a_day_ends_at_midnight_utc(self, time_ns):
        end = rotation.period_end(time_ns, "daily")

        assert 0 < end - time_ns <= DAY
        assert 0 == end % DAY

    @given(time_ns=TIMES)
    def test_an_hour_ends_at_the_full_hour(self, time_ns):
        end = rotation.period_end(time_ns, "hourly")

        assert 0 < end - time_ns <= HOUR
        assert 0 == end % HOUR

    def test_a_rotated_file_is_named_by_time_in_utc(self):
        moment = datetime(2026, 11, 24, 3, 19, 1, 123456, UTC)
        time_ns = (
            (moment - datetime(1970, 1, 1, tzinfo=UTC))
            // timedelta(microseconds=1)
            * 1000
        )

        name = rotation.free_name("app.log", time_ns, set().__contains__)

        assert "app.log.20261124T031901.123456Z" == name

    @given(time_ns=TIMES, number=st.integers(1, 5), packed=st.booleans())
    def test_a_name_that_is_taken_is_never_used(self, time_ns, number, packed):
        taken = set()
        for _ in range(number):
            name = rotation.free_name("a", time_ns, taken.__contains__)
            assert not {name, name + ".gz"} & taken
            taken.add(name + ".gz" * packed)

    @given(
        ages=st.lists(st.integers(0, 100), unique=True),
        backups=st.none() | st.integers(0, 10),
        max_age=st.none() | st.integers(1, 100),
    )
    def test_the_newest_and_the_young_are_kept(self, ages, backups, max_age):
        names = {
            age: rotation.free_name("a", NOON - age * SECOND, lambda _: False)
            for age in ages
        }
        doomed = {
            names[age]
            for place, age in enumerate(sorted(ages))
            if (backups is not None and place >= backups)
            or (max_age is not None and age > max_age)
        }

        found = rotation.expired("a", names.values(), NOON, backups, max_age)

        assert sorted(doomed) == found

    def test_only_names_of_our_own_are_ever_deleted(self):
        names = [
            "app.log",
            "app.log.1",
            "app.log.gz",
            "app.log.20261124",
            "app.log.20261124T031901.123456Z.bak",
            "other.app.log.20261124T031901.123456Z",
            "app.log.x.20261124T031901.123456Z",
        ]

        assert [] == rotation.expired("app.log", names, NOON, 0, 1)

    def test_a_stamp_that_is_no_date_is_never_too_old(self):
        names = ["a.20261399T999999.123456Z"]

        assert [] == rotation.expired("a", names, NOON, None, 1)

    def test_both_forms_of_a_file_are_one_backup(self):
        old, new = "a.20260101T000000.000000Z", "a.20260102T000000.000000Z"
        names = [old, old + ".gz", new, new + ".gz"]

        found = rotation.expired("a", names, NOON, 1, None)

        assert [old, old + ".gz"] == found


class TestBySize:
    def test_a_file_that_reached_its_size_is_moved_away(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path, max_bytes=6)

        used.write([event(text) for text in ("one", "two", "three", "four")])

        assert ["one\ntwo\n", "three\n", "four\n"] == texts(path)

    def test_what_was_there_before_counts(self, tmp_path):
        path = tmp_path / "app.log"
        path.write_text("x" * 9 + "\n")

        sink(path, max_bytes=10).write([event("a"), event("b")])

        assert ["xxxxxxxxx\na\n", "b\n"] == texts(path)

    def test_the_file_behind_a_link_is_rotated_not_the_link(self, tmp_path):
        (tmp_path / "data").mkdir()
        path = tmp_path / "data" / "real.log"
        link = tmp_path / "app.log"
        link.symlink_to(path)

        sink(link, max_bytes=2).write([event("a"), event("b")])

        assert link.is_symlink()
        assert ["a\n", "b\n"] == texts(path)[:2]

    def test_two_sinks_of_one_process_share_a_file(self, tmp_path):
        path = tmp_path / "app.log"
        one, two = sink(path, max_bytes=9), sink(path, max_bytes=9)

        for number in range(30):
            one.write([event(number)])
            two.write([event(number)])

        assert [str(n // 2) for n in range(60)] == "".join(texts(path)).split()

    def test_a_line_is_written_again_if_its_file_was_deleted(self, tmp_path):
        path = tmp_path / "app.log"
        slow = sink(path, max_bytes=4)
        slow.write([event("a")])
        sink(path, max_bytes=4, backups=0).write([event("b")])

        slow.write([event("c")])

        assert ["c\n"] == texts(path)


class TestByTime:
    @pytest.mark.parametrize(
        ("rotate", "length"), [("hourly", HOUR), ("daily", DAY)]
    )
    def test_the_first_event_of_a_period_begins_a_file(
        self, tmp_path, rotate, length
    ):
        path = tmp_path / "app.log"
        used = sink(path, rotate=rotate)
        end = rotation.period_end(NOON, rotate)

        used.write([event("a", end - 2), event("b", end - 1)])
        used.write([event("c", end), event("d", end + length)])

        assert ["a\nb\n", "c\n", "d\n"] == texts(path)

    def test_a_restart_in_the_same_period_goes_on(self, tmp_path):
        path = tmp_path / "app.log"
        sink(path, rotate="daily").write([event("a")])
        os.utime(path, ns=(NOON, NOON))

        sink(path, rotate="daily").write([event("b", NOON + HOUR)])

        assert ["a\nb\n"] == texts(path)

    def test_a_restart_in_a_new_period_begins_a_file(self, tmp_path):
        path = tmp_path / "app.log"
        sink(path, rotate="daily").write([event("a")])
        os.utime(path, ns=(NOON, NOON))

        sink(path, rotate="daily").write([event("b", NOON + DAY)])

        assert ["a\n", "b\n"] == texts(path)

    def test_an_empty_file_is_not_rotated(self, tmp_path):
        path = tmp_path / "app.log"
        path.touch()
        os.utime(path, ns=(NOON, NOON))

        sink(path, rotate="daily").write([event("a", NOON + DAY)])

        assert ["a\n"] == texts(path)


class TestRetention:
    def test_no_more_than_backups_are_kept(self, tmp_path):
        path = tmp_path / "app.log"

        sink(path, max_bytes=2, backups=2).write(
            [event(text, NOON + n * SECOND) for n, text in enumerate("abcde")]
        )
        path.touch()

        assert ["d\n", "e\n", ""] == texts(path)

    def test_files_rotated_too_long_ago_are_deleted(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path, rotate="hourly", max_age=2 * 3600)

        used.write([event(n, NOON + n * HOUR) for n in range(6)])

        assert ["2\n", "3\n", "4\n", "5\n"] == texts(path)

    def test_age_counts_without_a_rotation_too(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path, max_bytes=7, max_age=60)
        used.write([event("oldest"), event("a")])

        used.write([event("b", NOON + HOUR + SECOND)])

        assert ["a\nb\n"] == texts(path)


class TestCompression:
    def test_a_rotated_file_is_compressed_and_keeps_its_mode(self, tmp_path):
        path = tmp_path / "app.log"

        sink(path, max_bytes=2, compress=True, mode=0o640).write(
            [event("a"), event("b", NOON + SECOND), event("c")]
        )
        rotated = sorted(tmp_path.glob("app.log.*"))

        assert [".gz"] * 3 == [file.suffix for file in rotated]
        assert {0o640} == {f.stat().st_mode & 0o777 for f in rotated}
        assert ["a\n", "b\n", "c\n"] == sorted(texts(path)[:-1])

    def test_the_work_is_handed_to_the_background(self, tmp_path):
        path = tmp_path / "app.log"
        work = []
        used = sink(path, work.append, max_bytes=2, compress=True)

        used.write([event("a")])
        before = list(tmp_path.glob("*.gz"))
        while work:
            work.pop()()

        assert [] == before
        assert [".gz"] == [f.suffix for f in tmp_path.glob("app.log.*")]

    def test_what_a_killed_process_left_is_compressed_later(self, tmp_path):
        path = tmp_path / "app.log"
        left = "app.log.20260101T000000.000000Z"
        (tmp_path / left).write_text("left\n")
        (tmp_path / f".{left}.tmp").write_bytes(b"half")
        (tmp_path / ".app.log.20250101T000000.000000Z.tmp").touch()

        sink(path, max_bytes=2, compress=True).write([event("a")])

        assert ["left\n", "a\n"] == texts(path)[:2]
        assert [] == list(tmp_path.glob("*.tmp"))
        assert not (tmp_path / left).exists()

    def test_a_file_somebody_may_still_write_to_waits(self, tmp_path):
        path = tmp_path / "app.log"
        slow = sink(path, rotate="hourly", compress=True)
        slow.write([event("a")])
        os.utime(path, ns=(NOON, NOON))
        sink(path, rotate="hourly", compress=True).write(
            [event("b", NOON + HOUR)]
        )
        waiting = [f.suffix for f in tmp_path.glob("app.log.*")]

        slow.write([event("late")])
        slow.write([event("c", NOON + HOUR + 1)])

        assert [".000000Z"] == waiting
        assert ["a\nlate\n", "b\nc\n"] == texts(path)
        assert [".gz"] == [f.suffix for f in tmp_path.glob("app.log.*")]

    def test_a_file_that_waited_is_compressed_within_a_minute(self, tmp_path):
        path = tmp_path / "app.log"
        slow = sink(path, max_bytes=4, compress=True)
        slow.write([event("a")])
        used = sink(path, max_bytes=4, compress=True)
        used.write([event("b")])
        waiting = [f.suffix for f in tmp_path.glob("app.log.*")]
        slow.close()

        used.write([event("c", NOON + 61 * SECOND)])

        assert [".000000Z"] == waiting
        assert [".gz"] == [f.suffix for f in tmp_path.glob("app.log.*")]
        assert ["a\nb\n", "c\n"] == texts(path)

    def test_a_failure_is_said_and_the_file_stays(self, tmp_path, capsys):
        path = tmp_path / "app.log"
        name = rotation.free_name("app.log", NOON, lambda _: False)
        (tmp_path / f".{name}.tmp").mkdir()

        sink(path, max_bytes=2, compress=True).write([event("a")])

        assert "a\n" == (tmp_path / name).read_text()
        assert "cannot compress" in capsys.readouterr().err
