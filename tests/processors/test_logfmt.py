import json
import re

from hypothesis import given
from hypothesis import strategies as st

from mohflow.processors.logfmt import LogfmtRenderer


RAW = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029"
    r"\u202a-\u202e\u2066-\u2069]"
)
PAIR = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Zl"]))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(["timestamp", "level", "event", "exception"])
events = st.dictionaries(names | st.text(), values, max_size=6)


def render(**fields):
    return LogfmtRenderer()(None, "info", fields).decode()


def parse(line):
    """Return the pairs of a line; quoted values are JSON strings."""
    pairs = PAIR.findall(line)
    assert "".join(f"{k}={v} " for k, v in pairs).strip() == line.strip()
    return [(k, json.loads(v) if v.startswith('"') else v) for k, v in pairs]


class TestLine:
    def test_the_time_the_level_and_the_event_come_first(self):
        line = render(n=1, event="order paid", level="info", timestamp="T")

        assert 'timestamp=T level=info event="order paid" n=1\n' == line

    def test_an_event_without_fields_is_an_empty_line(self):
        assert "\n" == render()

    def test_the_callers_dict_stays_as_it_is(self):
        fields = {"event": "x", "exception": {"type": "E"}}

        LogfmtRenderer()(None, "info", fields)

        assert {"event": "x", "exception": {"type": "E"}} == fields


class TestKeys:
    def test_what_a_key_cannot_hold_becomes_an_underscore(self):
        assert "a_b_c_d_e=1\n" == render(**{'a b=c"d\ne': 1})

    def test_an_empty_key_becomes_an_underscore(self):
        assert "_=1\n" == render(**{"": 1})

    def test_keys_that_become_equal_stay_apart(self):
        assert "a_b=1 a_b_=2\n" == render(**{"a b": 1, "a=b": 2})


class TestValues:
    def test_plain_values_need_no_quotes(self):
        line = render(a="x/y:z", b=1, c=2.5, d=True, e=None)

        assert "a=x/y:z b=1 c=2.5 d=true e=null\n" == line

    def test_an_empty_text_is_quoted(self):
        assert 'a=""\n' == render(a="")

    def test_spaces_equal_signs_quotes_and_backslashes_are_quoted(self):
        line = render(a="x y", b="x=y", c='say "x"', d="C:\\temp")

        assert r'a="x y" b="x=y" c="say \"x\"" d="C:\\temp"' + "\n" == line

    def test_controls_are_escaped_as_json_does(self):
        line = render(a="\n\r\t\x00\x1b\x7f\x9b\u2028\u202e")

        assert r'a="\n\r\t\u0000\u001b\u007f\u009b\u2028\u202e"' + "\n" == line

    def test_nested_values_are_json_in_quotes(self):
        line = render(a={"b": [1, "x"]})

        assert [("a", '{"b":[1,"x"]}')] == parse(line)

    def test_an_exception_is_its_traceback(self):
        line = render(
            exception={
                "type": "KeyError",
                "module": "builtins",
                "message": "'id'",
                "frames": [
                    {"file": "a.py", "line": 3, "function": "f", "code": "g()"}
                ],
            }
        )

        [(key, text)] = parse(line)
        assert "exception" == key
        assert text.startswith("Traceback (most recent call last):\n")
        assert '  File "a.py", line 3, in f\n    g()\n' in text
        assert text.endswith("\nKeyError: 'id'")


@given(events)
def test_any_event_is_one_line_that_can_be_parsed(fields):
    line = LogfmtRenderer()(None, "info", fields).decode()

    assert line.endswith("\n")
    assert RAW.search(line[:-1]) is None
    assert len(fields) == len(parse(line[:-1]))


def test_a_full_stack_gives_a_line_all_the_same():
    def deeper():
        try:
            return deeper()
        except RecursionError:
            return LogfmtRenderer()(None, "info", {"event": "x", "a": [1]})

    assert "x" in deeper().decode()
