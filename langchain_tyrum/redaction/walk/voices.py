"""Which objects say more than they hold: text that their class computes.

A `repr` may put a value together from pieces, a property or a closure, and a
serializer may write what stands in no field. A class decides that, so it is asked
once, and objects of all other classes cost nothing.
"""

from __future__ import annotations

import functools
import inspect
import sys
import sysconfig
from types import FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from langchain_tyrum.redaction.walk.generated import is_generated

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What `repr`, `str` and `format` ask, and what pydantic's own ask in turn.
_SPOKEN = (
    *("__repr__", "__str__", "__format__", "__getattr__", "__getattribute__"),
    *("__repr_args__", "__repr_str__", "__repr_name__"),
)
#: What serializers, templates and notebooks call without being told to.
_TELLERS = (
    *("model_dump", "model_dump_json", "dict", "to_dict", "as_dict", "asdict"),
    *("_asdict", "to_json", "__json__", "__html__", "__structlog__", "__bytes__"),
    *("_repr_html_", "_repr_markdown_", "_repr_json_", "_repr_latex_"),
    *("_repr_mimebundle_", "__rich__", "__rich_repr__", "__fspath__"),
)
_ITEMS = ("__iter__", "__getitem__", "items", "keys", "values")
#: What comes from here shows what an object holds, which has been looked at; tables
#: and tensors hold what cannot be, so they are withheld without being written out.
_HOMES = frozenset(
    {
        *("pydantic", "pydantic_core", "typing_extensions"),
        *("langchain", "langchain_core", "langgraph", "langsmith"),
        *("numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "xarray"),
    }
)
_STDLIB = sysconfig.get_path("stdlib")
_MOST_SCHEMA = 20_000
_DEEPEST = 8
_MODELS = frozenset({"model", "dataclass"})


class Voices(NamedTuple):
    """What is to be asked of an object.

    Attributes:
        spoken: Whether its text is its own.
        dumps: Whether pydantic computes what it writes of it.
        tellers: Methods that tell of it.
        items: Whether it goes through items of its own.
        lazy: Whether nobody knows how many those are, nor what asking for them does.
    """

    spoken: bool = False
    dumps: bool = False
    tellers: tuple[str, ...] = ()
    items: bool = False
    lazy: bool = False


def voices_of(cls: type) -> Voices | None:
    """Tell what objects of a class say beyond what they hold; None for nothing."""
    return _voices_of(cls)


@functools.lru_cache(maxsize=8192)
def _voices_of(cls: type) -> Voices | None:
    dumps = _dumps(cls)
    found = Voices(
        spoken=dumps or any(_is_own(cls, name) for name in _SPOKEN),
        dumps=dumps,
        tellers=tuple(name for name in _TELLERS if _tells(cls, name)),
        items=_has_items(cls) and any(_is_own(cls, name) for name in _ITEMS),
        lazy=_is_lazy(cls),
    )
    return found if any(found) else None


def _is_lazy(cls: type) -> bool:
    if issubclass(cls, BaseModel) or _has_items(cls):
        return False
    return _is_own(cls, "__iter__") or _is_own(cls, "__aiter__")


def _has_items(cls: type) -> bool:
    """Tell whether going through an object gives what it holds, as often as wanted."""
    if issubclass(cls, BaseModel) and not cls.__private_attributes__:
        return True
    return found_in(cls, "__len__") is not None


def found_in(cls: type, name: str) -> Any:
    """Return what stands in a class under a name, None for nothing."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def _is_own(cls: type, name: str) -> bool:
    found = found_in(cls, name)
    return found is not None and not _is_known(cls, found)


def _is_known(cls: type, found: Any) -> bool:
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if not isinstance(found, FunctionType):
        return _is_at_home(getattr(found, "__objclass__", None))
    inner: Any = inspect.unwrap(found)
    if not isinstance(inner, FunctionType):
        return False
    return is_generated(found, cls) or _comes_from_home(inner)


def _is_at_home(owner: Any) -> bool:
    if not isinstance(owner, type):
        return False
    root = owner.__module__.partition(".")[0]
    return root in _HOMES or root in sys.stdlib_module_names


def _comes_from_home(function: FunctionType, depth: int = _DEEPEST) -> bool:
    """Ask where a function was written, and what it wraps.

    What it says of its module may be borrowed: `functools.wraps` does that.
    """
    if depth == 0 or not all(
        _comes_from_home(each, depth - 1) for each in _wrapped(function)
    ):
        return False
    root = str(function.__globals__.get("__name__", "")).partition(".")[0]
    if root in _HOMES:
        return True
    file = function.__code__.co_filename
    if root not in sys.stdlib_module_names or "site-packages" in file:
        return False
    return file.startswith(("<frozen ", "<string>", _STDLIB))


def _wrapped(function: FunctionType) -> Iterator[FunctionType]:
    for cell in function.__closure__ or ():
        try:
            found = cell.cell_contents
        except ValueError:  # it is empty
            continue
        if isinstance(found, FunctionType) and found is not function:
            yield found


def _tells(cls: type, name: str) -> bool:
    found = found_in(cls, name)
    if found is None or _is_known(cls, found):
        return False
    bound = not isinstance(found, staticmethod)
    function = getattr(found, "__func__", found)
    if not callable(function) or inspect.iscoroutinefunction(function):
        return False
    try:
        wanted = [*inspect.signature(function).parameters.values()][bound:]
    except (TypeError, ValueError):
        return False
    loose = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(p.default is not p.empty or p.kind in loose for p in wanted)


def _dumps(cls: type) -> bool:
    """Tell whether pydantic computes what it writes of a class's objects."""
    if found_in(cls, "__pydantic_serializer__") is None or _is_at_home(cls):
        return False
    try:
        return any(_computes(cls, node) for node in _nodes(cls))
    except Exception:  # nobody can tell, so it is asked
        return True


def _nodes(cls: type) -> Iterator[dict[str, Any]]:
    """Go through what pydantic knows of a class, but not into other models."""
    todo: list[Any] = [cls.__pydantic_core_schema__]  # type: ignore[attr-defined]
    for _ in range(_MOST_SCHEMA):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, dict):
            kind = node.get("type")  # or a field of this name
            if isinstance(kind, str) and kind in _MODELS and node.get("cls") != cls:
                continue
            yield node
            todo += node.values()
        elif isinstance(node, list | tuple):
            todo += node
    raise OverflowError


def _computes(cls: type, node: dict[str, Any]) -> bool:
    for each in node.get("computed_fields") or ():
        found = found_in(cls, each["property_name"])
        made = getattr(found, "fget", None) or getattr(found, "func", None)
        if not isinstance(made, FunctionType) or not _comes_from_home(made):
            return True
    written = node.get("serialization")
    if not isinstance(written, dict) or "function" not in written:
        return False
    function = getattr(written["function"], "__func__", written["function"])
    if isinstance(function, FunctionType):
        return not _comes_from_home(inspect.unwrap(function))
    return not isinstance(function, type | MemberDescriptorType)
