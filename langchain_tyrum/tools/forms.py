"""In which type a value reaches the function that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr

from langchain_tyrum.handles import SecretValue
from langchain_tyrum.tools.compat import hints_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from langchain_core.tools import BaseTool

_FORMS: dict[Any, Callable[[SecretValue], Any]] = {
    SecretValue: lambda value: value,
    SecretStr: lambda value: SecretStr(value.reveal()),
    SecretBytes: lambda value: SecretBytes(value.reveal_bytes()),
    bytes: SecretValue.reveal_bytes,
}


def form_of(annotation: Any) -> Callable[[SecretValue], Any]:
    """Return what turns a `SecretValue` into the annotated type; text by default."""
    kinds = (annotation, *_flat(get_args(annotation)))
    return next((_FORMS[kind] for kind in _FORMS if kind in kinds), SecretValue.reveal)


def _flat(kinds: Iterable[Any]) -> Iterable[Any]:
    for kind in kinds:
        yield kind
        yield from _flat(get_args(kind))


def annotations_for(source: Any) -> Mapping[str, Any]:
    """Return the annotated parameters of a tool, a function or a factory."""
    if isinstance(source, type) and issubclass(source, BaseModel):
        return {name: info.annotation for name, info in source.model_fields.items()}
    return hints_of(source)


def function_of(tool: BaseTool) -> Any:
    """Return the code that a tool runs: its function, or its own `_run`."""
    function = getattr(tool, "func", None) or getattr(tool, "coroutine", None)
    return function or tool._run  # noqa: SLF001 - there is no public name for it
