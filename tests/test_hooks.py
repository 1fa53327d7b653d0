"""What is printed of exceptions that nobody catches."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


X = "hunter" + "22"
CAUSES = {
    "program": f"raise RuntimeError('password={X}')",
    "thread": f"""
        import threading
        def work():
            raise RuntimeError('password={X}')
        thread = threading.Thread(target=work, name='worker')
        thread.start()
        thread.join()
    """,
    "finalizer": f"""
        class Broken:
            def __del__(self):
                raise RuntimeError('password={X}')
        Broken()
    """,
}


def stderr_of(setup: str, cause: str) -> str:
    program = (
        f"import sys, mohflow\n{textwrap.dedent(setup)}\n"
        f"{textwrap.dedent(cause)}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stderr


@pytest.mark.parametrize("cause", CAUSES)
def test_what_the_interpreter_would_print_is_masked(cause: str) -> None:
    shown = stderr_of("mohflow.configure()", CAUSES[cause])

    assert X not in shown
    assert "RuntimeError: password=[redacted]" in shown
    assert "Traceback (most recent call last):" in shown


@pytest.mark.parametrize("cause", CAUSES)
def test_without_masking_the_interpreter_prints(cause: str) -> None:
    shown = stderr_of("mohflow.configure(masking=False)", CAUSES[cause])

    assert f"RuntimeError: password={X}" in shown


def test_a_hook_of_somebody_else_gets_the_exception_as_it_is() -> None:
    setup = """
        sys.excepthook = lambda kind, error, _: print(error, file=sys.stderr)
        mohflow.configure()
    """

    assert f"password={X}\n" == stderr_of(setup, CAUSES["program"])


def test_an_exception_that_cannot_be_printed_shows_its_type() -> None:
    cause = """
        import traceback
        traceback.TracebackException.format = None
        raise RuntimeError('x')
    """
    shown = stderr_of("mohflow.configure(console=False)", cause)

    assert "RuntimeError: <masking failed>" in shown


def test_an_interruption_is_printed_by_the_interpreter() -> None:
    shown = stderr_of("mohflow.configure()", "raise KeyboardInterrupt")

    assert shown.rstrip().endswith("KeyboardInterrupt")


def test_no_stderr_is_no_error() -> None:
    setup = "mohflow.configure(console=False)\nsys.stderr = None"

    assert not stderr_of(setup, CAUSES["program"])
