"""`guard_model`: a chat model that is given no value and gives none back.

The guarded model is of a subclass of its own class, made for it, so `bind_tools`,
`with_structured_output`, profiles and `isinstance` are the model's own. Input is
guarded where LangChain takes it in, before caches and callbacks see it, and once
more right before the provider, whatever way it came there.
"""

from __future__ import annotations

import contextlib
import functools
import types
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableBinding

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models.calls import DEFERRED, OPTIONAL, ModelGuard
from langchain_tyrum.models.messages import check_mode, guard_options
from langchain_tyrum.redaction.modes import observing
from langchain_tyrum.redaction.sources import redactor_of

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.text import Mode

ModelT = TypeVar("ModelT")
#: All that pydantic keeps in an object.
_STATE = (
    "__dict__",
    "__pydantic_fields_set__",
    "__pydantic_extra__",
    "__pydantic_private__",
)


def guard_model(model: ModelT, redactor: Redactor, *, mode: Mode = "redact") -> ModelT:
    """Return a guarded copy of a chat model; the given one is untouched.

    System prompt, messages, tool descriptions and keyword arguments are redacted on
    their way to the provider, and everything that comes back, streams included.
    Guarding a guarded model again with the same redactor and mode returns it.

    Args:
        model: A `BaseChatModel`, or one with arguments bound (`bind_tools`).
        redactor: What to redact with.
        mode: `refuse` raises `RawSecretFound` instead of writing a marker; in
            streams, where the start has been shown already, it redacts. `observe`
            lets shapes pass; registered values get their markers.

    Returns:
        A model of a subclass of the given one's class.

    Raises:
        ConfigError: It is no chat model, its class allows no subclass, or the mode
            is unknown.
    """
    check_mode(mode)
    redactor = redactor_of(redactor)
    if mode == "observe":
        redactor, mode = observing(redactor), "redact"
    if isinstance(model, RunnableBinding):
        bound = guard_model(model.bound, redactor, mode=mode)
        kwargs = guard_options(dict(model.kwargs), redactor, mode=mode)
        return cast(
            "ModelT", model.model_copy(update={"bound": bound, "kwargs": kwargs})
        )
    if not isinstance(model, BaseChatModel):
        raise ConfigError(
            f"a {type(model).__name__!r} is no chat model: pass a BaseChatModel, such "
            "as init_chat_model(…) returns for a fixed model"
        )
    if _is_guarded(type(model), redactor, mode):
        return model
    guarded = model.model_copy()
    kind = _guarded_class(type(model), redactor, mode)
    object.__setattr__(guarded, "__class__", kind)
    return guarded


def guarded_alias(model: BaseChatModel, redactor: Redactor) -> BaseChatModel:
    """Return the guarded form of a model that shares its state with the model.

    It is made anew for each call and costs next to nothing. What the model notes
    about itself, such as a counter, is not lost with it, as it would be with a copy.
    """
    if _is_guarded(type(model), redactor, "redact"):
        return model
    kind = _guarded_class(type(model), redactor, "redact")
    alias = cast("BaseChatModel", object.__new__(kind))
    for name in _STATE:
        object.__setattr__(alias, name, getattr(model, name))
    return alias


def _is_guarded(kind: type[Any], redactor: Redactor, mode: Mode) -> bool:
    held = getattr(kind, "_tyrum_guards", ())
    return any(redactor is each and mode == how for each, how in held)


@functools.lru_cache(maxsize=128)
def _guarded_class(kind: type[Any], redactor: Redactor, mode: Mode) -> type[Any]:
    """Make the subclass. The redactor lives on it, so that a rebuilt copy has it."""
    base = getattr(kind, "_tyrum_base", kind)
    namespace: dict[str, Any] = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
    }
    for name, method in OPTIONAL.items():
        own = getattr(base, name, None)
        # LangChain looks at the class to see what a model can do.
        if own is not None and own is not getattr(BaseChatModel, name, None):
            namespace[name] = method
    namespace |= {
        name: method
        for name, method in DEFERRED.items()
        if getattr(base, name) is getattr(BaseChatModel, name)
    }
    made = None
    with contextlib.suppress(TypeError):
        made = types.new_class(
            kind.__name__, (ModelGuard, base), exec_body=lambda ns: ns.update(namespace)
        )
    if made is None:
        raise ConfigError(
            f"{kind.__name__!r} allows no subclass, so it cannot be guarded: use "
            "TyrumMiddleware, which guards the call instead of the model"
        )
    # Set afterwards: pydantic would take underscored names for private fields.
    made._tyrum_base = base  # type: ignore[attr-defined]  # noqa: SLF001
    made._tyrum_guards = (  # type: ignore[attr-defined]  # noqa: SLF001
        *getattr(kind, "_tyrum_guards", ()),
        (redactor, mode),
    )
    return made
