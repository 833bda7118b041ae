"""`secret_tool`: LangChain's `@tool`, with arguments that the broker fills."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from langchain_core.tools import BaseTool, tool

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools.making import make_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.tools.base import ArgsSchema

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.tools.bindings import Binding
    from langchain_tyrum.tools.bound import SecretTool


P = ParamSpec("P")
R = TypeVar("R")

_SHAPE = (
    "secret_tool takes the broker first, and is called before it decorates: "
    "@secret_tool(broker, token='github/token')"
)


def _with_broker(make: Callable[P, R]) -> Callable[P, R]:
    """Name the mend where the broker was left out, which Python alone does not."""

    @wraps(make)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        if not args and "broker" not in options:
            raise ConfigError(_SHAPE)
        return make(*args, **options)

    return checked


@_with_broker
def secret_tool(
    broker: SecretBroker,
    name: str | None = None,
    *,
    description: str | None = None,
    return_direct: bool = False,
    args_schema: ArgsSchema | None = None,
    infer_schema: bool = True,
    response_format: Literal["content", "content_and_artifact"] = "content",
    parse_docstring: bool = False,
    error_on_invalid_docstring: bool = True,
    extras: dict[str, Any] | None = None,
    secrets: Mapping[str, Binding] | None = None,
    tool_id: str | None = None,
    templates: Sequence[str] = (),
    **bindings: Binding,
) -> Callable[[Callable[..., Any]], SecretTool]:
    """Make a tool of a function, sync or async, that needs credentials.

    The function gets the values as text, or as `SecretValue` or `SecretStr` where a
    parameter is annotated so. The model sees neither the values nor the parameters.

    Args:
        broker: The only door from handle to value.
        name: The tool's name; by default the function's.
        description: What the model reads; by default the docstring.
        return_direct: As in LangChain's `tool`.
        args_schema: As in LangChain's `tool`; secret parameters are taken out.
        infer_schema: As in LangChain's `tool`.
        response_format: As in LangChain's `tool`.
        parse_docstring: As in LangChain's `tool`.
        error_on_invalid_docstring: As in LangChain's `tool`.
        extras: As in LangChain's `tool`.
        secrets: Which parameter takes which secret; for parameters that are called
            like one of the options here.
        tool_id: What policies, grants and the ledger call the tool; by default its
            name.
        templates: Text parameters in which the model may write `tyrum://…`.
        **bindings: Which parameter takes which secret.

    Returns:
        A decorator that returns the tool.

    Raises:
        ConfigError: A parameter does not exist, or a binding is none of the forms in
            which a secret is named. A secret that is not there is found out when the
            tool is called, or by `protect(…, verify=True)`.

    Example:
        ```python
        @secret_tool(broker, token="github/token")
        def create_issue(title: str, *, token: str) -> str:
            "Open an issue."
            return GitHub(token).create_issue(title)
        ```
    """
    if not hasattr(broker, "lease_all"):
        raise ConfigError(_SHAPE)
    _refuse_misplaced(name, secrets)
    wanted = {**(secrets or {}), **bindings}

    def decorate(function: Callable[..., Any]) -> SecretTool:
        _refuse_tool(function)
        _check_name(function, name, wanted)
        plain = tool(
            name or function.__name__,
            description=description,
            return_direct=return_direct,
            args_schema=args_schema,
            infer_schema=infer_schema,
            response_format=response_format,
            parse_docstring=parse_docstring,
            error_on_invalid_docstring=error_on_invalid_docstring,
            extras=extras,
        )(function)
        return make_tool(
            plain, broker, secrets=wanted, tool_id=tool_id, templates=templates
        )

    return decorate


def _refuse_tool(function: object) -> None:
    if isinstance(function, BaseTool):
        raise ConfigError(
            f"{function.name!r} is a tool already: use wrap_tool(tool, broker, "
            "secrets={…}), or decorate the plain function"
        )
    if not callable(function):
        raise ConfigError(
            f"secret_tool decorates a function, not a {type(function).__name__}"
        )


def _refuse_misplaced(name: object, secrets: object) -> None:
    """Refuse what stands where a name or a table of bindings belongs."""
    if callable(name):
        raise ConfigError(f"the function comes afterwards: {_SHAPE}")
    if name is not None and not isinstance(name, str):
        raise ConfigError(
            f"the second argument names the tool and is no {type(name).__name__}: bind "
            "parameters by keyword, as token='github/token', or with secrets={…}"
        )
    if secrets is not None and not isinstance(secrets, Mapping):
        raise ConfigError(
            f"secrets= is a table, no {type(secrets).__name__}: write "
            "secrets={'token': 'github/token'}, parameter first"
        )


def _check_name(
    function: Callable[..., Any], name: str | None, wanted: Mapping[str, Binding]
) -> None:
    """Catch a secret's name in the place of the tool's."""
    if not name or "/" not in name:
        return
    if "name" in inspect.signature(function).parameters:
        raise ConfigError(
            f"name={name!r} names the tool, not a secret: bind the parameter with "
            f"secrets={{'name': {name!r}}}"
        )
    if not wanted:
        raise ConfigError(
            f"{name!r} names the tool, not a secret, and no parameter is bound: write "
            f"@secret_tool(broker, token={name!r}), with the parameter's own name"
        )
