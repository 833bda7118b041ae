"""The classes of guarded models: made once for a redactor, and no longer than it.

A class is remembered in many places for as long as the process lives, and a redactor
holds live values. So the class only knows its redactor; each guarded model holds it.
"""

from __future__ import annotations

import contextlib
import types
import weakref
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models.calls import DEFERRED, OPTIONAL, ModelGuard

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.text import Mode

_KEPT = "_tyrum_kept"
_MOST = 128
_classes: MutableMapping[Redactor, dict[tuple[type[Any], Mode], type[Any]]] = (
    weakref.WeakKeyDictionary()
)


def guarded_class(kind: type[Any], redactor: Redactor, mode: Mode) -> type[Any]:
    """Return the subclass of a model's class that a redactor guards.

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
        found = made.setdefault((kind, mode), _made(kind, redactor, mode))
    return found


def keep(model: Any, redactors: tuple[Redactor, ...]) -> None:
    """Let a model hold the redactors that guard it."""
    object.__setattr__(model, _KEPT, redactors)


def kept_by(model: Any) -> tuple[Redactor, ...]:
    """Return the redactors that a model holds."""
    found: tuple[Redactor, ...] = getattr(model, _KEPT, ())
    return found


class Keeping(ModelGuard):
    """A guarded model that holds its redactors, and so do its copies."""

    __slots__ = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Build it anew, as LangChain does where fields are configurable."""
        super().__init__(*args, **kwargs)
        keep(self, tuple(redactor for redactor, _ in self._tyrum_guards))

    def __copy__(self) -> Any:
        parent: Any = super()
        twin = parent.__copy__()
        keep(twin, kept_by(self))
        return twin

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        parent: Any = super()
        twin = parent.__deepcopy__(memo)
        keep(twin, kept_by(self))
        return twin


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
    made._tyrum_base = base  # type: ignore[attr-defined]  # noqa: SLF001
    made._tyrum_held = (  # type: ignore[attr-defined]  # noqa: SLF001
        *getattr(kind, "_tyrum_held", ()),
        (weakref.ref(redactor), mode),
    )
    return made
