"""Finding secrets in one text: prefilter, patterns, pairs."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Iterator

from mohflow.processors._keys import KEY, Span, find_pairs
from mohflow.processors._patterns import Rule


_DIGITS = str.maketrans("123456789", "0" * 9)
_RUN = re.compile(r"[\w-]++|.", re.DOTALL)


class Scanner:
    """
    Find the parts of a text that have to go.

    Args:
        rules: Kinds of secrets; the first names what two of them find.
        is_secret: Tells whether a value under a name is hidden.
        whole: Whether what only introduces a secret goes with it.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        is_secret: Callable[[str], bool],
        *,
        whole: bool = False,
    ) -> None:
        self._rules = tuple(rules)
        self._is_secret = is_secret
        self._whole = whole
        self._hints = [
            (hint, rule) for rule in self._rules for hint in rule.hints
        ]
        names = "|".join(re.escape(n) for n in (*self.names, KEY))
        self.marker = re.compile(
            rf"\[(?:redacted(?::(?:{names}))?|(?:{names}):[0-9a-f]{{16}})\]"
        )
        """What a value looks like that was hidden before."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all rules, without doubles."""
        return tuple(dict.fromkeys(rule.name for rule in self._rules))

    def spans(self, text: str) -> list[Span]:
        """Return what has to go, in order and without overlaps."""
        shape = text.translate(_DIGITS)
        due = [rule for hint, rule in self._hints if hint in shape]
        has_pairs = "=" in text or ":" in text
        if not due and not has_pairs:
            return []
        if "[" in text:
            text = self.marker.sub(lambda m: "\0" * len(m[0]), text)
        found = [
            span
            for rule in dict.fromkeys(due)
            for span in self._matches(rule, text)
        ]
        if has_pairs:
            found += find_pairs(text, self._is_secret, whole=self._whole)
        return _merged(s for s in found if text[s.start : s.end].strip("\0"))

    def _matches(self, rule: Rule, text: str) -> Iterator[Span]:
        named = "secret" in rule.pattern.groupindex and not self._whole
        group = "secret" if named else 0
        position = 0
        while match := rule.pattern.search(text, position):
            if match.end() == match.start():
                position = match.end() + 1
            elif rule.check is None or rule.check(match):
                yield Span(*match.span(group), rule.name)
                position = match.end()
            else:
                # The next candidate may begin inside of this one.
                run = _RUN.match(text, match.start())
                position = run.end() if run else match.end()


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start < merged[-1].end:
            end = max(span.end, merged[-1].end)
            merged[-1] = merged[-1]._replace(end=end)
        else:
            merged.append(span)
    return merged
