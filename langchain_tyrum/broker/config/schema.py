"""The JSON schema of `tyrum.toml`, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from langchain_tyrum.broker.config.models import Document

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, core_schema


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of `tyrum.toml`.

    Returns:
        The schema, as plain data.
    """
    found = Document.model_json_schema(schema_generator=_ForToml)
    return {"$schema": GenerateJsonSchema.schema_dialect, **found}


class _ForToml(GenerateJsonSchema):
    """TOML has no null: what may be missing is simply not required."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: CoreSchema | Any) -> bool:
        del schema
        return False
