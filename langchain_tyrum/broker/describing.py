"""The part of the broker that tells of secrets without their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_

from langchain_tyrum.broker.arming import arm, refuse_unreadable
from langchain_tyrum.broker.part import Part, twin
from langchain_tyrum.errors import ConfigError, SecretForbidden, SecretNotFound
from langchain_tyrum.handles import (
    HANDLE_TEXT,
    SCHEME,
    SecretReference,
    Table,
    new_id,
)
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.broker.arming import Problem
    from langchain_tyrum.broker.core import Secret
    from langchain_tyrum.handles import SecretHandle, SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


class Describing(Part):
    """Handles, records and references, and what is known of all of them."""

    _armed_at = 0

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
        self, secret: Secret, *, tenant: str = "default", owner: str | None = None
    ) -> SecretRecord:
        """What the catalog knows of a secret now.

        Args:
            secret: Name or handle.
            tenant: Whose name it is.
            owner: A user whose own names count too, after the services'.

        Raises:
            SecretNotFound: Nothing is stored under that name or handle.
        """
        with self._core.catalog.reading() as connection:
            return self._core.find(
                connection, secret, tenant=tenant, owner=owner
            ).record

    def reference(
        self,
        secret: Secret,
        *,
        alias: str | None = None,
        tools: Sequence[str],
        display_name: str | None = None,
        tenant: str = "default",
        owner: str | None = None,
    ) -> SecretReference:
        """Let models name a secret, for certain tools only.

        Referring to the same secret under the same alias again replaces the tools and
        the display name and keeps the id.

        Args:
            secret: Name or handle.
            alias: What models call it; unique among names, ids and aliases.
            tools: The tool ids that may take it, at least one.
            display_name: What people are shown.
            tenant: Whose name it is.
            owner: A user whose own names count too.

        Returns:
            The reference: all that a model ever learns.

        Raises:
            SecretExists: The alias is taken.
            ConfigError: The alias or the tools are malformed.
        """
        if alias is not None and not HANDLE_TEXT.fullmatch(SCHEME + alias):
            raise ConfigError("an alias has letters, digits, '_', '-' and '/' only")
        if isinstance(tools, str) or not tools:
            raise ConfigError("name the tools that may take it: tools=['create_issue']")
        self._core.refuse_value_as_name(alias, display_name)
        with self._core.journal() as journal:
            connection = journal.connection
            record = self._core.find(
                connection, secret, tenant=tenant, owner=owner
            ).record
            known = self._core.catalog.references(
                connection,
                schema.references.c.handle_id == record.handle_id,
                schema.references.c.secret_alias.is_(alias)
                if alias is None
                else schema.references.c.secret_alias == alias,
            )
            reference = SecretReference(
                secret_ref_id=known[0][1].secret_ref_id if known else new_id("r_"),
                secret_alias=alias,
                allowed_tool_ids=tuple(tools),
                display_name=display_name,
            )
            self._core.catalog.add_reference(
                connection,
                reference,
                handle_id=record.handle_id,
                tenant=record.tenant,
            )
            journal.log(
                "reference",
                "ok",
                handle_id=record.handle_id,
                name=record.name,
                scope=record.scope,
                tenant=record.tenant,
            )
        return reference

    def references(
        self, tool_id: str | None = None, *, tenant: str = "default"
    ) -> list[SecretReference]:
        """The references of a tenant; with `tool_id`, those that tool may take."""
        return [
            reference
            for _, reference in self._references(tenant)
            if tool_id is None or tool_id in reference.allowed_tool_ids
        ]

    def resolve_reference(
        self, selector: str, *, tool_id: str, tenant: str = "default"
    ) -> SecretRecord:
        """The secret that a model chose by reference id, alias or handle.

        Nothing is resolved here: this names the record, for the tool that asks.

        Args:
            selector: What the model wrote, with or without `tyrum://`.
            tool_id: The tool that wants it.
            tenant: Whose reference it is.

        Raises:
            SecretNotFound: There is no such reference.
            SecretForbidden: The reference does not allow this tool.
        """
        wanted = selector.removeprefix(SCHEME)
        named = [
            (handle_id, reference)
            for handle_id, reference in self._references(tenant)
            if wanted in (reference.secret_ref_id, reference.secret_alias, handle_id)
        ]
        if not named:
            raise SecretNotFound(
                "no reference has that id or alias: choose one that the tool lists",
                tool_id=tool_id,
            )
        for handle_id, reference in named:
            if tool_id in reference.allowed_tool_ids:
                with self._core.catalog.reading() as connection:
                    return self._core.catalog.by_id(connection, handle_id).record
        raise SecretForbidden(
            f"{str(named[0][1])!r} may not be used by {tool_id!r}: add the tool with "
            "broker.reference(…, tools=[…])",
            handle=named[0][0],
            tool_id=tool_id,
        )

    def arm(self, secrets: Sequence[Secret] | None = None) -> int:
        """Register every stored value with the redactor, so that guards know it.

        `broker.redactor` does this by itself for what it does not know yet. Old
        versions are registered too.

        Args:
            secrets: Only these; by default all that this environment may use.

        Returns:
            How many secrets are covered now.

        Raises:
            ProviderError: A provider failed: values that cannot be read could not be
                redacted either.
        """
        count, problems = arm(self._core, self._entries(secrets))
        refuse_unreadable(problems)
        return count

    def _keep_armed(self) -> None:
        """Arm what any process has stored since the last look."""
        changes = self._core.catalog.changes()
        if changes == self._armed_at:
            return
        _, problems = arm(self._core, self._entries(None), unknown_only=True)
        refuse_unreadable(problems)
        self._armed_at = changes

    def verify(self) -> list[Problem]:
        """Resolve all secrets of this environment; every failure at once."""
        _, problems = arm(self._core, self._entries(None))
        return problems

    def _entries(self, secrets: Sequence[Secret] | None) -> list[Entry]:
        core, columns = self._core, schema.secrets.c
        with core.catalog.reading() as connection:
            if secrets is not None:
                return [core.find(connection, secret) for secret in secrets]
            here = or_(
                columns.environment.is_(None),
                columns.environment == (core.environment or ""),
            )
            return core.catalog.find(connection, here)

    def _references(self, tenant: str) -> list[tuple[str, SecretReference]]:
        with self._core.catalog.reading() as connection:
            return self._core.catalog.references(
                connection, schema.references.c.tenant == tenant
            )

    ahandles = twin(handles)
    arecords = twin(records)
    adescribe = twin(describe)
    areference = twin(reference)
    areferences = twin(references)
    aresolve_reference = twin(resolve_reference)
    aarm = twin(arm)
    averify = twin(verify)
