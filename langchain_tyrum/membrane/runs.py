"""What all guards of one run share: for whom it is, and one memo."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from langchain_tyrum.membrane.compat import (
    RUN_KEY,
    ambient,
    ambient_config,
    configurable_of,
)
from langchain_tyrum.state.view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.membrane.membrane import Membrane
    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.stored import Stored

Mode = Literal["redact", "refuse"]


class Run:
    """The guard of one run: what its user may see, and what may be stored.

    One object travels in the config from the outermost graph to every node,
    sub-graph and middleware, so that a message found clean once is not walked
    again by the next guard.

    Attributes:
        membrane: Whose guard it is.
        call: On whose behalf the run happens.
        taken_in: What the user pasted has been put away.
        running: An outer graph runs with this guard and guards its own stream.
        suspect: The state was stored raw, before it was guarded; nodes read it
            through the guard.
        view: Redacts what this user's agent, model and client see.
        stored: Redacts what is stored, so that this user alone reads it again.
    """

    __slots__ = (
        "call",
        "membrane",
        "running",
        "stored",
        "suspect",
        "taken_in",
        "view",
    )

    def __init__(self, membrane: Membrane, call: CallIdentity) -> None:
        self.membrane = membrane
        self.call = call
        self.taken_in = False
        self.running = False
        self.suspect = False
        root = membrane.broker.redactor
        self.stored: Stored = root.stored_for(call)
        self.view = cast("Redactor", RunView(root.view(call), self.stored))

    @property
    def broker(self) -> SecretBroker:
        """Whose secrets are kept out."""
        return self.membrane.broker

    def clean(self, obj: Any, *, where: str) -> Any:
        """Redact an input or a node result, or refuse it, as the mode says.

        Args:
            obj: What is about to be written.
            where: What it is, for the error.

        Returns:
            The same object when nothing raw is in it.

        Raises:
            RawSecretFound: The mode is `refuse` and a raw value is in it.
        """
        if obj is None:
            return None
        if self.membrane.mode == "refuse":
            self.view.refuse(obj, where=where)
        return self.within(obj)

    def within(self, obj: Any) -> Any:
        """Redact what stays in this process, but let live objects be.

        A client or an open file that nobody can look into is no text, and replacing
        it would break the graph. Each way out of the process replaces it.
        """
        clean = self.view.redact(obj)
        return clean if clean is obj or self.view.scan(obj) else obj

    def read(self, obj: Any) -> Any:
        """Redact what a node reads, where that may be raw.

        All that the guarded graph wrote is clean, so most runs need no look.
        """
        return self.within(obj) if self.suspect else obj

    def same_principal(self, other: Run) -> bool:
        """Whether another run sees through the same eyes."""
        return (
            self.broker is other.broker
            and self.membrane.mode == other.membrane.mode
            and self.call.tenant == other.call.tenant
            and self.call.user == other.call.user
        )

    def __repr__(self) -> str:
        return f"Run(mode={self.membrane.mode!r})"

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a run's guard belongs to one process and cannot be pickled")


def run_in(config: Mapping[str, Any] | None) -> Run | None:
    """The guard of the run that a config, or the code around us, belongs to."""
    run = configurable_of(config).get(RUN_KEY)
    if run is None:
        run = configurable_of(ambient_config()).get(RUN_KEY)
    return run if isinstance(run, Run) else None


_starting: ContextVar[Run | None] = ContextVar("tyrum_starting_run", default=None)


@contextmanager
def starting(run: Run, around: RunnableConfig | None) -> Iterator[None]:
    """The first step of a graph: it merges the config around it and loads its state.

    Args:
        run: The guard of the run.
        around: What stands for the config around the graph meanwhile, guarded.
    """
    before = _starting.get()
    _starting.set(run)
    try:
        with ambient(around):
            yield
    finally:
        _starting.set(before)


def starting_run() -> Run | None:
    """The guard of the run whose graph is loading its state just now."""
    return _starting.get()
