"""Through whose eyes a run's messages are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast
from weakref import WeakKeyDictionary

from langchain_core.outputs import ChatResult
from langchain_core.runnables.config import var_child_runnable_config

from langchain_tyrum.state.view import RunView

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.redaction import Redactor

#: Where `protect` keeps the guard of the run; a test holds the two together.
RUN_KEY = "__pregel_tyrum_run"
#: Where LangGraph keeps what a run's tasks share; the same test holds it.
RUNTIME_KEY = "__pregel_runtime"
#: What is found in a prompt, or in what goes with it, was found in this.
CALL = "a model call"
_LOCAL = "<locals>"
_seen: MutableMapping[Any, dict[Any, Redactor]] = WeakKeyDictionary()


class Eyes(Protocol):
    """Who looks in a run: the guard of the run itself, where `protect` guards it.

    Attributes:
        protected: Whether `protect` guards the run.
    """

    protected: ClassVar[bool]

    @property
    def view(self) -> Redactor:
        """Through what is looked."""

    @property
    def call(self) -> CallIdentity:
        """For whom."""

    def shown(self, obj: Any, *, where: str) -> Any:
        """Redact; behind a membrane what was raw is told in the ledger."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Who looks in a run that no membrane guards."""

    view: Redactor
    call: CallIdentity
    protected: ClassVar[bool] = False

    def shown(self, obj: Any, *, where: str) -> Any:
        """Redact; no membrane, no ledger."""
        del where
        return self.view.redact(obj)


class Looking:
    """A redactor that is, at each call, the one of the run that calls.

    A guarded model is made once and serves all users.
    """

    def __init__(self, broker: SecretBroker) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(eyes_of(self._broker).view, name)

    @property
    def behind_membrane(self) -> bool:
        """Whether the run that calls is guarded by `protect`, with its handlers."""
        around = (var_child_runnable_config.get() or {}).get("configurable") or {}
        return getattr(around.get(RUN_KEY), "broker", None) is self._broker

    def redact(self, obj: Any) -> Any:
        """Redact; of a model's result only what is not known yet."""
        eyes = eyes_of(self._broker)
        if type(obj) is not ChatResult:
            return eyes.shown(obj, where=CALL)
        messages, around = [], [obj.llm_output]
        for generation in obj.generations:
            messages.append(generation.message)
            around.append(generation.generation_info)
        view = eyes.view
        clean = view.redact(messages) is messages
        if clean and (not any(around) or view.redact(around) is around):
            return obj
        return eyes.shown(obj, where="the answer of a model")


def eyes_of(broker: SecretBroker) -> Eyes:
    """Who looks in the run around us."""
    config = var_child_runnable_config.get() or {}
    around = config.get("configurable") or {}
    run: Any = around.get(RUN_KEY)
    if run is not None and run.broker is broker:
        guard: Eyes = run
        return guard
    call = broker.identify(config)
    # Outside of any run there is nobody to look for: everybody's values count.
    redactor = broker.redactor
    return Alone(_view_in(around, redactor, call) if config else redactor, call)


def _view_in(
    around: dict[str, Any], redactor: Redactor, call: CallIdentity
) -> Redactor:
    """What a run has seen clean, so that its history is not walked at each call.

    It goes with the run's stream writer, which LangGraph makes anew for each run. A
    writer that somebody made for several may serve several users.
    """
    runtime = around.get(RUNTIME_KEY)
    writer = getattr(runtime, "stream_writer", None)
    if not isinstance(writer, FunctionType) or _LOCAL not in writer.__qualname__:
        return redactor.view(call)
    seen = _seen.setdefault(writer, {})
    whose = redactor, call.tenant, call.user
    view = seen.get(whose)
    if view is None:
        view = seen[whose] = cast("Redactor", RunView(redactor.view(call)))
    return view
