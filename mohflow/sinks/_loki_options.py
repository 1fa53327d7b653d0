"""The options of the Loki sink."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, HttpUrl, ValidationInfo, field_validator

from mohflow._expression import expression
from mohflow.sinks._http_options import HttpOptions, Url
from mohflow.sinks._loki_labels import label_name, valid_labels
from mohflow.typing import Level


PUSH = "/loki/api/v1/push"

MAX_BATCH_BYTES = 2_500_000
"""Metadata at most doubles it, and a push over 6 MB is refused for ever."""

_TENANT = expression(r"[A-Za-z0-9!\-_.*'()]{1,150}")


class LokiOptions(HttpOptions):
    """Where Loki is, and what of an event becomes label and metadata."""

    url: Url
    """``http://host:3100``; the path of Loki's push API is added when there
    is none. A user and a password in it are moved to *username* and
    *password*, and never shown."""

    level: Level | None = None
    """A number or the name of a level. Events below it are not sent; without
    it the level of the program counts."""

    labels: Mapping[str, str] = Field(default_factory=dict)
    """Added to ``service_name`` and ``environment``, the same for every
    event. Letters that Loki does not take become ``_``. More than 15, or a
    value that looks unique, is refused: each set of values is a stream, which
    costs Loki memory."""

    label_fields: tuple[str, ...] = ()
    """Fields whose values become labels too. Each value is a stream, and a
    request of its own. After 20 values, further ones go to structured
    metadata, and stderr says so once."""

    structured_metadata: tuple[str, ...] = (
        "level",
        "logger",
        "correlation_id",
        "trace_id",
        "span_id",
    )
    """Fields that can be searched without reading lines. They stay in the
    line, so each costs its length once more. What is beyond 128 fields or
    64 KB stays in the line alone."""

    tenant: str | None = None
    """Sent as ``X-Scope-OrgID``."""

    tenant_field: str | None = None
    """A field that names the tenant of an event; *tenant* has the events
    without it. Each tenant's events are a request of their own."""

    max_line_bytes: int = Field(default=256_000, ge=1000)
    """Longer lines are cut, say so, and carry ``original_bytes``. It must not
    be above the server's ``max_line_size``, 262144 unless it is set; some
    hosted plans take 65536."""

    @field_validator("url")
    @classmethod
    def _add_path(cls, url: HttpUrl) -> HttpUrl:
        if (url.path or "/") != "/":
            return url
        base, question, query = str(url).partition("?")
        return HttpUrl(f"{base.rstrip('/')}{PUSH}{question}{query}")

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: Mapping[str, str]) -> dict[str, str]:
        return valid_labels(labels)

    @field_validator("label_fields")
    @classmethod
    def _check_label_fields(
        cls, fields: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        names = [label_name(field) for field in fields]
        valid_labels(
            {**info.data.get("labels", {}), **dict.fromkeys(names, "x")}
        )
        return fields

    @field_validator("tenant")
    @classmethod
    def _check_tenant(cls, tenant: str | None) -> str | None:
        if tenant is not None and not is_tenant(tenant):
            msg = (
                "A tenant has 1 to 150 letters, digits or characters of "
                "!-_.*'() and is neither . nor .. alone."
            )
            raise ValueError(msg)
        return tenant

    @field_validator("tenant_field")
    @classmethod
    def _check_tenant_field(cls, field: Any, info: ValidationInfo) -> Any:
        if field is not None and not info.data.get("tenant"):
            msg = "It needs tenant, for the events that lack the field."
            raise ValueError(msg)
        return field

    @field_validator("batch_bytes")
    @classmethod
    def _check_batch_bytes(cls, size: int) -> int:
        if size > MAX_BATCH_BYTES:
            msg = f"{MAX_BATCH_BYTES} is the most that Loki is sure to take."
            raise ValueError(msg)
        return size


def is_tenant(text: str) -> bool:
    """Return whether Loki takes *text* as the name of a tenant."""
    return text not in {".", ".."} and _TENANT.fullmatch(text) is not None
