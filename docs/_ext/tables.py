"""
Directives that write tables from the code, so that no table can be old.

``mohflow-settings`` takes the name of a setting with options, or nothing for
the settings themselves. ``mohflow-kinds`` and ``mohflow-names`` tell what
masking finds.
"""  # noqa: INP001 - Sphinx imports it from the path in conf.py

from __future__ import annotations

import sys

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from mohflow._levels import level_name
from mohflow.processors._keys import (
    CREDENTIAL_NAMES,
    NUMBER_NAMES,
    RANDOM_NAMES,
    SECRET_NAMES,
)
from mohflow.processors._patterns import RULES
from mohflow.processors._rule import Rule
from mohflow.settings import PREFIX, Settings
from mohflow.settings.schema import docs_of


Row = tuple[str, ...]

OPTIONS: dict[str, type[BaseModel]] = {
    name: part
    for name, field in Settings.model_fields.items()
    for part in getattr(field.annotation, "__args__", ())
    if isinstance(part, type) and issubclass(part, BaseModel)
}
"""The models of the settings that have options."""

ONLY_IN_PYTHON = frozenset({"masking.detectors"})
"""Settings that no variable can hold."""

FINDS = {
    "private-key": "PEM blocks of private keys",
    "url-password": "the password of a URL or connection string",
    "authorization": "the credentials behind Bearer, Token, Basic, Digest",
    "password": "passwords in sentences, statements and commands",
    "query-secret": "random values of ``key`` and ``code`` in a query string",
    "azure": "client secrets of Azure",
    "telegram": "bot tokens of Telegram",
    "slack": "tokens and webhooks of Slack",
    "discord": "tokens and webhooks of Discord",
    "jwt": "JSON web tokens",
    "aws": "access key ids of AWS, and secret keys beside them",
    "github": "tokens of GitHub",
    "gitlab": "tokens of GitLab",
    "stripe": "secret keys of Stripe",
    "google": "API keys, client secrets and access tokens of Google",
    "anthropic": "API keys of Anthropic",
    "openai": "API keys of OpenAI",
    "huggingface": "tokens of Hugging Face",
    "npm": "tokens of npm",
    "pypi": "tokens of PyPI",
    "docker": "tokens of Docker Hub",
    "mailchimp": "API keys of Mailchimp",
    "sendgrid": "API keys of SendGrid",
    "twilio": "API keys and account ids of Twilio",
    "shopify": "tokens of Shopify",
    "token": "tokens of some 40 more services, by their prefix",
    "email": "e-mail addresses",
    "card": "card numbers of known issuers whose Luhn sum is right, and "
    "the digits behind ``cvv``",
    "iban": "IBANs whose check digits are right",
    "ssn": "US social security numbers and ITINs with hyphens",
    "phone": "phone numbers that begin with ``+`` or ``00`` and a country",
    "national-id": "numbers of persons whose check digits are right, or that "
    "are called by their name",
}
"""What each kind of masking finds; the build fails if one is missing."""


class _Table(SphinxDirective):
    """A table whose rows come from :meth:`rows`."""

    widths: str
    head: Row

    def run(self) -> list[nodes.Node]:
        lines = [
            ".. list-table::",
            "   :header-rows: 1",
            f"   :widths: {self.widths}",
            "",
        ]
        for row in (self.head, *self.rows()):
            lines += _lines(row)
        self.env.note_dependency(__file__)
        return self.parse_text_to_nodes("\n".join(lines))

    def rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def depend_on(self, name: str) -> None:
        """Write the table again when the module *name* changes."""
        self.env.note_dependency(str(sys.modules[name].__file__))


class SettingsTable(_Table):
    """The settings, or the options of one."""

    optional_arguments = 1
    widths = "40 12 48"
    head = ("Setting and variable", "Default", "Consequence")

    def rows(self) -> Iterator[Row]:
        prefix = self.arguments[0] if self.arguments else ""
        model = OPTIONS[prefix] if prefix else Settings
        docs = docs_of(model)
        for part in model.__mro__:
            if part.__module__.startswith("mohflow."):
                self.depend_on(part.__module__)
        for name, field in model.model_fields.items():
            path = f"{prefix}.{name}" if prefix else name
            where = f"``{path}``"
            if path not in ONLY_IN_PYTHON:
                variable = f"{PREFIX}{path}".replace(".", "_").upper()
                where += f"\n\n``{variable}``"
            yield where, _default(name, field), docs[name]


class KindsTable(_Table):
    """The kinds of secrets that are found by their shape."""

    widths = "20 24 30 26"
    head = ("Kind", "Finds", "Found in", "Not found in")

    def rows(self) -> Iterator[Row]:
        self.depend_on(Rule.__module__)
        by_name: dict[str, list[Rule]] = {}
        for rule in RULES:
            by_name.setdefault(rule.name, []).append(rule)
        if by_name.keys() != FINDS.keys():
            odd = sorted(by_name.keys() ^ FINDS.keys())
            msg = f"the kinds {odd} are in one of RULES and FINDS only"
            raise ExtensionError(msg)
        for name, rules in by_name.items():
            yes = "\n\n".join(_literal(rule.yes) for rule in rules)
            no = "\n\n".join(_literal(rule.no) for rule in rules)
            yield f"``{name}``", FINDS[name], yes, no


NAMES = {
    "all": SECRET_NAMES,
    "credentials": CREDENTIAL_NAMES,
    "numbers": NUMBER_NAMES,
    "random": RANDOM_NAMES,
}
"""The argument of ``mohflow-names`` to the names it lists."""


class SecretNames(SphinxDirective):
    """The names whose values are hidden, as one paragraph."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        listed = NAMES[self.arguments[0]].split(",")
        names = sorted(" ".join(name.split()) for name in listed)
        text = ", ".join(f"``{name}``" for name in names)
        return self.parse_text_to_nodes(f"{text}.")


def _lines(row: Row) -> Iterator[str]:
    for number, cell in enumerate(row):
        bullet = "   * - " if number == 0 else "     - "
        first, *rest = cell.split("\n")
        yield bullet + first
        for line in rest:
            yield f"       {line}".rstrip()


def _literal(text: str) -> str:
    escaped = text.replace("\n", "\\n")
    return f"``{escaped}``"


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if name == "mode":
        return f"``{value:04o}``"
    if name == "level" and value is not None:
        return f"``{level_name(value)}``"
    return f"``{value}``"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("mohflow-settings", SettingsTable)
    app.add_directive("mohflow-kinds", KindsTable)
    app.add_directive("mohflow-names", SecretNames)
    return {"parallel_read_safe": True}
