"""Options of sinks and of masking: their models are built when some come."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from mohflow.settings._validation import models_in


class BuiltWhenGiven:
    """
    Annotates the type of options, which may be left out or ``False``.

    What pydantic needs to validate them is built when the first ones come: it
    takes milliseconds, and most programs use few kinds of sinks.
    """

    _adapter: Callable[[], TypeAdapter[Any]]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        self._adapter = adapter = cache(partial(TypeAdapter, source))
        ready = frozenset(models_in(source))

        def validate(value: Any) -> Any:
            if value is None or value is False or type(value) in ready:
                return value
            return adapter().validate_python(value)

        return core_schema.no_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(self._adapter().core_schema)
