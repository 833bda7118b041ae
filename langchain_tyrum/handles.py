"""Handles, records, references and values: the nouns of the package.

A handle names a secret and grants nothing. It may stand in prompts, plans,
checkpoints, traces and logs. The raw value exists only as a `SecretValue`, inside
a lease.
"""

from __future__ import annotations

import hmac
import html
import json
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import core_schema

from langchain_tyrum.errors import ConfigError, InvalidHandle, LeaseExpired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import GetCoreSchemaHandler

__all__ = ["HANDLE_TEXT", "SCHEME", "Principal", "SecretHandle", "SecretRecord"]
__all__ += ["SecretReference", "SecretValue", "Table", "handle_names", "new_id"]

T = TypeVar("T")

SCHEME = "tyrum://"
_BASE62 = string.ascii_letters + string.digits
_HANDLE_ID = re.compile(r"h_[0-9A-Za-z]{22}")
_SEGMENT = r"[A-Za-z0-9_-]+"
#: `tyrum://` + an id or alias. The word "secret" never stands before a colon in
#: it, since LangSmith's own anonymizer would take that for an assignment.
HANDLE_TEXT = re.compile(rf"tyrum://({_SEGMENT}(?:/{_SEGMENT})*)")


def new_id(prefix: str, *, choice: Callable[[str], str] = secrets.choice) -> str:
    """Make an opaque id: `prefix` and 22 base62 characters (131 bits).

    Args:
        prefix: What the id is of, e.g. `h_`.
        choice: Source of randomness, for tests.

    Returns:
        The id.
    """
    return prefix + "".join(choice(_BASE62) for _ in range(22))


class Table(list[T]):
    """A list of dicts or models that a notebook draws as a table."""

    def _repr_html_(self) -> str:
        rows = [row if isinstance(row, dict) else dict(vars(row)) for row in self]
        names = list(rows[0]) if rows else []
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in names)
        body = "".join(
            f"<tr>{''.join(f'<td>{_cell(row.get(key))}</td>' for key in names)}</tr>"
            for row in rows
        )
        return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    return "" if value is None else html.escape(str(value))


def handle_names(text: str) -> Iterator[str]:
    """Yield the id or alias of every `tyrum://…` in a text, in order."""
    return (match.group(1) for match in HANDLE_TEXT.finditer(text))


class SecretHandle(BaseModel):
    """An opaque, durable name of a secret. Safe to log, store and show.

    `str(handle)` is what travels in state. Only `handle_id` means anything to the
    broker; it takes every other field from the catalog, so a forged scope or
    provider in a checkpoint changes nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    handle_id: str
    name: str = ""
    provider: str = ""
    scope: str = ""
    created_at: datetime | None = None

    @field_validator("handle_id")
    @classmethod
    def _well_formed(cls, value: str) -> str:
        if not _HANDLE_ID.fullmatch(value):
            raise ValueError("a handle id is h_ and 22 letters or digits")
        return value

    @classmethod
    def parse(cls, raw: str | Mapping[str, Any] | SecretHandle) -> SecretHandle:
        """Read a handle in any of the forms in which it travels.

        Args:
            raw: A handle, `tyrum://h_…`, `h_…`, its JSON, or the dict that
                LangGraph's strict msgpack yields.

        Returns:
            The handle; from bare text only `handle_id` is known.

        Raises:
            InvalidHandle: `raw` is none of these. It is not repeated in the error,
                since it could be a value.
        """
        if isinstance(raw, SecretHandle):
            return raw
        try:
            return cls.model_validate(_fields(raw))
        except (ValidationError, ValueError, TypeError):
            pass  # raised below, so that no context carries the input
        raise InvalidHandle(
            "this is no handle: pass a SecretHandle, 'tyrum://h_…', or its JSON"
        )

    def __str__(self) -> str:
        return SCHEME + self.handle_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretHandle):
            return NotImplemented
        return self.handle_id == other.handle_id

    def __hash__(self) -> int:
        return hash(self.handle_id)


def _fields(raw: object) -> object:
    text = raw.strip() if isinstance(raw, str) else ""
    if text.startswith("{"):
        return json.loads(text)
    return {"handle_id": text.removeprefix(SCHEME)} if text else raw


class SecretRecord(BaseModel):
    """What the catalog knows of a secret now; never its value.

    Attributes:
        version: Counts rotations, from 1.
        principal: `user` when a person owns it, else `service`.
        environment: The only environment it may be leased in; None means any.
        allowed_hosts: The only hosts it may be sent to; empty means any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    handle_id: str
    name: str
    provider: str
    scope: str
    created_at: datetime
    version: int = 1
    status: Literal["active", "revoked", "expired", "disabled"] = "active"
    tenant: str = "default"
    owner: str | None = None
    principal: Literal["service", "user"] = "service"
    environment: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    expires_at: datetime | None = None
    updated_at: datetime

    @property
    def handle(self) -> SecretHandle:
        """The handle of this record."""
        return SecretHandle(
            handle_id=self.handle_id,
            name=self.name,
            provider=self.provider,
            scope=self.scope,
            created_at=self.created_at,
        )

    def __str__(self) -> str:
        return SCHEME + self.handle_id


class SecretReference(BaseModel):
    """The agent-visible, allow-listed record of a secret.

    This is all a model ever learns: an id or alias to choose by, the tools that may
    take it, and a name to show to people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret_ref_id: str = Field(min_length=1, max_length=256)
    secret_alias: str | None = Field(default=None, min_length=1, max_length=120)
    allowed_tool_ids: tuple[str, ...] = Field(min_length=1)
    display_name: str | None = Field(default=None, min_length=1, max_length=120)

    def __str__(self) -> str:
        return SCHEME + (self.secret_alias or self.secret_ref_id)


@dataclass(frozen=True)
class Principal:
    """On whose behalf something happens: a tenant, and a user or a service."""

    tenant: str = "default"
    user: str | None = None


class SecretValue:
    """A raw value, for the length of one lease.

    It prints as stars, compares in constant time, and refuses every road by which a
    value slips into something durable: pickle, copy, JSON and pydantic dumps.
    """

    __slots__ = ("__cell", "__name")

    def __init__(self, value: str | bytes, *, name: str = "") -> None:
        self.__cell: list[str | bytes] = [value]
        self.__name = name

    def reveal(self) -> str:
        """Return the value as text.

        Raises:
            LeaseExpired: The lease has ended, or the secret was revoked.
            ConfigError: It is no text in UTF-8.
        """
        value = self.__value()
        text = value if isinstance(value, str) else value.decode(errors="ignore")
        if isinstance(value, str) or text.encode() == value:  # an error would hold it
            return text
        raise ConfigError(f"{self.__name!r} is no text: call reveal_bytes() instead")

    def reveal_bytes(self) -> bytes:
        """Return the value as bytes (text as UTF-8).

        Raises:
            LeaseExpired: The lease has ended, or the secret was revoked.
        """
        raw = self.__value()
        return raw if isinstance(raw, bytes) else raw.encode(errors="surrogatepass")

    def expire(self) -> None:
        """Drop the value; the lease calls this on exit."""
        self.__cell.clear()

    def __value(self) -> str | bytes:
        if self.__cell:
            return self.__cell[0]
        raise LeaseExpired(
            f"the lease of {self.__name or 'this secret'!r} has ended: "
            "use the value inside the `with` block only",
            handle=self.__name or None,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretValue):
            return NotImplemented
        return hmac.compare_digest(self.reveal_bytes(), other.reveal_bytes())

    __hash__ = None  # type: ignore[assignment]  # a hash would be an oracle

    def __repr__(self) -> str:
        return f"SecretValue({self.__name!r}, '**********')"

    def __str__(self) -> str:
        return "**********"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return True

    def __refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "a SecretValue cannot be copied, pickled or dumped: pass the handle on "
            "and lease the value where it is used"
        )

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = __refuse

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Self], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Let models name the type as a field, and refuse to dump it."""
        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.__copy__()
            ),
        )
