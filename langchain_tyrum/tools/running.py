"""One run of a secret tool: check, ask, lease, call in isolation, redact."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import ToolMessage
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt.tool_node import ToolRuntime

from langchain_tyrum.approval import aauthorize, authorize
from langchain_tyrum.approval.calls import NobodyToAsk
from langchain_tyrum.approval.refusals import is_refusal, told
from langchain_tyrum.errors import ApprovalRequired, TyrumError
from langchain_tyrum.handles import SCHEME
from langchain_tyrum.tools.arguments import fill_template
from langchain_tyrum.tools.compat import in_graph
from langchain_tyrum.tools.isolation import Isolation
from langchain_tyrum.tools.selecting import ChosenSecret
from langchain_tyrum.tools.siblings import siblings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.handles import SecretRecord, SecretValue
    from langchain_tyrum.tools.bound import SecretTool
    from langchain_tyrum.tools.calls import Bound
    from langchain_tyrum.tools.results import Outcome


@dataclass(frozen=True, repr=False)
class Pending:
    """A call as it came in: model-chosen and injected arguments, unchecked."""

    args: Mapping[str, Any] = field(default_factory=dict)
    tool_call_id: str | None = None


@dataclass(frozen=True, repr=False)
class _Ready:
    """A checked call: what it leases, and what the code gets beside the values."""

    bound: Bound
    kwargs: Mapping[str, Any]
    siblings: tuple[BoundCall, ...]

    @property
    def wanted(self) -> dict[str, SecretRecord]:
        """What to lease, by parameter, or by handle where a text quotes it."""
        bound = self.bound
        return {
            **bound.fixed,
            **{name: selection.record for name, selection in bound.chosen.items()},
            **{SCHEME + name: record for name, record in bound.quoted.items()},
        }


class ToolRun:
    """One run. What it decides is written once; the twins only ask and lease.

    Args:
        tool: The tool that runs.
        pending: The call.
        config: The caller's config.
    """

    def __init__(
        self, tool: SecretTool, pending: Pending, config: RunnableConfig | None
    ) -> None:
        self._tool = tool
        self._wiring = tool.wiring
        self._pending = pending
        self._config: RunnableConfig = config or {}
        identity = tool.broker.identify(self._config)
        self._call = replace(identity, tool_call_id=pending.tool_call_id)

    def run(self) -> Any:
        """Run it; errors come redacted, from frames that hold no value."""
        self._wiring.inner.refuse_sync()
        try:
            ready = self._check()
            outcome = self._perform(ready, self._ask(ready))
        except TyrumError as error:
            failure = error
        else:
            return outcome.unwrap()
        return self._refuse(failure)

    async def arun(self) -> Any:
        """Do as `run` does; cancelling it cancels the code and waits for it."""
        try:
            ready = await asyncio.to_thread(self._check)
            outcome = await self._aperform(ready, await self._aask(ready))
        except TyrumError as error:
            failure = error
        else:
            return outcome.unwrap()
        return self._refuse(failure)

    def _check(self) -> _Ready:
        """Validate, and find the records; nothing is leased."""
        bound = self._tool.records_for(self._pending.args, self._call)
        kwargs = self._tool.validated(self._pending.args, self._call.tool_call_id)
        return _Ready(bound, kwargs, self._siblings())

    def _siblings(self) -> tuple[BoundCall, ...]:
        injected = self._pending.args.values()
        runtimes = [value for value in injected if isinstance(value, ToolRuntime)]
        runtime = runtimes[0] if runtimes else None
        return siblings_of(runtime, self._config, self._call)

    def _ask(self, ready: _Ready) -> str | None:
        """Ask policy, grants, and if need be a person."""
        if not ready.wanted:
            return None
        call = ready.bound.call
        return authorize(self._tool.broker, call, **self._asking(ready))

    async def _aask(self, ready: _Ready) -> str | None:
        if not ready.wanted:
            return None
        call = ready.bound.call
        return await aauthorize(self._tool.broker, call, **self._asking(ready))

    def _asking(self, ready: _Ready) -> dict[str, Any]:
        return {
            "call": self._call,
            "config": self._config,
            "siblings": ready.siblings,
        }

    def _perform(self, ready: _Ready, digest: str | None) -> Outcome:
        isolation = self._isolation()
        if not ready.wanted:
            return isolation.run(lambda: self._work(ready, {}, isolation))
        try:
            with self._tool.broker.lease_all(
                ready.wanted, tool_id=self._tool.tool_id, call=self._call, digest=digest
            ) as values:
                return isolation.run(lambda: self._work(ready, values, isolation))
        except ApprovalRequired as error:
            unasked = error
        raise self._unasked(unasked)

    async def _aperform(self, ready: _Ready, digest: str | None) -> Outcome:
        isolation = self._isolation()
        if not ready.wanted:
            return await isolation.arun(lambda: self._awork(ready, {}, isolation))
        try:
            async with self._tool.broker.alease_all(
                ready.wanted, tool_id=self._tool.tool_id, call=self._call, digest=digest
            ) as values:
                return await isolation.arun(
                    lambda: self._awork(ready, values, isolation)
                )
        except ApprovalRequired as error:
            unasked = error
        raise self._unasked(unasked)

    def _isolation(self) -> Isolation:
        return Isolation(self._config, self._tool.broker.redactor, self._call)

    def _work(
        self, ready: _Ready, values: Mapping[str, SecretValue], isolation: Isolation
    ) -> Any:
        secrets, kwargs = self._filled(ready, values, isolation)
        return self._wiring.inner.run(secrets, kwargs, isolation.config)

    async def _awork(
        self, ready: _Ready, values: Mapping[str, SecretValue], isolation: Isolation
    ) -> Any:
        secrets, kwargs = self._filled(ready, values, isolation)
        return await self._wiring.inner.arun(secrets, kwargs, isolation.config)

    def _filled(
        self, ready: _Ready, values: Mapping[str, SecretValue], isolation: Isolation
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Put the values where the code expects them. Runs in isolation only."""
        shape, bound = self._wiring.shape, ready.bound
        kwargs = isolation.guard(ready.kwargs)
        for name, selection in bound.chosen.items():
            kwargs[name] = ChosenSecret.of(selection.reference, values[name])
        for name in shape.templates:
            if isinstance(text := kwargs.get(name), str):
                kwargs[name] = fill_template(
                    text, lambda n: values[SCHEME + n].reveal()
                )
        forms = self._wiring.inner.forms
        return {name: forms[name](values[name]) for name in bound.fixed}, kwargs

    def _refuse(self, error: TyrumError) -> Any:
        """Tell the model inside a graph; raise where code made the call."""
        call_id = self._pending.tool_call_id
        if call_id is None or not in_graph(self._config) or not is_refusal(error):
            raise error
        message = ToolMessage(
            self._tool.broker.redactor.redact_text(told(error)),
            name=self._tool.name,
            tool_call_id=call_id,
            status="error",
        )
        if self._tool.response_format == "content_and_artifact":
            return message, None
        return message

    def _unasked(self, error: ApprovalRequired) -> ApprovalRequired:
        """Inside a graph no `handle_tool_errors` may swallow the question."""
        if isinstance(error, GraphBubbleUp) or not in_graph(self._config):
            return error
        return NobodyToAsk(
            str(error), handle=error.handle, scope=error.scope, tool_id=error.tool_id
        )
