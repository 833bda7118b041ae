"""The shape of a secret tool's calls: which arguments come from whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from langgraph.prebuilt.tool_node import ToolRuntime
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools import compat
from langchain_tyrum.tools.forms import function_of
from langchain_tyrum.tools.schema import (
    fields_of,
    schema_of,
    selector_fields,
    spellings,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from langchain_core.tools import BaseTool
    from langchain_core.tools.base import ArgsSchema

#: Under this name ToolNode hands us its runtime, beside what the tool asks for.
RUNTIME = "tyrum_runtime"


@dataclass(frozen=True, repr=False)
class Shape:
    """Who fills which argument of a tool: the model, the broker, or LangGraph.

    Attributes:
        schema: The tool's own schema, with everything in it.
        hints: Injected parameters that stand in the signature only.
        secrets: Parameters that the broker fills.
        selectors: Parameters by which the model chooses a reference.
        templates: Text parameters in which the model may write handles.
    """

    schema: ArgsSchema
    hints: Mapping[str, Any]
    secrets: frozenset[str]
    selectors: frozenset[str]
    templates: frozenset[str]

    @cached_property
    def visible(self) -> ArgsSchema:
        """The schema without secrets, with what LangGraph injects."""
        return without(self.schema, self.secrets, selectors=self.selectors)

    @cached_property
    def chosen(self) -> ArgsSchema:
        """The schema of what the model chooses, and nothing else."""
        return without(self.visible, self.injected)

    @cached_property
    def injected(self) -> frozenset[str]:
        """What LangGraph fills, by schema or by signature."""
        found = set(self.hints)
        if not isinstance(self.visible, dict):
            annotations = compat.annotations_of(self.visible)
            found |= {n for n, kind in annotations.items() if compat.is_injected(kind)}
        return frozenset(found)

    @cached_property
    def forged(self) -> frozenset[str]:
        """Every key under which a model could try to fill a secret parameter."""
        return spellings(self.schema, self.secrets)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Validate what the model chose, defaults in; the result is plain JSON.

        Raises:
            ValidationError: It does not fit the schema.
        """
        if isinstance(self.chosen, dict):
            validated: Mapping[str, Any] = given
        elif issubclass(self.chosen, BaseModel):
            model = self.chosen.model_validate(dict(given))
            validated = {name: getattr(model, name) for name in fields_of(self.chosen)}
        else:
            validated = self.chosen.parse_obj(dict(given)).dict()
        return {
            name: to_jsonable_python(value, bytes_mode="base64", fallback=_kind)
            for name, value in validated.items()
        }

    @cached_property
    def hinting(self) -> Callable[..., NoReturn]:
        """A function by whose annotations ToolNode knows what to inject."""

        def inject(**_: Any) -> NoReturn:
            raise TypeError("a secret tool has no bare function: call tool.invoke(…)")

        # ToolNode fills one runtime only, the last: the tool's own comes last.
        inject.__annotations__ = {RUNTIME: ToolRuntime, **self.hints}
        return inject


def shape_of(
    tool: BaseTool,
    secrets: Collection[str],
    *,
    templates: Collection[str] = (),
    factory: bool = False,
) -> Shape:
    """Tell the shape of a tool's calls.

    Args:
        tool: The tool as it is, with secrets among its arguments.
        secrets: The parameters that the broker fills.
        templates: The parameters in which the model may write handles.
        factory: The secrets go to the tool's factory, not to the tool.

    Raises:
        ConfigError: The tool has no such parameter.
    """
    schema = schema_of(tool)
    known = fields_of(schema)
    shape = Shape(
        schema=schema,
        hints=_hints(tool, known),
        secrets=frozenset(secrets).difference(known if factory else ()),
        selectors=selector_fields(schema).difference(secrets),
        templates=frozenset(templates),
    )
    for name in shape.templates if factory else shape.secrets | shape.templates:
        if name not in known and not _takes(tool, name):
            raise ConfigError(
                f"tool {tool.name!r} has no parameter {name!r}: it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
    return shape


def _takes(tool: BaseTool, name: str) -> bool:
    return name in compat.hints_of(function_of(tool))


def _hints(tool: BaseTool, known: Collection[str]) -> dict[str, Any]:
    function = function_of(tool)
    annotations = compat.hints_of(function)
    names = {*compat.injected_in_signature(function), "runtime"}
    return {
        name: kind
        for name, kind in annotations.items()
        if name in names and name not in known
    }


def _kind(value: Any) -> str:
    return f"<{type(value).__name__}>"
