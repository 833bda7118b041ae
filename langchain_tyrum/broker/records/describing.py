"""The part of the broker that tells of secrets without their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.broker.checking import several
from langchain_tyrum.broker.part import twin
from langchain_tyrum.broker.records.owning import refuse_foreign
from langchain_tyrum.broker.records.referencing import Referencing
from langchain_tyrum.broker.records.veiling import veiled
from langchain_tyrum.broker.values.arming import arm, refuse_unreadable, unarmed
from langchain_tyrum.handles import Table
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from langchain_tyrum.broker.core import Secret
    from langchain_tyrum.broker.values.arming import Problem
    from langchain_tyrum.handles import SecretHandle, SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


class Describing(Referencing):
    """Handles, records and references, and what is known of all of them."""

    _armed_at = 0

    @property
    def environment(self) -> str | None:
        """Where this broker runs; None is no environment, not every one."""
        return self._core.environment

    def handles(
        self, *, tenant: str = "default", owner: str | None = None
    ) -> list[SecretHandle]:
        """The handles of a tenant's services, or of one user; revoked ones left out."""
        return Table(
            record.handle
            for record in self.records(tenant=tenant, owner=owner)
            if record.status != "revoked"
        )

    def records(
        self, *, tenant: str = "default", owner: str | None = None
    ) -> list[SecretRecord]:
        """The records of a tenant's services, or of one user, revoked ones too."""
        columns = schema.secrets.c
        with self._core.catalog.reading() as connection:
            found = self._core.catalog.find(
                connection, columns.tenant == tenant, columns.owner == (owner or "")
            )
        return Table(entry.record for entry in found)

    def describe(
        self, secret: Secret, *, tenant: str | None = None, owner: str | None = None
    ) -> SecretRecord:
        """What the catalog knows of a secret now.

        Without `tenant` and `owner` it is the store's operator who asks: then a handle
        is described whoever it belongs to. Give both where a caller is behind it:
        then somebody else's handle is forbidden, while somebody else's name is not
        found, like one that nobody has stored.

        Args:
            secret: Name or handle.
            tenant: Whose name it is; by default the tenant `default`. When given, a
                handle of another tenant is refused.
            owner: A user whose own names count too, after the services'. When given,
                a handle of another user is refused.

        Raises:
            SecretNotFound: Nothing is stored under that name or handle.
            SecretForbidden: The handle is somebody else's.
        """
        with self._core.catalog.reading() as connection:
            record = self._core.find(
                connection, secret, tenant=tenant or "default", owner=owner
            ).record
        if tenant or owner:
            user = owner or record.owner
            refuse_foreign(record, tenant=tenant or "default", owner=user)
        return record

    def arm(self, secrets: Sequence[Secret] | Secret | None = None) -> int:
        """Register every stored value with the redactor, so that guards know it.

        `broker.redactor` does this by itself for what it does not know yet. Old
        versions are registered too.

        Args:
            secrets: Only these, or this one; by default all that this environment may
                use.

        Returns:
            How many secrets are covered now.

        Raises:
            ProviderError: A provider failed: values that cannot be read could not be
                redacted either.
        """
        return self._arm(self._entries(secrets))

    def _keep_armed(self) -> None:
        """Arm what any process has stored since the last look."""
        if self._core.catalog.closed:  # guards go on with what is known
            return
        changes = self._core.catalog.changes()
        if changes == self._armed_at:
            return
        with self._core.catalog.reading() as connection:
            entries, tenants = unarmed(self._core, connection, self._here())
        self._arm(entries, tenants=tenants, unknown_only=True)
        self._armed_at = changes

    def _arm(
        self,
        entries: list[Entry],
        *,
        tenants: set[str] | None = None,
        unknown_only: bool = False,
    ) -> int:
        count, problems = arm(self._core, entries, unknown_only=unknown_only)
        tenants = tenants or {entry.record.tenant for entry in entries}
        # Anybody's run may stumble over anybody's secret here.
        refuse_unreadable(
            veiled(
                problems,
                entries,
                lambda record: record.owner is None and len(tenants) == 1,
            )
        )
        return count

    def verify(
        self, *, tenant: str = "default", owner: str | None = None
    ) -> list[Problem]:
        """Resolve all secrets of this environment; every failure at once.

        Args:
            tenant: Whose names the reader may know: its services'.
            owner: A user whose own names the reader may know too.

        Returns:
            The failures. Those of others' secrets tell the handle only.
        """
        entries = self._entries(None)
        _, problems = arm(self._core, entries)

        def visible(record: SecretRecord) -> bool:
            return record.tenant == tenant and record.owner in (None, owner or None)

        return veiled(problems, entries, visible)

    def _entries(self, secrets: Sequence[Secret] | Secret | None) -> list[Entry]:
        core = self._core
        with core.catalog.reading() as connection:
            if secrets is not None:
                return [core.find(connection, secret) for secret in several(secrets)]
            return core.catalog.find(connection, self._here())

    def _here(self) -> ColumnElement[bool]:
        """Which secrets this environment may use."""
        environments = {"", self._core.environment or ""}
        return schema.secrets.c.environment.in_(environments)

    ahandles = twin(handles)
    arecords = twin(records)
    adescribe = twin(describe)
    aarm = twin(arm)
    averify = twin(verify)
