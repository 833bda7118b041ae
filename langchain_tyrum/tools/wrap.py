"""`wrap_tool` and `wrap_tools`: existing tools whose arguments the broker fills."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools.bindings import check_bindings
from langchain_tyrum.tools.bound import SecretTool
from langchain_tyrum.tools.inner import prototype
from langchain_tyrum.tools.making import forms_for, make_tool
from langchain_tyrum.tools.naming import warn_unbound
from langchain_tyrum.tools.schema import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.tools.bindings import Binding


def wrap_tool(
    tool: BaseTool | Callable[..., BaseTool],
    broker: SecretBroker,
    secrets: Mapping[str, Binding],
    *,
    tool_id: str | None = None,
    templates: Sequence[str] = (),
    like: BaseTool | None = None,
) -> SecretTool:
    """Let the broker fill arguments of a tool that somebody else wrote.

    Args:
        tool: The tool, or a factory that makes one from its secrets. A factory is
            called inside the lease; before, it is called once with placeholders, to
            learn the tool's name and schema.
        broker: The only door from handle to value.
        secrets: Which argument, of the tool or the factory, takes which secret.
        tool_id: What policies, grants and the ledger call the tool; by default its
            name.
        templates: Text arguments in which the model may write `tyrum://…`.
        like: A tool of the same name and schema, for a factory that does not work
            with placeholders.

    Returns:
        The tool to give to agents in its place; the given one is untouched.

    Raises:
        ConfigError: An argument does not exist, a binding is none of the forms in
            which a secret is named, or the factory makes no tool. A secret that is
            not there is found out when the tool is called, or by
            `protect(…, verify=True)`.
    """
    _check_broker(broker)
    secrets = check_bindings(secrets)
    options: Any = {"tool_id": tool_id, "templates": templates}
    if isinstance(tool, SecretTool):
        return _wrap_again(tool, broker, secrets, options)
    if isinstance(tool, BaseTool):
        return make_tool(tool, broker, secrets=secrets, **options)
    if not callable(tool):
        raise ConfigError(
            f"a {type(tool).__name__} is no tool: pass a BaseTool, or a callable that "
            "takes the secrets and returns one"
        )
    forms = forms_for(None, secrets, tool)
    _refuse_plain_function(tool, secrets)
    seen = like or prototype(tool, forms)
    return make_tool(seen, broker, secrets=secrets, factory=tool, **options)


def wrap_tools(
    tools: Sequence[BaseTool],
    broker: SecretBroker,
    secrets: Mapping[str, Mapping[str, Binding]],
) -> list[BaseTool]:
    """Let the broker fill arguments of several tools, chosen by their names.

    Args:
        tools: The tools, e.g. those of an MCP server.
        broker: The only door from handle to value.
        secrets: Which argument takes which secret, by tool name or pattern (`*` and
            `?`). A tool that several patterns match gets the bindings of all.

    Returns:
        The tools in their order; those that no pattern matches as they were.

    Raises:
        ConfigError: A pattern matches no tool, two patterns disagree, or an argument
            is not what it has to be.
    """
    _check_broker(broker)
    _check_tools(tools)
    _check_patterns(secrets, [tool.name for tool in tools])
    wrapped: list[BaseTool] = []
    for tool in tools:
        wanted = _wanted(tool.name, secrets)
        if wanted:
            wrapped.append(wrap_tool(tool, broker, wanted))
            continue
        if not isinstance(tool, SecretTool):
            warn_unbound(tool.name, sorted(fields_of(tool.tool_call_schema)))
        wrapped.append(tool)
    return wrapped


def _refuse_plain_function(
    factory: Callable[..., Any], secrets: Mapping[str, Binding]
) -> None:
    """Refuse a callable that wants more than its secrets: that is no factory."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return  # some classes and builtins have none; then the call tells
    more = [
        repr(one.name)
        for one in parameters
        if one.default is one.empty
        and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        and one.name not in secrets
    ]
    if more:
        named = getattr(factory, "__name__", type(factory).__name__)
        raise ConfigError(
            f"{named!r} wants {', '.join(more)} beside its secrets, so it is no "
            "factory of a tool: for a plain function use secret_tool; a factory takes "
            "its secrets only and returns a BaseTool"
        )


def _check_broker(broker: object) -> None:
    if not hasattr(broker, "lease_all"):
        raise ConfigError(
            f"the second argument is the broker, not a {type(broker).__name__}: write "
            "wrap_tool(tool, broker, {'token': 'github/token'})"
        )


def _check_tools(tools: object) -> None:
    listed = isinstance(tools, Iterable) and not isinstance(tools, BaseTool)
    if not listed or not all(isinstance(tool, BaseTool) for tool in tools):  # type: ignore[attr-defined]
        raise ConfigError(
            "wrap_tools takes a list of tools: write wrap_tools([tool], broker, {…}), "
            "and wrap_tool for a single one or a factory"
        )


def _check_patterns(patterns: Mapping[str, Any], names: Sequence[str]) -> None:
    tables = patterns.values() if isinstance(patterns, Mapping) else [None]
    if not all(isinstance(table, Mapping) for table in tables):
        raise ConfigError(
            "the secrets of several tools stand by their names or patterns: write "
            "{'create_*': {'token': 'github/token'}}"
        )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(
                f"the pattern {pattern!r} matches no tool: there are "
                f"{', '.join(map(repr, names)) or 'none'}"
            )


def _wanted(
    name: str, secrets: Mapping[str, Mapping[str, Binding]]
) -> dict[str, Binding]:
    wanted: dict[str, Binding] = {}
    for pattern, bindings in secrets.items():
        if not fnmatchcase(name, pattern):
            continue
        for parameter, binding in bindings.items():
            if wanted.setdefault(parameter, binding) != binding:
                raise ConfigError(
                    f"{parameter!r} of tool {name!r} is bound twice, the second time "
                    f"by {pattern!r}: narrow one of the patterns"
                )
    return wanted


def _wrap_again(
    tool: SecretTool,
    broker: SecretBroker,
    secrets: Mapping[str, Binding],
    options: Mapping[str, Any],
) -> SecretTool:
    wiring = tool.wiring
    if wiring.broker is not broker or wiring.inner.factory is not None:
        raise ConfigError(
            f"tool {tool.name!r} is wired already: wrap the tool it was made from"
        )
    return make_tool(
        wiring.inner.tool,
        broker,
        secrets={**wiring.bindings, **secrets},
        tool_id=options["tool_id"] or tool.tool_id,
        templates=(*wiring.shape.templates, *options["templates"]),
    )
