"""`SecretTool`: a LangChain tool whose secret arguments the broker fills."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from langchain_tyrum.approval.binding import enroll
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools.calls import Bound, Wiring, bind
from langchain_tyrum.tools.claims import Claim, claim, holds, origin_of
from langchain_tyrum.tools.running import Pending, ToolRun
from langchain_tyrum.tools.schema import fields_of
from langchain_tyrum.tools.selecting import listing
from langchain_tyrum.tools.shape import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.messages import ToolCall

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.broker import CallIdentity, SecretBroker


class SecretTool(BaseTool):
    """A tool that holds raw values for the length of one call only.

    To LangChain it is an ordinary tool: its schema lacks the secret parameters,
    its inputs and outputs in callbacks, traces and state are free of values.
    Build one with `secret_tool`, `wrap_tool` or `wrap_tools`.

    Attributes:
        tool_id: The consumer that policies, grants and the ledger know.
    """

    tool_id: str
    _wiring: Wiring = PrivateAttr()
    _claim: Claim | None = PrivateAttr(default=None)

    def __init__(self, *, wiring: Wiring, **fields: Any) -> None:
        super().__init__(args_schema=wiring.shape.visible, **fields)
        self._wiring = wiring
        with suppress(ConfigError):  # raised where the two could come together
            self.hold_id()
        enroll(self)  # so that approvals find it, in a resumed process too

    def __getattribute__(self, name: str) -> Any:
        """Read the description with what the caller of the run may choose from now.

        Nothing of it is kept: runs of several users share the tool.
        """
        found = super().__getattribute__(name)
        return self._described(found) if name == "description" else found

    @property
    def broker(self) -> SecretBroker:
        """The only door from handle to value."""
        return self._wiring.broker

    @property
    def wiring(self) -> Wiring:
        """What the tool holds and never shows."""
        return self._wiring

    @property
    def func(self) -> Callable[..., NoReturn]:
        """Tells ToolNode what to inject; it cannot be called."""
        return self._wiring.shape.hinting

    def hold_id(self) -> None:
        """Hold the tool id, under which people permit what this tool does.

        The first tool of an id has it as long as it lives. Another one can be made,
        and neither be put into a graph nor run.

        Raises:
            ConfigError: The id is that of another tool.
        """
        store = self.broker.audit.ledger_id
        if not holds(self._claim, store, self.tool_id):
            origin = origin_of(self._wiring.inner.tool)
            self._claim = claim(store, self.tool_id, origin)

    def bind_call(self, tool_call: ToolCall, call: CallIdentity) -> BoundCall:
        """Validate a call and name the secrets it wants; nothing is leased.

        Args:
            tool_call: The call as the model wrote it.
            call: Who makes it.

        Returns:
            The call with its records.

        Raises:
            TyrumError: The model may not choose these arguments, or a secret is
                not there.
            ValidationError: The arguments do not fit the tool's schema.
        """
        who = replace(call, tool_call_id=tool_call.get("id"))
        return self.records_for(tool_call["args"], who).call

    def records_for(self, args: Mapping[str, Any], call: CallIdentity) -> Bound:
        """Do as `bind_call` does, and keep which record belongs where."""
        self.hold_id()
        return bind(self._wiring, args, name=self.name, tool_id=self.tool_id, call=call)

    def _described(self, about: str) -> str:
        wiring: Wiring | None = (self.__pydantic_private__ or {}).get("_wiring")
        if wiring is None or not (wiring.shape.selectors or wiring.shape.templates):
            return about
        call = wiring.broker.identify(ensure_config())
        known = wiring.broker.references(
            self.tool_id, tenant=call.tenant, owner=call.user
        )
        return f"{about}\n\n{listing(known, wiring.shape.templates)}"

    # --- BaseTool ---

    @cached_property
    def _injected_args_keys(self) -> frozenset[str]:
        return frozenset({RUNTIME, *self._wiring.shape.hints})

    def _to_args_and_kwargs(
        self, tool_input: str | dict[str, Any], tool_call_id: str | None
    ) -> tuple[tuple[()], dict[str, Any]]:
        """Hand the input on as it is: `_run` checks it, and may refuse it."""
        if isinstance(tool_input, str):
            first = next(iter(fields_of(self._wiring.shape.chosen)), "tool_input")
            tool_input = {first: tool_input}
        return (), {"pending": Pending(tool_input, tool_call_id)}

    def validated(
        self, args: Mapping[str, Any], tool_call_id: str | None
    ) -> dict[str, Any]:
        """Validate the whole input as any tool would, injected arguments too."""
        aside = {k: v for k, v in args.items() if k in self._injected_args_keys}
        rest = {k: v for k, v in args.items() if k not in aside}
        parsed: Any = self._parse_input(rest, tool_call_id)
        aside.pop(RUNTIME, None)
        return {**parsed, **aside}

    def _run(self, pending: Pending, *, config: RunnableConfig) -> Any:
        return ToolRun(self, pending, config).run()

    async def _arun(self, pending: Pending, *, config: RunnableConfig) -> Any:
        return await ToolRun(self, pending, config).arun()
