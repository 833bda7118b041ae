"""Real credentials for LangChain and LangGraph agents; opaque handles elsewhere.

Models, checkpoints, traces, streams and logs hold handles. A raw value exists only
inside a tool, for the length of one call. `__all__` lists the ten names that most
programs need; everything else public can be imported from here too, or from its room:

    broker      SecretBroker, CallIdentity, Decision, from_configurable
    policy      SecretPolicy
    handles     SecretHandle, SecretRecord, SecretReference, SecretValue, Principal
    errors      TyrumError and its tree
    redaction   Redactor, Finding, Detector
    providers   MemoryProvider, EnvProvider, KeyringProvider, DatabaseProvider, …
    tools       secret_tool, wrap_tool, wrap_tools, UserSecret
    state       guarded, guarded_messages, GuardedSerializer, guard_checkpointer, …
    traces      RedactingCallbackHandler, install_tracing, RedactionFilter
    models      guard_model
    approval    approval_node, approve, reject, decisions, pending_approvals, …
    membrane    protect
    middleware  TyrumMiddleware

Rooms are imported when one of their names is first used, so that `import
langchain_tyrum` and the commands stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from langchain_tyrum._version import __version__ as __version__

if TYPE_CHECKING:  # what the rooms name public; at run time `__getattr__` finds it
    from langchain_tyrum.approval import *
    from langchain_tyrum.broker import *
    from langchain_tyrum.errors import *
    from langchain_tyrum.handles import *
    from langchain_tyrum.intake import *
    from langchain_tyrum.ledger import *
    from langchain_tyrum.membrane import *
    from langchain_tyrum.middleware import *
    from langchain_tyrum.models import *
    from langchain_tyrum.policy import *
    from langchain_tyrum.providers import *
    from langchain_tyrum.redaction import *
    from langchain_tyrum.state import *
    from langchain_tyrum.tools import *
    from langchain_tyrum.traces import *

__all__ = [
    "RedactingCallbackHandler",
    "SecretBroker",
    "SecretPolicy",
    "TyrumMiddleware",
    "approval_node",
    "guarded",
    "install_tracing",
    "protect",
    "secret_tool",
    "wrap_tool",
]

_ROOMS = (
    "errors",
    "handles",
    "policy",
    "redaction",
    "providers",
    "ledger",
    "broker",
    "state",
    "traces",
    "models",
    "approval",
    "intake",
    "tools",
    "membrane",
    "middleware",
)
_PLACES = {*_ROOMS, "cli", "demo", "testing", "gateway", "oauth"}
#: Rooms that need an extra.
_EXTRAS = {"middleware": "agents"}
_HOME = {
    "RedactingCallbackHandler": "traces",
    "SecretBroker": "broker",
    "SecretPolicy": "policy",
    "TyrumMiddleware": "middleware",
    "approval_node": "approval",
    "guarded": "state",
    "install_tracing": "traces",
    "protect": "membrane",
    "secret_tool": "tools",
    "wrap_tool": "tools",
}


if not TYPE_CHECKING:  # else a misspelt name would pass for anything

    def __getattr__(name: str) -> Any:
        """Find a public name in the room it lives in; lower rooms come first."""
        if name in _PLACES or name.startswith("_"):
            # `from langchain_tyrum import cli` asks here first, then imports it itself.
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        for room in (_HOME[name],) if name in _HOME else _ROOMS:
            missing = ""
            try:
                module = importlib.import_module(f"{__name__}.{room}")
            except ModuleNotFoundError as error:
                missing = (error.name or "").partition(".")[0]
                if missing == __name__ or (name in _HOME and room not in _EXTRAS):
                    raise
            if missing and name in _HOME:
                raise ImportError(
                    f"{name} needs the package {missing}: "
                    f"pip install 'langchain-tyrum[{_EXTRAS[room]}]'",
                    name=missing,
                )
            if missing:
                continue  # an extra is not installed; the name may be in another room
            value = getattr(module, name, None)
            home = getattr(value, "__module__", None) == module.__name__
            if home or name in getattr(module, "__all__", ()):
                globals()[name] = value
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    names = {name for name in globals() if name.startswith("__")} | {*_PLACES}
    for room in _ROOMS:
        try:
            module = importlib.import_module(f"{__name__}.{room}")
        except ModuleNotFoundError:  # an extra is not installed
            continue
        names.update(getattr(module, "__all__", ()))
    return sorted(names)
