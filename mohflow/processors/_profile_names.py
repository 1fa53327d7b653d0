"""Our names of fields, and those of the back ends; data only."""

from __future__ import annotations


GCP_TRACE = "logging.googleapis.com/trace"
GCP_SAMPLED = "logging.googleapis.com/trace_sampled"
GCP_SOURCE = "logging.googleapis.com/sourceLocation"
GCP_ERROR = (
    "type.googleapis.com/"
    "google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"
)
GCP = {
    "event": "message",
    "timestamp": "time",
    "trace_id": GCP_TRACE,
    "span_id": "logging.googleapis.com/spanId",
}
GCP_TAKEN = frozenset(
    {
        "severity",
        "message",
        "time",
        "timestamp",
        "timestampSeconds",
        "timestampNanos",
        "httpRequest",
        "serviceContext",
        "stack_trace",
        "@type",
    }
)
GCP_HTTP = {
    "method": "requestMethod",
    "path": "requestUrl",
    "status": "status",
    "client": "remoteIp",
}

OTEL = {
    "event": "body",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "trace_flags": "trace_flags",
}
OTEL_RESOURCE = {
    "service": "service.name",
    "version": "service.version",
    "environment": "deployment.environment.name",
}
OTEL_ERROR = {
    "type": "exception.type",
    "message": "exception.message",
    "stack": "exception.stacktrace",
}
OTEL_CALLSITE = {
    "file": "code.file.path",
    "line": "code.line.number",
    "function": "code.function.name",
}
OTEL_HTTP = {
    "method": "http.request.method",
    "route": "http.route",
    "path": "url.path",
    "status": "http.response.status_code",
    "client": "client.address",
    "bytes": "http.response.body.size",
}
OTEL_TAKEN = frozenset(
    name
    for table in (OTEL_ERROR, OTEL_CALLSITE, OTEL_HTTP)
    for name in table.values()
)
OTEL_LEVELS = ("", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

DATADOG = {
    "event": "message",
    "service": "service",
    "environment": "env",
    "version": "version",
    "logger": "logger.name",
    "trace_id": "dd.trace_id",
    "span_id": "dd.span_id",
}
DATADOG_ERROR = {
    "type": "error.kind",
    "message": "error.message",
    "stack": "error.stack",
}
DATADOG_HTTP = {
    "method": "http.method",
    "route": "http.route",
    "path": "http.url_details.path",
    "status": "http.status_code",
    "client": "network.client.ip",
    "bytes": "network.bytes_written",
}
DATADOG_TAKEN = frozenset(
    {
        "timestamp",
        "date",
        "status",
        "level",
        "severity",
        "message",
        "msg",
        "service",
        "env",
        "version",
        "host",
        "hostname",
        "source",
        "ddsource",
        "ddtags",
        "trace_id",
        "duration",
        "error",
    }
).union(
    DATADOG.values(),
    DATADOG_ERROR.values(),
    DATADOG_HTTP.values(),
)
"""
With the reserved attributes and their other spellings, see
https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/
"""
