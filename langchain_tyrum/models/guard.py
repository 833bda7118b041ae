"""`guard_model`: a chat model that is given no value and gives none back.

The guarded model is of a subclass of its own class, made for it, so `bind_tools`,
`with_structured_output`, profiles and `isinstance` are the model's own. Input is
guarded where LangChain takes it in, before caches and callbacks see it, and once
more right before the provider, whatever way it came there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models.classes import guarded_class, guarded_twin
from langchain_tyrum.models.messages import check_mode, guard_options
from langchain_tyrum.redaction.modes import observing
from langchain_tyrum.redaction.sources import redactor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.text import Mode

ModelT = TypeVar("ModelT")
_MOST = 128


def guard_model(model: ModelT, redactor: Redactor, *, mode: Mode = "redact") -> ModelT:
    """Return a guarded copy of a chat model; the given one is untouched.

    System prompt, messages, tool descriptions and keyword arguments are redacted on
    their way to the provider, and everything that comes back, streams included.
    Guarding a guarded model again with the same redactor and mode returns it.

    Args:
        model: A `BaseChatModel`, or one with arguments bound (`bind_tools`), with
            retries or with fallbacks, of which each is guarded.
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
    if isinstance(model, RunnableBindingBase | RunnableWithFallbacks):
        return cast("ModelT", _around(model, redactor, mode))
    if not isinstance(model, BaseChatModel):
        raise ConfigError(
            f"a {type(model).__name__!r} is no chat model: guard the BaseChatModel in "
            "it, such as init_chat_model(…) returns for a fixed model"
        )
    kind = type(model)
    cls = guarded_class(kind, redactor, mode)
    if cls is kind:
        return model
    return cast("ModelT", guarded_twin(model.model_copy(), cls, redactor, mode))


def _around(model: Any, redactor: Redactor, mode: Mode) -> Any:
    """Guard the models that something else calls."""
    if isinstance(model, RunnableWithFallbacks):
        models = [model.runnable, *model.fallbacks]
        first, *others = [guard_model(each, redactor, mode=mode) for each in models]
        return model.model_copy(update={"runnable": first, "fallbacks": others})
    bound = guard_model(model.bound, redactor, mode=mode)
    kwargs = guard_options(dict(model.kwargs), redactor, mode=mode)
    return model.model_copy(update={"bound": bound, "kwargs": kwargs})


def aliasing(redactor: Redactor) -> Callable[[ModelT], ModelT]:
    """Return what makes the guarded form of a model that shares its state with it.

    It is made anew for each call and costs next to nothing. What the model notes
    about itself, such as a counter, is not lost with it, as it would be with a copy.
    """

    @lru_cache(maxsize=_MOST)
    def class_of(kind: Any) -> type[Any]:
        return guarded_class(kind, redactor, "redact")

    def alias(model: ModelT) -> ModelT:
        kind: Any = type(model)
        cls = class_of(kind)
        if cls is kind:
            return model
        twin: ModelT = guarded_twin(model, cls, redactor, "redact")
        return twin

    return alias
