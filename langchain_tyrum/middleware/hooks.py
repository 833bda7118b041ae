"""The hooks that become nodes of the agent: intake before it, approvals in it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage

from langchain_tyrum.intake import atake_in, take_in
from langchain_tyrum.middleware.looking import eyes_of
from langchain_tyrum.policy import PolicyRule

if TYPE_CHECKING:
    from langchain_tyrum.broker import SecretBroker


class Hooks:
    """Marks the classes that add graph nodes."""


class Intake(Hooks):
    """Adds `before_agent`: a backstop for agents that run without `protect`."""

    def before_agent(self: Any, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Put away credentials in the messages that the user just sent."""
        del runtime
        eyes = eyes_of(self.broker)
        if eyes.protected or not (fresh := _fresh(state)):
            return None
        # An agent whose state does not declare the flag ignores it.
        taken = take_in(self.broker, {"messages": fresh}, eyes.call, flag=True)
        return _changes(fresh, taken)

    async def abefore_agent(
        self: Any, state: Any, runtime: Any
    ) -> dict[str, Any] | None:
        """Put away credentials; the async twin."""
        del runtime
        eyes = eyes_of(self.broker)
        if eyes.protected or not (fresh := _fresh(state)):
            return None
        taken = await atake_in(self.broker, {"messages": fresh}, eyes.call, flag=True)
        return _changes(fresh, taken)


class Approvals(Hooks):
    """Adds `after_model`: asks a person before the calls that need it."""

    def after_model(self: Any, state: Any, runtime: Any) -> Any:
        """Ask, as `SecretApprovalMiddleware` does."""
        return self._approval.after_model(state, runtime)

    async def aafter_model(self: Any, state: Any, runtime: Any) -> Any:
        """Ask; the async twin."""
        return await self._approval.aafter_model(state, runtime)


@lru_cache(maxsize=64)
def with_hooks(cls: type[Any], *, approvals: bool, intake: bool) -> type[Any]:
    """A subclass of a middleware that has the hooks asked for, under the same name."""
    hooks = (Intake,) * intake + (Approvals,) * approvals
    if not hooks:
        return cls
    return type(cls.__name__, (*hooks, cls), {"__module__": cls.__module__})


def may_ask(broker: SecretBroker) -> bool:
    """Whether any use could need a person, or be denied.

    A policy that allows everything and forbids nothing needs no approvals node, which
    would cost one step and one checkpoint in each turn.
    """
    layers = broker.policy
    strict = any(layer.require_approval or layer.deny for layer in layers)
    return strict or not any(PolicyRule() in layer.allow for layer in layers)


def _fresh(state: Any) -> list[HumanMessage]:
    """The human messages after the last answer: those of this turn."""
    fresh: list[HumanMessage] = []
    for message in reversed(state["messages"]):
        if isinstance(message, AIMessage):
            break
        if isinstance(message, HumanMessage):
            fresh.append(message)
    return fresh[::-1]


def _changes(fresh: list[HumanMessage], taken: dict[str, Any]) -> dict[str, Any] | None:
    """The update that puts changed messages in the place of the given ones."""
    pairs = zip(taken["messages"], fresh, strict=True)
    changed = [new for new, old in pairs if new is not old]
    return {**taken, "messages": changed} if changed else None
