"""The broker: the only door from handle to value."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, Self

from langchain_tyrum.broker import opening
from langchain_tyrum.broker.describing import Describing
from langchain_tyrum.broker.identity import CallIdentity
from langchain_tyrum.broker.leases import Leases
from langchain_tyrum.broker.lifecycle import Lifecycle
from langchain_tyrum.broker.permitting import Permitting
from langchain_tyrum.broker.storing import Storing
from langchain_tyrum.ledger.requests import ApprovalRequests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from langchain_tyrum.broker.core import Secret
    from langchain_tyrum.broker.identity import IdentitySource
    from langchain_tyrum.handles import SecretValue
    from langchain_tyrum.ledger.audit import Audit
    from langchain_tyrum.ledger.catalog import Catalog
    from langchain_tyrum.ledger.keys import MasterKey
    from langchain_tyrum.policy import SecretPolicy
    from langchain_tyrum.providers import SecretProvider
    from langchain_tyrum.redaction import Redactor


class SecretBroker(Storing, Describing, Permitting):
    """Stores secrets, decides who may use them, leases them, and keeps the books.

    Every method has an async twin with the prefix `a`. A broker is thread-safe, is a
    context manager, refuses pickle, and is its own copy, so that tools which hold one
    stay copyable.

    Args:
        providers: Where values live, by label. New values go to the first one that
            can be written.
        catalog: Database of records, grants and the ledger: an SQLAlchemy URL or
            engine.
        policy: One policy, or several layers from the outermost to the innermost.
            Without any, every use needs a person's agreement.
        identity: Who says which user a run belongs to; see `from_configurable`.
        key: The master key (32 bytes), from which the ledger's key is derived.
            Required when the catalog outlives the process.
        audit_sinks: Called with every ledger row after it has been committed.
        environment: Where this process runs; by default `TYRUM_ENVIRONMENT`.
        redactor: A redactor to share with other brokers.
        head_file: Where the end of the ledger is kept outside the database.
    """

    def __init__(
        self,
        *,
        providers: Mapping[str, SecretProvider] | Sequence[SecretProvider],
        catalog: str | Engine | Catalog,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
        key: MasterKey | bytes | None = None,
        audit_sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
        environment: str | None = None,
        redactor: Redactor | None = None,
        head_file: Path | None = None,
    ) -> None:
        core = opening.make_core(
            providers=providers,
            catalog=catalog,
            policy=policy,
            key=key,
            audit_sinks=audit_sinks,
            environment=environment,
            redactor=redactor,
            head_file=head_file,
        )
        self._core = core
        self._identity = identity
        self._leases = Leases(core)
        self._lifecycle = Lifecycle(core, expire=self._leases.expire)
        self.catalog: Catalog = core.catalog
        self.audit: Audit = core.audit
        self.redactor: Redactor = core.redactor
        self.requests = ApprovalRequests(core.catalog)

    @classmethod
    def local(
        cls,
        path: str | Path | None = None,
        *,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
        key: bytes | None = None,
    ) -> Self:
        """Open the broker of this machine: one SQLite file, values encrypted.

        Needs no server and no OS keyring. The master key is `key`, `TYRUM_MASTER_KEY`,
        a key file beside the database, or the OS keyring, whichever is found first;
        a new one is made only for a store that holds nothing yet.

        Args:
            path: The database file, or a folder for it; by default the user's data
                folder.
            policy: One policy, or several layers.
            identity: Who says which user a run belongs to.
            key: The master key, 32 bytes.

        Returns:
            The broker.

        Raises:
            KeyMismatch: Encrypted values are there and no key opens them.
            LedgerError: The file is no tyrum catalog, or cannot be written.
        """
        return cls(
            **opening.local_parts(path, key=key), policy=policy, identity=identity
        )

    @classmethod
    def in_memory(
        cls,
        secrets: Mapping[str, str | bytes] | None = None,
        *,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
    ) -> Self:
        """Open a broker that forgets everything with the process.

        For tests and notebooks. It guards, gates and audits like any other.

        Args:
            secrets: Values to store at once, by name.
            policy: One policy, or several layers.
            identity: Who says which user a run belongs to.

        Returns:
            The broker.
        """
        broker = cls(**opening.memory_parts(), policy=policy, identity=identity)
        for name, value in (secrets or {}).items():
            broker.put(name, value)
        return broker

    def identify(self, config: Mapping[str, Any] | None) -> CallIdentity:
        """Tell on whose behalf a run happens, from its `RunnableConfig`."""
        return CallIdentity.from_config(config, identity=self._identity)

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

        Args:
            secret: Name, handle, `tyrum://h_…` or record.
            tool_id: The consumer: a tool's name, `model:…`, `http:…`, `cli:…`.
            call: On whose behalf, and where; by default a service, nowhere.
            digest: Digest of the approved call, for `once` grants.

        Yields:
            The value. After the block it is gone.

        Raises:
            SecretNotFound: Nothing is stored under that name or handle.
            SecretRevoked: It is revoked.
            SecretExpired: It is past its expiry.
            SecretForbidden: The policy denies it, or it is somebody else's.
            ApprovalRequired: A person has to agree first.
            ProviderError: The provider failed; a reserved grant is given back.
            LedgerError: The intent could not be written: no audit, no secret.
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
        with self._leases.open(
            secrets, tool_id=tool_id, call=call or CallIdentity(), digest=digest
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
        opening_ = asyncio.ensure_future(asyncio.to_thread(lease.__enter__))
        try:
            values = await asyncio.shield(opening_)
        except asyncio.CancelledError:  # the thread goes on: close what it opens
            opening_.add_done_callback(
                lambda done: done.exception() or lease.__exit__(None, None, None)
            )
            raise
        try:
            yield values
        finally:
            lease.__exit__(None, None, None)

    def close(self) -> None:
        """Close the catalog. Values that are leased stay usable until they end."""
        self.catalog.close()

    async def aclose(self) -> None:
        """Async twin of `close`."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a SecretBroker cannot be pickled: open it anew in the other process, "
            "e.g. with SecretBroker.local()"
        )

    def __repr__(self) -> str:
        return (
            f"SecretBroker(providers={sorted(self._core.providers)}, "
            f"catalog={self.catalog!r}, leases={len(self._leases)})"
        )
