"""The membrane: who guards, and the guarded twins it has made."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from langchain_tyrum.membrane.arming import arm
from langchain_tyrum.membrane.compat import ensure_config
from langchain_tyrum.membrane.guarded import Guarded
from langchain_tyrum.membrane.runs import Mode, Run, run_in
from langchain_tyrum.redaction.modes import observing

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.redaction import Redactor

G = TypeVar("G", bound="Pregel[Any, Any, Any, Any]")


@dataclass(frozen=True, eq=False)
class Membrane:
    """Guards graphs for one broker in one mode.

    Attributes:
        broker: Whose secrets are kept out.
        mode: What a raw value in an input or a node result does.
    """

    broker: SecretBroker
    mode: Mode = "redact"
    _twins: MutableMapping[Any, Any] = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    @property
    def redactor(self) -> Redactor:
        """The broker's redactor, told of what was stored meanwhile, in this mode."""
        redactor = self.broker.redactor
        return observing(redactor) if self.mode == "observe" else redactor

    def twin(self, graph: G) -> G:
        """The guarded twin of a graph, made once; a guarded graph is its own."""
        if isinstance(graph, Guarded):
            return graph
        twin: G | None = self._twins.get(graph)
        if twin is None:
            twin = object.__new__(_guarded_class(type(graph)))
            twin.__dict__.update(graph.__dict__)
            twin.__dict__["_tyrum_membrane"] = self
            arm(twin, self)
            self._twins[graph] = twin
        return twin

    def enter(
        self, config: RunnableConfig | None, *, bound: RunnableConfig | None = None
    ) -> Run:
        """The guard of the run that starts with a config.

        A graph that runs inside another one shares its guard, if it runs for the
        same principal.

        Args:
            config: What the caller gave.
            bound: What `with_config` bound to the graph.
        """
        call = self.broker.identify(ensure_config(bound, config))
        run = Run(self, call)
        outer = run_in(config)
        return outer if outer is not None and outer.same_principal(run) else run

    def of(self, config: RunnableConfig) -> Run:
        """The guard of the run that a task belongs to."""
        return run_in(config) or self.enter(config)


@lru_cache(maxsize=256)
def _guarded_class(cls: type[G]) -> type[G]:
    """A subclass of a graph's class with `Guarded` in front, under the same name."""
    return type(cls.__name__, (Guarded, cls), {"__module__": cls.__module__})
