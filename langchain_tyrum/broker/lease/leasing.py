"""The part of the broker that yields values."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from langchain_tyrum.broker.checking import caller, check_tool_id
from langchain_tyrum.broker.lease.handover import Handover
from langchain_tyrum.broker.part import Part

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from langchain_tyrum.broker.core import Secret
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretValue


class Leasing(Part):
    """`lease` and `lease_all`, and their twins."""

    @contextmanager
    def lease(
        self,
        secret: Secret,
        *,
        tool_id: str,
        call: CallIdentity | None = None,
        digest: str | None = None,
    ) -> Iterator[SecretValue]:
        """Resolve one secret, for the length of a `with` block.

        Policy, owner, tenant, environment, status and grants are checked, and the
        intent is written to the ledger, before any provider is asked.

        A handle of another user's secret is refused as forbidden: who holds it has
        seen that it exists. By name it is not found, as one that nobody has stored
        would be, or whoever tries names would learn what others have.

        Args:
            secret: Name, handle, `tyrum://h_…` or record.
            tool_id: The consumer: a tool's name, `model:…`, `http:…`, `cli:…`.
            call: On whose behalf, and where; by default a service, nowhere. Inside a
                node pass `broker.identify(config)`.
            digest: Digest of the approved call, for `once` grants.

        Yields:
            The value. After the block it is gone.

        Raises:
            SecretNotFound: Nothing is stored under that handle, or under that name
                for this caller.
            SecretRevoked: It is revoked.
            SecretExpired: It is past its expiry.
            SecretForbidden: The policy denies it, or the handle is somebody else's.
            ApprovalRequired: A person has to agree first.
            ProviderError: The provider failed; a reserved grant is given back.
            LedgerError: The intent could not be written: no audit, no secret.
            ConfigError: The tool id is no text, or `call` no `CallIdentity`.
        """
        with self.lease_all(
            {"value": secret}, tool_id=tool_id, call=call, digest=digest
        ) as values:
            yield values["value"]

    @contextmanager
    def lease_all(
        self,
        secrets: Mapping[str, Secret],
        *,
        tool_id: str,
        call: CallIdentity | None = None,
        digest: str | None = None,
    ) -> Iterator[dict[str, SecretValue]]:
        """Resolve several secrets for one call: all or none, under one grant.

        Args:
            secrets: Secrets by the name under which the caller wants their values.
            tool_id: The consumer.
            call: On whose behalf, and where.
            digest: Digest of the approved call, for `once` grants.

        Yields:
            The values by name. After the block they are gone.
        """
        check_tool_id(tool_id)
        with self._leases.open(
            secrets, tool_id=tool_id, call=caller(call), digest=digest
        ) as values:
            yield values

    @asynccontextmanager
    async def alease(
        self,
        secret: Secret,
        *,
        tool_id: str,
        call: CallIdentity | None = None,
        digest: str | None = None,
    ) -> AsyncIterator[SecretValue]:
        """Async twin of `lease`."""
        async with self.alease_all(
            {"value": secret}, tool_id=tool_id, call=call, digest=digest
        ) as values:
            yield values["value"]

    @asynccontextmanager
    async def alease_all(
        self,
        secrets: Mapping[str, Secret],
        *,
        tool_id: str,
        call: CallIdentity | None = None,
        digest: str | None = None,
    ) -> AsyncIterator[dict[str, SecretValue]]:
        """Async twin of `lease_all`."""
        lease = self.lease_all(secrets, tool_id=tool_id, call=call, digest=digest)
        handover = Handover(lease)
        values = await handover.open()
        try:
            yield values
        finally:
            handover.close()
