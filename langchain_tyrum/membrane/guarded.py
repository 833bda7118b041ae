"""The guarded twin of a graph: its ways in and out, overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from langgraph.types import RetryPolicy, ensure_valid_checkpointer

from langchain_tyrum.membrane.arming import arm
from langchain_tyrum.membrane.compat import with_run, without_run
from langchain_tyrum.membrane.events import clean_event, clean_log
from langchain_tyrum.membrane.streamed import FINAL, GuardedStreams
from langchain_tyrum.state import acting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.runnables import RunnableConfig


class Guarded(GuardedStreams):
    """Stands before a graph's class and guards what its methods take and give.

    Never used alone: `Membrane.twin` puts it in front of the class it guards.
    """

    def copy(self, update: dict[str, Any] | None = None) -> Self:
        """Copy the graph; the copy is guarded too, also what `update` brings."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.__dict__.pop("__orig_class__", None)
        twin.__dict__.update(_validated(update or {}))
        arm(twin, self._tyrum_membrane)
        if update and {"nodes", "channels"} & update.keys():
            twin.validate()
        return twin

    def invoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: Any = None,
        **options: Any,
    ) -> Any:
        """Run the graph; only what comes out in the end is looked through."""
        try:
            if options.get("stream_mode", "values") != "values":
                return super().invoke(input, config, **options)
            run = self._tyrum_membrane.enter(config, bound=self.config)
            options[FINAL] = True
            with acting(run.stored):
                result = super().invoke(input, with_run(config, run), **options)
            return run.within(result)
        except BaseException as error:
            del input, config
            self._forget(error)
            raise

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: Any = None,
        **options: Any,
    ) -> Any:
        """Run the graph; the async twin."""
        try:
            if options.get("stream_mode", "values") != "values":
                return await super().ainvoke(input, config, **options)
            run = self._tyrum_membrane.enter(config, bound=self.config)
            options[FINAL] = True
            with acting(run.stored):
                result = await super().ainvoke(input, with_run(config, run), **options)
            return run.within(result)
        except BaseException as error:
            del input, config
            self._forget(error)
            raise

    def batch(self, inputs: Any, config: Any = None, **options: Any) -> Any:
        """Run the graph once for each input."""
        try:
            return super().batch(inputs, config, **options)
        except BaseException as error:
            del inputs, config
            self._forget(error)
            raise

    async def abatch(self, inputs: Any, config: Any = None, **options: Any) -> Any:
        """Run the graph once for each input; the async twin."""
        try:
            return await super().abatch(inputs, config, **options)
        except BaseException as error:
            del inputs, config
            self._forget(error)
            raise

    def stream(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stream_mode: Any = None,
        version: Any = "v1",
        **options: Any,
    ) -> Iterator[Any]:
        """Stream the graph; `invoke`, `batch` and v3 events come through here."""
        return self._streamed(
            [input, config], stream_mode=stream_mode, version=version, **options
        )

    def astream(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stream_mode: Any = None,
        version: Any = "v1",
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Stream the graph; the async twin."""
        return self._astreamed(
            [input, config], stream_mode=stream_mode, version=version, **options
        )

    def astream_events(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        version: Any = "v2",
        **options: Any,
    ) -> Any:
        """Stream events; v3 is made of `astream`, v1 and v2 are told by callbacks."""
        if version == "v3":
            return super().astream_events(input, config, version=version, **options)
        tell = super().astream_events
        return self._told(
            tell, clean_event, [input, config], version=version, **options
        )

    def astream_log(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Stream the run log, which is told by callbacks."""
        return self._told(super().astream_log, clean_log, [input, config], **options)

    def _defaults(self, config: RunnableConfig, **options: Any) -> Any:
        """Let LangGraph see an empty `configurable` as one: it says what is missing."""
        return super()._defaults(without_run(config), **options)


def _validated(update: dict[str, Any]) -> dict[str, Any]:
    """What `Pregel.__init__` would make of the changes."""
    valid = dict(update)
    if "checkpointer" in valid:
        valid["checkpointer"] = ensure_valid_checkpointer(valid["checkpointer"])
    if isinstance(valid.get("retry_policy"), RetryPolicy):
        valid["retry_policy"] = (valid["retry_policy"],)
    return valid
