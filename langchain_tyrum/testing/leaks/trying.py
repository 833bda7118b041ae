"""Running a built-in row: build its graph, protect it or not, read every sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.cache.memory import InMemoryCache
from langgraph.store.memory import InMemoryStore

from langchain_tyrum.membrane import protect
from langchain_tyrum.testing.leaks.lab import Lab, aopened_saver, opened_saver
from langchain_tyrum.testing.leaks.sources.base import Kit

if TYPE_CHECKING:
    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.testing.leaks.report import Trial
    from langchain_tyrum.testing.leaks.runs import Case
    from langchain_tyrum.testing.leaks.sources.base import Source
    from langchain_tyrum.testing.leaks.ways import Way

#: What the canaries of the built-in rows are called.
PATH = "canary"


def try_source(
    lab: Lab, source: Source, way: Way, *, broker: SecretBroker | None = None
) -> Trial:
    """Run a row one sync way.

    Args:
        lab: Where it runs.
        source: The row.
        way: A sync way.
        broker: Whose `protect` and middleware guard the graph; None leaves it as it
            is, which must leak: the proof that the row can fail.

    Returns:
        What it showed.
    """
    with opened_saver() as saver:
        case, kit = _built(lab, source, saver, broker)
        return lab.try_(case, way, paths=_paths(source), seen=lambda: _alive(case, kit))


async def atry_source(
    lab: Lab, source: Source, way: Way, *, broker: SecretBroker | None = None
) -> Trial:
    """Run a row one async way; see `try_source`."""
    async with aopened_saver() as saver:
        case, kit = _built(lab, source, saver, broker)
        return await lab.atry(
            case, way, paths=_paths(source), seen=lambda: _alive(case, kit)
        )


def _built(
    lab: Lab, source: Source, saver: Any, broker: SecretBroker | None
) -> tuple[Case, Kit]:
    text = lab.canaries.plant(PATH)
    kit = Kit(text, saver, InMemoryStore(), InMemoryCache(), lab.wire, lab.client)
    if broker is not None:
        kit.middleware.extend(_middleware(broker))
    case = source.build(kit)
    if broker is not None:
        case.graph = protect(case.graph, broker)
    case.sinks["later nodes"] = lambda: kit.seen
    case.sinks["model input"] = lambda: [[m.got, m.bound] for m in kit.models]
    return case, kit


def _middleware(broker: SecretBroker) -> list[Any]:
    try:
        from langchain_tyrum.middleware import TyrumMiddleware  # noqa: PLC0415
    except ImportError:
        return []
    return [TyrumMiddleware(broker)]


def _paths(source: Source) -> list[str]:
    return [PATH] if source.marked else []


def _alive(case: Case, kit: Kit) -> list[str]:
    """What must have happened in every built-in row."""
    reasons = []
    if case.raises is None and not (kit.seen or kit.models):
        reasons.append("no node, task or tool came after the source")
    reasons += ["a model was never asked" for model in kit.models if not model.got]
    return reasons
