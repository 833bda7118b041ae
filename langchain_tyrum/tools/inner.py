"""The code that needs the value: a tool, or a factory that makes one."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForToolRun,
    CallbackManagerForToolRun,
)
from langchain_core.tools import BaseTool, StructuredTool, Tool

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import SecretValue
from langchain_tyrum.tools.compat import config_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.runnables import RunnableConfig

_PLACEHOLDER = "tyrum-placeholder"


@dataclass(frozen=True, repr=False)
class Inner:
    """A tool that takes values as arguments, or a factory that takes them.

    It is its own copy: the tools that hold it stay copyable whatever it holds.

    Attributes:
        tool: The tool. With a factory it only shows what the real one looks like.
        forms: How each secret parameter wants its value.
        factory: Makes the tool inside the lease.
    """

    tool: BaseTool
    forms: Mapping[str, Callable[[SecretValue], Any]]
    factory: Callable[..., Any] | None = None

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def run(
        self, values: Mapping[str, Any], kwargs: dict[str, Any], config: RunnableConfig
    ) -> Any:
        """Call the code with its secrets, without callbacks."""
        tool, kwargs = self._ready(values, kwargs)
        manager = CallbackManagerForToolRun.get_noop_manager()
        args, kwargs = _call(tool, tool._run, kwargs, manager, config)  # noqa: SLF001
        return tool._run(*args, **kwargs)  # noqa: SLF001

    async def arun(
        self, values: Mapping[str, Any], kwargs: dict[str, Any], config: RunnableConfig
    ) -> Any:
        """Do as `run` does; sync code runs in a worker thread."""
        tool, kwargs = self._ready(values, kwargs)
        manager = AsyncCallbackManagerForToolRun.get_noop_manager()
        run: Any = tool._arun  # noqa: SLF001
        if type(tool)._arun is BaseTool._arun:  # noqa: SLF001
            run = tool._run  # noqa: SLF001 - its signature tells what it takes
        args, kwargs = _call(tool, run, kwargs, manager, config)
        return await tool._arun(*args, **kwargs)  # noqa: SLF001

    def refuse_sync(self) -> None:
        """Fail before anything leases when the code is async only.

        Raises:
            NotImplementedError: As the tool itself would.
        """
        tool = self.tool
        if isinstance(tool, StructuredTool | Tool) and tool.func is None:
            raise NotImplementedError(
                f"tool {tool.name!r} is async only: use ainvoke or an async graph"
            )

    def _ready(
        self, values: Mapping[str, Any], kwargs: dict[str, Any]
    ) -> tuple[BaseTool, dict[str, Any]]:
        if self.factory is None:
            return self.tool, {**kwargs, **values}
        return made(self.factory, values), kwargs


def made(factory: Callable[..., Any], values: Mapping[str, Any]) -> BaseTool:
    """Let a factory make its tool.

    Raises:
        ConfigError: What it made is no tool.
    """
    tool = factory(**values)
    if isinstance(tool, BaseTool):
        return tool
    if inspect.iscoroutine(tool):
        tool.close()
    raise ConfigError(
        f"the factory made a {type(tool).__name__}, no tool: return a BaseTool, and "
        "decorate plain functions with @secret_tool"
    )


def prototype(
    factory: Callable[..., Any], forms: Mapping[str, Callable[[SecretValue], Any]]
) -> BaseTool:
    """Let a factory make a tool from placeholders, to see name and schema.

    Raises:
        ConfigError: It does not work without a real value.
    """
    stand_in = SecretValue(_PLACEHOLDER)
    try:
        return made(factory, {name: form(stand_in) for name, form in forms.items()})
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            "the factory cannot make its tool from a placeholder "
            f"({type(error).__name__}): pass like=, a tool of the same name and "
            "schema; for a plain function use secret_tool"
        ) from error


def _call(
    tool: BaseTool,
    run: Callable[..., Any],
    kwargs: dict[str, Any],
    manager: Any,
    config: RunnableConfig,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Lay out a call as `BaseTool.run` does, for a manager that tells nobody."""
    args: tuple[Any, ...] = ()
    if isinstance(tool, Tool) and "tool_input" in kwargs:
        kwargs = dict(kwargs)
        args = (kwargs.pop("tool_input"),)
    if "run_manager" in inspect.signature(run).parameters:
        kwargs = {**kwargs, "run_manager": manager}
    if name := config_parameter(run):
        kwargs = {**kwargs, name: config}
    return args, kwargs
