"""What the stand-in does to names, keeps apart by tenant, and reads back."""

import gzip
import json

from urllib.parse import urlencode

import pytest


JSON = {"Content-Type": "application/json"}


class TestNames:
    def test_loki_names_the_service(self, serve, clock):
        client = serve()
        now = str(clock.time_ns())
        client.push([now, "x"], job="j", app="shop")
        client.push([now, "x"], env="test")

        assert ["shop", "unknown_service"] == [
            e.labels["service_name"] for e in client.server.entries()
        ]

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("a.b-c", "a_b_c"),
            ("a__b", "a_b"),
            ("1st", "key_1st"),
            ("__name__", "__name__"),
            ("_x", "_x"),
            ("größe", "gr_e"),
        ],
    )
    def test_loki_changes_names_of_metadata(self, serve, clock, sent, kept):
        client = serve()

        client.push([str(clock.time_ns()), "x", {sent: "v"}], app="a")

        assert {kept: "v"} == client.server.entries()[0].metadata

    @pytest.mark.parametrize("name", ["", "_", "-", "é", "____"])
    def test_a_name_without_a_letter_fails_the_push(self, serve, clock, name):
        client = serve()
        now = str(clock.time_ns())

        status, body = client.push(
            [now, "x"], [now, "y", {name: "v"}], app="a"
        )

        assert 500 == status
        assert "label name" in body
        assert [] == client.server.entries()


class TestTenants:
    def test_they_are_kept_apart(self, serve, clock):
        client = serve(auth_enabled=True)
        for tenant in ("one", "two"):
            client.push(
                [str(clock.time_ns()), tenant],
                headers={**JSON, "X-Scope-OrgID": tenant},
                app="a",
            )

        assert ["one"] == [e.line for e in client.server.entries("one")]
        assert ["one", "two"] == [e.line for e in client.server.entries()]

    def test_one_does_not_use_up_the_allowance_of_another(self, serve, clock):
        client = serve(auth_enabled=True, burst=10)

        def push(tenant):
            return client.push(
                [str(clock.time_ns()), "x" * 10],
                headers={**JSON, "X-Scope-OrgID": tenant},
                app="a",
            )[0]

        assert [204, 429, 204] == [push("one"), push("one"), push("two")]

    @pytest.mark.parametrize("tenant", ["a" * 151, ".", ".."])
    def test_names_that_are_not_allowed_are_refused(self, serve, tenant):
        client = serve(auth_enabled=True)

        status, _ = client.push(headers={**JSON, "X-Scope-OrgID": tenant})

        assert 400 == status


class TestQueries:
    def test_what_was_pushed_can_be_read_back(self, serve, clock):
        client = serve()
        now = clock.time_ns()
        client.push(
            [str(now), "canary", {"id": "7"}], [str(now + 1), "2"], app="a"
        )
        client.push([str(now), "other"], app="b")

        result = client.query(
            query='{app="a", service_name="a"}',
            start=now,
            end=now + 2,
            direction="forward",
        )

        common = {"app": "a", "service_name": "a"}
        assert [
            {
                "stream": {**common, "detected_level": "unknown", "id": "7"},
                "values": [[str(now), "canary"]],
            },
            {
                "stream": {**common, "detected_level": "unknown"},
                "values": [[str(now + 1), "2"]],
            },
        ] == result

    @pytest.mark.parametrize(
        ("line", "metadata", "level"),
        [
            ('{"level": "warning"}', {}, "warn"),
            ("x", {"level": "critical"}, "critical"),
            ("x", {"level": "notice"}, "notice"),
            ("an error: it broke", {}, "error"),
            ("terror", {}, "unknown"),
            ("level=info msg=x", {}, "info"),
        ],
    )
    def test_they_show_a_detected_level(
        self, serve, clock, line, metadata, level
    ):
        client = serve()
        now = clock.time_ns()
        client.push([str(now), line, metadata], app="a")

        result = client.query(query='{app="a"}', end=now + 1)

        assert level == result[0]["stream"]["detected_level"]

    def test_the_newest_come_first_up_to_the_limit(self, serve, clock):
        client = serve()
        now = clock.time_ns()
        client.push(*([str(now + i), str(i)] for i in range(5)), app="a")

        result = client.query(query='{app="a"}', end=now + 9, limit=2)

        assert ["4", "3"] == [line for _, line in result[0]["values"]]

    @pytest.mark.parametrize("query", ["", "{}", '{a=~"b"}', '{a="b"} |= "c"'])
    def test_what_it_cannot_read_is_refused(self, serve, query):
        path = f"/loki/api/v1/query_range?{urlencode({'query': query})}"

        status, body = serve().request("GET", path)

        assert 400 == status
        assert "LokiServer reads only selectors" in body

    def test_it_is_ready_at_once(self, serve):
        assert (200, "ready\n") == serve().request("GET", "/ready")


def test_legacy_entries_are_refused_and_not_lost_in_silence(serve):
    body = json.dumps({"streams": [{"labels": '{a="b"}', "entries": [{}]}]})

    status, _ = serve().request("POST", "/api/prom/push", body)

    assert 501 == status


def test_otlp_attributes_become_labels_and_metadata(serve, clock):
    client = serve()
    record = {
        "timeUnixNano": str(clock.time_ns()),
        "body": {"stringValue": "hi"},
        "attributes": [{"key": "k.x", "value": {"intValue": 1}}],
        "traceId": "0af7",
    }
    name = {"key": "service.name", "value": {"stringValue": "shop"}}
    body = {
        "resourceLogs": [
            {
                "resource": {"attributes": [name]},
                "scopeLogs": [{"logRecords": [record]}],
            }
        ]
    }

    compressed = gzip.compress(json.dumps(body).encode())
    headers = {**JSON, "Content-Encoding": "gzip"}
    status, _ = client.request("POST", "/otlp/v1/logs", compressed, headers)

    entry = client.server.entries()[0]
    assert 204 == status
    assert "hi" == entry.line
    assert {"service_name": "shop"} == entry.labels
    assert {"k_x": "1", "trace_id": "0af7"} == entry.metadata
