import errno
import os
import subprocess
import sys
import textwrap

import pytest

from mohflow._event import Event
from mohflow.exceptions import Unavailable
from mohflow.sinks.file import FileOptions, FileSink


SECOND = 10**9
NOON = 1_795_003_200 * SECOND


def event(text, time_ns=NOON):
    return Event(time_ns, 20, {}, f"{text}\n".encode())


def sink(path, **options):
    return FileSink(FileOptions(path=path, **options))


def run(script, *arguments):
    """Run *script* in a process of its own and return what it prints."""
    start = """
        import os, resource, sys, threading, time
        from mohflow._event import Event
        from mohflow.exceptions import Unavailable
        from mohflow.sinks.file import FileOptions, FileSink

        def event(text, time_ns=None):
            time_ns = time_ns or time.time_ns()
            return Event(time_ns, 20, {}, f"{text}\\n".encode())
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(start) + textwrap.dedent(script),
            *map(str, arguments),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def fill(used):
    """Write until it fails; return the number of lines and the reason."""
    for stored in range(100):
        try:
            used.write([event("x" * 1000)])
        except Unavailable as error:
            return stored, error.reason
    return None


class TestFullDisk:
    """Half a line at most is damaged, and only the one that did not fit."""

    def test_a_torn_tail_is_ended_before_the_next_line(self, tmp_path):
        path = tmp_path / "app.log"

        said = run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (12, hard))
            used.write([event("first")])
            for text in ("does not fit", "nor this"):
                try:
                    used.write([event(text)])
                except Unavailable as error:
                    print(error.reason)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            used.write([event("second"), event("third")])
            """,
            path,
        )

        assert "disk_full\ndisk_full\n" == said
        assert "first\ndoes n\nsecond\nthird\n" == path.read_text()

    def test_a_tail_torn_while_others_write_is_ended_too(self, tmp_path):
        path = tmp_path / "app.log"
        other = sink(path)
        other.write([event("other")])

        run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
            try:
                used.write([event("does not fit")])
            except Unavailable:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            used.write([event("next")])
            """,
            path,
        )

        assert "other\ndo\nnext\n" == path.read_text()

    def test_a_line_that_fits_in_two_parts_is_whole(self, tmp_path):
        path = tmp_path / "app.log"

        said = run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            write = os.write
            os.write = lambda fd, line: write(fd, line[:4])
            used.write([event("one line")])
            """,
            path,
        )

        assert "" == said
        assert "one line\n" == path.read_text()

    def test_what_was_not_stored_of_a_batch_is_handed_back(self, tmp_path):
        said = run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5))
            events = [event("a"), event("b"), event("long"), event("c")]
            print(used.write(events).retry == events[2:])
            """,
            tmp_path / "app.log",
        )

        assert "True\n" == said

    def test_a_device_without_room_is_a_full_disk(self, tmp_path):
        (tmp_path / "app.log").symlink_to("/dev/full")
        used = sink(tmp_path / "app.log", max_bytes=1)

        with pytest.raises(Unavailable) as caught:
            used.write([event("a")])

        assert "disk_full" == caught.value.reason
        assert os.path.exists("/dev/full")

    def test_a_real_full_disk_is_survived(self, tmp_path):
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "log", tmp_path],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("this user may not mount a small disk")
        try:
            used = sink(tmp_path / "app.log")
            stored, reason = fill(used)
            os.truncate(tmp_path / "app.log", 1001)
            used.write([event("after")])
            used.close()
            lines = (tmp_path / "app.log").read_text().splitlines()
        finally:
            subprocess.run(["umount", "-l", tmp_path], check=True)

        assert "disk_full" == reason
        assert 15 <= stored <= 16
        assert ["x" * 1000, "after"] == [line for line in lines if line]


class TestTornByOthers:
    def test_what_a_killed_process_left_is_ended_at_the_start(self, tmp_path):
        path = tmp_path / "app.log"
        path.write_text("whole\nhal")

        sink(path).write([event("a"), event("b")])

        assert "whole\nhal\na\nb\n" == path.read_text()

    def test_half_a_line_that_is_being_written_is_left_alone(self, tmp_path):
        path = tmp_path / "app.log"
        other = sink(path)
        other.write([event("other")])
        with path.open("a") as slow:
            slow.write("hal")
            slow.flush()

            sink(path).check()

        assert "other\nhal" == path.read_text()


class TestFaults:
    """What the engine is told, and how the sink comes back by itself."""

    def test_a_path_below_a_file_is_missing_until_it_is_freed(self, tmp_path):
        (tmp_path / "logs").touch()
        used = sink(tmp_path / "logs" / "app.log")

        with pytest.raises(Unavailable) as caught:
            used.write([event("a")])
        (tmp_path / "logs").unlink()
        used.write([event("b")])

        assert "file_missing" == caught.value.reason
        assert "b\n" == (tmp_path / "logs" / "app.log").read_text()

    def test_a_loop_of_links_is_an_io_error(self, tmp_path):
        (tmp_path / "app.log").symlink_to("app.log")

        with pytest.raises(Unavailable) as caught:
            sink(tmp_path / "app.log").write([event("a")])

        assert "io_error" == caught.value.reason
        assert errno.ELOOP == caught.value.__cause__.errno

    def test_a_file_of_another_user_is_a_lack_of_permission(self, tmp_path):
        path = tmp_path / "app.log"
        path.touch(mode=0o400)
        tmp_path.chmod(0o755)

        said = run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            os.chdir(os.path.dirname(sys.argv[1]))
            if os.geteuid() == 0:
                used = FileSink(FileOptions(path="app.log"))
                os.setegid(65534)
                os.seteuid(65534)
            try:
                used.write([event("a")])
            except Unavailable as error:
                print(error.reason)
            """,
            path,
        )

        assert "permission_denied\n" == said

    def test_a_daemon_that_closed_every_descriptor_loses_no_line(
        self, tmp_path
    ):
        path = tmp_path / "app.log"

        run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            used.write([event("a", 1)])
            os.closerange(3, 64)
            used.write([event("b", 2)])
            """,
            path,
        )

        assert "a\nb\n" == path.read_text()

    def test_a_descriptor_that_became_another_file_is_not_closed(
        self, tmp_path
    ):
        path, stranger = tmp_path / "app.log", tmp_path / "stranger"

        run(
            """
            used = FileSink(FileOptions(path=sys.argv[1]))
            used.write([event("a", 1)])
            os.closerange(3, 64)
            stranger = open(sys.argv[2], "w", buffering=1)
            used.write([event("b", 1 + 10**9)])
            used.close()
            stranger.write("mine\\n")
            """,
            path,
            stranger,
        )

        assert "a\nb\n" == path.read_text()
        assert "mine\n" == stranger.read_text()

    def test_a_file_that_cannot_be_rotated_grows_and_says_so(
        self, tmp_path, capsys
    ):
        path = tmp_path / "app.log"
        (tmp_path / ".app.log.lock").mkdir()
        used = sink(path, max_bytes=4, rotate="hourly")

        for number in range(5):
            used.write([event(number, NOON + number * 3600 * SECOND)])

        assert "0\n1\n2\n3\n4\n" == path.read_text()
        assert "cannot rotate" in capsys.readouterr().err
