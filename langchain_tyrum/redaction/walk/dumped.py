"""Which parts of a model are dumped: what was looked at, and what is asked for of it.

A stand-in cannot serialize again, since that would compute again. It has the whole,
and leaves out of it what its owner leaves out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import SchemaSerializer, core_schema

from langchain_tyrum.redaction.walk.slots import worn_by

_ANY = SchemaSerializer(core_schema.any_schema())


class Wanted(NamedTuple):
    """What is asked for, as `model_dump` is asked."""

    include: Any = None
    exclude: Any = None
    by_alias: bool | None = None
    exclude_none: bool = False
    exclude_unset: bool = False
    exclude_defaults: bool = False
    exclude_computed_fields: bool = False
    round_trip: bool = False


def wanted(asked: Any) -> Wanted:
    """Read it from keyword arguments, or from what pydantic tells a serializer."""
    if isinstance(asked, dict):
        return Wanted(**{k: v for k, v in asked.items() if k in Wanted._fields})
    return Wanted._make(getattr(asked, name, None) for name in Wanted._fields)


def picked(told: Any, held: Any, asked: Any) -> Any:
    """Return of what a model told what is asked for.

    Args:
        told: What it told, which is data.
        held: The model.
        asked: Keyword arguments of `model_dump`, or a serializer's information.
    """
    want = wanted(asked)
    if any(want) or want.by_alias is False:
        told = _trimmed(told, held, want)
        if want.include is not None or want.exclude is not None:
            told = _ANY.to_python(
                told, include=want.include, exclude=want.exclude, fallback=_same
            )
        if want.by_alias if want.by_alias is not None else _aliased(held):
            told = _renamed(told, held)
    return told


def _same(obj: Any) -> Any:
    return obj


def _parts(told: Any, held: Any) -> list[tuple[Any, Any, Any]]:
    """Pair what was told with what is held of it: names, what was told, what is."""
    if isinstance(held, BaseModel):
        worn = worn_by(held)
        return [(name, each, worn.get(name)) for name, each in told.items()]
    pairs = isinstance(held, dict)
    return [(k, each, held.get(k) if pairs else None) for k, each in told.items()]


def _through(told: Any, held: Any, change: Any) -> Any:
    """Do something with every model in what was told."""
    if isinstance(told, dict):
        own = _by_name(told, held) if isinstance(held, BaseModel) else told
        parts = _parts(own, held)
        inner = {name: _through(each, part, change) for name, each, part in parts}
        return change(inner, held) if isinstance(held, BaseModel) else inner
    listed = isinstance(told, list | tuple) and isinstance(held, list | tuple)
    if not listed or len(told) != len(held):
        return told
    pairs = zip(told, held, strict=True)
    new = [_through(each, part, change) for each, part in pairs]
    return new if isinstance(told, list) else tuple(new)


def _aliases(held: BaseModel) -> dict[str, str]:
    fields = type(held).model_fields.items()
    computed = type(held).model_computed_fields.items()
    found = {name: field.serialization_alias for name, field in fields}
    found |= {name: field.alias for name, field in computed}
    return {name: alias for name, alias in found.items() if alias}


def _aliased(held: Any) -> bool:
    config = getattr(type(held), "model_config", {})
    return bool(config.get("serialize_by_alias"))


def _by_name(told: dict[Any, Any], held: BaseModel) -> dict[Any, Any]:
    if not _aliased(held):
        return told
    names = {alias: name for name, alias in _aliases(held).items()}
    return {names.get(key, key): each for key, each in told.items()}


def _trimmed(told: Any, held: Any, want: Wanted) -> Any:
    def trim(own: dict[Any, Any], model: BaseModel) -> dict[Any, Any]:
        return {k: each for k, each in own.items() if _stays(k, each, model, want)}

    return _through(told, held, trim)


def _stays(name: Any, each: Any, model: BaseModel, want: Wanted) -> bool:
    if want.exclude_none and each is None:
        return False
    if name in type(model).model_computed_fields:
        return not (want.round_trip or want.exclude_computed_fields)
    field = type(model).model_fields.get(name)
    if field is None:
        return True
    if want.exclude_unset and name not in model.model_fields_set:
        return False
    if want.exclude_defaults and not field.is_required():
        default = field.get_default(call_default_factory=False)
        return bool(field.default_factory or worn_by(model).get(name) != default)
    return True


def _renamed(told: Any, held: Any) -> Any:
    def rename(own: dict[Any, Any], model: BaseModel) -> dict[Any, Any]:
        aliases = _aliases(model)
        return {aliases.get(name, name): each for name, each in own.items()}

    return _through(told, held, rename)
