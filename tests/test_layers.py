import ast
import json
import subprocess
import sys

from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest


LAYERS = {
    0: "typing exceptions _event _expression _faults _levels _thresholds "
    "diagnostics _delivery_options _interpreter _lazy",
    1: "processors delivery",
    2: "sinks",
    3: "settings",
    4: "_logger stdlib hooks _pipeline _routes _fastpath _fastpath_fields "
    "_fastpath_nested _records _build _emit _finish _install _exit _retire "
    "_changes",
    5: "__init__ _configure _context _health metrics testing",
    6: "__main__ cli integrations pytest_plugin",
}
"""
A module imports from lower layers, and from its own layer where no cycle
comes of it.
"""

SEPARATE = {"processors", "delivery", "sinks"}
"""They meet in layer 4 only; none of them imports another."""

LAYER = {name: n for n, names in LAYERS.items() for name in names.split()}

DEPENDENCIES = {"structlog", "orjson", "httpx", "tenacity", "pydantic"}
DEPENDENCIES |= {"pydantic_core", "pydantic_settings"}

OPTIONAL = {
    "opentelemetry": {"processors/context.py", "metrics.py"},
    "numpy": {"processors/plain.py"},
    "yaml": {"settings/_config_file.py", "settings/_positions.py"},
    "pytest": {"pytest_plugin.py", "testing.py"},
}
"""Packages that need not be installed, and the files that may import them."""

HEAVY = (
    "concurrent.futures.thread",
    "difflib",
    "httpx",
    "mohflow.cli",
    "mohflow.delivery.engine",
    "mohflow.integrations",
    "mohflow.processors.console",
    "mohflow.processors.profiles",
    "mohflow.settings._watch",
    "mohflow.settings.checks",
    "mohflow.settings.schema",
    "mohflow.sinks.file",
    "mohflow.sinks.http",
    "mohflow.sinks.loki",
    "mohflow.testing",
    "tenacity",
    "numpy",
    "opentelemetry",
    "http.server",
    "multiprocessing",
    "sqlite3",
    "tomllib",
    "yaml",
)
"""What a program whose console takes JSON never pays for."""

COUNT_EXPRESSIONS = """
import re, structlog, pydantic_settings
compile = re.compile
count = 0
def counted(*args):
    global count
    module = sys._getframe(1).f_globals["__name__"]
    count += module.startswith("mohflow")
    return compile(*args)
re.compile = counted
"""

PACKAGE = Path(find_spec("mohflow").submodule_search_locations[0])
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(file):
    return file.relative_to(PACKAGE).as_posix()


def top(file):
    """Return the entry of LAYER that *file* belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


EDGES = [file for file in FILES if LAYER.get(top(file)) == 6]


def imports(file):
    """Yield each dotted name that *file* imports, at any depth of code."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(file)} imports relatively"
            yield from (f"{node.module}.{a.name}" for a in node.names)


def own_imports(file):
    """Yield the parts after ``mohflow`` of each import of our own."""
    for dotted in imports(file):
        package, *rest = dotted.split(".")
        if package == "mohflow":
            yield rest


def is_forbidden(file, rest):
    """Tell whether importing *rest* breaks the order of the layers."""
    here, there = top(file), rest[0] if rest else "__init__"
    if here in ("__init__", "__main__") or here == there:
        return False
    if there not in LAYER:
        return LAYER[here] < LAYER["__init__"]  # `from mohflow import X`
    return LAYER[there] > LAYER[here] or {here, there} <= SEPARATE


def file_of(rest):
    """Return the file that an import of our own reads last."""
    for end in range(len(rest), 0, -1):
        path = PACKAGE.joinpath(*rest[:end])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file in FILES:
                return file
    return PACKAGE / "__init__.py"


@pytest.mark.parametrize("file", FILES, ids=name_of)
class TestOneFile:
    def test_every_module_has_a_layer(self, file):
        assert top(file) in LAYER

    def test_imports_come_from_lower_layers_only(self, file):
        wrong = [r for r in own_imports(file) if is_forbidden(file, r)]

        assert [] == wrong

    def test_only_declared_packages_are_imported(self, file):
        known = sys.stdlib_module_names | DEPENDENCIES | {"mohflow"}
        packages = {dotted.partition(".")[0] for dotted in imports(file)}

        foreign = {
            package
            for package in packages - known
            if name_of(file) not in OPTIONAL.get(package, ())
            and top(file) not in ("sinks", "integrations")
        }

        assert set() == foreign


@pytest.mark.parametrize("file", EDGES, ids=name_of)
def test_the_edges_import_public_names_only(file):
    private = [
        rest
        for rest in own_imports(file)
        if rest[:1] != [top(file)] and any(p.startswith("_") for p in rest)
    ]

    assert [] == private


def files_run_by(file):
    """Yield the files of ours that importing *file* needs first."""
    for rest in own_imports(file):
        found = file_of(rest)
        yield found
        if found.parent not in {file.parent, PACKAGE}:
            # Another folder: its __init__ is run before.
            yield found.parent / "__init__.py"


def test_no_imports_form_a_cycle():
    graph = {file: set(files_run_by(file)) for file in FILES}

    TopologicalSorter(graph).prepare()


def test_each_driver_has_one_file():
    users = {}
    for file in FILES:
        if top(file) in ("sinks", "integrations"):
            for dotted in imports(file):
                users.setdefault(dotted.partition(".")[0], set()).add(file)

    known = sys.stdlib_module_names | DEPENDENCIES | {"mohflow"}
    shared = {
        package: sorted(map(name_of, files))
        for package, files in users.items()
        if package not in known and len(files) > 1
    }

    assert {} == shared


class TestStart:
    """What a fresh interpreter has loaded; structlog's own part aside."""

    def told(self, code, what, tmp_path):
        """Return what an expression says in a fresh interpreter."""
        script = f"import json, sys\n{code}\nprint(json.dumps({what}))"
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            text=True,
        )

        return json.loads(done.stdout.splitlines()[-1])

    def loaded(self, code, tmp_path):
        return set(self.told(code, "[*sys.modules]", tmp_path))

    def test_a_console_needs_none_of_the_heavy_modules(self, tmp_path):
        before = self.loaded("import structlog, pydantic_settings", tmp_path)
        after = self.loaded("import mohflow; mohflow.configure()", tmp_path)

        assert set() == (after - before).intersection(HEAVY)

    def test_few_expressions_are_compiled(self, tmp_path):
        code = f"{COUNT_EXPRESSIONS}\nimport mohflow; mohflow.configure()"

        assert 5 >= self.told(code, "count", tmp_path)

    def test_no_options_are_built_that_nobody_gave(self, tmp_path):
        code = "import mohflow; mohflow.configure()"
        models = (
            "ConsoleOptions",
            "DeliveryOptions",
            "FileOptions",
            "LokiOptions",
            "MaskingOptions",
        )
        built = [f"mohflow.{name}.__pydantic_complete__" for name in models]

        assert [False] * 5 == self.told(
            code, f"[{', '.join(built)}]", tmp_path
        )

    def test_viewing_needs_nothing_that_a_program_configures(self, tmp_path):
        loaded = self.loaded("import mohflow.cli.view", tmp_path)

        assert set() == loaded & {"pydantic", "structlog", "asyncio", *HEAVY}

    def test_importing_the_package_starts_no_thread(self, tmp_path):
        code = (
            "import mohflow, threading; assert not threading.enumerate()[1:]"
        )

        assert "mohflow" in self.loaded(code, tmp_path)
