import threading

import pytest

from pydantic import BaseModel, SecretStr

from mohflow import (
    FileOptions,
    Limits,
    Partial,
    Rejected,
    Sink,
    SinkError,
    Unavailable,
)
from mohflow.sinks.file import FileSink
from mohflow.testing import FailingSink, RecordingSink, check_sink


def test_the_file_sink_keeps_the_contract(tmp_path):
    path = tmp_path / "test.log"

    check_sink(
        lambda: FileSink(FileOptions(path=path)),
        read_back=lambda: path.read_bytes().splitlines(),
    )


def test_the_recording_sink_keeps_the_contract():
    check_sink(RecordingSink)


class Options(BaseModel):
    token: SecretStr = SecretStr("swordfish")


class Broken(RecordingSink):
    """Keeps the contract of a sink whose destination is away."""

    error = Unavailable("refused")

    def __init__(self):
        super().__init__()
        self.options = Options()

    def write(self, batch):
        raise self.error

    def check(self):
        raise self.error


def test_a_broken_destination_is_part_of_the_contract():
    check_sink(RecordingSink, make_broken=Broken)


class NoSink:
    pass


class StartsThread(RecordingSink):
    def __init__(self):
        super().__init__()
        self.end = threading.Event()
        threading.Thread(target=self.end.wait, daemon=True).start()

    def close(self):
        self.end.set()


class LeavesThread(RecordingSink):
    end = threading.Event()

    def write(self, batch):
        threading.Thread(target=self.end.wait, daemon=True).start()


class NoRoom(RecordingSink):
    limits = Limits(max_events=0)


class NegativeAge(RecordingSink):
    limits = Limits(max_age=-1)


class OtherLimits(RecordingSink):
    limits = 500


class NoHash(RecordingSink):
    def partition(self, event):
        return [1]


class NewKeys(RecordingSink):
    def partition(self, event):
        return object()


class KeyOfTime(RecordingSink):
    def partition(self, event):
        return event.time_ns


class ReturnsCount(RecordingSink):
    def write(self, batch):
        return len(batch)


class TakesHalf(RecordingSink):
    def write(self, batch):
        return Partial(retry=batch[1:])


class OneOnly(RecordingSink):
    def write(self, batch):
        (self.only,) = batch


class Raises(RecordingSink):
    def write(self, batch):
        raise OSError("disk")


class Mutates(RecordingSink):
    def write(self, batch):
        for event in batch:
            event.fields["nested"]["list"].append(3)


class ClosesOnce(RecordingSink):
    def close(self):
        if self.closed > 1:
            raise ValueError("closed")
        self.closed += 1


class DiesClosed(RecordingSink):
    def write(self, batch):
        if self.closed:
            raise ValueError("I/O operation on closed file")


class DiesForked(RecordingSink):
    def after_fork(self):
        raise RuntimeError("fork")


class Talks(RecordingSink):
    def __init__(self):
        super().__init__()
        self.options = Options()

    def __repr__(self):
        return f"Talks({self.options.token.get_secret_value()})"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (NoSink, "is not a mohflow.Sink"),
        (StartsThread, "starts a thread when it is made"),
        (LeavesThread, "leaves threads behind after close"),
        (NoRoom, "leave no room"),
        (NegativeAge, "max_age is negative"),
        (OtherLimits, "is not mohflow.Limits"),
        (NoHash, "returns what has no hash"),
        (NewKeys, "returns two keys for equal events"),
        (KeyOfTime, "keeps events apart"),
        (ReturnsCount, "must return None or Partial"),
        (TakesHalf, "does not store all of 3 events"),
        (OneOnly, "raises ValueError"),
        (Raises, "raises OSError"),
        (Mutates, "changes the events"),
        (DiesClosed, "after close() must work or raise Unavailable"),
        (Talks, "shows a secret of its options in its repr"),
    ],
)
def test_what_breaks_the_contract_is_named(make, sentence):
    with pytest.raises(AssertionError) as caught:
        check_sink(make)
    if make is LeavesThread:
        make.end.set()

    assert sentence in str(caught.value)


@pytest.mark.parametrize("make", [ClosesOnce, DiesForked])
def test_what_close_and_after_fork_raise_comes_through(make):
    with pytest.raises((ValueError, RuntimeError)):
        check_sink(make)


class Silent(Broken):
    def write(self, batch):
        return None


class RaisesAnother(Broken):
    error = ConnectionError("refused")


class RaisesTheBase(Broken):
    error = SinkError("refused")


class HasNoReason(Broken):
    error = Rejected("")


class TellsSecret(Broken):
    error = Unavailable("https://me:swordfish@loki")


class TellsSecretInCheck(Broken):
    def check(self):
        raise OSError("cannot log in with swordfish")


class SeesNothing(Broken):
    def check(self):
        return None


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Silent, "returns None although the destination cannot be reached"),
        (RaisesAnother, "must raise Unavailable or Rejected"),
        (RaisesTheBase, "is neither Unavailable nor Rejected"),
        (HasNoReason, "has no reason"),
        (TellsSecret, "shows a secret of its options in an error of write"),
        (TellsSecretInCheck, "in an error of check"),
        (SeesNothing, "check() says nothing"),
    ],
)
def test_what_breaks_it_when_the_destination_is_away_is_named(make, sentence):
    with pytest.raises(AssertionError) as caught:
        check_sink(RecordingSink, make_broken=make)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("count", [0, 2])
def test_a_line_that_is_lost_or_stored_twice_is_named(count):
    stored = []

    class Copies(RecordingSink):
        def write(self, batch):
            stored.extend(e.line for e in batch for _ in range(count))

    with pytest.raises(AssertionError, match=f"has it {count} times"):
        check_sink(Copies, read_back=lambda: stored)


def test_an_error_that_recovers_is_a_breach_too():
    class Flaky(Sink):
        def __init__(self):
            self.inner = FailingSink([Unavailable("busy")])

        def write(self, batch):
            return self.inner.write(batch)

    with pytest.raises(AssertionError, match="raises Unavailable"):
        check_sink(Flaky)
