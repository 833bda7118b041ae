"""Rows: objects whose class computes their text, so that no field holds the value."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.callbacks import dispatch_custom_event
from langchain_core.runnables import RunnableLambda
from langgraph.config import get_stream_writer
from pydantic import (
    BaseModel,
    PlainSerializer,
    computed_field,
    field_serializer,
    model_serializer,
)

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOG = logging.getLogger("application")


def _halves(text: str) -> tuple[str, ...]:
    """Cut a text so that no piece of it holds a value or its beginning."""
    return tuple(text)


class Spoken:
    """Its `repr` is put together by a closure."""

    def __init__(self, text: str) -> None:
        self.say: Callable[[], str] = lambda: text

    def __repr__(self) -> str:
        return f"Spoken({self.say()})"


class Split:
    """Its `str` is put together from private pieces."""

    def __init__(self, text: str) -> None:
        self._pieces = _halves(text)

    def __str__(self) -> str:
        return "".join(self._pieces)


@dataclass
class Badge:
    """A dataclass whose `repr` shows a property."""

    pieces: tuple[str, ...]

    @property
    def text(self) -> str:
        """What it is read as."""
        return "".join(self.pieces)

    def __repr__(self) -> str:
        return f"Badge({self.text})"


class Computed(BaseModel):
    """A model with a computed field."""

    pieces: tuple[str, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """What it is written with."""
        return "".join(self.pieces)


class Serialized(BaseModel):
    """A model that writes itself."""

    pieces: tuple[str, ...]

    @model_serializer
    def write(self) -> dict[str, str]:
        """Write it in its own way."""
        return {"text": "".join(self.pieces)}


class FieldSerialized(BaseModel):
    """A model that writes a field in its own way."""

    pieces: tuple[str, ...]

    @field_serializer("pieces")
    def write(self, pieces: tuple[str, ...]) -> str:
        """Write the field."""
        return "".join(pieces)


class Annotatedly(BaseModel):
    """A model with a field whose type says how it is written."""

    pieces: Annotated[tuple[str, ...], PlainSerializer("".join)]


class Told(Split):
    """It tells of itself when asked as serializers, templates and notebooks ask."""

    __str__ = object.__str__


def _teller(name: str) -> Callable[[str], Any]:
    def tell(self: Any) -> Any:
        text = "".join(self._pieces)
        return text if name.startswith("_") else {"text": text}

    kind: Any = type(f"Told by {name}", (Told,), {name: tell, "__module__": __name__})
    return lambda text: kind(text)  # noqa: PLW0108 - typed so


class Items(Split):
    """It goes through items that it makes up."""

    __str__ = object.__str__

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        yield "".join(self._pieces)


_KINDS: dict[str, Callable[[str], Any]] = {
    "repr of a closure": Spoken,
    "str of pieces": Split,
    "dataclass with a property": lambda v: Badge(_halves(v)),
    "computed field": lambda v: Computed(pieces=_halves(v)),
    "model serializer": lambda v: Serialized(pieces=_halves(v)),
    "field serializer": lambda v: FieldSerialized(pieces=_halves(v)),
    "annotated serializer": lambda v: Annotatedly(pieces=_halves(v)),
    "to_dict": _teller("to_dict"),
    "dict": _teller("dict"),
    "__json__": _teller("__json__"),
    "__html__": _teller("__html__"),
    "_repr_html_": _teller("_repr_html_"),
    "items": Items,
}


def _writes(obj: Any) -> None:
    get_stream_writer()({"progress": [obj]})


def _tells(obj: Any) -> None:
    dispatch_custom_event("login", {"with": obj})


def _logs(obj: Any) -> None:
    _LOG.info("used %s and %r", obj, [obj])


def _logs_extra(obj: Any) -> None:
    _LOG.info("used", extra={"credential": obj})


def _calls(obj: Any) -> None:
    child: Any = RunnableLambda(lambda given: [given])
    child.invoke(obj)


_STREAMS = ("stream", "stream v2", "astream")


def _of(*names: str) -> dict[str, Callable[[str], Any]]:
    return {name: _KINDS[name] for name in names}


#: What programs show of objects that are logged, told of, handed on.
_LOGGED = _of("repr of a closure", "str of pieces", "dataclass with a property")
_IN_EXTRAS = _of("repr of a closure", "computed field")
_TOLD = _of("str of pieces", "computed field", "field serializer", "to_dict")
_CALLED = _of(
    "repr of a closure", "dataclass with a property", "model serializer", "items"
)
_IN_STATE = _of("dataclass with a property", "computed field", "dict", "__html__")


def _does(act: Callable[[Any], None], make: Callable[[str], Any], kit: Kit) -> Case:
    def first(_: Any) -> Any:
        act(make(kit.text))
        return {"data": "done"}

    return Case(kit.flow(first), [{"data": 1}])


def _returned(make: Callable[[str], Any], kit: Kit) -> Case:
    """A live object that is handed to the next node; no saver could store it."""
    graph = kit.flow(
        lambda _: {"data": make(kit.text)}, compiled={"checkpointer": None}
    )
    return Case(graph, [{"data": 1}], options={"print_mode": "updates"})


def _rows(
    area: str, build: Callable[..., Case], kinds: dict[str, Callable[[str], Any]]
) -> Iterator[Source]:
    for name, make in kinds.items():
        yield Source(name, f"computed text, {area}", partial(build, make))


ROWS: tuple[Source, ...] = (
    *(
        Source(name, "computed text, streamed", partial(_does, _writes, make),
               ways=_STREAMS)
        for name, make in _KINDS.items()
    ),
    *_rows("custom event", partial(_does, _tells), _TOLD),
    *_rows("child runnable", partial(_does, _calls), _CALLED),
    *_rows("logged", partial(_does, _logs), _LOGGED),
    *_rows("log extra", partial(_does, _logs_extra), _IN_EXTRAS),
    *_rows("state", _returned, _IN_STATE),
)  # fmt: skip
