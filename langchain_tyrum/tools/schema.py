"""Taking arguments out of a tool's schema, so that no model ever sees them."""

from __future__ import annotations

from copy import deepcopy
from inspect import getattr_static
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    create_model,
    field_validator,
)
from pydantic.v1 import BaseModel as BaseModelV1
from pydantic.v1 import create_model as create_model_v1

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import SecretReference
from langchain_tyrum.tools.arguments import chosen_name
from langchain_tyrum.tools.selecting import PARAMETER_TEXT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from langchain_core.tools import BaseTool
    from langchain_core.tools.base import ArgsSchema
    from pydantic.fields import FieldInfo

#: Stands in a model class where a hidden field was: validators that only ask
#: whether one was given still pass.
_STANDS = "**********"


def schema_of(tool: BaseTool) -> ArgsSchema:
    """Return the schema of a tool, also of one that keeps none of its own."""
    if tool.args_schema is not None:
        return tool.args_schema
    properties = tool.args
    if set(properties) == {"tool_input"}:
        field = Field(description="What to pass to the tool.")
        return create_model(tool.name, tool_input=(Annotated[str, field], ...))
    return tool.get_input_schema()


def fields_of(schema: ArgsSchema) -> dict[str, Any]:
    """Return the fields of any kind of schema by name."""
    if isinstance(schema, dict):
        return dict(schema.get("properties") or {})
    if issubclass(schema, BaseModelV1):
        return dict(schema.__fields__)
    return dict(schema.model_fields)


def spellings(schema: ArgsSchema, names: Iterable[str]) -> frozenset[str]:
    """Return every key under which these fields could be filled, aliases included."""
    found: set[str] = set(names)
    for name in tuple(found):
        field = fields_of(schema).get(name)
        validation = getattr(field, "validation_alias", None)
        aliases = [getattr(field, "alias", None), validation]
        if isinstance(validation, AliasChoices):
            aliases += validation.choices
        found.update(alias for alias in aliases if isinstance(alias, str))
    return frozenset(found)


def selector_fields(schema: ArgsSchema) -> frozenset[str]:
    """Return the fields of type `SecretReference`, by which a model may choose."""
    if isinstance(schema, dict) or issubclass(schema, BaseModelV1):
        return frozenset()
    return frozenset(
        name for name, field in schema.model_fields.items() if _selects(field)
    )


def _selects(field: FieldInfo) -> bool:
    return SecretReference in (field.annotation, *get_args(field.annotation))


def without(
    schema: ArgsSchema, hidden: Collection[str], *, selectors: Collection[str] = ()
) -> ArgsSchema:
    """Return a copy of a schema that lacks some fields.

    What remains validates as before. The given schema is not touched.

    Args:
        schema: A pydantic model class, or a JSON schema as a dict.
        hidden: The fields to take out.
        selectors: Fields that become strings by which the model chooses.

    Raises:
        ConfigError: The schema cannot be taken apart.
    """
    if isinstance(schema, dict):
        return _without_properties(schema, hidden)
    if not set(hidden).union(selectors):
        return schema
    if issubclass(schema, BaseModelV1):
        return _without_v1(schema, hidden)
    try:
        return _narrowed(schema, hidden, selectors)
    except Exception as error:  # pydantic's own errors name classes, not the mend
        raise ConfigError(
            f"{sorted(hidden)} cannot be taken out of {schema.__name__}: "
            f"{type(error).__name__}; pass an args_schema= without them"
        ) from error


def _without_properties(
    schema: Mapping[str, Any], hidden: Collection[str]
) -> dict[str, Any]:
    copy = deepcopy(dict(schema))
    properties = copy.get("properties") or {}
    copy["properties"] = {k: v for k, v in properties.items() if k not in hidden}
    if "required" in copy:
        copy["required"] = [name for name in copy["required"] if name not in hidden]
    return copy


def _without_v1(
    schema: type[BaseModelV1], hidden: Collection[str]
) -> type[BaseModelV1]:
    fields: dict[str, Any] = {
        name: (
            field.outer_type_ if field.required else field.outer_type_ | None,
            field.field_info,
        )
        for name, field in schema.__fields__.items()
        if name not in hidden
    }
    narrowed: type[BaseModelV1] = create_model_v1(schema.__name__, **fields)
    narrowed.__doc__ = schema.__doc__
    return narrowed


def _narrowed(
    model: type[BaseModel], hidden: Collection[str], selectors: Collection[str]
) -> type[BaseModel]:
    """Subclass a model: a class variable in a field's place removes the field."""
    hidden = set(hidden).intersection(model.model_fields)
    annotations: dict[str, Any] = dict.fromkeys(hidden, ClassVar[str])
    namespace: dict[str, Any] = dict.fromkeys(hidden, _STANDS)
    for name in set(selectors).difference(hidden):
        annotations[name], namespace[name] = _selector(model.model_fields[name])
        if namespace[name] is ...:
            del namespace[name]
    namespace |= _validators(model, hidden)
    namespace |= {
        "__module__": model.__module__,
        "__qualname__": model.__qualname__,
        "__doc__": model.__doc__,
        "__annotations__": annotations,
    }
    metaclass: Any = type(model)
    return cast("type[BaseModel]", metaclass(model.__name__, (model,), namespace))


def _selector(field: FieldInfo) -> tuple[Any, Any]:
    text = f"{field.description} {PARAMETER_TEXT}" if field.description else None
    described = Field(description=text or PARAMETER_TEXT)
    if field.is_required():
        return Annotated[str, BeforeValidator(chosen_name), described], ...
    return Annotated[str | None, BeforeValidator(chosen_name), described], None


def _validators(model: type[BaseModel], hidden: Collection[str]) -> dict[str, Any]:
    """Re-declare the validators that name a hidden field, for what else they name."""
    declared: dict[str, Any] = {}
    for name, decorator in model.__pydantic_decorators__.field_validators.items():
        left = [field for field in decorator.info.fields if field not in hidden]
        if len(left) == len(decorator.info.fields):
            continue
        if left:
            again: Any = field_validator(*left, mode=cast("Any", decorator.info.mode))
            declared[name] = again(getattr_static(model, name))
        else:
            again = field_validator(*decorator.info.fields, check_fields=False)
            declared[name] = again(_pass)
    return declared


def _pass(value: Any) -> Any:
    return value
