"""One automaton that tells clean texts from those that need a look."""

from __future__ import annotations

import os
import re

from collections.abc import Callable, Iterable
from importlib import import_module
from threading import get_ident
from typing import Any, Final

from mohflow.diagnostics import complain
from mohflow.processors._checks import CALLS_PHONE
from mohflow.processors._keys import GLUED, TAILS, KeyRules
from mohflow.processors._national import CALLS_NUMBER
from mohflow.processors._rule import Rule
from mohflow.processors._shapes import LONG_WORD


MEMORY: Final = 32 * 1024 * 1024
"""Bytes that the states of the automaton may take; it starts small."""

_RUNS = {
    8: "[0-9]{8}-?[A-Z]",
    10: "[02-9][0-9]{9}",
    # Milliseconds since 1970 are no numbers of cards.
    13: (
        "(?:[02-9][0-9]{12}|1[0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
        "[0-9]{4}[01][89][0-9])"
    ),
    16: "[02-9][0-9]{15}",
    17: "[0-9]{17}[0-9Xx]?",
    19: "[02-9][0-9]{18}",
}
"""Runs of digits of which less is taken than all of that length."""

_BEGIN = r"(?:^|[^A-Za-z0-9.-]|(?:^|[^0-9])[.-])"
_END = r"(?:[^A-Za-z0-9.-]|[.-](?:[^0-9]|$)|$)"
_IN_UUIDS = {
    "0000-0000-0000": f"{_BEGIN}[0-9]{{4}}-[0-9]{{4}}-[0-9]{{4}}",
    "000000-000": f"{_BEGIN}[0-9]{{6}}-[0-9]{{3}}[0-9A-Z]{_END}",
    "000000-0000": f"{_BEGIN}[0-9]{{6}}-[0-9]{{4}}{_END}",
    "00000000-0000": f"{_BEGIN}[0-9]{{8}}-[0-9]{{4}}{_END}",
}
"""Shapes that often stand in UUIDs, and what has to be around them."""

_CALLED = (
    rf"(?i:(?:^|[^a-z])(?:{CALLS_PHONE}|{CALLS_NUMBER})"
    r"(?:[^a-z0-9\n][^0-9\n]{0,13})?)"
)
_CLASSES = {"0": "[0-9]", "a": "[a-z]", "A": "[A-Z]", " ": "[ \u00a0]"}
_TOKEN = r"[A-Za-z0-9_.+/=-]{5}"  # noqa: S105 - an expression


class _Searches:
    """
    Which threads are in RE2, and whether a fork cut one of them short.

    RE2 lets other threads run while it searches. A lock of its that one of
    them held at a fork stays locked in the child: there RE2 is not used.
    """

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.were_cut = False

    def forked(self) -> None:
        """Look who was in RE2 when this process was forked."""
        if self.threads - {get_ident()}:
            self.were_cut = True
        self.threads.clear()


_SEARCHES = _Searches()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SEARCHES.forked)

Prefilter = Callable[[bytes], object]
"""Returns None for a text, in UTF-8, in which no rule finds anything."""


def prefilter(rules: Iterable[Rule], names: KeyRules) -> Prefilter | None:
    """
    Return a search that is true of every text in which something is found.

    It is also true of others. None if RE2 (the extra ``re2``) is not
    installed. It is imported here: a child that is forked while a log call
    imports would wait for ever. The automaton is made at the first search.
    """
    try:
        re2 = import_module("re2")
    except ImportError:
        return None
    made: list[Prefilter] = []

    def search(raw: bytes) -> object:
        thread, threads = get_ident(), _SEARCHES.threads
        if _SEARCHES.were_cut or thread in threads:
            # Also a signal handler that logs in the middle of a search.
            return True
        threads.add(thread)
        try:
            if not made:
                made.append(_automaton(re2, rules, names))
            return made[0](raw)
        finally:
            threads.discard(thread)

    return search


def _automaton(re2: Any, rules: Iterable[Rule], names: KeyRules) -> Prefilter:
    try:
        options = re2.Options()
        options.max_mem = MEMORY
        options.log_errors = False
        options.never_capture = True
        search: Prefilter = re2.compile(
            _expression(rules, names).encode(), options
        ).search
    except Exception as error:
        complain(
            "re2",
            f"RE2 cannot be used: {type(error).__name__}; masking is slower",
        )
        return bool
    return search


def _expression(rules: Iterable[Rule], names: KeyRules) -> str:
    parts: list[str] = []
    tokens: list[str] = []
    for rule in rules:
        for hint in rule.hints:
            if rule.among == "word":
                tokens.append(re.escape(hint))
            else:
                parts.append(_of_hint(rule, hint))
    parts.append(rf"(?:^|[^A-Za-z0-9])(?:{'|'.join(tokens)}){_TOKEN}")
    return "|".join([*dict.fromkeys(parts), *_of_names(names)])


def _of_hint(rule: Rule, hint: str) -> str:
    literal = re.escape(hint)
    if rule.among == "phrase":
        return f"(?i:{literal})"
    if rule.among == "shape":
        return _of_shape(rule, hint)
    if rule.among == "scan":
        # Of numbers of phones: the first digit is none of a time zone's.
        return literal + "[1-9]"
    if rule.before >= LONG_WORD:
        # To count all of them would multiply the states of the automaton.
        return rf"[A-Za-z0-9]{{3}}{literal}[0-9]"
    if hint == "@":
        return r"\S@\S"
    if rule.needs == "@":
        return literal + r"\S*@"
    if rule.needs:
        return f"[{re.escape(rule.needs)}]{literal}"
    return literal


def _of_shape(rule: Rule, hint: str) -> str:
    if not hint.strip("0"):
        run = _RUNS.get(len(hint), f"[0-9]{{{len(hint)}}}")
        before = _CALLED if rule.is_called else "(?:^|[^A-Za-z0-9])"
        return rf"{before}{run}(?:[^A-Za-z0-9]|$)"
    if hint in _IN_UUIDS:
        return _IN_UUIDS[hint]
    return "".join(_CLASSES.get(c, re.escape(c)) for c in hint)


def _of_names(names: KeyRules) -> Iterable[str]:
    phrases = [r"[\W_]*".join(map(re.escape, p)) for p in names.phrases]
    known = "|".join(sorted({*phrases, *GLUED}))
    tails = "|".join(sorted({*TAILS, "number", "no", "num", "nr", "digits"}))
    # What stands in names, and between them and what they name.
    behind = rf"(?:[0-9\s_.-]|{tails})*[\s\"'`\\\])]*"
    yield rf"(?i:(?:{known}){behind}[=:])"
    yield rf"(?i:(?:{known}){behind}(?:%(?:25)?2[27])?%(?:25)?3[da])"
    yield r"[^\x00-\x7f][\s\"'`\\\])0-9_.-]*[=:]"
    yield rf"(?i:(?:</|--)[^\s>=]*(?:{known}))"
    yield r"<[^<>]*(?:key|name)=\"[^<>]* value=\""
    yield rf"(?i:['\"][^'\"\n]*(?:{known})[^'\"\n]*['\"],)"
    yield r"(?i:values)\s*\("
