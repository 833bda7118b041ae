"""From a tool and its bindings to a `SecretTool`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.checking import check_tool_id
from langchain_tyrum.tools.bindings import check_bindings
from langchain_tyrum.tools.bound import SecretTool
from langchain_tyrum.tools.calls import Wiring
from langchain_tyrum.tools.forms import annotations_for, form_of, function_of
from langchain_tyrum.tools.inner import Inner
from langchain_tyrum.tools.naming import warn_unbound
from langchain_tyrum.tools.schema import fields_of, schema_of
from langchain_tyrum.tools.shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from langchain_core.tools import BaseTool

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.handles import SecretValue
    from langchain_tyrum.tools.bindings import Binding

#: What LangChain and models know of a tool, and the wrapped tool keeps.
_KEPT = (
    "name",
    "description",
    "return_direct",
    "verbose",
    "callbacks",
    "tags",
    "metadata",
    "handle_tool_error",
    "handle_validation_error",
    "response_format",
    "extras",
)


def make_tool(
    tool: BaseTool,
    broker: SecretBroker,
    *,
    secrets: Mapping[str, Binding],
    tool_id: str | None = None,
    templates: Collection[str] = (),
    factory: Callable[..., Any] | None = None,
    stacklevel: int = 4,
) -> SecretTool:
    """Wire a tool to the broker.

    Args:
        tool: The tool as it is, or what the factory's tools look like.
        broker: The only door from handle to value.
        secrets: Which parameter takes which secret.
        tool_id: The consumer; by default the tool's name.
        templates: Text parameters in which the model may write handles.
        factory: Makes the tool from its secrets, inside the lease.
        stacklevel: Whose line a warning names.

    Returns:
        The tool to give to agents in its place.
    """
    if tool_id is not None:
        check_tool_id(tool_id)
    bindings = check_bindings(secrets)
    shape = shape_of(tool, bindings, templates=templates, factory=factory is not None)
    inner = Inner(tool=tool, forms=forms_for(tool, bindings, factory), factory=factory)
    wiring = Wiring(broker=broker, inner=inner, shape=shape, bindings=bindings)
    kept: dict[str, Any] = {name: getattr(tool, name) for name in _KEPT}
    made = SecretTool(wiring=wiring, tool_id=tool_id or tool.name, **kept)
    unbound = set(fields_of(shape.chosen)) - shape.selectors - shape.templates
    warn_unbound(tool.name, sorted(unbound), stacklevel=stacklevel)
    return made


def forms_for(
    tool: BaseTool | None,
    parameters: Collection[str],
    factory: Callable[..., Any] | None,
) -> dict[str, Callable[[SecretValue], Any]]:
    """Tell in which type each parameter wants its value; text by default."""
    if factory is not None or tool is None:
        hints = annotations_for(factory)
        return {name: form_of(hints.get(name)) for name in parameters}
    hints = annotations_for(function_of(tool))
    fields = fields_of(schema_of(tool))
    return {
        name: form_of(getattr(fields.get(name), "annotation", None) or hints.get(name))
        for name in parameters
    }
