"""Tracing of the whole process, guarded: one switch, taken back in any order.

The methods of `langsmith.Client` are replaced on the class, so clients and tracers
built before, beside and after are all covered. While nothing is installed the
replacements are gone; where somebody wrapped them meanwhile, they stay and do
nothing.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.traces import clients, compat, hooks, managers, payload
from langchain_tyrum.traces.sources import among, lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.traces.sources import RedactorSource


class Uninstall:
    """Takes one `install_tracing` back: call it, or leave the `with` block.

    Taking it back twice does nothing, and the order among several does not matter.
    """

    def __init__(self, redactor: Redactor, *, logs: bool) -> None:
        self._redactor = redactor
        self._switches = (_TRACES, _LOGS) if logs else (_TRACES,)
        self._done = False
        for switch in self._switches:
            switch.add(redactor)

    def __call__(self) -> None:
        """Take the guards back."""
        if not self._done:
            self._done = True
            for switch in self._switches:
                switch.remove(self._redactor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self()

    def __repr__(self) -> str:
        return f"Uninstall(done={self._done})"


def install_tracing(
    broker_or_redactor: RedactorSource, *, logs: bool = True
) -> Uninstall:
    """Redact every trace this process sends, and with `logs` what it logs.

    Covers LangSmith's automatic tracing, `@traceable`, tracers and clients built
    before or after, replicas, `tracing_context(client=)`, feedback, the headers of
    distributed traces, OpenTelemetry export by langsmith, and the handlers that
    debug and verbose mode add to print, or OpenInference, OpenTelemetry and Langfuse
    to trace. A trace whose client is no `langsmith.Client` is refused, not sent.

    Args:
        broker_or_redactor: A redactor, or a broker that has one.
        logs: Also cover every logger, `warnings`, and the hooks for exceptions that
            nobody caught: of the program, of threads, and unraisable ones.

    Returns:
        What takes it back; also a context manager.

    Raises:
        ConfigError: The installed langsmith or langchain-core cannot be guarded.
    """
    compat.check()
    return Uninstall(lasting(redactor_of(broker_or_redactor)), logs=logs)


class Switch:
    """Patches that are on while anybody holds the switch, with their redactors."""

    def __init__(self, patches: Callable[[Switch], list[hooks.Patch]]) -> None:
        self._lock = threading.RLock()
        self._held: list[Redactor] = []
        self._make = patches
        self._patches: list[hooks.Patch] = []
        self.redactors: tuple[Redactor, ...] = ()

    def add(self, redactor: Redactor) -> None:
        """Hold the switch; the first holder turns the patches on."""
        with self._lock:
            self._held.append(redactor)
            self._refresh()
            if not self._patches:
                self._patches = self._make(self)
                for patch in self._patches:
                    patch.on()

    def remove(self, redactor: Redactor) -> None:
        """Let go once; the last holder turns the patches off."""
        with self._lock:
            self._held.remove(redactor)
            self._refresh()
            if not self._held:
                for patch in reversed(self._patches):
                    patch.off()
                self._patches = []

    def _refresh(self) -> None:
        unique: list[Redactor] = []
        for redactor in self._held:
            if not among(redactor, unique):
                unique.append(redactor)
        self.redactors = tuple(unique)


def _trace_patches(switch: Switch) -> list[hooks.Patch]:
    def redactors() -> tuple[Redactor, ...]:
        return switch.redactors

    kinds = [compat.Client, compat.AsyncClient, *_own_senders()]
    patches = [
        hooks.Patch(kind, name, guard(kind.__dict__[name], redactors))
        for kind in kinds
        for name, guard in clients.guards_of(kind).items()
        if name in kind.__dict__
    ]
    tree = compat.RunTree
    module: Any = compat.manager
    return [
        *patches,
        hooks.Patch(tree, "post", _checked(tree.__dict__["post"], switch)),
        hooks.Patch(tree, "patch", _checked(tree.__dict__["patch"], switch)),
        hooks.Patch(tree, "to_headers", _headers(tree.__dict__["to_headers"], switch)),
        hooks.Patch(
            module,
            "_configure",
            managers.configured(module._configure, lambda: switch.redactors),  # noqa: SLF001
        ),
    ]


def _own_senders() -> list[type[Any]]:
    """Find client subclasses, which may send on their own without `super()`."""
    found: list[type[Any]] = []
    stack: list[type[Any]] = [compat.Client, compat.AsyncClient]
    while stack:
        for kind in stack.pop().__subclasses__():
            stack.append(kind)
            if not hasattr(kind, "_tyrum_redactors") and kind not in found:
                found.append(kind)
    return found


def _checked(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    @functools.wraps(original)
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        if switch.redactors:
            targets = [replica.get("client") for replica in self.replicas or ()]
            for client in [self.client, *filter(None, targets)]:
                if not issubclass(type(client), compat.Client):
                    raise ConfigError(
                        f"a trace was not sent: its client, a "
                        f"{type(client).__name__!r}, cannot be guarded; use a "
                        "langsmith.Client"
                    )
        return original(self, *args, **kwargs)

    return send


def _headers(original: Callable[..., Any], switch: Switch) -> Callable[..., Any]:
    @functools.wraps(original)
    def to_headers(self: Any) -> dict[str, str]:
        headers = dict(original(self))
        for redactor in switch.redactors:
            if "baggage" in headers:
                headers["baggage"] = _clean_baggage(headers["baggage"], redactor)
        return headers

    return to_headers


def _clean_baggage(baggage: str, redactor: Redactor) -> str:
    items = []
    for item in baggage.split(","):
        key, mark, value = item.partition("=")
        raw = unquote(value)
        if raw.startswith(("{", "[")):
            clean = payload.clean_json(raw.encode(), redactor).decode()
        else:
            clean = redactor.redact_text(raw)
        items.append(key + mark + (value if clean == raw else quote(clean)))
    return ",".join(items)


def _log_patches(switch: Switch) -> list[hooks.Patch]:
    return hooks.log_patches(lambda: switch.redactors)


_TRACES = Switch(_trace_patches)
_LOGS = Switch(_log_patches)
