import re
import time

import pytest

from hypothesis import given
from hypothesis import strategies as st

from mohflow.processors.console import INDENT, ConsoleRenderer
from mohflow.processors.errors import StructuredExceptions


RAW = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029"
    r"\u202a-\u202e\u2066-\u2069]"
)
COLOR = re.compile(r"\x1b\[[0-9;]+m")

nasty = st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Zl"]))
values = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | nasty,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | nasty | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
exceptions = st.fixed_dictionaries(
    {"type": nasty, "message": st.text() | nasty},
    optional={
        "module": values,
        "frames": st.lists(
            st.dictionaries(
                st.sampled_from(["file", "line", "function", "code"]),
                st.text() | nasty,
            ),
            max_size=3,
        ),
        "notes": st.lists(nasty, max_size=2),
        "cause": values,
        "exceptions": st.lists(st.fixed_dictionaries({"type": nasty})),
    },
)
events = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": values,
        "level": st.just("info") | values,
        "event": values,
        "logger": values,
        "service": values,
        "correlation_id": values,
        "exception": exceptions | values,
        "exc_info": values,
        "stack": nasty,
        "a\nb": values,
        " ": values,
    },
)


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def render(colors=False, **fields):
    return ConsoleRenderer(colors)(None, "info", fields).decode()


def caught(raiser):
    """Return the fields of the exception that *raiser* raises."""
    try:
        raiser()
    except Exception as error:
        return StructuredExceptions()(None, "error", {"exc_info": error})


def fail_twice():
    try:
        raise KeyError("id")
    except KeyError as error:
        error.add_note("while reading")
        raise ValueError("no order") from error


class TestLine:
    def test_it_has_columns(self, berlin):
        line = render(
            timestamp="2026-11-24T03:19:01.123456Z",
            level="info",
            event="order.paid",
            logger="shop",
            order_id=17,
        )

        assert (
            "04:19:01.123 info     order.paid                     "
            "[shop] order_id=17\n"
        ) == line

    def test_it_ends_with_its_last_word(self):
        assert "info     x\n" == render(level="info", event="x")

    def test_long_events_are_whole(self):
        assert f"{'x' * 50} a=1\n" == render(event="x" * 50, a=1)

    def test_an_event_may_lack_everything(self):
        assert "\n" == render()

    def test_what_every_line_carries_comes_last(self):
        line = render(service="shop", environment="dev", event="x", a=1)

        assert line.endswith(" a=1 service=shop environment=dev\n")

    @pytest.mark.parametrize(
        "long",
        [
            "0192f3c47a5b7c3d9e8f1a2b0e0e4736",
            "0192f3c4-7a5b-7c3d-9e8f-1a2b0e0e4736",
        ],
    )
    def test_the_end_of_a_long_id_is_shown(self, long):
        assert "correlation_id=…0e0e4736" in render(correlation_id=long)

    def test_an_id_that_people_chose_is_whole(self):
        line = render(correlation_id="order-2026-000001-retry")

        assert "correlation_id=order-2026-000001-retry" in line

    @pytest.mark.parametrize("odd", ["soon", 12.5, None, "9999-99-99"])
    def test_a_time_that_is_none_is_shown_as_it_is(self, odd):
        assert render(timestamp=odd).startswith(
            "null" if odd is None else str(odd)
        )

    def test_the_callers_dict_stays_as_it_is(self):
        fields = {"event": "x", "level": "info", "exc_info": None}

        ConsoleRenderer(False)(None, "info", fields)

        assert {"event": "x", "level": "info", "exc_info": None} == fields


class TestValues:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (17, "17"),
            ("17", '"17"'),
            ("10.0.0.7", "10.0.0.7"),
            (None, "null"),
            ("null", '"null"'),
            (True, "true"),
            ("", '""'),
            ("/a/b", "/a/b"),
            ("a b", '"a b"'),
            ("a=b", '"a=b"'),
            ('say "x"', r'"say \"x\""'),
            ("C:\\x", r'"C:\\x"'),
            ("[1]", '"[1]"'),
            ("größe", "größe"),
            ({"a": [1, "x y"]}, '{"a":[1,"x y"]}'),
        ],
    )
    def test_a_value_tells_its_type(self, value, shown):
        assert render(event="x", a=value).endswith(f" a={shown}\n")

    def test_a_key_with_a_space_is_quoted(self):
        assert render(**{"a b": 1}).endswith(' "a b"=1\n')


class TestForgery:
    NASTY = "a\nb\r\t\x00\x1b[2J\x7f\x9b\u2028\u202e\ud800"
    SHOWN = r"a\nb\r\t\x00\x1b[2J\x7f\x9b\u2028\u202e\ud800"

    @pytest.mark.parametrize("key", ["event", "level", "logger"])
    def test_controls_in_a_column_are_shown(self, key):
        assert self.SHOWN in render(**{key: self.NASTY})

    def test_controls_in_values_are_shown(self):
        shown = self.SHOWN.replace(r"\ud800", r"\\ud800")

        assert f'a="{shown}"' in render(a=self.NASTY)

    def test_controls_in_keys_are_shown(self):
        assert r'"a\x1b[2J\n"=1' in render(**{"a\x1b[2J\n": 1})

    def test_controls_in_nested_values_are_shown(self):
        line = render(a=["\n\x1b\x9b\u202e"])

        assert r'a=["\n\u001b\x9b\u202e"]' in line

    def test_further_lines_of_a_message_have_a_bar(self):
        exception = {"type": "E", "message": 'a\n  File "x"\x1b[2J'}

        lines = render(event="x", exception=exception).splitlines()

        assert [f"{INDENT}E: a", rf'{INDENT}|   File "x"\x1b[2J'] == lines[1:]


class TestExceptions:
    def test_it_looks_like_a_traceback(self):
        lines = render(event="x", **caught(fail_twice)).splitlines()

        assert "x" == lines[0]
        assert {INDENT} == {line[: len(INDENT)] for line in lines[1:]}
        text = "\n".join(line[len(INDENT) :] for line in lines[1:])
        assert text.startswith("Traceback (most recent call last):\n  File ")
        assert "\nKeyError: 'id'\nwhile reading\n\nThe above" in text
        assert text.endswith("\nValueError: no order")

    def test_members_of_a_group_are_shown(self):
        def fail():
            raise ExceptionGroup("two", [ValueError("a"), KeyError("b")])

        text = render(event="x", **caught(fail))

        assert "| ExceptionGroup: two" in text
        assert "| ValueError: a" in text
        assert "| KeyError: 'b'" in text

    def test_raw_exc_info_is_understood(self):
        try:
            raise ValueError("boom")
        except ValueError:
            text = render(event="x", exc_info=True)

        assert text.endswith("\n    ValueError: boom\n")

    def test_a_traceback_that_is_text_is_indented(self):
        text = render(event="x", exception="Traceback\nE: \x1b", a=1)

        assert r" a=1" + "\n    Traceback\n" + r"    E: \x1b" + "\n" in text

    def test_a_stack_is_indented(self):
        text = render(event="x", stack="Stack:\n  f()")

        assert "x\n    Stack:\n      f()\n" == text


class TestColors:
    def test_only_the_codes_differ_from_plain_text(self):
        fields = {"timestamp": "2026-11-24T03:19:01Z", "level": "error"}
        fields |= {"event": "x", "logger": "y", "a": 1, "service": "s"}
        fields |= caught(fail_twice)

        colored = render(colors=True, **fields)

        assert COLOR.search(colored)
        assert render(**fields) == COLOR.sub("", colored)

    def test_the_innermost_frames_and_the_messages_are_lit(self):
        lines = render(colors=True, event="x", **caught(fail_twice))

        lit = [
            COLOR.sub("", line).strip()
            for line in lines.splitlines()
            if "\x1b[1m" in line or "\x1b[31m" in line
        ]
        assert "KeyError: 'id'" in lit
        assert "ValueError: no order" in lit
        assert 'raise ValueError("no order") from error' in lit
        assert "raiser()" not in lit

    @pytest.mark.parametrize(
        ("level", "code"),
        [("info", "32"), ("warning", "33"), ("error", "31")],
    )
    def test_levels_have_colors(self, level, code):
        line = render(colors=True, level=level, event="x")

        assert f"\x1b[{code}m{level}\x1b[0m" in line


@given(events, st.booleans())
def test_any_event_is_one_line_and_indented_ones(fields, colors):
    text = ConsoleRenderer(colors)(None, "info", fields).decode()

    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    assert all(line.startswith(INDENT) for line in lines[1:])
    assert not any(RAW.search(COLOR.sub("", line)) for line in lines)
    assert colors or not COLOR.search(text)


def test_a_full_stack_gives_a_line_all_the_same():
    def deeper():
        try:
            return deeper()
        except RecursionError:
            return ConsoleRenderer(False)(None, "info", {"event": "x"})

    assert "x" in deeper().decode()
