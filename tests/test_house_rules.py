import ast
import re

from importlib.util import find_spec
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
PACKAGE = Path(find_spec("mohflow").submodule_search_locations[0])
MODULES = sorted(PACKAGE.rglob("*.py"))

BROAD_EXCEPTS = {
    "mohflow/_context.py": (2, "thrown into the caller's own generator"),
    "mohflow/_fastpath.py": (3, "the chain takes the call; said on stderr"),
    "mohflow/_faults.py": (1, "noted in the event, said on stderr"),
    "mohflow/_emit.py": (2, "noted in the event, said on stderr"),
    "mohflow/_logger.py": (1, "message and arguments are shown side by side"),
    "mohflow/_pipeline.py": (1, "the line says so, and stderr"),
    "mohflow/_routes.py": (1, "said on stderr"),
    "mohflow/cli/doctor_program.py": (1, "shown as a fault"),
    "mohflow/cli/doctor_sinks.py": (1, "shown as a fault"),
    "mohflow/cli/view/workers.py": (1, "the traceback is printed"),
    "mohflow/delivery/attempts.py": (1, "counted in the ledger, said"),
    "mohflow/delivery/batch.py": (1, "said on stderr"),
    "mohflow/delivery/courier.py": (1, "said on stderr"),
    "mohflow/delivery/inline.py": (3, "counted in the ledger, said on stderr"),
    "mohflow/hooks.py": (1, "the type of the exception is printed"),
    "mohflow/integrations/asgi.py": (1, "told by the event, raised again"),
    "mohflow/integrations/django.py": (4, "told by the event, raised again"),
    "mohflow/integrations/wsgi.py": (
        3,
        "told by the event; raised again or answered",
    ),
    "mohflow/delivery/origins.py": (1, "refused, so kept as a dead letter"),
    "mohflow/processors/_objects.py": (1, "the type's name is shown"),
    "mohflow/processors/_prefilter.py": (1, "said on stderr"),
    "mohflow/processors/_walk.py": (1, "a placeholder hides the value"),
    "mohflow/processors/console.py": (1, "plain JSON takes over"),
    "mohflow/processors/errors.py": (6, "a placeholder is in the exception"),
    "mohflow/processors/logfmt.py": (1, "plain JSON takes over"),
    "mohflow/processors/masking.py": (1, "a placeholder hides the text"),
    "mohflow/processors/plain.py": (
        3,
        "a placeholder takes the value's place",
    ),
    "mohflow/processors/profiles.py": (1, "the event keeps our own names"),
    "mohflow/processors/render.py": (1, "a slower encoder takes over"),
    "mohflow/settings/_config_file.py": (
        1,
        "raised again as ConfigurationError",
    ),
    "mohflow/settings/plugins.py": (1, "raised again as ConfigurationError"),
    "mohflow/sinks/console.py": (1, "raised as Unavailable, so counted"),
    "mohflow/testing/contract.py": (4, "noted in the failure of the check"),
    "mohflow/_records.py": (1, "message and arguments are shown side by side"),
}
"""
How many each file has, and who is told or what takes the value's place: only
where the contract is to never raise into the program.
"""

MAX_PARAMETERS = {"configure": 12}
"""One per setting; every other function takes at most six."""

VAGUE_MODULES = {"utils", "util", "helpers", "common", "misc", "types"}

PRAISE = (
    "comprehensive",
    "robust",
    "powerful",
    "seamless",
    "intelligent",
    "smart",
    "enhanced",
    "enterprise",
    "blazing",
    "cutting-edge",
    "effortless",
)
VAGUE_NAMES = ("Manager", "Helper", "Util", "Enhanced", "Smart", "Auto")

MACHINE = re.compile(
    r"(?<![\w./])/(?:work|root|home/\w+)/"  # a path of somebody's machine
    r"|https?://[\w.-]*(?:pypi|npmjs|artifactory|nexus)[\w.-]*"
    r"|--(?:extra-)?index-url"
)

TESTS = sorted((ROOT / "tests").rglob("*.py"))

SUFFIXES = {".py", ".rst", ".toml", ".ini", ".yml", ".typed", ""}


def tracked():
    """Yield the text files of the repository."""
    for file in ROOT.iterdir():
        # In a worktree of git, .git is a file.
        is_text = file.is_file() and file.suffix in SUFFIXES
        if is_text and file.name != ".git":
            yield file
    for folder in ("mohflow", "tests", "docs", ".ci", ".github"):
        for file in (ROOT / folder).rglob("*"):
            is_cache = ".hypothesis" in file.parts
            if file.is_file() and file.suffix in SUFFIXES and not is_cache:
                yield file


TEXTS = sorted(set(tracked()) - {Path(__file__)})
"""This file holds what the others must not."""


def name_of(file):
    for base in (PACKAGE.parent, ROOT):
        if file.is_relative_to(base):
            return file.relative_to(base).as_posix()
    raise AssertionError(file)


def walk(file, *types):
    tree = ast.parse(file.read_bytes())
    return [node for node in ast.walk(tree) if isinstance(node, types)]


def length(node):
    """Return the lines of a definition without its docstring."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is None:
        return lines
    return lines - (node.body[0].end_lineno - node.body[0].lineno + 1)


def is_broad(handler):
    names = ast.walk(handler.type) if handler.type else ()
    return handler.type is None or any(
        isinstance(name, ast.Name)
        and name.id in ("Exception", "BaseException")
        for name in names
    )


def functions(file):
    return walk(file, ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize("file", MODULES, ids=name_of)
class TestOneModule:
    def test_it_has_at_most_300_lines(self, file):
        count = len(file.read_text(encoding="utf-8").splitlines())

        assert count <= 300

    def test_its_functions_have_at_most_50_lines(self, file):
        assert [] == [f.name for f in functions(file) if length(f) > 50]

    def test_its_classes_have_at_most_200_lines(self, file):
        classes = walk(file, ast.ClassDef)

        assert [] == [c.name for c in classes if length(c) > 200]

    def test_its_functions_take_at_most_six_parameters(self, file):
        def count(function):
            a = function.args
            names = [arg.arg for arg in a.posonlyargs + a.args + a.kwonlyargs]
            return len(set(names) - {"self", "cls"})

        assert [] == [
            f.name
            for f in functions(file)
            if count(f) > MAX_PARAMETERS.get(f.name, 6)
        ]

    def test_its_names_say_something(self, file):
        classes = walk(file, ast.ClassDef)

        assert file.stem not in VAGUE_MODULES
        assert [] == [
            c.name for c in classes if any(n in c.name for n in VAGUE_NAMES)
        ]

    def test_its_broad_excepts_are_accounted_for(self, file):
        broad = [h for h in walk(file, ast.ExceptHandler) if is_broad(h)]
        allowed, _ = BROAD_EXCEPTS.get(name_of(file), (0, ""))

        assert allowed == len(broad)

    def test_it_never_swallows_an_exception_without_a_word(self, file):
        silent = [
            handler.lineno
            for handler in walk(file, ast.ExceptHandler)
            if is_broad(handler)
            and all(
                isinstance(s, ast.Pass | ast.Continue) for s in handler.body
            )
        ]

        assert [] == silent

    def test_it_measures_no_duration_with_the_wall_clock(self, file):
        assert "time.time(" not in file.read_text(encoding="utf-8")


def test_the_account_of_broad_excepts_names_existing_files():
    assert set() == set(BROAD_EXCEPTS) - set(map(name_of, MODULES))


@pytest.mark.parametrize("file", TEXTS, ids=name_of)
class TestOneText:
    def test_it_does_not_praise_itself(self, file):
        words = re.findall(r"[\w-]+", file.read_text(encoding="utf-8").lower())

        assert set() == set(words).intersection(PRAISE)

    def test_it_names_no_machine_and_no_registry(self, file):
        assert [] == MACHINE.findall(file.read_text(encoding="utf-8"))


class TestReadme:
    README = ROOT / "README.rst"

    def test_it_is_short(self):
        count = len(self.README.read_text(encoding="utf-8").splitlines())

        assert count < 100

    @pytest.mark.parametrize("file", [".ci/run", "docs/contributing.rst"])
    def test_its_test_command_is_the_one_that_is_run(self, file):
        command = re.compile(
            r"^ *(python -m pip install tox.*)$", re.MULTILINE
        )
        readme, other = (
            command.findall(path.read_text(encoding="utf-8"))
            for path in (self.README, ROOT / file)
        )

        assert (
            ["python -m pip install tox && python -m tox"] == readme == other
        )


def sleeps(node):
    """Return where ``time.sleep()`` is called in *node*."""
    return {
        call.lineno
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "time.sleep"
    }


@pytest.mark.parametrize("file", TESTS, ids=name_of)
def test_no_test_sleeps_except_to_poll(file):
    tree = ast.parse(file.read_bytes())
    polling = set().union(*map(sleeps, walk(file, ast.While)))

    assert set() == sleeps(tree) - polling
