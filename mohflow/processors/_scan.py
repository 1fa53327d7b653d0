"""Finding secrets in one text: the table, names with values, the user's."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterable, Iterator

from mohflow._expression import expression
from mohflow.processors._find import Finder
from mohflow.processors._keys import KEY, KeyRules
from mohflow.processors._markup import (
    find_attributes,
    find_columns,
    find_elements,
    find_encoded,
    find_options,
    find_tuples,
)
from mohflow.processors._pairs import PairFinder
from mohflow.processors._prefilter import prefilter
from mohflow.processors._rule import Rule
from mohflow.processors._shapes import Views
from mohflow.processors._span import LIMIT, Looks, Span


Detector = Callable[[str], Iterable[tuple[int, int]]]


class Scanner:
    """
    Find the parts of a text that have to go.

    Args:
        rules: Kinds of secrets; the first names what two of them find.
        names: Tells which names hide what.
        detectors: Further functions that find spans.
        whole: Names of rules whose introduction goes with the secret.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        names: KeyRules,
        detectors: Iterable[tuple[str, Detector]] = (),
        *,
        whole: frozenset[str] = frozenset(),
    ) -> None:
        rules = tuple(rules)
        self._names = names
        self._detectors = tuple(detectors)
        self._table = Finder(rules, whole)
        self._pairs = PairFinder(names, whole=KEY in whole)
        self._prefilter = prefilter(rules, names)
        self._everywhere = [rule for rule in rules if rule.among == "all"]
        known = {rule.name for rule in rules} | {KEY, LIMIT}
        known |= {name for name, _ in self._detectors}
        marks = "|".join(map(re.escape, sorted(known)))
        self.marker = expression(
            rf"\[(?:redacted(?::(?:{marks}))?|(?:{marks}):[0-9a-f]{{16}})\]"
        )
        """What a value looks like that was hidden before."""

    def spans(self, text: str, looks: Looks) -> list[Span]:
        """Return what has to go, in order and without overlaps."""
        is_clean = self._prefilter is not None and not self._prefilter(
            text.encode("utf-8", "replace")
        )
        has_own = self._everywhere or self._detectors
        if is_clean and not has_own:
            return []
        if "[" in text:
            text = self.marker.sub(lambda m: "\0" * len(m[0]), text)
        found = [] if is_clean else self._find(text, looks)
        if has_own:
            found += self._own(text)
        return _merged(text, found) if found else found

    def _find(self, text: str, looks: Looks) -> list[Span]:
        """Ask the table and the names, where they may find something."""
        views = Views(text)
        found = self._table.find(views, looks)
        if "=" in text or ":" in text:
            found += self._pairs.find(views, looks)
        if "%" in text:
            found += find_encoded(text, self._names, looks)
        # One character is looked up fifty times faster than two.
        if "<" in text and "</" in text:
            found += find_elements(text, self._names, looks)
        if "<" in text and 'value="' in text:
            found += find_attributes(text, self._names, looks)
        if "-" in text:
            found += find_options(text, self._names, looks)
        has_quotes = "'" in text or '"' in text
        if has_quotes and ("(" in text or "[" in text):
            found += find_tuples(text, self._names, looks)
        if "(" in text and ("VALUES" in text or "values" in text):
            found += find_columns(text, self._names, looks)
        return found

    def _own(self, text: str) -> Iterator[Span]:
        """Ask the patterns and the detectors of the user."""
        for rule in self._everywhere:
            for match in rule.pattern.finditer(text):
                named = "secret" in rule.pattern.groupindex
                start, end = match.span("secret" if named else 0)
                if start < end and (rule.check is None or rule.check(match)):
                    yield Span(start, end, rule.name)
        for name, detect in self._detectors:
            for start, end in detect(text):
                yield Span(start, end, name)


def _merged(text: str, spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if not text[span.start : span.end].strip("\0"):
            continue
        if merged and span.start < merged[-1].end:
            end = max(span.end, merged[-1].end)
            merged[-1] = merged[-1]._replace(end=end)
        else:
            merged.append(span)
    return merged
