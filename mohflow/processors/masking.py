"""Hiding secrets and personal data, by the names of fields and by shape."""

from __future__ import annotations

import hmac
import re

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    SecretStr,
    field_validator,
    model_validator,
)

from mohflow.processors._keys import KEY, KeyRules
from mohflow.processors._patterns import RULES, Rule
from mohflow.processors._scan import Scanner
from mohflow.processors._walk import Walk
from mohflow.processors.plain import plain_text
from mohflow.typing import EventDict


MAX_REMEMBERED: Final = 4096
"""Short texts known to be clean; all are dropped when it is full."""


MAX_ROUNDS: Final = 4
"""Looks at a text; a marker may set free what was glued to a secret."""

_SHOWN_IN_PART = re.compile(r"\*{4}.{4}", re.DOTALL)


class MaskingOptions(BaseModel):
    """What is hidden in events, and what takes its place."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True
    )

    keys: tuple[str, ...] = ()
    """Further names or phrases; values under names ending in them go."""

    patterns: Mapping[str, str] = {}
    """Name to regular expression; each match goes, or its group ``secret``.

    They run over every new text, so a slow expression slows every call.
    """

    allow_keys: tuple[str, ...] = ()
    """Whole names, in any spelling, whose values are not hidden for them."""

    allow_patterns: tuple[str, ...] = ()
    """Regular expressions; a value that fully matches one of them stays."""

    strategy: Literal["redact", "partial", "hash", "remove"] = "redact"
    """What takes the place of a secret.

    ``redact`` leaves only the name of the rule. ``partial`` shows the last
    four characters of eight or more. ``hash`` keeps equal values comparable
    to everybody who reads the log. ``remove`` leaves no trace.
    """

    hash_key: SecretStr | None = None
    """The key of ``hash``, 16 bytes or more; who has it can test guesses."""

    dry_run: bool = False
    """Count what would be hidden and hide nothing: secrets are written."""

    @field_validator("patterns")
    @classmethod
    def _check_patterns(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, pattern in value.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
                msg = f"{name!r} is no name: use a-z, 0-9, - and _"
                raise ValueError(msg)
            _check_expression(name, pattern)
        return value

    @field_validator("allow_patterns")
    @classmethod
    def _check_allowed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            _check_expression(pattern, pattern)
        return value

    @model_validator(mode="after")
    def _check_hash_key(self) -> MaskingOptions:
        key = self.hash_key.get_secret_value() if self.hash_key else ""
        if self.strategy == "hash" and len(key.encode()) < 16:
            msg = "strategy 'hash' needs a hash_key of 16 bytes or more"
            raise ValueError(msg)
        return self


def _check_expression(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        msg = f"{name!r} is no regular expression: {error}"
        raise ValueError(msg) from None


class Masker:
    """
    Replace secrets by markers, in a new event of plain JSON types.

    Nothing that the caller passed is changed, and nothing that the caller
    changes later shows in the result. A value that cannot be masked is hidden
    as a whole.
    """

    def __init__(self, options: MaskingOptions | None = None) -> None:
        self._options = options or MaskingOptions()
        own = (
            Rule(name, re.compile(pattern), ("",), "", "")
            for name, pattern in self._options.patterns.items()
        )
        self._names = KeyRules(self._options.keys, self._options.allow_keys)
        self._scanner = Scanner(
            (*RULES, *own),
            self._names,
            whole=self._options.strategy == "remove",
        )
        self.hides = not self._options.dry_run
        self.drops = self.hides and self._options.strategy == "remove"
        self._allowed = [re.compile(p) for p in self._options.allow_patterns]
        self._counts = dict.fromkeys((KEY, *self._scanner.names), 0)
        self.clean: set[str] = set()
        self.has_own = bool(self._options.patterns)
        """Whether patterns of the user look at every text."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each rule hid something, by the name of the rule."""
        return {name: n for name, n in self._counts.items() if n}

    def __call__(
        self, logger: Any, method_name: str, event_dict: EventDict
    ) -> EventDict:
        return Walk(self).event(event_dict)

    def is_secret(self, name: str) -> bool:
        """Return whether the value under *name* is hidden."""
        if "[" in name:
            name = self._scanner.marker.sub(" redacted", name)
        return self._names(name)

    def text(self, text: str) -> str:
        """Return *text* with a marker in the place of each secret."""
        if text in self.clean:
            return text
        masked = plain_text(text)
        for _ in range(MAX_ROUNDS):
            before, masked = masked, self._once(masked)
            if masked == before:
                break
        if masked is text and len(text) <= 128:
            self._remember(text)
        return masked

    def _once(self, text: str) -> str:
        spans = self._scanner.spans(text)
        if not spans:
            return text
        parts: list[str] = []
        position = 0
        for start, end, rule in spans:
            parts += text[position:start], self.hide(rule, text[start:end])
            position = end
        return "".join((*parts, text[position:]))

    def _remember(self, text: str) -> None:
        if len(self.clean) >= MAX_REMEMBERED:
            self.clean.clear()
        self.clean.add(text)

    def hide(self, rule: str, secret: str) -> str:
        """Return what *rule* puts in the place of *secret*."""
        if self._scanner.marker.fullmatch(secret) or any(
            pattern.fullmatch(secret) for pattern in self._allowed
        ):
            return secret
        options = self._options
        if options.strategy == "partial" and _SHOWN_IN_PART.fullmatch(secret):
            return secret
        self._counts[rule] += 1
        if options.dry_run:
            return secret
        if options.strategy == "partial" and len(secret) >= 8:
            return f"****{secret[-4:]}"
        if options.strategy == "hash" and options.hash_key:
            key = options.hash_key.get_secret_value().encode()
            digest = hmac.digest(key, secret.encode(), "sha256").hex()
            return f"[{rule}:{digest[:16]}]"
        if options.strategy == "remove":
            return ""
        return "[redacted]" if rule == KEY else f"[redacted:{rule}]"
