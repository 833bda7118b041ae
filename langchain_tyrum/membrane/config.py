"""A run's config: what of it is stored, shown or lent to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.membrane.compat import (
    CONF,
    CONFIG_KEY_CACHE,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_RUNTIME,
    COORDINATES,
    RUN_KEY,
    ambient_config,
    configurable_of,
)
from langchain_tyrum.membrane.handlers import guard_handlers
from langchain_tyrum.state import guard_cache, guard_checkpointer, guard_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.membrane.runs import Run


def guard_config(config: Mapping[str, Any] | None, run: Run) -> RunnableConfig:
    """A config whose metadata, tags, name, handlers, saver and cache are guarded.

    The `configurable` itself stays raw, since nodes and tools are meant to get it;
    what LangGraph would copy out of it into metadata is redacted there beforehand.

    Args:
        config: What the caller gave.
        run: The guard of the run.

    Returns:
        A copy that carries the run's guard to every node.

    Raises:
        RawSecretFound: A thread id, checkpoint namespace or checkpoint id holds a
            raw value. They key rows, so they cannot be redacted.
    """
    given = dict(config or {})
    configurable = dict(configurable_of(given))
    refuse_coordinates(configurable, run)
    clean = guard_static(given, run)
    clean["metadata"] = {
        **_copied_scalars(configurable, run),
        **clean.get("metadata", {}),
    }
    lend(configurable, run)
    configurable[RUN_KEY] = run
    clean[CONF] = configurable
    return clean


def guard_ambient(run: Run) -> RunnableConfig | None:
    """The config running around us, as a guarded graph may take it over.

    LangGraph merges it under the config that is given, handlers too: a graph that a
    node calls uses the store and the stream of the graph around it.
    """
    config = ambient_config()
    if config is None or configurable_of(config).get(RUN_KEY) is run:
        return config
    clean = guard_static(config, run)
    if configurable := dict(configurable_of(config)):
        lend(configurable, run)
        clean[CONF] = configurable
    return clean


def guard_static(config: Mapping[str, Any], run: Run) -> RunnableConfig:
    """The parts of a config that are kept or told: metadata, tags, name, handlers.

    Nodes and the client see them too, so they are what the caller may see; savers
    and handlers have guards of their own.
    """
    clean = dict(config)
    if metadata := clean.get("metadata"):
        clean["metadata"] = run.view.redact(dict(metadata))
    if tags := clean.get("tags"):
        clean["tags"] = run.view.redact(list(tags))
    if run_name := clean.get("run_name"):
        clean["run_name"] = run.view.redact_text(run_name)
    if callbacks := clean.get("callbacks"):
        clean["callbacks"] = guard_handlers(callbacks, run)
    return clean  # type: ignore[return-value]


def refuse_coordinates(configurable: Mapping[str, Any], run: Run) -> None:
    """Refuse raw values where rows are keyed: those that the caller may know of.

    Others' are let be, or whoever registers somebody's thread id stops their runs.

    Raises:
        RawSecretFound: One of them holds a raw value.
    """
    for key in COORDINATES:
        value = configurable.get(key)
        if isinstance(value, str) and value:
            run.refuse(value, where=f"config['configurable'][{key!r}]")


def lend(configurable: dict[str, Any], run: Run) -> None:
    """Guard the saver, cache, store and stream that a parent or server lends."""
    redactor = run.membrane.redactor
    if (saver := configurable.get(CONFIG_KEY_CHECKPOINTER)) is not None:
        configurable[CONFIG_KEY_CHECKPOINTER] = guard_checkpointer(saver, redactor)
    if (cache := configurable.get(CONFIG_KEY_CACHE)) is not None:
        configurable[CONFIG_KEY_CACHE] = guard_cache(cache, redactor)
    runtime: Any = configurable.get(CONFIG_KEY_RUNTIME)
    changed: dict[str, Any] = {}
    if (store := getattr(runtime, "store", None)) is not None:
        changed["store"] = guard_store(store, redactor)
    writer = getattr(runtime, "stream_writer", None)
    if writer and not run.running:  # else the graph around us guards its own stream
        changed["stream_writer"] = _guard_writer(writer, run)
    if any(new is not getattr(runtime, name) for name, new in changed.items()):
        configurable[CONFIG_KEY_RUNTIME] = runtime.override(**changed)


def _guard_writer(write: Callable[[Any], None], run: Run) -> Callable[[Any], None]:
    def guarded(part: Any) -> None:
        write(run.told(part, where="the custom stream"))

    return guarded


def _copied_scalars(configurable: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What savers and tracers would copy raw into metadata, redacted."""
    copied: dict[str, Any] = {}
    for key, value in configurable.items():
        if isinstance(value, str) and not key.startswith("__"):
            clean = run.view.redact_text(value)
            if clean is not value and clean != value:
                copied[key] = clean
    return copied
