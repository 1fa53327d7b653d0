"""What is hidden, and what takes its place: the options."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from mohflow._expression import expression
from mohflow.processors._keys import KEY
from mohflow.processors._patterns import RULES


Strategy = Literal["redact", "partial", "hash", "remove"]
"""What takes the place of a secret."""

Detector = Callable[[str], Iterable[tuple[int, int]]]
"""Finds the parts of a text that have to go, as pairs of begin and end."""

_NAME = expression(r"[a-z0-9][a-z0-9_-]{0,39}")


class MaskingOptions(BaseModel):
    """What is hidden in events, and what takes its place."""

    model_config = ConfigDict(
        defer_build=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
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

    strategy: Strategy = "redact"
    """What takes the place of a secret.

    ``redact`` leaves only the name of the rule. ``partial`` shows the last
    four characters of eight or more. ``hash`` keeps equal values comparable
    to everybody who reads the log. ``remove`` leaves no trace.
    """

    hash_key: SecretStr | None = None
    """The key of ``hash``, 16 bytes or more; who has it can test guesses."""

    strategies: Mapping[str, Strategy] = {}
    """Name of a kind to its own strategy; ``key`` is that of names."""

    # No file can hold a function.
    detectors: SkipJsonSchema[Mapping[str, Detector]] = {}
    """Name to function from a text to the spans in it that go.

    They are called for every new text in the thread that logs, so a slow one
    slows every call. If one raises, all of the text is hidden.
    """

    dry_run: bool = False
    """Count what would be hidden and hide nothing: secrets are written."""

    @field_validator("patterns")
    @classmethod
    def _check_patterns(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, pattern in value.items():
            _check_name(name)
            _check_expression(name, pattern)
        return value

    @field_validator("allow_patterns")
    @classmethod
    def _check_allowed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            _check_expression(pattern, pattern)
        return value

    @field_validator("detectors")
    @classmethod
    def _check_detectors(
        cls, value: Mapping[str, Detector]
    ) -> Mapping[str, Detector]:
        for name in value:
            _check_name(name)
        return value

    @model_validator(mode="after")
    def _check_strategies(self) -> MaskingOptions:
        known = {KEY, *(rule.name for rule in RULES)}
        known |= {*self.patterns, *self.detectors}
        for name in self.strategies.keys() - known:
            msg = (
                f"strategies: no kind is called {name!r}. "
                f"Known: {', '.join(sorted(known))}"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_hash_key(self) -> MaskingOptions:
        key = self.hash_key.get_secret_value() if self.hash_key else ""
        used = {self.strategy, *self.strategies.values()}
        if "hash" in used and len(key.encode()) < 16:
            msg = "strategy 'hash' needs a hash_key of 16 bytes or more"
            raise ValueError(msg)
        return self


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no name: use a-z, 0-9, - and _"
        raise ValueError(msg)


def _check_expression(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        msg = f"{name!r} is no regular expression: {error}"
        raise ValueError(msg) from None
