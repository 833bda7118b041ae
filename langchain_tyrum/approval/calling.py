"""The tool calls of a conversation, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, ToolCall, ToolMessage

from langchain_tyrum.approval.binding import Binder
from langchain_tyrum.approval.desk import Desk
from langchain_tyrum.approval.turn import turn_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import AnyMessage
    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.approval.binding import Find
    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.approval.seats import Verdict
    from langchain_tyrum.broker import CallIdentity, SecretBroker


@dataclass(frozen=True)
class Settled:
    """What became of the pending calls of a message.

    Attributes:
        message: The message that made them; None when none did.
        run: The calls to run, as edited.
        told: What the model is told in place of the others' results.
        edited: Ids of calls that a person rewrote.
    """

    message: AIMessage | None = None
    run: tuple[ToolCall, ...] = ()
    told: tuple[ToolMessage, ...] = ()
    edited: frozenset[str] = frozenset()

    @property
    def rewritten(self) -> list[AIMessage]:
        """The message with its edited calls, when there are any.

        The transcript has to say what ran; the same id makes reducers replace it.
        """
        if self.message is None or not self.message.id or not self.edited:
            return []
        new = {call["id"]: call for call in self.run}
        calls = [new.get(call["id"], call) for call in self.message.tool_calls]
        return [self.message.model_copy(update={"tool_calls": calls})]


def settle_calls(
    broker: SecretBroker,
    find: Find,
    messages: Sequence[AnyMessage],
    config: RunnableConfig,
) -> Settled:
    """Decide about the calls of the last AI message that have no result yet.

    Args:
        broker: Policy, grants and requests.
        find: Finds tools by name; those that lease no secret are not held up.
        messages: The conversation.
        config: The config of the node that asks.

    Returns:
        What is to run, and what to tell the model about the rest.

    Raises:
        GraphInterrupt: A person has to answer first.
        NobodyToAsk: The graph has no checkpointer.
        AnswerRefused: The answer does not fit; nothing ran.
    """
    message, pending = pending_calls(messages)
    call = broker.identify(config)
    binder = Binder(find, call)
    bound = {_key(one): binder.bind(one) for one in pending}
    wanting = [one for one in bound.values() if one is not None]
    verdicts = _decide(broker, wanting, config, call=call, binder=binder)
    run, told, edited = [], [], set()
    for one in pending:
        key = _key(one)
        verdict = verdicts.get(key)
        if key in binder.failed:
            told.append(_message(one, binder.failed[key], status="error"))
        elif verdict is None:
            run.append(one)
        elif verdict.kind != "run":
            status = "success" if verdict.kind == "responded" else "error"
            told.append(_message(one, verdict.text, status=status))
        else:
            run.append(ToolCall(**{**one, **(verdict.edited or {})}))  # type: ignore[typeddict-item]
            edited |= {key} if verdict.edited else set()
    return Settled(message, tuple(run), tuple(told), frozenset(edited))


def pending_calls(
    messages: Sequence[AnyMessage],
) -> tuple[AIMessage | None, list[ToolCall]]:
    """The last AI message, and those of its calls that have no result yet."""
    answered: set[str] = set()
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            answered.add(message.tool_call_id)
        if isinstance(message, AIMessage):
            calls = [one for one in message.tool_calls if one["id"] not in answered]
            return message, calls
    return None, []


def _decide(
    broker: SecretBroker,
    wanting: Sequence[BoundCall],
    config: RunnableConfig,
    *,
    call: CallIdentity,
    binder: Binder,
) -> dict[str, Verdict]:
    if not wanting:
        return {}
    turn = turn_of(config, call)
    desk = Desk(broker, call=call, turn=turn, rebind=binder.rebind)
    with turn.lock:
        verdicts = desk.settle(wanting)
    keys = [one.tool_call_id or "" for one in wanting]
    return dict(zip(keys, verdicts, strict=True))


def _key(call: ToolCall) -> str:
    return call["id"] or ""


def _message(call: ToolCall, text: str, *, status: Any) -> ToolMessage:
    return ToolMessage(text, name=call["name"], tool_call_id=_key(call), status=status)
