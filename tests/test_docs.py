"""
Run the examples of the README, the documentation and the docstrings.

Each document gets an interpreter and an empty directory of its own. A block
of ``python`` and a doctest are executed; a block of ``output`` must be what
the blocks before it have printed. ``.. skip: next "why"`` leaves one out.
"""

import doctest
import re
import subprocess
import sys
import tempfile
import unittest

from contextlib import redirect_stdout, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.rest import (
    CodeBlockParser,
    DocTestParser,
    PythonCodeBlockParser,
    SkipParser,
)


ROOT = Path(__file__).parents[1]
PACKAGE = Path(find_spec("mohflow").submodule_search_locations[0])

DOCUMENTS = [
    *ROOT.glob("README.rst"),
    *sorted(ROOT.glob("docs/**/*.rst")),
    *sorted(PACKAGE.rglob("*.py")),
]
EXAMPLE = re.compile(
    r"^ *(>>> |\.\. code-block:: (python|output)$)", re.MULTILINE
)
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?")


class OutputParser(CodeBlockParser):
    """Compare a block of ``output`` with what was printed before it."""

    language = "output"

    def __init__(self, printed):
        super().__init__()
        self.printed = printed

    def evaluate(self, example):
        self.printed.seek(0)
        actual = TIME.sub("<time>", self.printed.read())
        expected = TIME.sub("<time>", example.parsed.rstrip() + "\n")
        self.printed.seek(0)
        self.printed.truncate()
        same = doctest.OutputChecker().check_output(
            expected, actual, doctest.ELLIPSIS
        )
        if not same:
            return f"expected:\n{expected}\nprinted:\n{actual}"
        return None


def run(path, printed):
    """Evaluate the examples of *path* and let them print to *printed*."""
    parsers = [
        SkipParser(),
        DocTestParser(doctest.ELLIPSIS),
        PythonCodeBlockParser(),
        OutputParser(printed),
    ]
    sybil = Sybil(
        parsers,
        path=path.parent,
        document_types={".py": PythonDocStringDocument},
    )
    for example in sybil.parse(path).examples():
        with redirect_stdout(printed), suppress(unittest.SkipTest):
            example.evaluate()


def name_of(path):
    base = PACKAGE.parent if PACKAGE in path.parents else ROOT
    return path.relative_to(base).as_posix()


@pytest.mark.parametrize(
    "path",
    [p for p in DOCUMENTS if EXAMPLE.search(p.read_text(encoding="utf-8"))],
    ids=name_of,
)
def test_the_examples_do_what_is_written(path, tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, path],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
    )

    assert 0 == done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        run(Path(sys.argv[1]), file)
