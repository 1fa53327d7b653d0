"""What the stand-in keeps and refuses, beyond what was recorded."""

import json

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class TestRate:
    """What a tenant may send at once, and in a second."""

    def test_a_push_above_the_burst_never_passes(self, serve, clock):
        client = serve(burst=1000, rate=1000)

        for _ in range(3):
            status, body = client.push(
                [str(clock.time_ns()), "x" * 1001], app="a"
            )
            assert 429 == status
            assert "'1' lines totaling '1001' bytes" in body
            clock.advance(60)

        assert [] == client.server.entries()

    def test_the_allowance_comes_back_with_time(self, serve, clock):
        client = serve(burst=1000, rate=100)

        def push():
            return client.push([str(clock.time_ns()), "x" * 900], app="a")[0]

        assert [204, 429] == [push(), push()]
        clock.advance(7)
        assert 429 == push()
        clock.advance(2)
        assert 204 == push()

    def test_metadata_counts(self, serve, clock):
        client = serve(burst=10)

        status, body = client.push(
            [str(clock.time_ns()), "123456", {"abc": "de"}], app="a"
        )

        assert 429 == status
        assert "totaling '11' bytes" in body

    def test_a_stream_has_an_allowance_of_its_own(self, serve, clock):
        client = serve(stream_burst=100)
        now = str(clock.time_ns())

        status, body = client.push([now, "x" * 60], [now, "y" * 60], app="a")

        assert 429 == status
        assert "Per stream rate limit exceeded (limit: 3MB/sec)" in body
        assert "total ignored: 2 out of 2 for stream: {app=" in body
        assert 204 == client.push([now, "x"], app="b")[0]


class TestStreams:
    def test_a_refused_stream_hides_behind_a_later_one(self, serve, clock):
        client = serve(max_streams=1)
        values = [[str(clock.time_ns()), "x"]]
        client.push(*values, app="known")
        streams = [
            {"stream": {"app": name}, "values": values}
            for name in ("new", "known")
        ]

        status, _ = client.request(
            "POST",
            "/loki/api/v1/push",
            json.dumps({"streams": streams}).encode(),
        )

        assert 204 == status
        assert ["known"] == [e.labels["app"] for e in client.server.entries()]

    def test_the_window_belongs_to_one_stream(self, serve, clock):
        client = serve(order_window=timedelta(seconds=10))
        now = clock.time_ns()
        old = str(now - 11_000_000_000)
        client.push([str(now), "new"], app="a")

        assert 400 == client.push([old, "old"], app="a")[0]
        assert 204 == client.push([old, "old"], app="b")[0]

    def test_at_most_ten_late_entries_are_listed(self, serve, clock):
        client = serve()
        now = clock.time_ns()
        client.push([str(now), "new"], app="a")
        late = [[str(now - 7200 * 10**9 + i), "x"] for i in range(12)]

        _, body = client.push(*late, app="a")

        assert 10 == body.count("ignored, reason:")
        assert "total ignored: 12 out of 12" in body

    def test_several_faults_are_grouped(self, serve, clock):
        client = serve(max_line_size=1)
        now = str(clock.time_ns())

        _, body = client.push(
            [now, "abc"], [now, "abd"], [now, "abcd"], app="a"
        )

        assert body.startswith("2 errors like: max entry size '1' bytes")
        assert "; 1 errors like: max entry size" in body


class TestDuplicates:
    def test_metadata_makes_entries_differ(self, serve, clock):
        client = serve()
        now = str(clock.time_ns())

        client.push([now, "x", {"id": "1"}], [now, "x", {"id": "2"}], app="a")

        assert 2 == len(client.server.entries())

    def test_before_loki_3_7_it_did_not(self, serve, clock):
        client = serve(metadata_distinguishes=False)
        now = str(clock.time_ns())

        client.push([now, "x", {"id": "1"}], [now, "x", {"id": "2"}], app="a")

        assert [{"id": "1"}] == [e.metadata for e in client.server.entries()]

    @settings(
        max_examples=30,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=1
        )
    )
    def test_a_repeated_push_adds_nothing(self, serve, clock, parts):
        client = serve()
        now = clock.time_ns()
        values = [[str(now + offset), line] for offset, line in parts]

        assert 204 == client.push(*values, app="a")[0]
        assert 204 == client.push(*values, app="a")[0]

        entries = client.server.entries()
        kept = [(e.time_ns - now, e.line) for e in entries]
        assert sorted(set(parts)) == sorted(kept)


class TestBlocked:
    UNTIL = datetime(2030, 1, 1, tzinfo=UTC)

    def test_it_is_answered_by_260_and_thrown_away(self, serve, clock):
        client = serve()
        client.server.block(self.UNTIL)

        answer = client.push([str(clock.time_ns()), "x"], app="a")

        assert (
            260,
            "ingestion blocked for user 'fake' until '2030-01-01T00:00:00Z' "
            "with status code '260'\n",
        ) == answer
        assert [] == client.server.entries()

    def test_200_throws_away_without_a_word(self, serve, clock):
        client = serve()
        client.server.block(self.UNTIL, status=200)

        assert (204, "") == client.push([str(clock.time_ns()), "x"], app="a")
        assert [] == client.server.entries()

    def test_it_ends(self, serve, clock):
        client = serve()
        client.server.block(self.UNTIL)
        clock.advance(100 * 365 * 86400)

        assert 204 == client.push([str(clock.time_ns()), "x"], app="a")[0]

    def test_it_can_be_ended(self, serve, clock):
        client = serve()
        client.server.block(self.UNTIL)
        client.server.block(None)

        assert 204 == client.push([str(clock.time_ns()), "x"], app="a")[0]


def test_a_request_above_the_limit_is_answered_by_413(serve):
    client = serve(max_body_size=10)

    assert 413 == client.push(app="a")[0]
