"""Any object becomes plain JSON values, and nothing raises."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import uuid

from collections import OrderedDict, deque, namedtuple
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntFlag
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from pydantic import BaseModel, Field, SecretBytes, SecretStr

from mohflow.processors.plain import plain_key, to_plain


class Colour(Enum):
    RED = "red"


class Flags(IntFlag):
    A = 1
    B = 2


Point = namedtuple("Point", "x y")  # noqa: PYI024


@dataclasses.dataclass
class Account:
    name: str
    password: str = dataclasses.field(default="hunter2", repr=False)


@dataclasses.dataclass
class Token:
    value: str

    def __repr__(self) -> str:
        return "Token(***)"


class Model(BaseModel):
    name: str
    secret: SecretStr = SecretStr("hunter2")
    hidden: str = Field(default="hunter2", repr=False)


class HiddenModel(Model):
    def __repr__(self) -> str:
        return "HiddenModel(***)"


class HidesInRepr(str):
    def __repr__(self) -> str:
        return "***"


class HidesInStr(str):
    def __str__(self) -> str:
        return "***"


class HidesBytes(bytes):
    def __repr__(self) -> str:
        return "***"


class Text(str):
    pass


class Own:
    def __structlog__(self) -> object:
        return {"own": Colour.RED}


class Endless:
    def __structlog__(self) -> object:
        return self


class Raises:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error


class RaisesInStructlog:
    def __structlog__(self) -> object:
        raise KeyError("x")


class RaisesInValue(Enum):
    A = "a"

    @property
    def value(self) -> str:
        raise ValueError


OFFSET = timezone(timedelta(hours=2))
NUMBER = uuid.UUID(int=1)


class TestValues:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (2**64 - 1, 2**64 - 1),
            (2**64, "18446744073709551616"),
            (-(2**63) - 1, "-9223372036854775809"),
            (b"a\xff", "a\\xff"),
            (bytearray(b"a"), "a"),
            (memoryview(b"a"), "a"),
            ({3, 1, 2}, [1, 2, 3]),
            (frozenset({"b", "a"}), ["a", "b"]),
            ({"b", 1}, [1, "b"]),
            (Decimal("1.10"), "1.10"),
            (NUMBER, str(NUMBER)),
            (Path("/a/b"), "/a/b"),
            (Colour.RED, "red"),
            (Flags.A | Flags.B, 3),
            (
                datetime(2026, 1, 2, 3, tzinfo=OFFSET),
                "2026-01-02T01:00:00.000000Z",
            ),
            (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
            (datetime(1, 1, 1, tzinfo=OFFSET), "0001-01-01T00:00:00+02:00"),
            (date(2026, 1, 2), "2026-01-02"),
            (timedelta(days=1), "1 day, 0:00:00"),
            (re.compile("a+"), "a+"),
            (int, "int"),
            (OrderedDict, "collections.OrderedDict"),
            (Point(1, 2), {"x": 1, "y": 2}),
            ((1, 2), [1, 2]),
            (deque([1]), [1]),
            (range(3), [0, 1, 2]),
            ({"a": 1}.keys(), ["a"]),
            ({"a": 1}.values(), [1]),
            (MappingProxyType({1: 2}), {"1": 2}),
            (OrderedDict(a=1), {"a": 1}),
            (ValueError("no"), "ValueError: no"),
            (ValueError(), "ValueError"),
            (np.float64(1.5), 1.5),
            (np.int64(3), 3),
            (np.bool_(True), True),
            (np.str_("a"), "a"),
            (np.array([[1], [2]]), [[1], [2]]),
            (np.longdouble(1), "np.longdouble('1.0')"),
            (1 + 2j, "(1+2j)"),
            (Text("a"), "a"),
            (Own(), {"own": Colour.RED}),
            (Endless(), "<depth limit>"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_it_becomes_a_builtin(self, value: Any, expected: Any) -> None:
        plain = to_plain(value)

        assert expected == plain
        assert type(expected) is type(plain)

    def test_an_int_of_many_digits_does_not_hit_the_limit_of_python(
        self,
    ) -> None:
        plain = to_plain(10**100_000)

        assert isinstance(plain, str)
        assert plain.startswith("0x")
        assert len(plain) < 10_100

    def test_a_generator_is_not_consumed(self) -> None:
        numbers = (n for n in range(2))

        assert str(to_plain(numbers)).startswith("<generator object")
        assert [0, 1] == list(numbers)

    def test_a_large_array_is_shown_in_short(self) -> None:
        plain = to_plain(np.zeros(1_000_000))

        assert isinstance(plain, str)
        assert len(plain) < 200

    def test_a_repr_is_cut(self) -> None:
        class Long:
            def __repr__(self) -> str:
                return "x" * 12_345

        expected = "x" * 10_000 + "... [cut 2,345 characters]"

        assert expected == to_plain(Long())

    def test_an_endless_sequence_is_cut(self) -> None:
        plain = to_plain(range(10**12))

        assert isinstance(plain, list)
        assert 10_001 == len(plain)
        assert "<size limit>" == plain[-1]


class TestSecrets:
    """What a class hides stays hidden."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (HidesInRepr("hunter2"), "***"),
            (HidesInStr("hunter2"), "***"),
            (HidesBytes(b"hunter2"), "***"),
            (SecretStr("hunter2"), "**********"),
            (SecretBytes(b"hunter2"), "b'**********'"),
            (Account("ann"), {"name": "ann"}),
            (Token("hunter2"), "Token(***)"),
            (HiddenModel(name="ann"), "HiddenModel(***)"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_it_is_not_shown(self, value: Any, expected: Any) -> None:
        assert expected == to_plain(value)

    def test_a_model_shows_what_its_repr_shows(self) -> None:
        plain = to_plain(Model(name="ann"))

        assert {"name": "ann", "secret": SecretStr("hunter2")} == plain

    def test_an_attrs_class_shows_what_its_repr_shows(self) -> None:
        attrs = pytest.importorskip("attrs")
        kind = attrs.make_class(
            "Login",
            {
                "name": attrs.field(),
                "password": attrs.field(repr=False),
                "pin": attrs.field(repr=lambda pin: "#" * len(pin)),
            },
        )

        assert {"name": "ann", "pin": "####"} == to_plain(
            kind("ann", "hunter2", "1234")
        )

    def test_a_secret_key_is_not_shown(self) -> None:
        assert "***" == plain_key(HidesInRepr("hunter2"))


class TestFaults:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (Raises(KeyError()), "<unrepresentable Raises: KeyError>"),
            (
                Raises(RecursionError()),
                "<unrepresentable Raises: RecursionError>",
            ),
            (
                RaisesInStructlog(),
                "<unrepresentable RaisesInStructlog: KeyError>",
            ),
            (
                RaisesInValue.A,
                "<unrepresentable RaisesInValue: ValueError>",
            ),
        ],
    )
    def test_a_text_takes_the_place_of_the_value(
        self, value: object, expected: str
    ) -> None:
        assert expected == to_plain(value)

    @pytest.mark.parametrize(
        "error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError]
    )
    def test_an_interrupt_passes(self, error: type[BaseException]) -> None:
        with pytest.raises(error):
            to_plain(Raises(error()))


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("a", "a"),
            (1, "1"),
            (None, "None"),
            (True, "True"),
            ((1, "a"), "(1, 'a')"),
            (b"a", "a"),
            (Colour.RED, "red"),
            (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000000Z"),
            ("\ud800", "\\ud800"),
            (Raises(KeyError()), "<unrepresentable Raises: KeyError>"),
        ],
    )
    def test_it_becomes_a_text(self, key: object, expected: str) -> None:
        assert expected == plain_key(key)

    def test_keys_with_equal_texts_are_told_apart(self) -> None:
        assert {"1": "a", "1_": "b"} == to_plain({1: "a", "1": "b"})

    def test_thousands_of_equal_keys_do_not_take_long(self) -> None:
        class Same:
            def __repr__(self) -> str:
                return "same"

        plain = to_plain({Same(): n for n in range(5000)})

        assert isinstance(plain, dict)
        assert 5000 == len(plain)
        assert max(map(len, plain)) < 20
