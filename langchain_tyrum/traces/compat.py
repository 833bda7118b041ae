"""Everything that leans on the insides of langsmith and langchain-core.

Nothing else in this room names a private member of either. `check` says at once
when one of them is gone, since a guard that patches nothing would guard nothing.
"""

from __future__ import annotations

import base64
import copy
import functools
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import StdOutCallbackHandler, manager
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.context import _configure_hooks
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.tracers.stdout import ConsoleCallbackHandler
from langchain_core.utils.env import env_var_is_set
from langsmith import AsyncClient, Client
from langsmith._internal import _operations, _orjson, _serde
from langsmith.run_trees import RunTree
from pydantic import BaseModel

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "AsyncClient",
    "Client",
    "LangChainTracer",
    "RunTree",
    "added_handler",
    "check",
    "dumps",
    "guarded_run",
    "is_hooked",
    "manager",
    "redacts_itself",
    "retry_state",
    "run_dict",
    "streams",
    "takes_written",
    "written",
]

#: Where `protect` keeps the guard of the run; a test holds the two together.
RUN_KEY = "__pregel_tyrum_run"
_STREAMS = (
    "langgraph.",
    "langchain_core.tracers.event_stream",
    "langchain_core.tracers.log_stream",
)
_HIDING = ("_hide_inputs", "_hide_outputs", "_hide_metadata")
_KITS = ("openinference.", "opentelemetry.", "langfuse.")
#: Fields of a run that tie it into its tree. They are never rewritten.
TREE_FIELDS = frozenset(
    {
        *("id", "trace_id", "parent_run_id", "parent_run_ids", "dotted_order"),
        *("session_id", "reference_example_id", "reference_dataset_id"),
    }
)

_NEEDED: tuple[tuple[object, str], ...] = (
    (Client, "_create_run"),
    (Client, "_update_run"),
    (Client, "_hide_run_inputs"),
    (Client, "_hide_run_outputs"),
    (Client, "_hide_run_metadata"),
    (Client, "_hide_run_error"),
    (Client, "_insert_runtime_env"),
    (Client, "_should_flush_run_ops_buffer"),
    (Client, "multipart_ingest"),
    (Client, "request_with_retries"),
    (Client, "create_feedback"),
    (AsyncClient, "_arequest_with_retries"),
    (RunTree, "post"),
    (RunTree, "patch"),
    (RunTree, "to_headers"),
    (LangChainTracer, "copy_with_metadata_defaults"),
    (LangChainTracer, "_start_trace"),
    (manager, "_configure"),
    (_serde, "_serialize_json"),
    (_serde, "_ORJSON_OPTIONS_FAST"),
    (_serde, "dumps_json"),
)


def check(needed: Sequence[tuple[object, str]] = _NEEDED) -> None:
    """Make sure that every internal this room leans on is there.

    Raises:
        ConfigError: One is gone: this langsmith or langchain-core is too new.
    """
    missing = [
        f"{getattr(owner, '__name__', owner)}.{name}"
        for owner, name in needed
        if not hasattr(owner, name)
    ]
    if missing:
        raise ConfigError(
            f"tracing cannot be guarded with langsmith {version('langsmith')} and "
            f"langchain-core {version('langchain-core')}: {', '.join(missing)} is "
            "gone; install the versions that this package names, or switch tracing "
            "off with LANGSMITH_TRACING=false"
        )


def dumps(
    value: Any, *, on_bytes: Callable[[bytes], bytes], on_odd: Callable[[Any], Any]
) -> bytes:
    """Serialize as langsmith does, with a hand on every bytes object.

    Args:
        value: What to serialize.
        on_bytes: Applied to bytes before they turn into base64.
        on_odd: Applied to the whole value when langsmith's slow path is needed.
    """

    def default(obj: Any) -> Any:
        kind = type(obj)
        fields_of = _model_fields(kind)  # type: ignore[arg-type]
        if fields_of is not None:
            try:
                return fields_of(obj, mode="json", exclude_none=True, warnings=False)
            except Exception:  # noqa: S110 - langsmith has more ways to write it
                pass
        elif kind in (bytes, bytearray):
            return base64.b64encode(on_bytes(bytes(obj))).decode()
        return _serde._serialize_json(obj)  # noqa: SLF001

    try:
        return _orjson.dumps(
            value,
            default=default,
            option=_serde._ORJSON_OPTIONS_FAST,  # noqa: SLF001
        )
    except TypeError:
        pass  # lone surrogates, or keys that are no text
    return _serde.dumps_json(on_odd(value))


@functools.lru_cache(maxsize=1024)
def _model_fields(kind: type[Any]) -> Callable[..., Any] | None:
    """Return what pydantic reads a model with; None if the class has its own way.

    Langsmith asks in the same way, after it has looked for what a message never is;
    of a thousand messages that takes as long as reading what is new.
    """
    if not issubclass(kind, BaseModel) or kind.model_dump is not BaseModel.model_dump:
        return None
    try:
        return kind.__pydantic_serializer__.to_python
    except Exception:  # its schema waits for a name that is not there yet
        return None


class Written:
    """JSON that was looked at, to be sent as it stands.

    Args:
        data: The bytes of a JSON object.
    """

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def to_dict(self) -> Any:
        """Return it read: langsmith asks for this where it writes a run by itself."""
        return json.loads(self.data)


def written(data: bytes) -> Written:
    """Return JSON bytes as an object that langsmith sends without writing it again.

    For that its operations are shown such objects, for good: it changes nothing for
    anything else. Where langsmith has no such place any more, it asks for `to_dict`.
    """
    _show_operations()
    return Written(data)


def _show_operations() -> None:
    operations: Any = _operations
    original = getattr(operations, "_dumps_json", None)
    if original is None or hasattr(original, "_tyrum_original"):
        return

    @functools.wraps(original)
    def dumps_json(obj: Any) -> Any:
        return obj.data if type(obj) is Written else original(obj)

    dumps_json._tyrum_original = original  # type: ignore[attr-defined]  # noqa: SLF001
    operations._dumps_json = dumps_json  # noqa: SLF001


def takes_written(client: Any) -> bool:
    """Tell whether langsmith's own Python code, and nobody else's, writes its runs."""
    kind: Any = type(client)
    return getattr(client, "_pyo3_client", None) is None and _sends_alone(kind)


@functools.lru_cache(maxsize=256)
def _sends_alone(kind: type[Any]) -> bool:
    others = (
        vars(each).keys()
        for each in kind.__mro__
        if each is not Client and "_tyrum_redactors" not in vars(each)
    )
    return not any({"_create_run", "_update_run"} & names for names in others)


def redacts_itself(client: Any) -> bool:
    """Tell whether a client hands runs to its owner's functions before it sends them.

    Those would see raw values; and an anonymizer gets bytes as base64, which hides
    their shapes.
    """
    if getattr(client, "_anonymizer", None) is not None:
        return True
    return any(callable(getattr(client, name, None)) for name in _HIDING)


def run_dict(client: Client, run: Any) -> dict[str, Any]:
    """Return a fresh dict of a run, with the runtime facts langsmith would add.

    They are added before redaction, since an environment variable may hold a value.
    """
    fields = run.model_dump() if hasattr(run, "model_dump") else dict(run)
    extra = dict(fields.get("extra") or {})
    extra["metadata"] = dict(extra.get("metadata") or {})
    fields["extra"] = extra
    client._insert_runtime_env([fields])  # noqa: SLF001
    return fields


def added_handler(handler: object) -> bool:
    """Tell whether no user put this handler there, but debug mode or a tracing kit.

    Such kits add their handler to each callback manager that is made: OpenInference,
    and what OpenTelemetry itself has for LangChain.
    """
    kind: Any = type(handler)
    return _is_added(kind)


@functools.lru_cache(maxsize=256)
def _is_added(kind: type) -> bool:
    return kind in (StdOutCallbackHandler, ConsoleCallbackHandler) or any(
        each.__module__.startswith(_KITS) for each in kind.__mro__
    )


def is_hooked(handler: object) -> bool:
    """Tell whether a context variable, or one of the environment, adds this handler."""
    for variable, _, kind, named in _configure_hooks:
        if variable.get() is handler:
            return True
        if kind is not None and named and isinstance(handler, kind):
            return env_var_is_set(named)
    return False


def streams(handler: object) -> bool:
    """Tell whether a handler feeds a stream: of a graph, or of whoever asked for it."""
    return type(handler).__module__.startswith(_STREAMS)


def guarded_run() -> Any:
    """Return the guard of the run that calls, where `protect` guards it."""
    config = var_child_runnable_config.get() or {}
    return (config.get("configurable") or {}).get(RUN_KEY)


def retry_state(state: Any, redact: Callable[[Any], Any]) -> Any:
    """Return a copy of a tenacity retry state whose payload is redacted."""
    twin = copy.copy(state)
    twin.args, twin.kwargs = redact(state.args), redact(state.kwargs)
    twin.fn = twin.retry_object = None
    outcome = state.outcome
    if outcome is not None:
        error = outcome.exception()
        twin.outcome = type(outcome).construct(
            outcome.attempt_number,
            redact(outcome.result() if error is None else error),
            has_exception=error is not None,
        )
    return twin
