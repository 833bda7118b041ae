"""What all guards of one run share: for whom it is, and one memo."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from langgraph.errors import GraphBubbleUp

from langchain_tyrum.membrane.compat import (
    CONF,
    RUN_KEY,
    ambient,
    ambient_config,
    configurable_of,
)
from langchain_tyrum.membrane.leaks import Leaks
from langchain_tyrum.redaction.findings import refuse_finding
from langchain_tyrum.redaction.modes import not_passed
from langchain_tyrum.redaction.text import Mode
from langchain_tyrum.redaction.walk.steady import steady
from langchain_tyrum.state.view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.membrane.membrane import Membrane
    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.findings import Finding
    from langchain_tyrum.redaction.stored import Stored

__all__ = ("Mode", "Run", "run_in", "starting", "starting_run")


class Run:
    """The guard of one run: what its user may see, and what may be stored.

    One object travels in the config from the outermost graph to every node,
    sub-graph and middleware, so that a message found clean once is not walked
    again by the next guard.

    Attributes:
        membrane: Whose guard it is.
        broker: Whose secrets are kept out.
        call: On whose behalf the run happens.
        leaks: What reached the guard raw, for the ledger.
        taken_in: What the user pasted has been put away.
        running: An outer graph runs with this guard and guards its own stream.
        suspect: The state was stored raw, before it was guarded; nodes read it
            through the guard.
        view: Redacts what this user's agent, model and client see.
        stored: Redacts what is stored, so that this user alone reads it again.
    """

    __slots__ = (
        "broker",
        "call",
        "leaks",
        "membrane",
        "running",
        "stored",
        "suspect",
        "taken_in",
        "view",
    )
    #: Where a membrane guards the run, it is looked at with this run's eyes.
    protected: ClassVar[bool] = True

    def __init__(self, membrane: Membrane, call: CallIdentity) -> None:
        self.membrane = membrane
        self.broker: SecretBroker = membrane.broker
        self.call = call
        self.taken_in = False
        self.running = False
        self.suspect = False
        self.leaks = Leaks(membrane.broker, call)
        root = membrane.redactor
        self.stored: Stored = root.stored_for(call)
        self.view = cast("Redactor", RunView(root.view(call), self.stored))

    def clean(self, obj: Any, *, where: str) -> Any:
        """Redact an input or a node result, or refuse it, as the mode says.

        Args:
            obj: What is about to be written.
            where: What it is, for the error and the ledger.

        Returns:
            The same object when nothing raw is in it.

        Raises:
            RawSecretFound: The mode is `refuse` and a raw value is in it.
        """
        if obj is None:
            return None
        mode = self.membrane.mode
        clean = self.view.redact(obj)
        if clean is obj and mode == "redact":
            return obj
        how = "refused" if mode == "refuse" else "redacted"
        findings = self._noted(obj, where=where, how=how)
        if findings and mode == "refuse":
            refuse_finding(findings[0], where)
        return clean if not_passed(self.view, findings) else obj

    def shown(self, obj: Any, *, where: str) -> Any:
        """Redact what is told of the run: what it raises, asks a person or streams.

        Args:
            obj: What is told.
            where: What it is, for the ledger.

        Returns:
            The same object when nothing raw is in it.
        """
        clean = self.view.redact(obj)
        if clean is not obj or self.membrane.mode == "observe":
            self._noted(obj, where=where, how="redacted")
        return clean

    def told(self, obj: Any, *, where: str) -> Any:
        """Redact what leaves the run, and may be turned into text at any time later.

        Objects that compute their text are replaced by what they said when they were
        looked at.

        Args:
            obj: What is told.
            where: What it is, for the ledger.
        """
        return steady(self.shown(obj, where=where), self.view)

    def raised(self, error: BaseException, *, inside: bool) -> Any:
        """Redact what a graph raises.

        Args:
            error: The error.
            inside: Whether somebody else's run goes on with it, who may know it by its
                class or edit it. Else it says for good what was looked at.
        """
        if inside or isinstance(error, GraphBubbleUp):
            return self.view.redact(error)
        return steady(error, self.view)

    def refuse(self, obj: Any, *, where: str) -> None:
        """Refuse what cannot be redacted, since rows are keyed by it.

        Raises:
            RawSecretFound: A raw value is in it.
        """
        findings = not_passed(self.view, self.view.scan(obj))
        if findings:
            refuse_finding(findings[0], where)

    def _noted(self, obj: Any, *, where: str, how: str) -> list[Finding]:
        findings = self.view.scan(obj)
        for finding in findings:
            outcome = how if not_passed(self.view, [finding]) else "observed"
            self.leaks.note(finding, where=where, outcome=outcome)
        return findings

    def within(self, obj: Any) -> Any:
        """Redact what stays in this process, but let live objects be.

        A client or an open file that nobody can look into is no text, and replacing
        it would break the graph. Each way out of the process replaces it.
        """
        clean = self.view.redact(obj)
        if clean is obj or not_passed(self.view, self.view.scan(obj)):
            return clean
        return obj

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
    run = ((config or {}).get(CONF) or {}).get(RUN_KEY)
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
