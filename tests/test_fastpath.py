"""The fused function writes what the chain writes, or leaves it the call."""

import contextlib
import enum
import json
import logging
import time

from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from unittest import mock
from uuid import UUID

import pytest
import structlog

from hypothesis import assume, example, given
from hypothesis import strategies as st

import mohflow

from mohflow import FileOptions, MaskingOptions
from mohflow._fastpath_fields import PLAIN
from mohflow._pipeline import STAGE, never
from mohflow.processors.context import MAX_VARIABLES
from mohflow.processors.masking import Masker
from mohflow.stdlib import PipelineHandler


START = 1_790_000_000_123_456_789


class Text(str):
    def __str__(self):
        return "shown"


class Broken:
    is_armed = False

    def __repr__(self):
        if Broken.is_armed:
            raise RuntimeError("no repr")
        return "Broken()"


class Colour(enum.IntEnum):
    RED = 1


CARDS = st.sampled_from(
    ["4111111111" + "111111", "5500005555" + "555559", "3782822463" + "10005"]
)
NAMES = st.one_of(
    st.sampled_from(
        [
            "path",
            "user_id",
            "email",
            "password",
            "api_key",
            "token_count",
            "event_",
            "level",
            "level_",
            "level_number",
            "timestamp",
            "logger",
            "service",
            "environment",
            "exc_info",
            "stack_info",
            "exception",
            "correlation_id",
            "truncated",
            "ann@example.org",
            "größe",
            "[]",
            "",
        ]
    ),
    st.text(max_size=8),
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "/api/v1/login/17",
            "/api/v2/login/18",
            "9f2b41d6c05e4a7b8d13e6f09a72c4b8",
            "ORD-000123",
            "mail ann@example.org now",
            "password=hunter2 and more",
            '{"password": "x", "a": [1]}',
            "[]",
            "  {} ",
            "4111 1111 " + "1111 1111",
            "\ud800",
            "äöü €",
            "x" * 200,
            "x" * 5000,
            "",
        ]
    ),
    st.text(max_size=20),
)
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**12, -(10**12), 4111111111111111, 2**63, 2**64]),
    st.floats(),
    TEXTS,
)
OBJECTS = st.sampled_from(
    [
        lambda: b"bytes",
        lambda: datetime(2026, 11, 24, 3, 19, tzinfo=UTC),
        lambda: Decimal("1.5"),
        lambda: UUID(int=5),
        lambda: Text("hidden"),
        Broken,
        lambda: Colour.RED,
        lambda: Colour,
        lambda: {1, 2},
        lambda: (1, "x"),
        lambda: ValueError("ann@example.org"),
    ]
).map(lambda make: make())
VALUES = st.recursive(
    st.one_of(ATOMS, OBJECTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=4,
)
# Mostly what is taken, so that the fused function is what is tested.
PLAIN_VALUES = st.one_of(
    st.sampled_from(
        ["/login/17", "ab", "--token", "password", "hunter2", 42, 1.5, None]
    ),
    st.booleans(),
)
SMALL = st.recursive(
    PLAIN_VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(PLAIN_VALUES, min_size=15, max_size=18),
        st.dictionaries(
            st.sampled_from(["path", "name", "value", "id", "token", "level"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
USUAL = st.dictionaries(
    st.sampled_from(["path", "user_id", "method", "email", "service"]),
    st.one_of(ATOMS, st.just("/api/v1/login/17"), SMALL),
    max_size=4,
)
FIELDS = st.one_of(USUAL, st.dictionaries(NAMES, VALUES, max_size=4))
CALLS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "debug",
                "info",
                "warning",
                "error",
                "critical",
                "exception",
                ("log", 10),
                ("log", "warning"),
                ("log", 25),
                ("record", 20),
                ("record", 35),
            ]
        ),
        st.one_of(TEXTS, VALUES, st.sampled_from(["at %s", "%(path)s %%"])),
        st.one_of(
            st.just(()),
            st.lists(ATOMS, max_size=2).map(tuple),
            st.tuples(FIELDS),
        ),
        FIELDS,
        FIELDS,
        FIELDS,
    ),
    min_size=1,
    max_size=3,
)
MASKING = st.sampled_from(
    [
        None,
        False,
        MaskingOptions(dry_run=True),
        MaskingOptions(strategy="remove"),
        MaskingOptions(strategy="partial"),
        MaskingOptions(strategy="hash", hash_key="0123456789abcdef"),
        MaskingOptions(keys=("path",), allow_keys=("email",)),
        MaskingOptions(patterns={"login": "login"}),
        MaskingOptions(allow_patterns=(r".*@example\.org",)),
    ]
)
SETTINGS = st.fixed_dictionaries(
    {
        "masking": MASKING,
        "service": st.sampled_from([None, "shop", "ann@example.org"]),
        "environment": st.sampled_from([None, "prod"]),
        "max_line_bytes": st.sampled_from([256_000, 1024]),
        "traceback_locals": st.booleans(),
    }
)


def add_secret(logger, method_name, event_dict):
    event_dict["contact"] = "ann@example.org"
    event_dict["password"] = "hunter2"
    return event_dict


def relabel(logger, method_name, event_dict):
    return {"first": 1, **event_dict, "level": "notice", "logger": "mine"}


def number(logger, method_name, event_dict):
    event_dict["level_number"] = 35
    return event_dict


def forget_time(logger, method_name, event_dict):
    del event_dict["timestamp"], event_dict["event"]
    return event_dict


def fail(logger, method_name, event_dict):
    event_dict["half"] = "done"
    raise ValueError("ann@example.org")


def drop(logger, method_name, event_dict):
    raise structlog.DropEvent


def nest(logger, method_name, event_dict):
    return MappingProxyType({**event_dict, "event": {"a": 1}})


def shared(logger, method_name, event_dict):
    SHARED.clear()
    SHARED.update(event_dict)
    return SHARED


def show_order(logger, method_name, event_dict):
    event_dict["order"] = " ".join(map(repr, event_dict))
    return event_dict


SHARED = {}
PROCESSORS = st.lists(
    st.sampled_from(
        [
            add_secret,
            relabel,
            number,
            forget_time,
            fail,
            drop,
            nest,
            shared,
            show_order,
        ]
    ),
    max_size=2,
)
FORMATS = st.sampled_from(
    ["json", "console", "logfmt", "ecs", "gcp", "otel", "datadog"]
)
LEVELS = st.sampled_from([None, "debug", "warning"])


OTHERS = {"level", "processors"}
RECORD = vars(logging.makeLogRecord({}))


def handle_record(number, event, args, values):
    """Do what logging does with a call, with extras of any name."""
    fields = {k: v for k, v in values.items() if k not in RECORD}
    record = logging.makeLogRecord(
        {"name": "shop", "levelno": number, "msg": event, **fields}
    )
    record.args = args
    PipelineHandler().handle(record)


def written(path, settings, form, calls, *, fast):
    """Return the bytes, the ledger and the masked counts of some calls."""
    path.unlink(missing_ok=True)
    level, processors = settings["level"], settings["processors"]
    given_settings = mohflow.Settings(
        **{k: v for k, v in settings.items() if k not in OTHERS}
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(time, "time_ns", lambda: START))
        stack.enter_context(mock.patch.object(Broken, "is_armed", new=True))
        pipeline = mohflow.configure(
            given_settings,
            console=False,
            level="debug",
            processors=processors,
            file=FileOptions(path=path, format=form, level=level),
        )
        if not fast:
            pipeline.fast = never
        for method, event, args, context, bound, values in calls * 3:
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(**context)
            log = structlog.get_logger(bound.get("logger")).bind(**bound)
            if method[0] == "record":
                handle_record(method[1], event, args, values)
            elif method[0] == "log":
                log.log(method[1], event, *args, **values)
            else:
                getattr(log, method)(event, *args, **values)
        ledger, masked = pipeline.ledger(), pipeline.masked
        mohflow.shutdown()
    return path.read_bytes() if path.exists() else b"", ledger, masked


@given(SETTINGS, LEVELS, FORMATS, CALLS, PROCESSORS)
@example(
    {"masking": None, "service": "shop", "environment": None},
    None,
    "json",
    [("info", "user.login", (), {"user_id": 42}, {}, {"path": "/a"})],
    [],
)
def test_it_writes_the_bytes_of_the_chain(
    tmp_path_factory, settings, level, form, calls, processors
):
    path = tmp_path_factory.getbasetemp() / "same.log"
    settings = {**settings, "level": level, "processors": processors}

    # One line of code for both: it is in the stack that some events show.
    by_chain, fused = (
        written(path, settings, form, calls, fast=fast)
        for fast in (False, True)
    )

    assert by_chain == fused


@pytest.fixture
def taken(monkeypatch):
    """Return a function that tells how many calls were taken since."""

    def watch():
        count = [0]
        pipeline = STAGE.pipeline
        fast = pipeline.fast

        def counted(*call):
            is_taken = fast(*call)
            count[0] += is_taken
            return is_taken

        monkeypatch.setattr(pipeline, "fast", counted)
        return lambda: count[0]

    return watch


def log_thrice(log):
    for n in range(3):
        log.info("user.login", method="password", path=f"/login/{n}")


class TestWhatIsTaken:
    def test_the_second_event_with_the_same_names(self, log_file, taken):
        log_file.configure(service="shop")
        count = taken()

        log_thrice(structlog.get_logger("orders").bind(environment="prod"))

        assert 2 == count()
        assert 3 == len(log_file.events)

    def test_fields_of_the_context(self, log_file, taken):
        log_file.configure()
        count = taken()

        with mohflow.bound(correlation_id="9f2b41d6c05e4a7b8d13e6f09a72c4b8"):
            log_thrice(structlog.get_logger())

        assert 2 == count()

    def test_a_secret_in_a_text_is_masked(self, log_file, taken):
        log_file.configure()
        count = taken()
        log = structlog.get_logger()

        log.info("one", note="nothing")
        log.info("two", note="mail ann@example.org")

        assert 1 == count()
        assert "mail [redacted:email]" == log_file.last["note"]

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ([1, "ann@example.org"], [1, "[redacted:email]"]),
            ({"password": "x", "a": 1}, {"password": "[redacted]", "a": 1}),
            (4111111111111111, "[redacted:card]"),
            ('{"password": "x"}', '{"password": "[redacted]"}'),
            (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
            ("x" * 5000, "x" * 5000),
        ],
    )
    def test_values_that_take_a_walk(self, log_file, taken, value, shown):
        log_file.configure()
        count = taken()
        log = structlog.get_logger()

        for _ in range(2):
            log.info("e", thing=value)

        assert 1 == count()
        assert [shown] * 2 == [event["thing"] for event in log_file.events]

    @pytest.mark.parametrize("level", [20, "info", logging.WARNING])
    def test_calls_of_log(self, log_file, taken, level):
        log_file.configure()
        count = taken()
        for n in range(3):
            structlog.get_logger().log(level, "user.login", n=n)

        assert 2 == count()

    def test_events_that_are_interpolated(self, log_file, taken):
        log_file.configure()
        count = taken()
        for n in range(3):
            structlog.get_logger().info("login %d of %s", n, "ann", n=n)

        assert 2 == count()
        assert "login 2 of ann" == log_file.last["event"]

    def test_records_of_logging(self, log_file, taken):
        log_file.configure()
        count = taken()
        for n in range(3):
            logging.getLogger("shop").info("login %d", n, extra={"n": n})

        assert 2 == count()
        assert ("login 2", "shop", 2) == tuple(
            log_file.last[name] for name in ("event", "logger", "n")
        )

    def test_events_with_a_new_correlation_id(self, log_file, taken):
        log_file.configure()
        log_thrice(structlog.get_logger().bind(correlation_id="0" * 32))
        masker = STAGE.pipeline.steps.after[1]
        count, clean = taken(), len(masker.clean)
        for n in range(3):
            log = structlog.get_logger()
            log.info("x", correlation_id=f"{n:032x}", path="/a")

        assert 3 == count()
        assert clean + 1 >= len(masker.clean)

    def test_small_dicts_and_lists(self, log_file, taken):
        log_file.configure()
        count = taken()
        user = {"id": 42, "roles": ["admin", "ops"], "new": False}
        for _ in range(3):
            structlog.get_logger().info("x", user=user, items=[user] * 2)

        assert 2 == count()
        assert user == log_file.last["user"]
        assert [user] * 2 == log_file.last["items"]

    def test_events_for_a_processor_of_a_user(self, log_file, taken):
        log_file.configure(processors=[add_secret])
        count = taken()

        log_thrice(structlog.get_logger())

        assert 3 == count()
        assert "[redacted:email]" == log_file.last["contact"]
        assert "[redacted]" == log_file.last["password"]

    def test_the_dict_that_a_processor_keeps_is_not_masked(self, log_file):
        log_file.configure(processors=[add_secret, shared])

        log_thrice(structlog.get_logger())

        assert "ann@example.org" == SHARED["contact"]

    def test_events_below_the_level_of_a_sink_are_not_accepted(
        self, log_file, taken
    ):
        pipeline = log_file.configure(
            file=FileOptions(path=log_file.path, level="error"), level="info"
        )
        mohflow.set_level("info", "orders")
        count = taken()

        log_thrice(structlog.get_logger("orders"))

        assert 0 < count()
        assert 0 == pipeline.ledger()["file"].accepted

    @pytest.mark.parametrize(
        "fields",
        [
            {"password": "x"},
            {"exc_info": True},
            {"timestamp": "x"},
            {"level": 5},
        ],
    )
    def test_the_chain_has_the_rest(self, log_file, taken, fields):
        log_file.configure()
        count = taken()
        log = structlog.get_logger()

        for _ in range(3):
            log.info("e", **fields)

        assert 0 == count()
        assert 3 == len(log_file.events)


class TestWhatOthersChange:
    def test_capture_logs_gets_every_event(self, log_file):
        log_file.configure()
        log = structlog.get_logger()
        log_thrice(log)

        with structlog.testing.capture_logs() as captured:
            log_thrice(log)
        log_thrice(log)

        assert 3 == len(captured)
        assert 6 == len(log_file.events)

    def test_pytest_structlog_gets_every_event(self, log_file):
        log_file.configure()
        log = structlog.get_logger()
        log_thrice(log)
        processors = structlog.get_config()["processors"]
        seen = []

        # What the plug-in does: the list is emptied and filled in place.
        held = list(processors)
        processors.clear()
        processors.append(lambda _, __, fields: seen.append(fields) or {})
        with contextlib.suppress(Exception):
            log_thrice(log)
        processors[:] = held

        assert 3 == len(seen)
        log_thrice(log)
        assert 3 == len(seen)

    def test_a_processor_inserted_by_hand_is_run(self, log_file):
        log_file.configure()
        log = structlog.get_logger()
        log_thrice(log)

        def add(logger, method_name, event_dict):
            return {**event_dict, "added": True}

        processors = structlog.get_config()["processors"]
        processors.insert(1, add)
        try:
            log_thrice(log)
        finally:
            processors.remove(add)
        log_thrice(log)

        added = ["added" in event for event in log_file.events]
        assert [False] * 3 + [True] * 3 + [False] * 3 == added

    def test_a_processor_of_the_configuration_is_run(self, log_file):
        def add(logger, method_name, event_dict):
            return {**event_dict, "added": event_dict["level"]}

        log_file.configure(processors=[add])
        log_thrice(structlog.get_logger())

        assert ["info"] * 3 == [event["added"] for event in log_file.events]

    def test_loggers_follow_a_new_configuration(self, log_file, tmp_path):
        log_file.configure(masking=False)
        log = structlog.get_logger().bind(user="ann@example.org")
        log_thrice(log)

        log_file.configure(service="shop")
        log_thrice(log)

        users = [event["user"] for event in log_file.events]
        assert ["ann@example.org"] * 3 + ["[redacted:email]"] * 3 == users
        assert "shop" == log_file.last["service"]

    def test_a_level_that_ends_by_itself_ends(self, log_file, monkeypatch):
        log_file.configure(level="warning")
        log = structlog.get_logger()
        mohflow.set_level("info", ttl=3600)
        log_thrice(log)
        now = time.monotonic()
        monkeypatch.setattr(
            "mohflow._pipeline.THRESHOLDS._clock", lambda: now + 7200
        )
        log_thrice(log)

        own = [e for e in log_file.events if e["event"] == "user.login"]
        assert 3 == len(own)


PARTS = st.sampled_from(
    ["password", "--token", "secret", "AKIA", "ghp_", "eyJ", "DE", "078-05"]
)


@given(
    st.one_of(
        st.from_regex(PLAIN, fullmatch=True),
        st.text("0123456789", min_size=32, max_size=32),
        st.tuples(st.text("0123456789abcdef"), CARDS).map(
            lambda pair: (pair[1] + pair[0] + "0" * 32)[:32]
        ),
        st.lists(st.builds("{}{}".format, PARTS, st.integers(0, 999_999))).map(
            "/".join
        ),
    )
)
def test_texts_that_are_not_looked_at_hold_nothing_to_mask(text):
    assume(PLAIN.fullmatch(text))
    masker = Masker()

    assert text == masker.text(text)
    assert {"x": text} == masker(None, "info", {"x": text})


def test_contexts_of_many_names_keep_the_order_of_the_first_binding(log_file):
    log_file.configure()
    names = [f"name_{n}" for n in range(2 * MAX_VARIABLES)]
    structlog.contextvars.bind_contextvars(**dict.fromkeys(names, 1))
    structlog.contextvars.clear_contextvars()

    structlog.contextvars.bind_contextvars(name_99=1, name_7=1, name_55=1)
    structlog.get_logger().info("e")

    assert ["name_7", "name_55", "name_99"] == [*log_file.last][3:]


def test_a_disk_that_is_full_is_counted(log_file, capsys):
    log_file.configure(file="/dev/full")
    log = structlog.get_logger()

    log_thrice(log)

    counts = mohflow.ledger()["file"]
    assert {"disk_full": 3} == dict(counts.dropped)


def test_what_is_logged_while_a_line_is_written_follows_it(log_file):
    pipeline = log_file.configure()
    log = structlog.get_logger()
    log_thrice(log)
    sink = pipeline.routes[0].delivery.sink
    append = sink.append

    def noisy(time_ns, line):
        if b"outer" in line:
            log.info("inner")
        append(time_ns, line)

    sink.append = noisy
    log.info("outer")

    events = [json.loads(line)["event"] for line in log_file.lines[3:]]
    assert ["outer", "inner"] == events
