"""Which type is walked how."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import logging
import numbers
import pathlib
import socket
import ssl
import sys
import threading
import types
import typing
import uuid
import weakref
import zoneinfo
from collections import deque
from collections.abc import ItemsView, KeysView, ValuesView

from pydantic import BaseModel
from pydantic_core import MultiHostUrl, Url

from langchain_tyrum.handles import SecretValue
from langchain_tyrum.redaction.registry import Registry
from langchain_tyrum.redaction.walk import (
    arrays,
    containers,
    dress,
    exceptions,
    leaves,
    objects,
    parted,
    told,
    voices,
)
from langchain_tyrum.redaction.walk.machine import Kind
from langchain_tyrum.redaction.walk.slots import is_transparent, slots_of

_INERT = Kind()
_OPAQUE = Kind(leaf=leaves.opaque_leaf)
#: Inert, unless they show a value.
_SHOWN = Kind(leaf=leaves.shown_leaf)
_FILE = Kind(leaf=leaves.file_leaf)
_MUTE_TYPES = frozenset(
    {
        object,
        types.NoneType,
        types.EllipsisType,
        types.NotImplementedType,
        Registry,
    }
)
_TIMES = (dt.date, dt.time, dt.timedelta)
_SHOWN_TYPES: tuple[type, ...] = (
    type,
    dt.tzinfo,
    zoneinfo.ZoneInfo,
    ipaddress._IPAddressBase,  # noqa: SLF001 - the only common base there is
    types.ModuleType,
    types.FunctionType,
    types.WrapperDescriptorType,
    types.GenericAlias,
    types.UnionType,
    types.CodeType,
    typing.TypeVar,
    property,
    staticmethod,
    classmethod,
    weakref.ReferenceType,
    contextvars.Context,
    contextvars.ContextVar,
    contextvars.Token,
    threading.Thread,
    threading.Event,
    threading.Condition,
    threading.Semaphore,
    threading.local,
    type(threading.Lock()),
    type(threading.RLock()),
    asyncio.AbstractEventLoop,
    asyncio.Event,
    asyncio.Lock,
    asyncio.Condition,
    asyncio.Semaphore,
    socket.socket,
    ssl.SSLContext,
    ssl.SSLObject,
    logging.Logger,
    logging.Handler,
)
_FILES = (io.RawIOBase, io.BufferedIOBase, io.TextIOBase)
_IN_MEMORY = (io.StringIO, io.BytesIO)
_SPELLED = (pathlib.PurePath, Url, MultiHostUrl)
_PLAIN_HOMES = sys.stdlib_module_names | {"numpy", "pydantic", "pydantic_core"}
#: What these say of themselves is listened to where they are walked.
_LISTENED = (
    *(SecretValue, BaseException, str, bytes, int, float),
    *(dict, list, tuple, set, frozenset, deque),
)


@functools.lru_cache(maxsize=8192)
def kind_of(cls: type) -> Kind:
    """Tell how objects of a class are walked.

    Args:
        cls: The class; asked instead of the object, which might lie about it.

    Returns:
        The kind.
    """
    kind = _kind_of(cls)
    if issubclass(cls, _LISTENED) or voices.voices_of(cls) is None:
        return kind
    return kind._replace(handler=told.telling(kind.handler))


def _kind_of(cls: type) -> Kind:
    if issubclass(cls, SecretValue):
        return Kind(leaf=leaves.leased_leaf)
    if cls in _MUTE_TYPES:
        return _INERT
    if issubclass(cls, enum.Enum):
        return Kind(leaf=leaves.enum_leaf)
    worth = _leaf(cls) or _number(cls)
    if worth is not None:
        return _worn(cls, worth)
    return _shown(cls) or _container(cls) or _object(cls)


def _worn(cls: type, kind: Kind) -> Kind:
    """Add what objects of somebody's own subclass wear beside their value."""
    if kind.leaf is None or cls.__module__.partition(".")[0] in _PLAIN_HOMES:
        return kind
    worn = cls.__dictoffset__ != 0 or slots_of(cls)
    return kind._replace(handler=dress.walk_worn) if worn else kind


def _number(cls: type) -> Kind | None:
    if arrays.is_scalar(cls):
        return Kind(leaf=arrays.scalar_leaf)
    if issubclass(cls, int | float) and not dress.is_bare(cls):
        return Kind(handler=dress.walk_dressed)
    if cls in (int, float, decimal.Decimal, fractions.Fraction, range):
        return Kind(leaf=leaves.number_leaf)
    if issubclass(cls, uuid.UUID):
        return Kind(leaf=leaves.uuid_leaf)
    if issubclass(cls, _TIMES):
        return Kind(leaf=leaves.time_leaf)
    return _SHOWN if issubclass(cls, numbers.Number) else None


def _shown(cls: type) -> Kind | None:
    if parted.has_parts(cls):
        return Kind(handler=parted.walk_parts)
    if issubclass(cls, _SHOWN_TYPES):
        return _SHOWN
    if issubclass(cls, _FILES):
        return _OPAQUE if issubclass(cls, _IN_MEMORY) else _FILE
    return None


def _leaf(cls: type) -> Kind | None:
    if arrays.is_scalar(cls) and not issubclass(cls, str | bytes):
        return None
    if issubclass(cls, str | bytes) and not dress.is_bare(cls):
        return Kind(handler=dress.walk_dressed)
    if issubclass(cls, str):
        return Kind(leaf=leaves.text_leaf)
    if issubclass(cls, bytes):
        return Kind(leaf=leaves.bytes_leaf)
    if issubclass(cls, leaves.BUFFERS):
        return Kind(leaf=leaves.buffer_leaf)
    if issubclass(cls, _SPELLED) or _is_url(cls):
        return Kind(leaf=leaves.spelled_leaf)
    if arrays.is_array(cls):
        return Kind(leaf=arrays.array_leaf)
    return None


def _is_url(cls: type) -> bool:
    return any(
        base.__module__ == "pydantic.networks" and base.__name__.startswith("_Base")
        for base in cls.__mro__
    )


def _container(cls: type) -> Kind | None:
    if issubclass(cls, dict):
        return Kind(handler=containers.walk_mapping, blank=containers.emptied)
    if issubclass(cls, types.MappingProxyType):
        return Kind(handler=containers.walk_mapping)
    if issubclass(cls, list):
        return Kind(handler=containers.walk_sequence, blank=containers.emptied)
    if issubclass(cls, deque):
        return Kind(handler=containers.walk_sequence, blank=containers.empty_deque)
    if issubclass(cls, tuple):
        return Kind(handler=containers.walk_tuple)
    if issubclass(cls, set):
        return Kind(handler=containers.walk_set, blank=containers.emptied)
    if issubclass(cls, frozenset):
        return Kind(handler=containers.walk_set)
    if issubclass(cls, KeysView | ValuesView | ItemsView):
        return Kind(handler=containers.walk_view)
    return None


def _object(cls: type) -> Kind:
    if issubclass(cls, BaseException):
        return Kind(handler=exceptions.walk_exception, blank=exceptions.blank_exception)
    if issubclass(cls, BaseModel):
        return Kind(handler=objects.walk_model, blank=objects.allocate)
    if _iterates_only(cls):
        return _OPAQUE
    if not is_transparent(cls):
        return _SHOWN if _has(cls, "__call__") else _OPAQUE
    return Kind(handler=objects.walk_object, blank=objects.allocate)


def _iterates_only(cls: type) -> bool:
    return _has(cls, "__next__") or _has(cls, "__anext__")


def _has(cls: type, name: str) -> bool:
    """Ask the class and its bases: `hasattr` would also ask its metaclass."""
    return any(name in vars(base) for base in cls.__mro__)
