"""A new catalog entry: the record of a secret, and where its value will live."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from langchain_tyrum.broker.checking import check_text
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import SecretRecord, new_id
from langchain_tyrum.ledger.secret_rows import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A name or address, and a port at most.
_HOST = re.compile(r"[^\s/@?#]+")


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is known of a secret besides its value."""

    scope: str | None = None
    tenant: str = "default"
    owner: str | None = None
    environment: str | None = None
    allowed_hosts: Sequence[str] = ()
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse an owner that is nobody, what is no host, and a moment of no zone.

        Raises:
            ConfigError: `owner` or `scope` is empty; they, `tenant` or `environment`
                are no text; a host is more than a host; `expires_at` is no datetime,
                or has no time zone.
        """
        check_owner(self.owner)
        check_text("the tenant", self.tenant, "tenant='default'")
        if self.scope is not None:
            check_text("the scope", self.scope, "scope='github:issues:write'")
        if self.environment is not None:
            check_text("the environment", self.environment, "environment='production'")
        check_hosts(self.allowed_hosts)
        until = self.expires_at
        if until is None:
            return
        if not isinstance(until, datetime) or until.utcoffset() is None:
            raise ConfigError(
                "expires_at is a datetime with a time zone: write "
                "datetime(2027, 1, 31, tzinfo=UTC)"
            )
        object.__setattr__(self, "expires_at", until.astimezone(UTC))

    def terms_for(self, record: SecretRecord) -> dict[str, Any]:
        """The columns of a record that are other than what is given here."""
        terms: dict[str, Any] = {}
        if self.scope and self.scope != record.scope:
            terms["scope"] = self.scope
        hosts = tuple(self.allowed_hosts)
        if hosts and hosts != record.allowed_hosts:
            terms["allowed_hosts"] = list(hosts)
        if self.expires_at and self.expires_at != record.expires_at:
            terms["expires_at"] = self.expires_at.isoformat()
        return terms


def check_owner(owner: str | None) -> None:
    """Refuse the empty owner, who would be a service here and a user there.

    Raises:
        ConfigError: It is empty, or no text.
    """
    if owner == "":
        raise ConfigError(
            "the owner is an empty text: is the variable set? Pass the user's id, or "
            "None (no --owner) for a service"
        )
    if owner is not None:
        check_text("the owner", owner, "owner='ada', the user's id")


def check_hosts(hosts: object) -> None:
    """Refuse what no host can be: a value bound to it could be sent nowhere.

    Raises:
        ConfigError: It is one text, or something in it is more than a host.
    """
    if not isinstance(hosts, str) and isinstance(hosts, Iterable):
        found = list(hosts)
        if all(isinstance(host, str) and _HOST.fullmatch(host) for host in found):
            return
    raise ConfigError(
        "allowed_hosts is a list of hosts alone, without scheme, user or path: "
        "allowed_hosts=['api.github.com']"
    )


def new_entry(
    name: str,
    provider: str,
    details: Details,
    *,
    now: datetime,
    ref: str | None = None,
) -> Entry:
    """Make the entry of a secret that is not stored yet.

    Args:
        name: Its name.
        provider: The label of its provider.
        details: What else is known of it.
        now: The time of its birth.
        ref: What the provider calls it; None where the broker chooses.

    Returns:
        The entry, without a fingerprint.
    """
    record = SecretRecord(
        handle_id=new_id("h_"),
        name=name,
        provider=provider,
        scope=details.scope or name,
        created_at=now,
        updated_at=now,
        tenant=details.tenant,
        owner=details.owner,
        principal="user" if details.owner else "service",
        environment=details.environment,
        allowed_hosts=tuple(details.allowed_hosts),
        expires_at=details.expires_at,
    )
    return Entry(record, ref or own_ref(record), "", 1)


def own_ref(record: SecretRecord) -> str:
    """Where the broker keeps a value it stores: unique for good, and legible.

    Two processes that store one name at once write to two places, so the one that
    loses the name never overwrites the other's value.
    """
    parts = (record.tenant, record.owner or "", record.name, record.handle_id)
    return "/".join(quote(part, safe="") for part in parts)
