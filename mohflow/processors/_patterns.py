"""The kinds of secrets that are found by their shape, as a table."""

from __future__ import annotations

from mohflow.processors._credentials import CREDENTIALS
from mohflow.processors._personal import PERSONAL
from mohflow.processors._rule import Rule
from mohflow.processors._sentences import SENTENCES
from mohflow.processors._tokens import TOKENS


RULES: tuple[Rule, ...] = (*CREDENTIALS, *SENTENCES, *TOKENS, *PERSONAL)
"""All kinds; where two find the same text, the upper one names it."""
