"""Hiding secrets and personal data, by the names of fields and by shape."""

from __future__ import annotations

import hmac
import re

from collections.abc import Mapping
from typing import Any, Final

from mohflow._expression import expression
from mohflow.diagnostics import complain
from mohflow.processors._keys import KEY, KeyRules
from mohflow.processors._masking_options import (
    Detector,
    MaskingOptions,
    Strategy,
)
from mohflow.processors._patterns import RULES
from mohflow.processors._rule import Rule
from mohflow.processors._scan import Scanner
from mohflow.processors._span import LIMIT, Looks
from mohflow.processors._walk import FAILED, Walk
from mohflow.processors.plain import MAX_TEXT, cut_text, plain_text
from mohflow.typing import EventDict


__all__ = ["Detector", "Masker", "MaskingOptions", "Strategy"]

MAX_REMEMBERED: Final = 4096
"""Short texts known to be clean; all are dropped when it is full."""

MAX_ROUNDS: Final = 4
"""Looks at a text; a marker may set free what was glued to a secret."""

_SHOWN_IN_PART = expression(r"\*{4}.{4}", re.DOTALL)


class Masker:
    """
    Replace secrets by markers, in a new event of plain JSON types.

    Nothing that the caller passed is changed, and nothing that the caller
    changes later shows in the result. A value that cannot be masked is hidden
    as a whole.
    """

    def __init__(self, options: MaskingOptions | None = None) -> None:
        self._options = options = options or MaskingOptions.model_construct()
        own = (
            Rule(name, re.compile(pattern), (), "", "", among="all")
            for name, pattern in options.patterns.items()
        )
        names = KeyRules(options.keys, options.allow_keys)
        rules = (*RULES, *own)
        known = dict.fromkeys(
            [KEY, LIMIT, *(r.name for r in rules), *options.detectors]
        )
        self._strategies: dict[str, Strategy] = {
            name: options.strategies.get(name, options.strategy)
            for name in known
        }
        self._scanner = Scanner(
            rules,
            names,
            options.detectors.items(),
            whole=frozenset(
                n for n, s in self._strategies.items() if s == "remove"
            ),
        )
        self._names = names
        self._allowed = [re.compile(p) for p in options.allow_patterns]
        self._counts = dict.fromkeys(known, 0)
        self.hides = not options.dry_run
        """Whether anything is hidden; if not, it is only counted."""
        self.drops = self.hides and self._strategies[KEY] == "remove"
        """Whether a field with a secret name is left out."""
        self.clean: set[str] = set()
        """Short texts in which nothing has to be hidden: written as is."""
        self.has_own = bool(options.patterns or options.detectors)
        """Whether patterns or detectors of the user look at every text."""

    @property
    def verdicts(self) -> dict[str, bool]:
        """Whether a name may hide its value, for the names seen so far."""
        return self._names.verdicts

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each rule hid something, by the name of the rule."""
        return {name: n for name, n in self._counts.items() if n}

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        return Walk(self).event(event_dict)

    def is_secret(self, name: str) -> bool:
        """Return whether *name* may hide the value under it."""
        if "[" in name:
            name = self._scanner.marker.sub(" redacted", name)
        return self._names(name)

    def hides_under(self, name: str, value: str) -> bool:
        """Return whether *value* is hidden because it stands under *name*."""
        check = self._names.check(name)
        return check is not None and check(value)

    def is_clean(self, text: str) -> bool:
        """Return whether nothing in *text* has to be hidden."""
        return text in self.clean or not self._scanner.spans(text, Looks())

    def text(self, text: str) -> str:
        """
        Return *text* with a marker in the place of each secret.

        Longer than 264,192 characters it is cut. If a detector or a pattern
        raises, all of it is hidden, and stderr is told once a minute.
        """
        if text in self.clean:
            return text
        try:
            masked = self._masked(plain_text(cut_text(text, MAX_TEXT)))
        except Exception as error:
            complain(
                "masking",
                f"masking failed with {type(error).__name__}; "
                f"{FAILED} took the place of the value",
            )
            return FAILED
        if masked is text and len(text) <= 128:
            if len(self.clean) >= MAX_REMEMBERED:
                self.clean.clear()
            self.clean.add(text)
        return masked

    def _masked(self, text: str) -> str:
        looks = Looks()
        for _ in range(MAX_ROUNDS):
            spans = self._scanner.spans(text, looks)
            if not spans:
                break
            parts: list[str] = []
            position = 0
            for start, end, rule in spans:
                parts += text[position:start], self.hide(rule, text[start:end])
                position = end
            before, text = text, "".join((*parts, text[position:]))
            if text == before:
                return before
        else:
            # What was hidden uncovers more each time: it ends here.
            for start, *_ in self._scanner.spans(text, looks)[:1]:
                text = text[:start] + self.hide(LIMIT, text[start:])
        return text

    def hide(self, rule: str, secret: str) -> str:
        """Return what *rule* puts in the place of *secret*."""
        strategy = self._strategies[rule]
        if (
            self._scanner.marker.fullmatch(secret)
            or any(pattern.fullmatch(secret) for pattern in self._allowed)
            or (strategy == "partial" and _SHOWN_IN_PART.fullmatch(secret))
        ):
            return secret
        self._counts[rule] += 1
        if not self.hides:
            return secret
        if strategy == "partial" and len(secret) >= 8:
            return f"****{secret[-4:]}"
        if strategy == "hash" and self._options.hash_key:
            key = self._options.hash_key.get_secret_value().encode()
            digest = hmac.digest(key, secret.encode(), "sha256").hex()
            return f"[{rule}:{digest[:16]}]"
        if strategy == "remove":
            return ""
        return "[redacted]" if rule == KEY else f"[redacted:{rule}]"
