import os
import resource
import stat

import orjson
import pytest

from mohflow._event import Event
from mohflow.delivery.dead_letters import DeadLetter, DeadLetters
from mohflow.exceptions import SpoolError


def event(number, line=None):
    fields = {"n": number, "text": "grüße"}
    line = line or orjson.dumps(fields) + b"\n"
    return Event(10**18 + number, 20, fields, line)


def test_what_was_refused_can_be_sent_again(tmp_path):
    letters = DeadLetters(tmp_path / "sub" / "dead.jsonl", 10**6)
    events = [event(1), event(2, b"not json\n"), Event(1, 2, {}, b"")]
    letters.append("loki", [(one, "too_old") for one in events])

    assert [DeadLetter("loki", "too_old", e) for e in events] == list(letters)


def test_a_letter_is_a_line_that_people_can_read(tmp_path):
    path = tmp_path / "dead.jsonl"
    DeadLetters(path, 10**6).append("loki", [(event(1), "too_old")])

    assert {
        "time": 10**18 + 1,
        "sink": "loki",
        "reason": "too_old",
        "level": 20,
        "line": '{"n":1,"text":"grüße"}\n',
    } == orjson.loads(path.read_bytes())
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_full_file_is_kept_once(tmp_path):
    letters = DeadLetters(tmp_path / "dead.jsonl", 1000)
    for number in range(50):
        letters.append("loki", [(event(number), "too_old")])

    got = [letter.event.fields["n"] for letter in letters]
    assert list(range(50 - len(got), 50)) == got
    assert 9 <= len(got) < 50
    assert ["dead.jsonl", "dead.jsonl.1"] == sorted(os.listdir(tmp_path))
    assert 2400 > sum(p.stat().st_size for p in tmp_path.iterdir())


def test_torn_and_foreign_lines_are_passed_over(tmp_path):
    path = tmp_path / "dead.jsonl"
    letters = DeadLetters(path, 10**6)
    letters.append("loki", [(event(1), "a")])
    with path.open("ab") as file:
        file.write(b'null\n[]\n{"time":1}\n\xff\n{"time":17,"si')
    letters.append("loki", [(event(2), "b")])

    assert ["a", "b"] == [letter.reason for letter in letters]


def test_no_file_is_no_letters(tmp_path):
    assert [] == list(DeadLetters(tmp_path / "dead.jsonl", 10**6))


def test_a_full_disk_is_said_and_does_not_spoil_what_comes_later(tmp_path):
    letters = DeadLetters(tmp_path / "dead.jsonl", 10**6)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        letters.append("loki", [(event(1), "a")])
        with pytest.raises(SpoolError) as caught:
            letters.append("loki", [(event(2), "b")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    letters.append("loki", [(event(3), "c")])

    assert "disk_full" == caught.value.reason
    assert ["a", "c"] == [letter.reason for letter in letters]
