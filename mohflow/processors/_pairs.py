"""Names and values inside of texts, as in ``password=x``."""

from __future__ import annotations

import re

from collections.abc import Callable, Iterator
from typing import Final

from mohflow._expression import expression
from mohflow.processors._endings import SEGMENT
from mohflow.processors._keys import KEY, KeyRules
from mohflow.processors._shapes import Views
from mohflow.processors._span import LIMIT, Looks, Span
from mohflow.processors._values import (
    NULLS,
    STATES,
    is_code,
    is_credential,
    is_hidden,
    is_number,
    is_placeholder,
    is_random,
)


COST: Final = 12
"""What a look at one pair costs, in us."""

_SEPARATOR = expression(r"[=:][=>]{0,2}")

# Read backwards from the separator: blanks, the end of a quoted key or of a
# subscript, then up to three words.
_YEK = expression(
    r"""[ \t]{0,4}+\]?(?:["'`]\\{0,7}+)?"""
    r"""([\w.\-]{1,64}(?:[ ][\w.\-]{1,64}){0,3})"""
)
_QUOTED = r"""
    [bBrRuUfF]{0,2}
    (?:
        "(?P<double>(?:[^"\\]|\\.)++)
      | '(?P<single>(?:[^'\\]|\\.)++)
      | (?P<quote>\\++["'])(?P<nested>(?:(?!(?<!\\)(?P=quote)).)++)
    )
"""
_SCHEME = r"(?:[A-Za-z][A-Za-z0-9_-]{1,30}[ \t]{1,4}+)"
_PARTS = r"""[\w-]{1,40}=(?:"[^"\r\n]*+"|[^\s,"';]*+)"""

_VALUE = expression(
    rf"""
    [ \t]{{0,8}}+
    (?:
        {_QUOTED}
      | (?P<group>[\[{{(][^\]}})\r\n]*+[\]}})]?)
      | (?P<bare>[^\s"'<>,;&]++)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_LOGIN = expression(
    rf"""
    [ \t]{{0,8}}+
    (?:
        {_QUOTED}
      | (?P<group>[\[{{(][^\]}})\r\n]*+[\]}})]?)
      | (?P<parts>{_SCHEME}?{_PARTS}(?:,[ ]?{_PARTS})*+)
      | (?P<bare>
            (?:(?i:bearer|basic|token|apikey|negotiate|ntlm|digest|splunk
               |oauth|hmac|key|sso-key|sharedaccesssignature|plain)
               [ \t]{{1,4}}+(?=\S)
             # A scheme of one's own, and what can be a credential.
             | {_SCHEME}(?=[^\s"'<>,;0-9]{{0,64}}[0-9])(?=[^\s]{{6}}))?
            [^\s"'<>,;]++
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_COOKIES = expression(
    r"""
    [ \t]{0,8}+
    (?P<bare>[^\s=;,"']{1,256}+=(?:"[^"\r\n]*+"|[^\s;,"']*+)
        (?:;[ ]{0,2}[^\s=;,"']{1,256}+(?:=(?:"[^"\r\n]*+"|[^\s;,"']*+))?)*+)
    """,
    re.VERBOSE,
)
_DIGITS = expression(
    r"[ \t]{0,8}+(?P<bare>\(?[+(#]{0,2}[0-9A-Z](?:[0-9A-Z]|[ ()./\xa0-]"
    r"(?=[ (]{0,2}[0-9A-Z])){5,28}+)",
    re.IGNORECASE,
)
_WEAK = expression(
    rf"""
    [ \t]{{0,8}}+
    (?:{_QUOTED} | (?P<bare>[^\s"'<>,;&]{{1,600}}+))
    """,
    re.VERBOSE | re.DOTALL,
)
"""What a name may hide that hides only some values; none is longer."""

_PROSE = expression(r"[A-Za-z]+(?:[-'][A-Za-z]+)*")


class PairFinder:
    """
    Find the values of pairs as in ``password=x`` and ``"api_key": "x"``.

    The word before ``=`` or ``:`` decides, so the values of query strings,
    headers, connection strings and broken JSON are found alike.

    Args:
        names: Tells which names hide what.
        whole: Whether a span begins at the name instead of the value.
    """

    def __init__(self, names: KeyRules, *, whole: bool = False) -> None:
        self._names = names
        self._whole = whole

    def find(self, views: Views, looks: Looks) -> Iterator[Span]:
        """Yield what has to go; all of the rest once it may not go on."""
        text = views.text
        done = {mark: 0 if mark in text else len(text) for mark in "=:"}
        for start in range(0, len(text), SEGMENT):
            if min(done.values()) >= start + SEGMENT:
                continue
            places = self._names.endings(views, start)
            if not looks(len(places) // 4):
                yield Span(start, len(text), LIMIT)
                return
            for at in places:
                mark = text[at]
                if at < done[mark]:
                    continue
                if not looks(COST):
                    yield Span(at, len(text), LIMIT)
                    return
                span = self._span(text, at)
                if span is not None:
                    yield span
                    done[mark] = span.end

    def _span(self, text: str, at: int) -> Span | None:
        yek = _YEK.match(text[max(0, at - 270) : at][::-1])
        separator = _SEPARATOR.match(text, at)
        if yek is None or separator is None or text.startswith("::", at):
            return None
        # Words before the name are part of no path and of no host.
        is_apart = " " in yek[1]
        before = "" if is_apart else yek.string[yek.end() : yek.end() + 3]
        # A path, the host of a URL, the second colon of two.
        if before == "//:" or (text[at] == ":" and before[:1] in ("/", ":")):
            return None
        name = yek[1][::-1]
        check = self._names.check(name)
        if check is None:
            return None
        start, end = _value_span(text, name, separator, check)
        if start >= end:
            return None
        return Span(at - yek.end() if self._whole else start, end, KEY)


def _value_span(
    text: str,
    name: str,
    separator: re.Match[str],
    check: Callable[[str], bool],
) -> tuple[int, int]:
    """Return where the value is; an empty span if it says nothing secret."""
    word = re.split(r"[\s._-]", name.lower())[-1]
    match = _shape(word, check, text, separator)
    if match is None or match.lastgroup is None:
        return 0, 0
    kind = match.lastgroup
    value = match[kind]
    if kind == "bare":
        # What closes a sentence or a call is no part of the value.
        compares = separator[0] == "=="
        if is_code(value) or (
            compares and value.rstrip(".:!?)]}").isidentifier()
        ):
            return 0, 0
        value = value.rstrip(".:!?)]}")
    if not _is_secret(kind, value, name, separator[0], check):
        return 0, 0
    start = match.start(kind)
    return start, start + len(value)


def _shape(
    word: str,
    check: Callable[[str], bool],
    text: str,
    separator: re.Match[str],
) -> re.Match[str] | None:
    at = separator.end()
    if separator[0] == ":" and word.endswith(("cookie", "cookies")):
        cookies = _COOKIES.match(text, at)
        if cookies is not None:
            return cookies
    if check is is_number:
        return _DIGITS.match(text, at) or _WEAK.match(text, at)
    if check is is_random:
        return _WEAK.match(text, at)
    is_header = separator[0] != "=" and word.endswith(("auth", "bearer"))
    is_login = is_header or word.endswith("authorization")
    return (_LOGIN if is_login else _VALUE).match(text, at)


def _is_secret(
    kind: str,
    value: str,
    name: str,
    separator: str,
    check: Callable[[str], bool],
) -> bool:
    # A shell's PWD is the folder that it is in.
    is_folder = name == "PWD" and value.startswith("/")
    if is_folder or is_placeholder(value) or is_hidden(value):
        return False
    if kind in ("group", "parts"):
        return check not in (is_number, is_random)
    if not check(value):
        return False
    if kind != "bare":
        return True
    lowered = value.lower()
    is_state = lowered in (STATES if separator == ":" else NULLS)
    last_word = re.split(r"[ .]", name.lower())[-1]
    if is_state or lowered == last_word:
        return False
    # "PASS: test_login" and "pass=12 fail=3" are reports of tests.
    if last_word == "pass":
        is_mixed = value.isalnum() and not value.isalpha()
        return (is_mixed or separator == "=") and not value.isdigit()
    if check is is_credential and separator == ":":
        is_prose = _PROSE.fullmatch(value) is not None and len(value) < 16
        return not is_prose and not (value.isdigit() and len(value) < 4)
    return True
