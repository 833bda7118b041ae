"""The broker: the only door from handle to value."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

from langchain_tyrum.broker import opening
from langchain_tyrum.broker.identity import CallIdentity
from langchain_tyrum.broker.lease.leases import Leases
from langchain_tyrum.broker.lease.leasing import Leasing
from langchain_tyrum.broker.lease.settling import Settling
from langchain_tyrum.broker.permitting import Permitting
from langchain_tyrum.broker.records.describing import Describing
from langchain_tyrum.broker.rekeying import Rekeying
from langchain_tyrum.broker.values.lifecycle import Lifecycle
from langchain_tyrum.broker.values.storing import Storing
from langchain_tyrum.ledger.requests import ApprovalRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from langchain_tyrum.broker.identity import IdentitySource
    from langchain_tyrum.ledger.audit import Audit
    from langchain_tyrum.ledger.catalog import Catalog
    from langchain_tyrum.ledger.keys import GivenKeys
    from langchain_tyrum.policy import SecretPolicy
    from langchain_tyrum.providers import SecretProvider
    from langchain_tyrum.redaction import Redactor


class SecretBroker(Leasing, Settling, Storing, Describing, Permitting, Rekeying):
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
        key: The master key (32 bytes), from which the ledger's key is derived; while
            it is rotated, a list, the new one first. By default `TYRUM_MASTER_KEY`;
            then, where `catalog` names a SQLite file, what `local` finds or makes
            beside it. For another catalog that outlives the process one is required.
        audit_sinks: Called with every ledger row after it has been committed.
        environment: Where this process runs; by default `TYRUM_ENVIRONMENT`.
        redactor: A redactor to share with other brokers.
        head_file: Where the end of the ledger is kept outside the database.

    Raises:
        ConfigError: One of these is not what it has to be, or there is no key.

    Attributes:
        audit: The ledger: `tail`, `head`, `verify`, `export`.
        requests: The approval requests.
        catalog: The database of records, references and grants.
    """

    def __init__(
        self,
        *,
        providers: Mapping[str, SecretProvider] | Sequence[SecretProvider],
        catalog: str | Engine | Catalog,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
        key: GivenKeys | None = None,
        audit_sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
        environment: str | None = None,
        redactor: Redactor | None = None,
        head_file: Path | None = None,
    ) -> None:
        opening.check_identity(identity)
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
        self._lifecycle = Lifecycle(core, opened=self._leases.opened)
        self.catalog: Catalog = core.catalog
        self.audit: Audit = core.audit
        self.requests = ApprovalRequests(core.catalog)

    @classmethod
    def local(
        cls,
        path: str | Path | None = None,
        *,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
        key: GivenKeys | None = None,
        audit_sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    ) -> Self:
        """Open the broker of this machine: one SQLite file, values encrypted.

        Needs no server and no OS keyring. The master key is `key`, `TYRUM_MASTER_KEY`,
        a key file beside the database, or the OS keyring, whichever is found first;
        a new one is made only for a store that holds nothing yet.

        Args:
            path: The database file, or a folder for it; by default `TYRUM_STORE`,
                else the user's data folder.
            policy: One policy, or several layers.
            identity: Who says which user a run belongs to.
            key: The master key, 32 bytes; while it is rotated, a list, the new one
                first.
            audit_sinks: Called with every ledger row after it has been committed.

        Returns:
            The broker.

        Raises:
            KeyMismatch: Encrypted values are there and no key opens them.
            LedgerError: The file is no tyrum catalog, or cannot be written.
        """
        return cls(
            **opening.local_parts(path, key=key),
            policy=policy,
            identity=identity,
            audit_sinks=audit_sinks,
        )

    @classmethod
    def in_memory(
        cls,
        secrets: Mapping[str, str | bytes] | None = None,
        *,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
        audit_sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    ) -> Self:
        """Open a broker that forgets everything with the process.

        For tests and notebooks. It guards, gates and audits like any other.

        Args:
            secrets: Values to store at once, by name.
            policy: One policy, or several layers.
            identity: Who says which user a run belongs to.
            audit_sinks: Called with every ledger row after it has been committed.

        Returns:
            The broker.
        """
        secrets = {} if secrets is None else secrets
        opening.check_secrets(secrets)
        broker = cls(
            **opening.memory_parts(),
            policy=policy,
            identity=identity,
            audit_sinks=audit_sinks,
        )
        for name, value in secrets.items():
            broker.put(name, value)
        return broker

    @classmethod
    def from_config(
        cls,
        path: str | Path | None = None,
        *,
        environment: str | None = None,
        policy: SecretPolicy | Sequence[SecretPolicy] | None = None,
        identity: IdentitySource | None = None,
        audit_sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    ) -> Self:
        """Open the broker that a `tyrum.toml` describes.

        What the file declares is brought into its catalog: the file wins for what is
        known of a secret, and one that it no longer declares is disabled, never
        deleted. A file that says nothing new writes nothing.

        Args:
            path: The file or its folder; by default `TYRUM_CONFIG`, then the
                `tyrum.toml` of the current folder or the nearest one above.
            environment: Where this runs; by default `TYRUM_ENVIRONMENT`, then what
                the file says. Its tables are laid over the others.
            policy: Further layers of policy. Like those of environments they never
                widen what the file says to a scope. Where its `[policy]` has lists
                and no default, a scope that nothing there matches is open to them;
                a `default` closes it.
            identity: Who says which user a run belongs to.
            audit_sinks: Called with every ledger row after it has been committed.

        Returns:
            The broker.

        Raises:
            ConfigError: There is no file, or something is wrong with it: every
                problem with its line.
            KeyMismatch: Encrypted values are there and no key opens them.
            LedgerError: The catalog cannot be used.
        """
        from langchain_tyrum.broker.config import (  # noqa: PLC0415 - rarely needed
            open_config,
        )

        make = partial(cls, identity=identity, audit_sinks=audit_sinks)
        return open_config(path, environment=environment, policy=policy, make=make)

    @property
    def redactor(self) -> Redactor:
        """The redactor, told of every value that this environment may use.

        Each look at it notices what any process has stored or rotated meanwhile. A
        guard that holds it goes on with what was known then, so look again at the
        start of a run; `protect` does.

        Raises:
            ProviderError: A provider failed: values that cannot be read could not be
                redacted either.
        """
        self._keep_armed()
        return self._core.redactor

    def identify(self, config: Mapping[str, Any] | None) -> CallIdentity:
        """Tell on whose behalf a run happens, from its `RunnableConfig`."""
        return CallIdentity.from_config(config, identity=self._identity)

    def close(self) -> None:
        """Close the catalog, for good; closing again is fine.

        Leases that are open stay usable until they end, and guards go on redacting
        what the redactor knows. Everything else raises `LedgerError` from now on.
        """
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
