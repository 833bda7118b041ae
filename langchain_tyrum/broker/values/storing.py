"""The part of the broker that stores, rotates and revokes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.broker import opening
from langchain_tyrum.broker.part import Part, twin
from langchain_tyrum.broker.records.entries import Details
from langchain_tyrum.broker.records.names import (
    check_name,
    check_value,
    refuse_in_details,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from langchain_tyrum.broker.core import Secret
    from langchain_tyrum.handles import SecretHandle, SecretRecord


class Storing(Part):
    """`put`, `declare`, `rotate`, `revoke`, `reauthorize`, `purge` and their twins."""

    def put(
        self,
        name: str,
        value: str | bytes,
        *,
        scope: str | None = None,
        provider: str | None = None,
        owner: str | None = None,
        environment: str | None = None,
        allowed_hosts: Sequence[str] = (),
        expires_at: datetime | None = None,
        replace: bool = False,
        allow_short: bool = False,
        tenant: str = "default",
    ) -> SecretHandle:
        """Store a value and get its handle. The same value again changes nothing.

        Args:
            name: What your code calls the secret, e.g. `github/token`.
            value: The raw value.
            scope: What it may be used for; policies are written over it. By default
                the name.
            provider: The label of the provider; by default the first writable one.
            owner: The user it belongs to; nobody else can lease it. None: a service.
            environment: The only environment it may be leased in.
            allowed_hosts: The only hosts it may be sent to.
            expires_at: When it stops working, with a time zone. A moment that is past
                makes it expired at once.
            replace: Rotate when another value is stored under the name. A scope, hosts
                and an expiry that are given replace those that are stored; what is
                left out stays.
            allow_short: Admit a value below 8 characters; it is then redacted only
                where it stands as a word of its own.
            tenant: The tenant it belongs to.

        Returns:
            The handle: safe to print, log and store.

        Raises:
            SecretExists: Another value is stored under the name, or this one on other
                terms: scope, hosts or expiry.
            SecretRevoked: The name was revoked; `reauthorize` lifts that.
            WeakSecret: The value is too short or too common to be guarded.
            ConfigError: The name is malformed, the value is no text and no bytes, the
                owner or scope is empty or no text, or `expires_at` has no time zone.
            ProviderError: The provider refused it; nothing was changed.
        """
        check_value(name, value)
        check_name(name, value)
        details = Details(
            scope=scope,
            tenant=tenant,
            owner=owner,
            environment=environment,
            allowed_hosts=allowed_hosts,
            expires_at=expires_at,
        )
        self._core.refuse_identifier(name, value, tenant, owner)
        refuse_in_details(value, scope, environment, *allowed_hosts)
        if scope:
            self._keep_armed()
        self._core.refuse_value_as_name(name, scope)
        return self._lifecycle.put(
            name,
            value,
            provider=provider or opening.first_writable(self._core.providers),
            details=details,
            replace=replace,
            allow_short=allow_short,
        ).handle

    def declare(
        self,
        name: str,
        *,
        provider: str,
        ref: str | None = None,
        scope: str | None = None,
        owner: str | None = None,
        environment: str | None = None,
        allowed_hosts: Sequence[str] = (),
        expires_at: datetime | None = None,
        tenant: str = "default",
    ) -> SecretHandle:
        """Give a handle to a value that a provider already holds.

        For read-only providers, such as environment variables: the value stays where
        it is and is read at each lease.

        Args:
            name: What your code calls the secret.
            provider: The label of the provider that holds it.
            ref: What that provider calls it; by default the name.
            scope: What it may be used for; by default the name.
            owner: The user it belongs to.
            environment: The only environment it may be leased in.
            allowed_hosts: The only hosts it may be sent to.
            expires_at: When it stops working, with a time zone.
            tenant: The tenant it belongs to.

        Returns:
            The handle.

        Raises:
            SecretExists: The name is taken by another value.
            ConfigError: This broker has no such provider.
        """
        check_name(name)
        details = Details(
            scope=scope,
            tenant=tenant,
            owner=owner,
            environment=environment,
            allowed_hosts=allowed_hosts,
            expires_at=expires_at,
        )
        if scope:
            self._keep_armed()
        self._core.refuse_value_as_name(name, ref, scope)
        return self._lifecycle.declare(
            name, provider=provider, ref=ref, details=details
        ).handle

    def rotate(
        self,
        secret: Secret,
        value: str | bytes,
        *,
        tenant: str = "default",
        owner: str | None = None,
        allow_short: bool = False,
    ) -> SecretRecord:
        """Store a new version under the same handle; the next lease sees it.

        Grants given for the old version end. The old value stays redacted until it
        is purged.

        Args:
            secret: Name or handle.
            value: The new raw value.
            tenant: Whose name it is.
            owner: Whose own secret it is; None is a service's. Unlike in a lease, no
                service's secret of that name comes before it.
            allow_short: As in `put`.

        Raises:
            SecretNotFound: Nothing is stored under that name or handle.
            SecretRevoked: Revoked secrets are not rotated back to life.
            WeakSecret: The value is too short or too common to be guarded.
        """
        check_value(secret, value)
        self._core.refuse_identifier(secret, value, tenant, owner)
        return self._lifecycle.rotate(
            secret, value, tenant=tenant, owner=owner, allow_short=allow_short
        )

    def revoke(
        self,
        secret: Secret,
        *,
        reason: str = "",
        tenant: str = "default",
        owner: str | None = None,
    ) -> SecretRecord:
        """Disable a secret until somebody reauthorizes it; open leases end now.

        Args:
            secret: Name or handle.
            reason: Kept in the ledger.
            tenant: Whose name it is.
            owner: Whose own secret it is; None is a service's. Unlike in a lease, no
                service's secret of that name comes before it.
        """
        reason = self._checked(reason)
        return self._lifecycle.revoke(secret, reason=reason, tenant=tenant, owner=owner)

    def reauthorize(
        self,
        secret: Secret,
        value: str | bytes | None = None,
        *,
        tenant: str = "default",
        owner: str | None = None,
        allow_short: bool = False,
    ) -> SecretRecord:
        """Lift a revocation; with a new value, the old one never works again.

        Args:
            secret: Name or handle.
            value: The new raw value; None brings the old one back.
            tenant: Whose name it is.
            owner: Whose own secret it is; None is a service's. Unlike in a lease, no
                service's secret of that name comes before it.
            allow_short: As in `put`.
        """
        if value is not None:
            check_value(secret, value)
            self._core.refuse_identifier(secret, value, tenant, owner)
        return self._lifecycle.reauthorize(
            secret, value, tenant=tenant, owner=owner, allow_short=allow_short
        )

    def purge(
        self,
        secret: Secret,
        *,
        keep: int = 1,
        tenant: str = "default",
        owner: str | None = None,
    ) -> int:
        """Destroy old versions and stop redacting them; returns how many.

        `keep` counts versions that exist; `owner` means that owner's own secret.

        Values that an open lease may hold stay covered, and so do all of them in other
        processes, until these end.

        Raises:
            ConfigError: `keep` is no whole number, or below one.
        """
        return self._lifecycle.purge(secret, keep=keep, tenant=tenant, owner=owner)

    aput = twin(put)
    adeclare = twin(declare)
    arotate = twin(rotate)
    arevoke = twin(revoke)
    areauthorize = twin(reauthorize)
    apurge = twin(purge)
