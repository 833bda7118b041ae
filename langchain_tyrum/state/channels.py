"""`guarded`: a state key that takes handles and refuses raw values."""

from __future__ import annotations

from inspect import isclass
from typing import TYPE_CHECKING, Any, get_args

from langgraph.channels.base import BaseChannel
from langgraph.channels.binop import BinaryOperatorAggregate
from langgraph.channels.delta import DeltaChannel
from langgraph.graph.message import add_messages

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.modes import observing
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.redaction.text import Mode
from langchain_tyrum.state.guard import Guard, guard_of
from langchain_tyrum.state.last import Last
from langchain_tyrum.state.unbound import offered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.redaction import Redactor


class _Guarded(BaseChannel[Any, Any, Any]):
    """Mixin in front of a channel class: looks at each update before it is applied.

    Only what comes in is scanned, so the cost follows the update, not the history.
    """

    _tyrum_guard: Guard | None = None
    _tyrum_mode: Mode = "refuse"
    #: No key of this class has looked for a broker yet.
    _tyrum_new = True

    def update(self, values: Sequence[Any]) -> bool:
        """Take the updates of one step, all of them clean.

        Raises:
            RawSecretFound: In mode `refuse`, when an update holds a value.
            ConfigError: Nothing has bound a redactor to this key.
        """
        guard = self._bound().callers
        where = f"the state key {self.key!r}"
        if self._tyrum_mode == "refuse":
            for value in values:
                guard.refuse(value, where)
        else:
            values = [guard.clean(value, where) for value in values]
        return super().update(values)  # type: ignore[safe-super]

    def _bound(self) -> Guard:
        """The guard; where nothing bound one, that of all brokers on offer."""
        if self._tyrum_guard is None:
            redactors = offered(alive=self._tyrum_new)
            type(self)._tyrum_new = False  # noqa: SLF001
            if not redactors:
                raise ConfigError(
                    f"the state key {self.key!r} is guarded but knows no redactor: "
                    "wrap the compiled graph in protect(graph, broker), or write "
                    "guarded(reducer, broker.redactor)"
                )
            self._tyrum_guard = _guard_for(redactors, self._tyrum_mode)
        return self._tyrum_guard

    def copy(self) -> Any:
        """Copy the channel, with its guard."""
        return self._keep(super().copy())

    def from_checkpoint(self, checkpoint: Any) -> Any:
        """Make the channel that holds what was saved, with the same guard."""
        return self._keep(super().from_checkpoint(checkpoint))  # type: ignore[safe-super]

    def _keep(self, made: Any) -> Any:
        made._tyrum_guard = self._tyrum_guard  # noqa: SLF001
        return made

    def __eq__(self, other: object) -> bool:
        if guard_mode(other) != self._tyrum_mode:
            return False  # a plain channel under the same key must not replace it
        mine, theirs = self._tyrum_guard, guard_of(other)
        if mine is not None and theirs is not None and mine != theirs:
            return False
        return bool(super().__eq__(other))

    __hash__ = None  # type: ignore[assignment]


def guarded(
    reducer: Any = None,
    redactor: SecretBroker | Redactor | None = None,
    *,
    mode: Mode = "refuse",
) -> Any:
    """Guard one key of a graph's state.

    ```python
    class State(TypedDict):
        messages: Annotated[list[AnyMessage], guarded(add_messages)]
    ```

    A plain reducer function does not see every update: LangGraph passes `Overwrite`
    and often the first value around it. This yields a channel, which sees them all.
    Pending writes reach the disk before any channel runs, so guard the checkpointer
    too, as `protect` does.

    Args:
        reducer: A function of old and new value, or a LangGraph channel (a class, or
            a `DeltaChannel`). None keeps the last value.
        redactor: Knows the values; a broker stands for its own. Without it `protect`
            binds the one of its broker. Under `TyrumMiddleware` alone it is bound to
            that broker if no other one protects or accompanies a graph of this
            process; a graph that nothing bound fails at its first update.
        mode: `refuse` raises and names the place; `redact` puts markers in;
            `observe` does so for registered values, and lets shapes pass.

    Returns:
        What belongs into `Annotated[...]`: a new channel class, or a `DeltaChannel`.

    Raises:
        ConfigError: The mode is unknown, or something else stands in the place of
            reducer or redactor.
    """
    if mode not in get_args(Mode):
        raise ConfigError(
            f"mode={mode!r} is unknown: choose 'refuse', 'redact' or 'observe'"
        )
    guard = None if redactor is None else _guard_for((redactor_of(redactor),), mode)
    body: dict[str, Any] = {"_tyrum_guard": guard, "_tyrum_mode": mode}
    if isinstance(reducer, DeltaChannel):
        return _guarded_delta(reducer, body)
    if reducer is None:
        return _subclass(Last, body)
    if isclass(reducer) and issubclass(reducer, BaseChannel):
        return _subclass(reducer, body)
    if isinstance(reducer, BaseChannel) or not callable(reducer):
        raise ConfigError(
            f"guarded() cannot stand over {type(reducer).__name__}: pass a reducer "
            "function, a channel class, or a DeltaChannel"
        )
    return _subclass(BinaryOperatorAggregate, body | _reduced_by(reducer))


def guarded_messages(
    redactor: SecretBroker | Redactor | None = None,
    *,
    mode: Mode = "refuse",
) -> Any:
    """Guard a list of messages: `guarded(add_messages)`."""
    return guarded(add_messages, redactor, mode=mode)


def bind_channels(channels: Mapping[str, Any], redactor: Redactor) -> Mapping[str, Any]:
    """Give guarded channels that know no redactor this one.

    Args:
        channels: The channels of a compiled graph.
        redactor: Knows the values.

    Returns:
        The same mapping when there was nothing to bind, else a new one with copies of
        the channels concerned; the given graph keeps its own.
    """
    bound: dict[str, Any] = {}
    for key, channel in channels.items():
        if isinstance(channel, _Guarded) and guard_of(channel) is None:
            bound[key] = channel.copy()
            mode = guard_mode(channel)
            bound[key]._tyrum_guard = _guard_for((redactor,), mode)  # noqa: SLF001
    return {**channels, **bound} if bound else channels


def _guard_for(redactors: tuple[Redactor, ...], mode: Mode | None) -> Guard:
    return Guard(tuple(map(observing, redactors)) if mode == "observe" else redactors)


def guard_mode(obj: object) -> Mode | None:
    """Return the mode of a guarded channel, None for any other object."""
    return obj._tyrum_mode if isinstance(obj, _Guarded) else None  # noqa: SLF001


def _subclass(base: type[BaseChannel[Any, Any, Any]], body: dict[str, Any]) -> type:
    return type(f"Guarded{base.__name__}", (_Guarded, base), body)


def _reduced_by(reducer: Any) -> dict[str, Any]:
    """Give a BinaryOperatorAggregate the constructor LangGraph calls: of a type."""

    def init(self: Any, typ: Any, operator: Any = reducer) -> None:
        BinaryOperatorAggregate.__init__(self, typ, operator)

    return {"__init__": init}


def _guarded_delta(channel: DeltaChannel[Any], body: dict[str, Any]) -> Any:
    """Guard a DeltaChannel as an instance: LangGraph gives it the type by itself."""
    return _subclass(DeltaChannel, body)(
        channel.reducer, channel.typ, snapshot_frequency=channel.snapshot_frequency
    )
