from __future__ import annotations

import pytest

from pydantic import ValidationError

from mohflow.diagnostics import complain
from mohflow.sinks.http import HttpOptions, HttpSink


URL = "https://logs.example.org/in"


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"token": "a", "username": "b"}, "It excludes username"),
            ({"token": "a", "token_file": "b"}, "It excludes token"),
            ({"password": "a"}, "It needs username"),
            ({"key_file": "a"}, "It needs cert_file"),
            ({"ca_file": "a", "verify": False}, "It excludes ca_file"),
            ({"token": "s3cret\nX-Evil: 1"}, "printable ASCII"),
            ({"headers": {"X": "s3cret\r\nEvil: 1"}}, "printable ASCII"),
            ({"headers": {"X Y": "1"}}, "no name of a header"),
            ({"proxy": "socks5://u:s3cret@p"}, "http:// or https://"),
            ({"timeout": 0}, "greater than 0"),
            ({"urll": "x"}, "Extra inputs"),
            ({"batch_bytes": 0}, "greater than 0"),
            ({"overflow": "drop"}, "drop_lowest"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, options, message):
        with pytest.raises(ValidationError, match=message) as caught:
            HttpOptions(url=URL, **options)

        assert "s3cret" not in str(caught.value)

    def test_the_credentials_of_an_invalid_url_are_not_shown(self):
        with pytest.raises(ValidationError) as caught:
            HttpOptions(url="https://ann:s3cret@host:99999/")

        assert "s3cret" not in str(caught.value)

    def test_secrets_are_in_no_text(self):
        options = HttpOptions(
            url="https://ann:s3cret@logs.example.org/",
            headers={"X-Key": "s3cret"},
            proxy="http://bob:s3cret@proxy.example.org",
        )
        sink = HttpSink(options)

        assert "s3cret" not in f"{options!r} {options!s} {sink!r}"
        assert "s3cret" not in options.model_dump_json()

    def test_sizes_may_be_text(self):
        options = HttpOptions(url=URL, queue_bytes="1 MiB", batch_bytes="1MB")

        assert (1024**2, 10**6) == (options.queue_bytes, options.batch_bytes)


class TestPlainText:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://logs.example.org", 1),
            ("http://10.0.0.7:3100", 1),
            ("http://localhost:3100", 0),
            ("http://127.0.0.7:3100", 0),
            ("http://[::1]:3100", 0),
            ("https://logs.example.org", 0),
        ],
    )
    def test_credentials_in_plain_text_are_warned_of(self, url, said, capsys):
        HttpSink(HttpOptions(url=url, token="s3cret"))
        HttpSink(HttpOptions(url=url, token="s3cret"))
        text = capsys.readouterr().err

        assert said == text.count("in plain text")
        assert "s3cret" not in text

    def test_a_header_may_be_a_credential(self, capsys):
        for name in ("X-Team", "X-Api-Key"):
            HttpSink(HttpOptions(url="http://h.example", headers={name: "x"}))

            assert (name == "X-Api-Key") == (
                "in plain text" in capsys.readouterr().err
            )

    def test_without_credentials_plain_text_is_fine(self):
        HttpSink(HttpOptions(url="http://logs.example.org"))

        assert {} == complain.counts()
