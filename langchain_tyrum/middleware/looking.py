"""Through whose eyes a run's messages are looked at."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, cast
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


class Eyes(NamedTuple):
    """Who looks in this run, through which redactor, and whether behind a membrane."""

    view: Redactor
    call: CallIdentity
    run: Any = None

    @property
    def protected(self) -> bool:
        """Whether `protect` guards the run."""
        return self.run is not None

    def clean(self, obj: Any, where: str) -> Any:
        """Redact; behind a membrane what was raw is told in the ledger."""
        if self.run is None:
            return self.view.redact(obj)
        return self.run.shown(obj, where=where)


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
        return _run_of(self._broker) is not None

    def redact(self, obj: Any) -> Any:
        """Redact; of a model's result only what is not known yet."""
        eyes = eyes_of(self._broker)
        view = eyes.view
        if type(obj) is not ChatResult:
            return eyes.clean(obj, CALL)
        messages = [generation.message for generation in obj.generations]
        around = [obj.llm_output, *(g.generation_info for g in obj.generations)]
        clean = view.redact(messages) is messages
        if clean and (not any(around) or view.redact(around) is around):
            return obj
        return eyes.clean(obj, "the answer of a model")


def eyes_of(broker: SecretBroker) -> Eyes:
    """Who looks in the run around us."""
    run = _run_of(broker)
    if run is not None:
        return Eyes(run.view, run.call, run)
    config = var_child_runnable_config.get() or {}
    call = broker.identify(config)
    # Outside of any run there is nobody to look for: everybody's values count.
    view = _view_in(config, broker.redactor, call) if config else broker.redactor
    return Eyes(view, call)


def _view_in(config: Any, redactor: Redactor, call: CallIdentity) -> Redactor:
    """What a run has seen clean, so that its history is not walked at each call.

    It goes with the run's stream writer, which LangGraph makes anew for each run. A
    writer that somebody made for several may serve several users.
    """
    runtime = (config.get("configurable") or {}).get(RUNTIME_KEY)
    writer = getattr(runtime, "stream_writer", None)
    if not isinstance(writer, FunctionType) or _LOCAL not in writer.__qualname__:
        return redactor.view(call)
    seen = _seen.setdefault(writer, {})
    whose = redactor, call.tenant, call.user
    view = seen.get(whose)
    if view is None:
        view = seen[whose] = cast("Redactor", RunView(redactor.view(call)))
    return view


def _run_of(broker: SecretBroker) -> Any:
    """The guard of the run around us, where `protect` guards it for this broker."""
    config = var_child_runnable_config.get()
    if config is None:
        return None
    run = (config.get("configurable") or {}).get(RUN_KEY)
    return run if run is not None and run.broker is broker else None
