"""One written form for everything that is approved: canonical JSON (RFC 8785).

Two processes that mean the same call write the same bytes. Beyond RFC 8785, what JSON
cannot say is written as a tagged object, and so are integers that a double cannot
hold: two calls that differ must never look the same.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

_TAG = "$type"
#: Beyond this RFC 8785 rounds, as JavaScript does.
_EXACT = 2**53
_BY_TEXT = (date, datetime, time, timedelta, Decimal, UUID, PurePath)


def canonical(value: object) -> bytes:
    """Write a value in the one form that is hashed.

    Args:
        value: JSON data, or dates, decimals, bytes, sets, enums, dataclasses and
            pydantic models among it.

    Returns:
        UTF-8 without white space, keys sorted by their UTF-16 code units.

    Raises:
        TypeError: Something in it has no stable form; only its type is named.
    """
    return _write(value).encode("utf-8", "surrogatepass")


def _write(value: Any) -> str:
    # An enum or a str subclass is first of all itself, so exact types come first.
    if value is None or value is True or value is False:
        return json.dumps(value)
    if type(value) is str:
        return json.dumps(value, ensure_ascii=False)
    if type(value) is int:
        return str(value) if abs(value) <= _EXACT else _tagged("int", str(value))
    if type(value) is float:
        return _write_float(value)
    if type(value) in (list, tuple):
        return "[" + ",".join(_write(item) for item in value) + "]"
    if type(value) is dict and all(type(key) is str for key in value):
        return _write_object(value)
    return _write_tagged(value)


def _write_object(value: Mapping[str, Any]) -> str:
    if _TAG in value:  # data that looks like one of our tags gets one of its own
        pairs = sorted(value.items(), key=_utf16)
        return _tagged("object", [[key, item] for key, item in pairs])
    return _join(value)


def _join(value: Mapping[str, Any]) -> str:
    pairs = sorted(value.items(), key=_utf16)
    written = (
        f"{json.dumps(key, ensure_ascii=False)}:{_write(item)}" for key, item in pairs
    )
    return "{" + ",".join(written) + "}"


def _utf16(pair: tuple[str, Any]) -> bytes:
    return pair[0].encode("utf-16-be", "surrogatepass")


def _write_float(value: float) -> str:
    """The shortest digits, laid out as ECMAScript does."""
    if not math.isfinite(value):
        return _tagged("float", str(value))
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, power = f"{Decimal(repr(abs(value))).normalize():e}".partition("e")
    digits = mantissa.replace(".", "")
    point = int(power) + 1
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _write_tagged(value: Any) -> str:
    name = type(value).__qualname__
    if isinstance(value, Enum):
        return _tagged(name, value.name)
    if isinstance(value, BaseModel):
        return _tagged(name, dict(value))
    if is_dataclass(value) and not isinstance(value, type):
        return _tagged(name, {f.name: getattr(value, f.name) for f in fields(value)})
    if isinstance(value, _BY_TEXT):
        return _tagged(name, str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _tagged("bytes", base64.b64encode(bytes(value)).decode())
    if isinstance(value, str | int | float):
        return _tagged(name, _plain(value))
    if isinstance(value, Mapping):
        pairs = sorted((_write(key), _write(item)) for key, item in value.items())
        return _tagged(name, [list(pair) for pair in pairs])
    if isinstance(value, AbstractSet):
        return _tagged("set", sorted(_write(item) for item in value))
    if isinstance(value, Sequence):
        return _tagged(name, list(value))
    raise TypeError(
        f"a {name} has no stable form, so nobody can approve a call that carries one: "
        "give the parameter a type that JSON, pydantic or a dataclass can say"
    )


def _plain(value: str | float) -> object:
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return None


def _tagged(name: str, value: Any) -> str:
    return _join({_TAG: name, "value": value})
