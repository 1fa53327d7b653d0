"""How Sphinx builds the documentation."""

from __future__ import annotations

import sys

from importlib.metadata import version as installed_version
from pathlib import Path


project = "MohFlow"
author = "The MohFlow authors"
copyright = "2026, The MohFlow authors"
release = installed_version("mohflow")
version = release

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "tables"]
exclude_patterns = ["news"]

html_theme = "furo"
html_title = f"MohFlow {release}"
html_static_path = ["_static"]
html_css_files = ["mohflow.css"]

nitpicky = True
# Only our own names must resolve: a build needs no network.
nitpick_ignore_regex = [
    ("py:.*", r"(?!mohflow\b).*"),
    ("py:.*", r"mohflow\.integrations\.httpx\.Client"),  # a type variable
]

autodoc_default_options = {"exclude-members": "model_config"}
autodoc_member_order = "groupwise"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
