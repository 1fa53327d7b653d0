from __future__ import annotations

import pytest

from pydantic import ValidationError

from mohflow._delivery_options import DeliveryOptions
from mohflow.sinks.loki import LokiOptions


URL = "http://localhost:3100"


def labels(**given):
    return LokiOptions(url=URL, labels=given).labels


class TestLabels:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("team", "team"),
            ("a.b-c d:e", "a_b_c_d_e"),
            ("1a", "_1a"),
            ("größe", "gr__e"),
            ("_x", "_x"),
        ],
    )
    def test_names_are_made_valid(self, name, expected):
        assert {expected: "v"} == labels(**{name: "v"})

    def test_empty_values_are_left_out(self):
        assert {"a": "v"} == labels(a="v", b="")

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"": "v"}, "cannot be a label"),
            ({"__name__": "v"}, "Loki's own"),
            ({"x" * 1025: "v"}, "1024"),
            ({"x": "v" * 2049}, "2048"),
            ({"x": "é" * 1025}, "2048"),
            ({"a.b": "1", "a_b": "2"}, "Two labels are named 'a_b'"),
            ({"replay": "v"}, "sent late"),
            ({"request_id": "v"}, "structured_metadata"),
            ({"trace.id": "v"}, "structured_metadata"),
            (
                {"x": "0af76519-16cd-43dd-8448-eb211c80319c"},
                "structured_metadata",
            ),
            ({"x": "0AF7651916CD43DD8448EB211C80319C"}, "structured_metadata"),
            ({f"l{n}": "v" for n in range(16)}, "16 labels are too many"),
        ],
    )
    def test_what_loki_or_its_index_cannot_bear_is_refused(
        self, given, message
    ):
        with pytest.raises(ValidationError, match=message):
            labels(**given)

    def test_fifteen_are_fine_and_the_name_of_the_service_is_not_counted(self):
        given = {f"l{n}": "v" for n in range(15)} | {"service_name": "shop"}

        assert given == labels(**given)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (["request_id"], "structured_metadata"),
            (["__x"], "Loki's own"),
            ([f"f{n}" for n in range(16)], "16 labels are too many"),
        ],
    )
    def test_fields_are_held_to_the_same(self, fields, message):
        with pytest.raises(ValidationError, match=message):
            LokiOptions(url=URL, label_fields=fields)


class TestTenant:
    @pytest.mark.parametrize("name", ["a", "A-Z_0.9!*'()", "x" * 150])
    def test_what_loki_takes(self, name):
        assert name == LokiOptions(url=URL, tenant=name).tenant

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "a|b", "a/b", "a b", "a\n", "é", "x" * 151]
    )
    def test_what_it_does_not_take(self, name):
        with pytest.raises(ValidationError, match="150 letters"):
            LokiOptions(url=URL, tenant=name)

    def test_one_per_event_needs_one_for_the_rest(self):
        with pytest.raises(ValidationError, match="needs tenant"):
            LokiOptions(url=URL, tenant_field="customer")


def test_they_are_delivery_options_with_defaults_that_loki_takes():
    options = LokiOptions(url=URL)

    assert isinstance(options, DeliveryOptions)
    assert (1000, 1_000_000, 1.0) == (
        options.batch_events,
        options.batch_bytes,
        options.linger,
    )


def test_batches_that_loki_may_refuse_for_ever_are_refused_at_once():
    with pytest.raises(ValidationError, match="2500000 is the most"):
        LokiOptions(url=URL, batch_bytes="3 MB")


def test_a_level_may_be_a_name():
    assert 30 == LokiOptions(url=URL, level="warning").level


def test_credentials_in_the_shorthand_are_not_shown():
    options = LokiOptions(url="https://ann:s3cret@logs.example.org")

    assert "ann" == options.username
    assert "s3cret" == options.password.get_secret_value()
    assert "s3cret" not in f"{options!r} {options.model_dump()}"
