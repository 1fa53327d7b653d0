"""Send events to Lantern, a service that takes JSON arrays and a token."""

from pydantic import SecretStr

from mohflow.sinks.http import HttpOptions, HttpSink


class LanternOptions(HttpOptions):
    token: SecretStr


class LanternSink(HttpSink[LanternOptions]):
    options_type = LanternOptions

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "X-Lantern-Source": "mohflow"}
