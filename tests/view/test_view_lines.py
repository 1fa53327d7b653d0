"""Lines come out of blocks, parts and packed files as they were written."""

import gzip
import os

from contextlib import contextmanager

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.cli.view import files, lines


DATA = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"def\n"])).map(b"".join)
BLOCKS = st.integers(1, 7)


@contextmanager
def holding(data):
    descriptor = os.memfd_create("lines")
    try:
        os.write(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def expected(data):
    found = data.split(b"\n")
    return found if found[-1] else found[:-1]


def flat(blocks):
    return [line for block in blocks for line in block]


@contextmanager
def block_of(size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", size)
        yield


@given(DATA, BLOCKS)
def test_forwards_gives_each_line_once(data, size):
    pieces = iter(
        [data[n : n + size] for n in range(0, len(data), size)] + [b""]
    )

    assert expected(data) == flat(lines.forwards(pieces.__next__))


@given(DATA, BLOCKS)
def test_backwards_gives_the_same_lines(data, size):
    with holding(data) as file, block_of(size):
        blocks = list(lines.backwards(file, len(data)))

    assert expected(data) == flat(reversed(blocks))


@given(DATA, BLOCKS, BLOCKS)
def test_each_line_belongs_to_exactly_one_part(data, size, part):
    with holding(data) as file, block_of(size):
        found = [
            line
            for start in range(0, len(data), part)
            for line in flat(
                lines.between(file, start, min(start + part, len(data)))
            )
        ]

    assert expected(data) == found


@given(DATA, BLOCKS)
def test_the_end_of_the_lines_is_behind_the_last_newline(data, size):
    with holding(data) as file, block_of(size):
        assert data.rfind(b"\n") + 1 == lines.end_of_lines(file)


@given(DATA, BLOCKS, st.integers(1, 5))
def test_a_line_that_is_too_long_is_cut_and_counted_once(data, size, most):
    pieces = iter(
        [data[n : n + size] for n in range(0, len(data), size)] + [b""]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "MAX_LINE", most)
        found = flat(lines.forwards(pieces.__next__))

    assert len(expected(data)) == len(found)
    for line, whole in zip(found, expected(data), strict=True):
        assert line == whole or line == whole[: len(line)]
        assert len(line) >= min(most, len(whole))


class TestPacked:
    def read(self, path):
        with files.opened(str(path)) as source:
            assert source.is_packed
            for block in lines.forwards(files.reader(source)):
                yield from block

    def test_members_follow_each_other(self, tmp_path):
        path = tmp_path / "a.gz"
        path.write_bytes(
            gzip.compress(b"a\nb") + gzip.compress(b"c\n") + b"\0" * 512
        )

        assert [b"a", b"bc"] == list(self.read(path))

    def test_what_a_file_holds_before_its_missing_end_is_read(self, tmp_path):
        path = tmp_path / "a.gz"
        path.write_bytes(gzip.compress(b"a\nb\n" * 9)[:-8])
        found = self.read(path)

        assert [b"a", b"b"] * 9 == [next(found) for _ in range(18)]
        with pytest.raises(EOFError):
            next(found)


class TestRotated:
    @pytest.mark.parametrize(
        "names",
        [
            ["a.log.20261124T031901.123456Z.gz", "a.log.20261124T041901.0Z"],
            ["a.log.10.gz", "a.log.9.gz", "a.log.2", "a.log.1"],
            ["a.log-20261123.gz", "a.log-20261124"],
            ["a.log.2026-11-23", "a.log.2026-11-24"],
        ],
    )
    def test_siblings_come_before_the_file_oldest_first(self, tmp_path, names):
        for name in [*names, "a.log", "a.log.lock", "a.log.bak", "b.log.1"]:
            (tmp_path / name).touch()

        assert [str(tmp_path / n) for n in [*names, "a.log"]] == (
            files.with_rotated(str(tmp_path / "a.log"))
        )

    def test_a_file_counts_rather_than_its_unfinished_copy(self, tmp_path):
        for name in ("a.log", "a.log.1", "a.log.1.gz"):
            (tmp_path / name).touch()

        assert ["a.log.1", "a.log"] == [
            os.path.basename(path)
            for path in files.with_rotated(str(tmp_path / "a.log"))
        ]
