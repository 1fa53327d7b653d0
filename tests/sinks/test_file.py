import os
import stat
import subprocess
import sys

from datetime import timedelta

import pytest

from pydantic import ValidationError

from mohflow._event import Event
from mohflow.exceptions import ConfigurationError
from mohflow.sinks.file import FileOptions, FileSink


SECOND = 10**9
NOON = 1_795_003_200 * SECOND


def event(text, time_ns=NOON):
    return Event(time_ns, 20, {}, f"{text}\n".encode())


def sink(path, **options):
    return FileSink(FileOptions(path=path, **options))


class TestOptions:
    """What a person may write for a file."""

    @pytest.mark.parametrize(
        ("name", "given", "expected"),
        [
            ("max_bytes", "10MB", 10_000_000),
            ("max_bytes", "10 MiB", 10_485_760),
            ("max_bytes", "4096", 4096),
            ("mode", "0640", 0o640),
            ("mode", "600", 0o600),
            ("mode", 0o644, 0o644),
            ("level", "warn", 30),
            ("level", "15", 15),
            ("max_age", timedelta(days=1), 86_400.0),
            ("max_age", "60", 60.0),
            ("backups", "3", 3),
        ],
    )
    def test_values_may_be_text(self, name, given, expected):
        options = FileOptions(path="app.log", **{name: given})

        assert expected == getattr(options, name)

    @pytest.mark.parametrize(
        ("name", "given", "message"),
        [
            ("max_bytes", 0, "greater than 0"),
            ("max_bytes", "lots", "could not parse"),
            ("mode", 600, "Give text such as '0640'"),
            ("mode", "0400", "lets the owner write"),
            ("level", "loud", "Unknown level 'loud'"),
            ("max_age", "inf", "finite number"),
            ("backups", -1, "greater than or equal to 0"),
            ("rotate", "weekly", "'hourly', 'daily' or 'none'"),
            ("size", 1, "Extra inputs"),
        ],
    )
    def test_a_wrong_value_is_refused_with_its_reason(
        self, name, given, message
    ):
        with pytest.raises(ValidationError, match=message) as caught:
            FileOptions(path="app.log", **{name: given})

        assert (name,) == caught.value.errors()[0]["loc"]


class TestWrite:
    """The file as one process sees it."""

    def test_lines_are_there_when_write_returns(self, tmp_path):
        path = tmp_path / "app.log"

        sink(path).write([event("a"), event("b")])

        assert b"a\nb\n" == path.read_bytes()

    def test_lines_are_appended_to_an_existing_file(self, tmp_path):
        path = tmp_path / "app.log"
        path.write_text("old\n")

        sink(path).write([event("new")])

        assert "old\nnew\n" == path.read_text()

    def test_missing_folders_are_created(self, tmp_path):
        path = tmp_path / "a" / "b" / "app.log"

        sink(path).write([event("a")])

        assert "a\n" == path.read_text()

    def test_nothing_is_created_before_it_is_needed(self, tmp_path):
        sink(tmp_path / "a" / "app.log")

        assert [] == list(tmp_path.iterdir())

    def test_a_relative_path_does_not_follow_the_program(
        self, tmp_path, monkeypatch
    ):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path)
        relative = sink("app.log")
        monkeypatch.chdir(tmp_path / "elsewhere")

        relative.write([event("a")])

        assert "a\n" == (tmp_path / "app.log").read_text()

    @pytest.mark.parametrize("mode", [0o600, 0o666])
    def test_a_new_file_has_exactly_the_mode(self, tmp_path, mode):
        before = os.umask(0o027)
        try:
            sink(tmp_path / "app.log", mode=mode).write([event("a")])
        finally:
            os.umask(before)

        found = (tmp_path / "app.log").stat().st_mode

        assert mode == stat.S_IMODE(found)

    def test_the_default_mode_hides_the_file_from_others(self, tmp_path):
        sink(tmp_path / "app.log").write([event("a")])

        found = (tmp_path / "app.log").stat().st_mode

        assert 0o600 == stat.S_IMODE(found)

    def test_an_existing_file_keeps_its_mode(self, tmp_path):
        path = tmp_path / "app.log"
        path.touch()
        path.chmod(0o640)

        sink(path).write([event("a")])

        assert 0o640 == stat.S_IMODE(path.stat().st_mode)

    def test_a_started_program_does_not_inherit_the_file(self, tmp_path):
        script = (
            "import os, pathlib, sys\n"
            "fds = pathlib.Path('/proc/self/fd').iterdir()\n"
            "print(any(os.path.realpath(f) == sys.argv[1] for f in fds))"
        )
        path = tmp_path / "app.log"
        used = sink(path)
        used.write([event("a")])

        seen = subprocess.run(
            [sys.executable, "-c", script, os.path.realpath(path)],
            capture_output=True,
            check=True,
            close_fds=False,
            text=True,
        )

        assert "False\n" == seen.stdout

    def test_a_write_after_close_opens_the_file_again(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path)
        used.write([event("a")])
        used.close()
        used.close()

        used.write([event("b")])

        assert "a\nb\n" == path.read_text()

    def test_close_gives_the_descriptor_back(self, tmp_path):
        used = sink(tmp_path / "app.log")
        before = len(os.listdir("/proc/self/fd"))
        used.write([event("a")])
        during = len(os.listdir("/proc/self/fd"))

        used.close()

        assert before + 1 == during
        assert before == len(os.listdir("/proc/self/fd"))

    def test_a_forked_child_lets_go_of_what_it_inherited(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path)
        before = len(os.listdir("/proc/self/fd"))
        used.write([event("a")])

        used.after_fork()
        after = len(os.listdir("/proc/self/fd"))
        used.write([event("b")])

        assert before == after
        assert "a\nb\n" == path.read_text()


class TestCheck:
    """What is said before the first event."""

    def test_a_usable_path_passes_and_no_descriptor_stays(self, tmp_path):
        before = len(os.listdir("/proc/self/fd"))

        sink(tmp_path / "app.log", max_bytes=10).check()

        assert (tmp_path / "app.log").exists()
        assert before == len(os.listdir("/proc/self/fd"))

    def test_an_unusable_path_is_named_with_reason_and_remedy(self, tmp_path):
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "app.log"

        with pytest.raises(ConfigurationError) as caught:
            sink(path).check()

        assert (
            f"Cannot write to the log file '{path}' (path): "
            "Not a directory. Choose another path."
        ) == str(caught.value)

    def test_a_folder_is_no_log_file(self, tmp_path):
        with pytest.raises(ConfigurationError, match="Is a directory"):
            sink(tmp_path).check()

    def test_a_lock_file_that_cannot_be_opened_is_noticed(self, tmp_path):
        (tmp_path / ".app.log.lock").mkdir()

        with pytest.raises(ConfigurationError, match="Is a directory"):
            sink(tmp_path / "app.log", rotate="daily").check()


class TestMovedByOthers:
    """The path is looked at once a second, by the time of the events."""

    def test_the_new_file_is_used_after_logrotate_moved_it(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path)
        used.write([event("a")])
        path.rename(tmp_path / "app.log.1")

        used.write([event("b", NOON + SECOND - 1)])
        used.write([event("c", NOON + SECOND)])

        assert "a\nb\n" == (tmp_path / "app.log.1").read_text()
        assert "c\n" == path.read_text()

    def test_a_deleted_file_and_folder_come_back(self, tmp_path):
        path = tmp_path / "logs" / "app.log"
        used = sink(path)
        used.write([event("a")])
        path.unlink()
        path.parent.rmdir()

        used.write([event("b", NOON + SECOND)])

        assert "b\n" == path.read_text()

    def test_a_truncated_file_goes_on_at_its_start(self, tmp_path):
        path = tmp_path / "app.log"
        used = sink(path)
        used.write([event("a")])
        os.truncate(path, 0)

        used.write([event("b")])

        assert b"b\n" == path.read_bytes()

    def test_a_symbolic_link_that_moves_on_is_followed(self, tmp_path):
        link = tmp_path / "app.log"
        link.symlink_to("monday.log")
        used = sink(link)
        used.write([event("a")])
        link.unlink()
        link.symlink_to("tuesday.log")

        used.write([event("b", NOON + SECOND)])

        assert "a\n" == (tmp_path / "monday.log").read_text()
        assert "b\n" == (tmp_path / "tuesday.log").read_text()
