"""What the interpreter that runs us promises."""

from __future__ import annotations

import sys


HAS_GIL = (
    sys.implementation.name == "cpython"
    and getattr(sys, "_is_gil_enabled", lambda: True)()
)
"""
Whether threads change places only between bytecodes that look for it.

From 3.11 on these are calls, the starts of functions and the ends of loops
(``eval_breaker`` in ``Python/ceval.c``). So ``self.n += 1``, and a few
comparisons before a store, need no lock. Elsewhere a lock is taken.
"""
