"""What a server does to the next requests in place of answering them."""

from __future__ import annotations

import threading

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from mohflow.testing._loki_api import Request
from mohflow.testing._loki_http import Exchange, Fault
from mohflow.testing._loki_model import Answer


@dataclass(slots=True)
class _Planned:
    fault: Fault | None
    pace: int | None
    left: int | None
    """Requests; ``None``: all that follow."""


class Faults:
    """The faults that are planned, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: deque[_Planned] = deque()
        self._released = threading.Event()

    def plan(
        self,
        fault: Fault | None,
        times: int | None,
        pace: int | None = None,
    ) -> None:
        """Do *fault* to *times* requests once those before it are done."""
        with self._lock:
            self._planned.append(_Planned(fault, pace, times))

    def next(self) -> tuple[Fault | None, int | None]:
        """Return what to do with the next request, and at what pace."""
        with self._lock:
            if not self._planned:
                return None, None
            planned = self._planned[0]
            if planned.left is not None:
                planned.left -= 1
                if planned.left <= 0:
                    self._planned.popleft()
            return planned.fault, planned.pace

    def heal(self) -> None:
        """Forget what is planned, and let go of what hangs."""
        with self._lock:
            self._planned.clear()
            self._released.set()
            self._released = threading.Event()

    def hang(self, seconds: float | None) -> Fault:
        """Answer after *seconds*, or once healed."""
        released = self._released

        def fault(exchange: Exchange) -> None:
            released.wait(seconds)
            if exchange.is_in_vain:
                exchange.reset()
            else:
                exchange.send(exchange.decide())

        return fault


def reset(exchange: Exchange) -> None:
    """Store nothing and reset the connection."""
    exchange.reset()


def reset_after_storing(exchange: Exchange) -> None:
    """Store the entries and reset the connection."""
    exchange.decide()
    exchange.reset()


def truncate(exchange: Exchange) -> None:
    """Store the entries and send the first bytes of the answer."""
    exchange.send_torn(exchange.decide())


def respond(answer: Answer) -> Fault:
    """Store nothing and send *answer*."""

    def fault(exchange: Exchange) -> None:
        exchange.send(answer)

    return fault


def choose(status_of: Callable[[Request], int | None]) -> Fault:
    """Let *status_of* say for each request what is answered."""

    def fault(exchange: Exchange) -> None:
        choose_once(status_of(exchange.request))(exchange)

    return fault


def choose_once(status: int | None) -> Fault:
    """Answer *status*; 204 and ``None`` stand for what Loki answers."""
    if status is None or status == HTTPStatus.NO_CONTENT:
        return obey
    return respond(plain_answer(status))


def obey(exchange: Exchange) -> None:
    """Do what Loki does."""
    exchange.send(exchange.decide())


def plain_answer(status: int) -> Answer:
    """Return an answer with the usual words for *status*."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"status code {status}"
    return Answer.text(status, phrase)
