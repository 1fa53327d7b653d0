import ast
import importlib
import inspect
import types

import pytest

import mohflow
import mohflow.processors


LAZY = [mohflow, mohflow.processors]


def test_all_is_sorted():
    assert sorted(mohflow.__all__) == list(mohflow.__all__)


def test_all_is_complete():
    public = {
        name
        for name, value in vars(mohflow).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and name not in ("annotations", "attributes", "TYPE_CHECKING")
    }

    assert set() == public - set(mohflow.__all__)


def test_dir_shows_all():
    assert set() == set(mohflow.__all__) - set(dir(mohflow))


@pytest.mark.parametrize("name", mohflow.__all__)
def test_every_public_name_exists_and_is_documented(name):
    value = getattr(mohflow, name)

    if inspect.isclass(value) or callable(value):
        assert value.__doc__


@pytest.mark.parametrize(
    "name",
    ["delivery", "diagnostics", "exceptions", "processors", "sinks", "typing"],
)
def test_every_public_module_says_what_it_is_for(name):
    assert importlib.import_module(f"mohflow.{name}").__doc__


@pytest.mark.parametrize("package", LAZY)
class TestImportedWhenAskedFor:
    def test_type_checkers_see_the_same(self, package):
        tree = ast.parse(inspect.getsource(package))
        seen = {
            alias.name: node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and node.module.startswith("mohflow.")
            and node.module != "mohflow._lazy"
            for alias in node.names
        }

        assert set(package.__all__) == set(seen)
        for name, module in seen.items():
            home = importlib.import_module(module)
            assert getattr(home, name) is getattr(package, name)

    def test_a_module_of_it_is_an_attribute(self, package):
        name = "processors" if package is mohflow else "masking"

        assert isinstance(getattr(package, name), types.ModuleType)

    @pytest.mark.parametrize("name", ["nothing", "__nothing__", "_nothing"])
    def test_what_it_has_not_is_said(self, package, name):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(package, name)
