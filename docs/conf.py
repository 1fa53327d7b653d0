"""How Sphinx builds the documentation."""

from __future__ import annotations

from importlib.metadata import version as installed_version


project = "MohFlow"
author = "The MohFlow authors"
copyright = "2026, The MohFlow authors"
release = installed_version("mohflow")
version = release

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["news"]

html_theme = "furo"
html_title = f"MohFlow {release}"

nitpicky = True
# Only our own names must resolve: a build needs no network.
nitpick_ignore_regex = [("py:.*", r"(?!mohflow\b).*")]

autodoc_default_options = {"exclude-members": "model_config"}
autodoc_member_order = "groupwise"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
