import os
import resource
import shutil
import subprocess
import sys
import textwrap

import orjson
import pytest

from mohflow._event import Event
from mohflow.delivery.spool import Spool
from mohflow.exceptions import SpoolError


NOW = 1_795_003_200 * 10**9
AS_ROOT = os.geteuid() == 0


def event(number, size=0):
    fields = {"n": number, "pad": "x" * size}
    return Event(NOW + number, 20, fields, orjson.dumps(fields) + b"\n")


def open_spool(folder, **options):
    options = {"max_bytes": 10**8, "clock": lambda: NOW, **options}
    return Spool(folder / "loki", **options)


def numbers(spool):
    return [e.fields["n"] for e in spool.peek(10**6, 10**9)]


def fill(spool, size=1000):
    """Append until it fails; return how many were kept, and the reason."""
    for number in range(100_000):
        try:
            spool.append([event(number, size)])
        except SpoolError as error:
            return number, error.reason
    return None


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]
    if not AS_ROOT or subprocess.run(command, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield limit
    limit(soft)


class TestFullDisk:
    def test_what_was_kept_stays_and_what_comes_later_is_kept(
        self, small_disk
    ):
        spool = open_spool(small_disk)
        hog = small_disk / "hog"
        hog.write_bytes(b"x" * 100_000)
        kept, reason = fill(spool)
        assert "disk_full" == reason
        assert kept == len(spool)
        with pytest.raises(SpoolError):
            spool.append([event(n, 500) for n in range(500)])
        with pytest.raises(SpoolError):
            spool.prepend([event(n, 500) for n in range(500)])
        assert list(range(kept)) == numbers(spool)
        hog.unlink()
        spool.append([event(kept)])
        spool.prepend([event(-1)])

        expected = list(range(-1, kept + 1))
        assert expected == numbers(spool)
        spool.after_fork()
        successor = open_spool(small_disk)
        assert len(expected) == successor.adopt()
        assert (expected, 0) == (numbers(successor), successor.skipped_bytes)
        successor.close()

    def test_delivery_makes_room(self, small_disk):
        spool = open_spool(small_disk, max_bytes=200_000)
        hog = small_disk / "hog"
        hog.write_bytes(b"x" * 150_000)
        kept, _ = fill(spool)
        numbers(spool)
        spool.ack(kept)

        spool.append([event(1)])
        assert [1] == numbers(spool)
        spool.close()

    def test_an_append_that_fails_in_the_middle_keeps_nothing(
        self, small_disk
    ):
        spool = open_spool(small_disk, max_bytes=160_000)
        spool.append([event(0)])
        many = [event(n, 1000) for n in range(400)]
        with pytest.raises(SpoolError):
            spool.append(many)

        assert [0] == numbers(spool)
        assert 1 == len(list(small_disk.rglob("*.spool")))
        spool.append([event(1)])
        assert [0, 1] == numbers(spool)
        spool.close()

    def test_a_limit_on_files_ends_a_segment(self, tmp_path, file_limit):
        spool = open_spool(tmp_path)
        file_limit(50_000)
        kept = 100
        for number in range(kept):
            spool.append([event(number, 1000)])
        sizes = [path.stat().st_size for path in tmp_path.rglob("*.spool")]
        assert max(sizes) <= 50_000 < sum(sizes)
        spool.append([event(kept, 1000)])
        file_limit(100)
        with pytest.raises(SpoolError):
            spool.append([event(-1, 1000)])
        with pytest.raises(SpoolError):
            spool.append([event(-1, 1000)])
        file_limit(resource.RLIM_INFINITY)
        spool.append([event(kept + 1)])

        assert list(range(kept + 2)) == numbers(spool)


class TestFolder:
    def test_a_deleted_folder_is_made_again(self, tmp_path):
        spool = open_spool(tmp_path)
        spool.append([event(1)])
        shutil.rmtree(tmp_path / "loki")
        spool.append([event(2)])

        assert [1, 2] == numbers(spool)
        spool.after_fork()
        successor = open_spool(tmp_path)
        assert 1 == successor.adopt()
        assert [2] == numbers(successor)

    def test_deleted_segments_are_counted(self, tmp_path):
        spool = open_spool(tmp_path, max_bytes=20_000)
        spool.append([event(n, 1000) for n in range(10)])
        first, *_ = sorted(tmp_path.rglob("*.spool"))
        first.unlink()
        left = numbers(spool)

        assert {"spool_missing": 10 - len(left)} == spool.evict()
        assert len(left) == len(spool) < 10
        spool.ack(len(left))
        assert {} == spool.evict()
        assert (0, 0) == (len(spool), spool.bytes)

    @pytest.mark.skipif(not AS_ROOT, reason="changes its user")
    def test_a_folder_without_rights_is_named_and_comes_back(self, tmp_path):
        script = """
            import os, sys
            from pathlib import Path
            from mohflow._event import Event
            from mohflow.delivery.spool import Spool
            from mohflow.exceptions import SpoolError

            folder = Path(sys.argv[1])
            os.setuid(12345)
            spool = Spool(folder / "open" / "loki", max_bytes=10**6)
            try:
                spool.append([Event(1, 2, {}, b"{}")])
            except SpoolError as error:
                print(error.reason, len(spool), spool.adopt(), spool.evict())
        """
        (tmp_path / "open").mkdir(mode=0o700)
        for parent in [tmp_path, *tmp_path.parents]:
            if parent.stat().st_mode & 0o001:
                break
            parent.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), tmp_path],
            capture_output=True,
            check=False,
            text=True,
        )

        assert "permission_denied 0 0 {}\n" == done.stdout, done.stderr

    def test_files_that_can_only_be_read_are_still_delivered(self, tmp_path):
        script = """
            import os, sys
            from pathlib import Path
            from mohflow._event import Event
            from mohflow.delivery.spool import Spool

            def restart():
                spool = Spool(Path(sys.argv[1]), max_bytes=10**6, clock=int)
                print(spool.adopt())
                return spool

            events = [Event(n, 2, {}, b"{}") for n in range(3)]
            spool = restart()
            spool.append(events)
            spool.close()
            spool = restart()
            if os.geteuid() == 0:
                os.chown(sys.argv[1], 12345, -1)
                for path in Path(sys.argv[1]).rglob("*"):
                    os.chown(path, 12345, -1)
                os.setuid(12345)
            (path,) = Path(sys.argv[1]).rglob("*.spool")
            path.chmod(0o400)
            path.parent.chmod(0o500)
            assert events == spool.peek(9, 999)
            spool.ack(1)
            assert events[1:] == spool.peek(9, 999)
            spool.ack(2)
            print(len(spool), spool.peek(9, 999))
            path.parent.chmod(0o700)
        """
        for parent in [tmp_path, *tmp_path.parents]:
            if parent.stat().st_mode & 0o001:
                break
            parent.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), tmp_path],
            capture_output=True,
            check=False,
            text=True,
        )

        assert "0\n3\n0 []\n" == done.stdout, done.stderr
        assert "cannot note progress" in done.stderr

    def test_descriptors_that_the_program_closed_are_not_used(self, tmp_path):
        script = """
            import os, sys
            from pathlib import Path
            from mohflow._event import Event
            from mohflow.delivery.spool import Spool

            folder = Path(sys.argv[1])
            event = Event(1, 2, {"a": 1}, b'{"a":1}')
            spool = Spool(folder / "loki", max_bytes=10**6, clock=int)
            spool.append([event])
            os.closerange(3, 100)
            other = [open(folder / f"{n}", "w") for n in range(10)]
            spool.append([event])
            assert [event] * 2 == spool.peek(9, 999), spool.peek(9, 999)
            spool.ack(2)
            spool.close()
            print({os.stat(file.fileno()).st_size for file in other})
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), tmp_path],
            capture_output=True,
            check=False,
            text=True,
        )

        assert "{0}\n" == done.stdout, done.stderr
