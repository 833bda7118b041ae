"""What a graph streams, mode by mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.pregel.debug import get_bolded_text, get_colored_text

from langchain_tyrum.membrane.deltas import MessageDeltas, Namespace, ToolDeltas
from langchain_tyrum.redaction.walk.steady import steady

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_tyrum.membrane.runs import Run


class StreamGuard:
    """Redacts the parts of one stream, in the shape the caller asked for.

    LangGraph is always asked for a list of modes, so that each part names its
    mode; what the caller sees is shaped here.
    """

    def __init__(
        self,
        run: Run,
        *,
        stream_mode: str | Sequence[str],
        print_mode: str | Sequence[str],
        subgraphs: bool,
        version: str,
        final: bool = False,
    ) -> None:
        self._run = run
        self._mode = stream_mode
        self._shown = _as_list(stream_mode)
        self._printed = _as_list(print_mode)
        self._subgraphs = subgraphs
        self._version = version
        self._final = final
        self._messages = MessageDeltas(run.view)
        self._tools = ToolDeltas(run.view)

    @property
    def modes(self) -> list[str]:
        """The modes to ask LangGraph for: those to show and those to print."""
        return list(dict.fromkeys([*self._shown, *self._printed]))

    def parts(self, part: Any) -> Iterable[Any]:
        """Redact one part; text that may be the start of a value waits."""
        if self._final and not self._printed:
            return (part,)
        if self._version == "v2":
            mode, namespace, data = part["type"], tuple(part["ns"]), part["data"]
            extra = {k: v for k, v in part.items() if k not in _V2_KEYS}
            extra = self._run.view.redact(extra) if extra else extra
        else:
            namespace, mode, data = part if self._subgraphs else ((), *part)
            extra = {}
        shaped: list[Any] = []
        for clean in self._clean(namespace, mode, data):
            self._shape(shaped, namespace, mode, clean, extra)
        return shaped

    def rest(self) -> Iterable[Any]:
        """What still waits when the run is over, or broke off."""
        shaped: list[Any] = []
        for namespace, data in self._messages.rest():
            self._shape(shaped, namespace, "messages", data, {})
        for namespace, data in self._tools.rest():
            self._shape(shaped, namespace, "tools", data, {})
        return shaped

    def _clean(self, namespace: Namespace, mode: str, data: Any) -> Iterable[Any]:
        if mode in _LIVE:
            return (self._run.view.redact(data),)
        if mode == "messages":
            return self._messages.feed(namespace, data)
        if mode == "tools":
            return self._tools.feed(namespace, data)
        if mode == "custom":  # all else was written by nodes, and is clean by now
            return (self._run.told(data, where="the custom stream"),)
        return (steady(data, self._run.view),)

    def _shape(
        self,
        shaped: list[Any],
        namespace: Namespace,
        mode: str,
        data: Any,
        extra: dict[str, Any],
    ) -> None:
        """Add a part in the caller's shape, where he asked for its mode."""
        if mode in self._printed:
            self._print(namespace, mode, data)
        if mode not in self._shown:
            return
        if self._version == "v2":
            shaped.append({"type": mode, "ns": namespace, "data": data, **extra})
        elif isinstance(self._mode, list):
            named = (namespace, mode, data) if self._subgraphs else (mode, data)
            shaped.append(named)
        else:
            shaped.append((namespace, data) if self._subgraphs else data)

    def _print(self, namespace: Namespace, mode: str, data: Any) -> None:
        words = [get_bolded_text(f"[{mode}]")]
        if self._subgraphs and namespace:
            words.append(get_colored_text(f"[graph={namespace}]", color="yellow"))
        print(*words, repr(data))  # noqa: T201 - `print_mode` asks for it


#: What nodes gave, as it is: a graph around this one goes on with it.
_LIVE = frozenset({"values", "updates"})
_V2_KEYS = frozenset({"type", "ns", "data"})


def _as_list(modes: str | Sequence[str]) -> list[str]:
    return [modes] if isinstance(modes, str) else list(modes)
