"""`TyrumMiddleware`: the membrane's part that lives inside `create_agent`."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from langchain.agents.middleware.types import (
    AgentMiddleware,
    ModelRequest,
    ModelResponse,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph import types

from langchain_tyrum.approval.middleware import SecretApprovalMiddleware
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.middleware.hooks import Approvals, Hooks, may_ask, with_hooks
from langchain_tyrum.middleware.looking import CALL, Looking, eyes_of
from langchain_tyrum.models.guard import aliasing
from langchain_tyrum.state.unbound import offer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from langgraph.prebuilt.tool_node import ToolCallRequest

    from langchain_tyrum.middleware.looking import Eyes
    from langchain_tyrum.redaction import Redactor


class _Checked(NamedTuple):
    """A tool, when it was looked at, and its schema if that holds a value."""

    tool: BaseTool
    at: int
    schema: dict[str, Any] | None


def _spans_only() -> Any:
    """A policy that keeps spans and drops what they carry, where langgraph has it."""
    omit = getattr(types, "omit_payload", None)
    policy = getattr(types, "TracePolicy", None)
    return policy and policy(process_inputs=omit, process_outputs=omit)


class TyrumMiddleware(AgentMiddleware[Any, Any, Any]):
    """Keeps raw values out of what an agent's model and tools exchange.

    Put it first in the list, so that it is the outermost layer: what it gives to
    the model is what the model gets. It redacts each request (system prompt,
    messages, tool descriptions and schemas, settings) and each response, and each
    tool's result and exception; asks a person before calls whose policy requires
    it; and puts away credentials that a user pasted.

    Under `protect` it shares the memo of the run, so messages are not walked twice.
    Without `protect` it is weaker, since LangChain's other ways out do not pass a
    middleware: the graph's input is checkpointed and traced before any middleware
    sees it, and so are streamed tokens, callbacks, metadata, tags, the store,
    `update_state`, resumes, and tool arguments in traces.

    It guards the agent that has it in its list. deepagents gives the middleware of
    `create_deep_agent` to the main agent alone: a sub-agent's model sees the raw
    `system_prompt` of its spec and, without `protect`, what its tools return. Give
    each spec its own: `"middleware": [TyrumMiddleware(broker)]`.

    State keys that are `guarded` without a redactor are bound by `protect`. Without
    it they are bound to this broker if no other one protects or accompanies a graph
    of this process.

    Args:
        broker: Whose secrets are kept out.
        approvals: Ask a person where the policy says so.
        intake: Put away credentials that users paste, where `protect` did not.
    """

    #: The spans of our hooks would carry the whole conversation once more each.
    trace_policy = _spans_only()
    tools = ()

    def __new__(
        cls, broker: Any = None, *, approvals: bool = True, intake: bool = True
    ) -> Self:
        """Pick the hooks: LangChain makes a graph node of each one that exists."""
        if not isinstance(broker, SecretBroker):
            raise ConfigError(
                "TyrumMiddleware takes the broker that the tools have: write "
                f"TyrumMiddleware(broker), not a {type(broker).__name__}"
            )
        if issubclass(cls, Hooks):
            return object.__new__(cls)
        asks = approvals and may_ask(broker)
        own: Any = cls
        kind: type[Self] = with_hooks(own, approvals=asks, intake=intake)
        return object.__new__(kind)

    def __init__(
        self,
        broker: SecretBroker,
        *,
        approvals: bool = True,  # noqa: ARG002 - `__new__` reads it
        intake: bool = True,  # noqa: ARG002 - `__new__` reads it
    ) -> None:
        super().__init__()
        self.broker = broker
        offer(self)
        self._alias = aliasing(cast("Redactor", Looking(broker)))
        self._tools: dict[int, _Checked] = {}
        if isinstance(self, Approvals):
            self._approval = SecretApprovalMiddleware(broker)

    @property
    def name(self) -> str:
        """The name of the middleware, as nodes and traces show it."""
        return "TyrumMiddleware"

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Any]
    ) -> Any:
        """Redact what the model gets and what it answers."""
        eyes = eyes_of(self.broker)
        try:
            return _clean_response(handler(self._clean_request(request, eyes)), eyes)
        except BaseException as caught:
            error = eyes.view.redact(caught)
            if error is caught:
                raise
        raise error

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[Any]],
    ) -> Any:
        """Redact what the model gets and what it answers; the async twin."""
        eyes = eyes_of(self.broker)
        try:
            response = await handler(self._clean_request(request, eyes))
            return _clean_response(response, eyes)
        except BaseException as caught:
            error = eyes.view.redact(caught)
            if error is caught:
                raise
        raise error

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Any]
    ) -> Any:
        """Redact what a tool returns (content and artifact) or raises."""
        eyes, where = eyes_of(self.broker), _result_of(request)
        try:
            return eyes.shown(handler(request), where=where)
        except BaseException as caught:
            error = eyes.shown(caught, where=where)
            if error is caught:
                raise
        raise error

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[Any]],
    ) -> Any:
        """Redact what a tool returns or raises; the async twin."""
        eyes, where = eyes_of(self.broker), _result_of(request)
        try:
            return eyes.shown(await handler(request), where=where)
        except BaseException as caught:
            error = eyes.shown(caught, where=where)
            if error is caught:
                raise
        raise error

    def _clean_request(
        self, request: ModelRequest[Any], eyes: Eyes
    ) -> ModelRequest[Any]:
        """What the layers below get, and a model that is guarded against them too."""
        changed: dict[str, Any] = {}
        names = ["model_settings", "tool_choice"]
        if isinstance(request.model, BaseChatModel):
            changed["model"] = self._alias(request.model)
        if "model" not in changed or not eyes.protected:
            names += ["messages", "system_message"]
        for name in names:
            given = getattr(request, name)
            clean = eyes.shown(given, where=CALL) if given else given
            if clean is not given:
                changed[name] = clean
        tools = self._clean_tools(request.tools, eyes.view)
        if tools is not request.tools:
            changed["tools"] = tools
        return _with(request, changed) if changed else request

    def _clean_tools(self, tools: list[Any], view: Redactor) -> list[Any]:
        """What the model may read of its tools; the same list when they are clean."""
        redactor = self.broker.redactor  # asks once what was stored meanwhile
        at, clean = redactor.generation, []
        for tool in tools:
            known = self._tools.get(id(tool))
            if known is None or known.tool is not tool or known.at != at:
                if not isinstance(tool, BaseTool):
                    clean.append(view.redact(tool))
                    continue
                schema = convert_to_openai_tool(tool)
                held = None if redactor.redact(schema) is schema else schema
                known = self._tools[id(tool)] = _Checked(tool, at, held)
            clean.append(tool if known.schema is None else view.redact(known.schema))
        same = len(clean) == len(tools) and all(map(is_, clean, tools))
        return tools if same else clean


def _result_of(request: ToolCallRequest) -> str:
    return f"the result of tool {request.tool_call['name']!r}"


def _with(request: ModelRequest[Any], changed: dict[str, Any]) -> ModelRequest[Any]:
    """A request with some fields changed; `override` takes ten times as long."""
    if type(request) is not ModelRequest:
        return request.override(**changed)
    twin: ModelRequest[Any] = object.__new__(ModelRequest)
    vars(twin).update(vars(request), **changed)
    return twin


def _clean_response(response: Any, eyes: Eyes) -> Any:
    """What a model call gives back, with what layers below made of it."""
    if type(response) is ModelResponse and response.structured_response is None:
        result = eyes.view.redact(response.result)
        return response if result is response.result else ModelResponse(result)
    return eyes.view.redact(response)
