"""Langsmith clients that redact what they send, in place.

Endpoint, key, queue and the caller's `flush()` stay, because the client stays: its
class is swapped for a subclass of itself. What is no client is refused.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.traces import compat, payload
from langchain_tyrum.traces.sources import among, lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.traces.sources import RedactorSource

    Redactors = Callable[[], Sequence[Redactor]]
    Method = Callable[..., Any]

ClientT = TypeVar("ClientT")

_REFUSED = (
    "the request to LangSmith was withheld: it could not be redacted; see that the "
    "payload is JSON"
)
#: A run on its way down and the redactors that guards further out have applied.
_PASSING: ContextVar[tuple[Any, tuple[Redactor, ...]]] = ContextVar(
    "tyrum_passing_run", default=(None, ())
)


def guard_client(client: ClientT, redactor: RedactorSource) -> ClientT:
    """Make one langsmith client redact everything it sends, in place.

    Args:
        client: A `langsmith.Client` or `AsyncClient`, or a subclass of one.
        redactor: A redactor, or a broker that has one.

    Returns:
        The same client.

    Raises:
        ConfigError: It is no langsmith client, or its class cannot be swapped.
    """
    kind: type[Any] = type(client)
    if not issubclass(kind, compat.Client | compat.AsyncClient):
        raise ConfigError(
            f"a {kind.__name__!r} cannot be guarded as a trace client: pass a "
            "langsmith.Client, or do your own redaction and send traces outside "
            "of LangChain"
        )
    found = lasting(redactor_of(redactor))
    if among(found, getattr(kind, "_tyrum_redactors", ())):
        return client
    compat.check()
    failed = False
    try:
        client.__class__ = _guarded_class(kind, found)  # type: ignore[arg-type]
    except TypeError:
        failed = True
    if failed:
        raise ConfigError(
            f"the class of this {kind.__name__!r} cannot be swapped, so it cannot be "
            "guarded: use langsmith.Client itself"
        )
    return client


def guards_of(kind: type[Any]) -> dict[str, Callable[[Method, Redactors], Method]]:
    """Return, by method name, how to guard the methods of a client class."""
    if issubclass(kind, compat.AsyncClient):
        return {"_arequest_with_retries": _request}
    return {
        "_create_run": _run,
        "_update_run": _run,
        "_hide_run_inputs": _early,
        "_hide_run_outputs": _early,
        "_hide_run_metadata": _early,
        "_hide_run_error": _early,
        "_should_flush_run_ops_buffer": _buffer,
        "multipart_ingest": _ingest,
        "create_feedback": _feedback,
        "request_with_retries": _request,
    }


@functools.lru_cache(maxsize=256)
def _guarded_class(kind: type[Any], redactor: Redactor) -> type[Any]:
    """Make the subclass; `__slots__ = ()` keeps the layout, so it can be swapped."""
    own = (redactor,)
    namespace: dict[str, Any] = {
        "__slots__": (),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "_tyrum_redactors": (*getattr(kind, "_tyrum_redactors", ()), redactor),
    }
    guarded = type(kind.__name__, (kind,), namespace)
    for name, guard in guards_of(kind).items():
        setattr(guarded, name, guard(_inherited(guarded, name), lambda: own))
    return guarded


def _inherited(cls: type[Any], name: str) -> Method:
    # Looked up at each call: the class below may be patched and unpatched.
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(cls, self), name)(*args, **kwargs)

    return functools.update_wrapper(call, getattr(cls, name))


def _run(original: Method, redactors: Redactors) -> Method:
    @functools.wraps(original)
    def send(self: Any, run: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        passing, applied = _PASSING.get()
        done = applied if passing is run else ()
        todo = [each for each in redactors() if not among(each, done)]
        for redactor in todo:
            run = payload.clean_run(run, redactor, fragments=compat.takes_written(self))
        token = _PASSING.set((run, (*done, *todo)))
        try:
            return original(self, run, *args, **kwargs)
        finally:
            _PASSING.reset(token)

    return send


def _early(original: Method, redactors: Redactors) -> Method:
    # Before the functions that the client's owner gave it: they may alter a value.
    @functools.wraps(original)
    def hide(self: Any, value: Any) -> Any:
        if compat.redacts_itself(self):
            for redactor in redactors():
                value = payload.clean_value(value, redactor)
        return original(self, value)

    return hide


def _buffer(original: Method, redactors: Redactors) -> Method:
    # Asked after every run that is put into the buffer, which a thread sends later.
    @functools.wraps(original)
    def should_flush(self: Any) -> Any:
        buffered = self._run_ops_buffer
        if buffered and redactors():
            kind, run, where = buffered[-1]
            for redactor in redactors():
                run = payload.clean_run(run, redactor, fragments=False)
            buffered[-1] = (kind, run, where)
        return original(self)

    return should_flush


def _ingest(original: Method, redactors: Redactors) -> Method:
    @functools.wraps(original)
    def multipart_ingest(
        self: Any, create: Any = None, update: Any = None, **kwargs: Any
    ) -> Any:
        def clean(runs: Any) -> list[dict[str, Any]]:
            found = [compat.run_dict(self, run) for run in runs or ()]
            for redactor in redactors():
                found = [
                    payload.clean_run(run, redactor, fragments=False) for run in found
                ]
            return found

        return original(self, create=clean(create), update=clean(update), **kwargs)

    return multipart_ingest


def _feedback(original: Method, redactors: Redactors) -> Method:
    @functools.wraps(original)
    def create_feedback(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = _redacted((args, kwargs), redactors())
        # A score is a number or nothing; a marker would be neither.
        if isinstance(kwargs.get("score"), str):
            kwargs = {**kwargs, "score": None}
        return original(self, *args, **kwargs)

    return create_feedback


def _request(original: Method, redactors: Redactors) -> Method:
    @functools.wraps(original)
    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        path = args[1] if len(args) > 1 else kwargs.get("pathname")
        if str(path).endswith("/runs/multipart"):  # redacted on its way in, and packed
            return original(self, *args, **kwargs)
        clean = _clean_request(kwargs, redactors())
        if clean.get("request_kwargs"):
            inner = _clean_request(clean["request_kwargs"], redactors())
            clean["request_kwargs"] = inner
        return original(self, *args, **clean)

    return request


def _clean_request(fields: Any, redactors: Sequence[Redactor]) -> dict[str, Any]:
    clean = dict(fields)
    for name in ("data", "content"):
        body: Any = clean.get(name)
        if callable(getattr(body, "read", None)):
            body = body.read()  # examples with attachments, as a multipart stream
        if isinstance(body, str):
            body = body.encode()
        if isinstance(body, bytes):
            clean[name] = _clean_body(body, redactors)
    for name in ("json", "params"):
        if clean.get(name):
            clean[name] = _redacted(clean[name], redactors)
    return clean


def _clean_body(body: bytes, redactors: Sequence[Redactor]) -> bytes:
    failed = False
    try:
        for redactor in redactors:
            if body[:1] in (b"{", b"["):
                body = payload.clean_json(body, redactor)
            else:
                body = redactor.redact_bytes(body)
    except Exception:
        failed = True
    if failed:
        raise RuntimeError(_REFUSED)
    return body


def _redacted(obj: Any, redactors: Sequence[Redactor]) -> Any:
    failed = False
    try:
        for redactor in redactors:
            obj = redactor.redact(obj)
    except Exception:
        failed = True
    if failed:
        raise RuntimeError(_REFUSED)
    return obj
