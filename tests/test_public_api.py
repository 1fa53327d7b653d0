import importlib
import inspect
import types

import pytest

import mohflow


def test_all_is_sorted():
    assert sorted(mohflow.__all__) == list(mohflow.__all__)


def test_all_is_complete():
    public = {
        name
        for name, value in vars(mohflow).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and name != "annotations"
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
