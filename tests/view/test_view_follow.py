"""What is appended to a file is seen once, whatever becomes of the file."""

import os

import pytest

from mohflow.cli.view.follow import GRACE, Followed
from mohflow.testing import FakeClock


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.log"
    path.write_bytes(b"old\n")
    return path


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def followed(path, clock):
    descriptor = os.open(path, os.O_RDONLY)
    followed = Followed(str(path), descriptor, 4, clock)
    yield followed
    followed.close()


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)


def seen(followed):
    """Return all that is there now."""
    found = []
    while lines := followed.lines():
        found += lines
    return found


def test_only_what_is_appended_is_seen(followed, path):
    assert [] == seen(followed)

    append(path, b"a\nb\n")

    assert [b"a", b"b"] == seen(followed)
    assert [] == seen(followed)


def test_a_line_is_seen_when_it_is_ended(followed, path):
    append(path, b"a")
    assert [] == seen(followed)

    append(path, b"b\n")
    assert [b"ab"] == seen(followed)


def test_a_renamed_file_is_read_on_beside_the_new_one(followed, path, clock):
    append(path, b"a\n")
    moved = path.with_suffix(".1")
    path.rename(moved)
    assert [b"a"] == seen(followed)

    append(moved, b"late\n")
    append(path, b"b\n")
    assert [b"late", b"b"] == seen(followed)

    append(moved, b"later\nno end")
    assert [b"later"] == seen(followed)

    clock.advance(GRACE + 1)
    assert [b"no end"] == seen(followed)

    append(moved, b"too late\n")
    append(path, b"c\n")
    assert [b"c"] == seen(followed)


def test_nothing_is_lost_while_no_file_bears_the_name(followed, path):
    path.rename(path.with_suffix(".1"))
    assert [] == seen(followed)

    append(path, b"a\n")
    assert [b"a"] == seen(followed)


def test_a_truncated_file_is_read_from_its_beginning(followed, path):
    append(path, b"a long line\n")
    assert [b"a long line"] == seen(followed)

    os.truncate(path, 0)
    append(path, b"b\n")
    assert [b"b"] == seen(followed)


def test_a_deleted_file_is_followed_when_it_comes_back(followed, path):
    path.unlink()
    assert [] == seen(followed)

    append(path, b"a\n")
    assert [b"a"] == seen(followed)
