"""The classes of guarded models: made once for a redactor, and no longer than it.

A class is remembered in many places for as long as the process lives, and a redactor
holds live values. So the class only knows its redactor; each guarded model holds it.
"""

from __future__ import annotations

import contextlib
import types
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.language_models import BaseChatModel

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models.calls import DEFERRED, OPTIONAL, ModelGuard
from langchain_tyrum.redaction.walk.slots import slots_of

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.text import Mode

_KEPT = "_tyrum_guards"
_GONE = (
    "the redactor of this model's class is gone, so no model was made: keep the "
    "broker, or the model that guard_model returned, for as long as you make others"
)
_MOST = 128
_classes: MutableMapping[Redactor, dict[tuple[type[Any], Mode], type[Any]]] = (
    weakref.WeakKeyDictionary()
)


def guarded_class(kind: type[Any], redactor: Redactor, mode: Mode) -> type[Any]:
    """Return the subclass of a model's class that a redactor guards.

    A class that the redactor guards already, in this mode, is its own.

    Args:
        kind: The class of the model, which may be a guarded one.
        redactor: What to redact with.
        mode: What is done with what is found.

    Raises:
        ConfigError: The class allows no subclass.
    """
    made = _classes.setdefault(redactor, {})
    found = made.get((kind, mode))
    if found is None:
        if len(made) >= _MOST:
            made.clear()
        known = any(redactor is each() and mode == how for each, how in _held_by(kind))
        new = kind if known else _made(kind, redactor, mode)
        found = made.setdefault((kind, mode), new)
    return found


def guarded_twin(model: Any, cls: type[Any], redactor: Redactor, mode: Mode) -> Any:
    """Return a model of a guarded class that shares all its state with a model.

    Args:
        model: The model.
        cls: Its `guarded_class`.
        redactor: What to redact with.
        mode: What is done with what is found.
    """
    twin = object.__new__(cls)
    object.__setattr__(twin, "__dict__", model.__dict__)
    for member in cls._tyrum_slots:  # made for each call, so without a call for each
        try:
            member.__set__(twin, member.__get__(model))
        except AttributeError:  # it holds nothing
            continue
    before = model._tyrum_guards if isinstance(model, ModelGuard) else ()  # noqa: SLF001
    object.__setattr__(twin, _KEPT, (*before, (redactor, mode)))
    return twin


class Keeping(ModelGuard):
    """A guarded model that holds its redactors, however it is built or copied."""

    __slots__ = ()
    _tyrum_held: ClassVar[tuple[tuple[weakref.ref[Redactor], Mode], ...]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Take hold of the redactors."""
        make: Any = super().__new__
        bare = make is object.__new__
        made = make(cls) if bare else make(cls, *args, **kwargs)
        if type(made) is not cls:  # one that its class keeps: nobody guards that
            made = object.__new__(cls)
        guards = tuple((known(), mode) for known, mode in cls._tyrum_held)
        if any(redactor is None for redactor, _ in guards):
            raise ConfigError(_GONE)
        object.__setattr__(made, _KEPT, guards)
        return made

    def __copy__(self) -> Any:
        """Keep hold of them where a model's own copy goes past `__new__`."""
        parent: Any = super()
        return self._tyrum_held_by(parent.__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        """Do the same for a deep copy."""
        parent: Any = super()
        return self._tyrum_held_by(parent.__deepcopy__(memo))

    def _tyrum_held_by(self, twin: Any) -> Any:
        if type(twin) is type(self):
            object.__setattr__(twin, _KEPT, self._tyrum_guards)
        return twin


def _held_by(kind: type[Any]) -> tuple[tuple[weakref.ref[Redactor], Mode], ...]:
    return kind._tyrum_held if issubclass(kind, Keeping) else ()  # noqa: SLF001


def _made(kind: type[Any], redactor: Redactor, mode: Mode) -> type[Any]:
    base = getattr(kind, "_tyrum_base", kind)
    namespace: dict[str, Any] = {
        "__slots__": (_KEPT,),
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
            kind.__name__, (Keeping, base), exec_body=lambda ns: ns.update(namespace)
        )
    if made is None:
        raise ConfigError(
            f"{kind.__name__!r} allows no subclass, so it cannot be guarded: use "
            "TyrumMiddleware, which guards the call instead of the model"
        )
    # Set afterwards: pydantic would take underscored names for private fields.
    known = {
        "_tyrum_base": base,
        "_tyrum_slots": [member for _, member in slots_of(base)],
        "_tyrum_held": (*_held_by(kind), (weakref.ref(redactor), mode)),
    }
    for name, each in known.items():
        setattr(made, name, each)
    return made
