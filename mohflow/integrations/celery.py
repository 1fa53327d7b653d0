"""Celery: ``init_app(app)`` after ``app = Celery(...)``, in both its ends."""

from __future__ import annotations

import logging

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from structlog.contextvars import get_contextvars

import mohflow

from mohflow.integrations._claims import CURRENT, claim, is_claimed, silence
from mohflow.integrations._http import valid_id
from mohflow.integrations._missing import missing
from mohflow.stdlib import leave_out


try:
    from celery import Celery, signals
    from celery.exceptions import TimeLimitExceeded, WorkerLostError
except ImportError as error:
    raise missing(extra="celery") from error


HEADER = "mohflow"
"""The header of a message that carries the ids."""

CARRIED = ("correlation_id", "trace_id", "span_id", "trace_flags")
"""What travels with a task."""

TASKS = mohflow.get_logger("mohflow.tasks")

INFO, WARNING, ERROR = 20, 30, 40

LEVELS = {
    "ABORTED": WARNING,
    "FAILURE": ERROR,
    "REJECTED": WARNING,
    "RETRY": WARNING,
}
"""How loud the event of a task is, by its state; others are info."""


def init_app(app: Celery) -> None:
    """
    Let the ids travel with the tasks of *app*, and tell how each one ended.

    The worker no longer sets up logging; what ``mohflow.configure()`` has set
    up stays. Its lines for a task that is received, has succeeded, is tried
    again or has failed are no events: ``task_finished`` says it. A task that
    nobody's request has sent has the id of the first task as correlation id.

    Args:
        app: The application, in the program that sends and in the worker.
    """
    silence()
    leave_out(_is_told_elsewhere)
    uid = f"mohflow.{id(app)}"

    def started(task: Any, task_id: str, args: Any = (), **_: Any) -> None:
        if task.app is app:
            _Task(task, task_id).start()

    def ended(
        task: Any, task_id: str, state: str | None = None, **_: Any
    ) -> None:
        current = CURRENT.get()
        if isinstance(current, _Task) and current.task_id == task_id:
            current.finish(state or "ABORTED")

    for signal, receiver in (
        (signals.setup_logging, _leave_logging_alone),
        (signals.before_task_publish, _send_ids),
        (signals.task_prerun, started),
        (signals.task_failure, _take_over),
        (signals.task_retry, _note_reason),
        (signals.task_postrun, ended),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=uid)


class _Task:
    """One run of a task: its context, and the event that tells of it."""

    def __init__(self, task: Any, task_id: str) -> None:
        request = task.request
        self.task_id = task_id
        self.error: BaseException | None = None
        self.is_expected = False
        self.extra: dict[str, Any] = {"retries": request.retries}
        self._throws = tuple(task.throws or ())
        self._begun = perf_counter()
        self._previous: Any = None
        fallback = request.root_id or task_id
        self._unit = mohflow.UnitOfWork(
            **_ids(_carried(request), fallback),
            task=task.name,
            task_id=task_id,
            **({"parent_id": request.parent_id} if request.parent_id else {}),
        )

    def start(self) -> None:
        self._previous = CURRENT.get()
        CURRENT.set(self)
        self._unit.start()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.is_expected = isinstance(error, self._throws)
        claim(error)

    def finish(self, state: str) -> None:
        """Write the event, and bring the context back."""
        fields = {
            "state": state,
            "duration_ms": round((perf_counter() - self._begun) * 1000, 3),
            **self.extra,
            **({} if self.error is None else {"exc_info": self.error}),
        }
        more = {
            k: v for k, v in self._unit.annotations.items() if k not in fields
        }
        level = WARNING if self.is_expected else LEVELS.get(state, INFO)
        self._unit.settle()
        TASKS.log(level, "task_finished", **fields, **more)
        self._unit.end()
        CURRENT.set(self._previous)
        self._previous = self.error = None


def _carried(request: Any) -> Mapping[str, Any]:
    """Return the ids that came with the message."""
    carried = request.get(HEADER) or (request.headers or {}).get(HEADER)
    # An eager task has no message; its caller's context is still there.
    return carried if isinstance(carried, Mapping) else get_contextvars()


def _ids(carried: Mapping[str, Any], fallback: str) -> dict[str, Any]:
    ids = {name: carried[name] for name in CARRIED if name in carried}
    given = valid_id(str(ids.get("correlation_id", "")))
    ids["correlation_id"] = given or fallback
    return ids


def _leave_logging_alone(**_: Any) -> None:
    """Be there: without a receiver the worker takes root's handlers away."""


def _send_ids(headers: dict[str, Any], **_: Any) -> None:
    context = get_contextvars()
    ids = {name: str(context[name]) for name in CARRIED if name in context}
    if ids:
        headers[HEADER] = ids


def _take_over(
    sender: Any, task_id: str, exception: BaseException, **_: Any
) -> None:
    current = CURRENT.get()
    if isinstance(current, _Task) and current.task_id == task_id:
        current.fail(exception)
    elif isinstance(exception, (TimeLimitExceeded, WorkerLostError)):
        _tell_lost(sender, task_id, exception)


def _tell_lost(task: Any, task_id: str, error: BaseException) -> None:
    """Tell of a task whose process cannot: it is dead. We are its parent."""
    request = task.request
    # Celery says it twice where a task took too long, first without it.
    if request.id != task_id:
        return
    claim(error)
    ids = _ids(_carried(request), request.root_id or task_id)
    with mohflow.detached(**ids, task=task.name, task_id=task_id):
        TASKS.error("task_lost", exc_info=error)


def _note_reason(request: Any, reason: Any, **_: Any) -> None:
    current = CURRENT.get()
    if isinstance(current, _Task) and current.task_id == request.id:
        current.extra["reason"] = str(reason)


def _is_told_elsewhere(record: logging.LogRecord) -> bool:
    if record.name == "celery.worker.request" and record.exc_info:
        error = record.exc_info[1]
        # What came from another process is wrapped.
        return error is not None and is_claimed(getattr(error, "exc", error))
    if record.levelno > logging.INFO:
        return False
    if record.name == "celery.app.trace":
        return isinstance(CURRENT.get(), _Task)
    return record.name == "celery.worker.strategy" and "data" in vars(record)
