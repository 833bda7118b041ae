"""The references of a settings file, brought into the catalog."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from langchain_tyrum.broker.config.wanted import Wanted, reference_id
from langchain_tyrum.errors import SecretExists
from langchain_tyrum.handles import SecretRecord, SecretReference
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from langchain_tyrum.broker.config.reading import Config
    from langchain_tyrum.broker.core import Core, Journal

    Step = Callable[[Journal], None]


class Pointing:
    """The steps from the references of a catalog to those of a file.

    Args:
        config: The settings.
        core: The broker's stores.
        secrets: The secrets of the active environment.
        withdraw: Whether what is no longer declared is dropped.
    """

    def __init__(
        self,
        config: Config,
        core: Core,
        secrets: Sequence[Wanted],
        *,
        withdraw: bool = True,
    ) -> None:
        self._withdraw = withdraw
        self._config = config
        self._catalog = core.catalog
        self._secrets = {wanted.name: wanted for wanted in secrets}

    def __repr__(self) -> str:
        return f"Pointing(references={len(self._config.tables.references)})"

    def steps(self, connection: Connection) -> list[Step]:
        """What is to be done, once the secrets are there."""
        gone = [
            partial(self._drop, ref_id=ref_id, record=record)
            for ref_id, record in self._gone(connection)
            if self._withdraw
        ]
        new = [
            partial(self._point, alias=alias)
            for alias in self._config.tables.references
            if not self._is_there(connection, alias)
        ]
        return [*gone, *new]

    def _target(self, alias: str) -> Wanted:
        return self._secrets[self._config.tables.references[alias].secret or ""]

    def _known(
        self, connection: Connection, alias: str
    ) -> tuple[str, SecretReference] | None:
        columns = schema.references.c
        tenant = self._target(alias).details.tenant
        found = self._catalog.references(
            connection,
            columns.tenant == tenant,
            columns.secret_alias == alias,
            columns.environment == self._place(alias),
        )
        return found[0] if found else None

    def _place(self, alias: str) -> str:
        """The environment whose own tables speak of an alias; '' is any."""
        own = self._config.view.is_own("references", alias)
        return (self._config.environment or "") if own else ""

    def _is_there(self, connection: Connection, alias: str) -> bool:
        """Whether the alias stands for that secret, in whichever environment."""
        found = self._known(connection, alias)
        if found is None:
            return False
        handle_id, reference = found
        record = self._catalog.by_id(connection, handle_id).record
        target, table = self._target(alias), self._config.tables.references[alias]
        return (
            (record.name, record.owner) == (target.name, target.details.owner)
            and reference.allowed_tool_ids == table.tools
            and reference.display_name == table.display_name
        )

    def _point(self, journal: Journal, *, alias: str) -> None:
        target, table = self._target(alias), self._config.tables.references[alias]
        tenant = target.details.tenant
        known = self._known(journal.connection, alias)
        place = self._place(alias)
        own_id = reference_id(self._config.application, tenant, alias, place)
        reference = SecretReference(
            secret_ref_id=known[1].secret_ref_id if known else own_id,
            secret_alias=alias,
            allowed_tool_ids=table.tools,
            display_name=table.display_name,
        )
        record = target.find(self._catalog, journal.connection)
        problem = ""
        try:
            self._catalog.add_reference(
                journal.connection,
                reference,
                handle_id=record.handle_id,
                tenant=tenant,
                environment=place,
            )
        except SecretExists as error:
            problem = str(error)
        if problem:
            raise self._config.error(("references", alias), problem)
        journal.log("reference", "ok", **_told(record))

    def _gone(self, connection: Connection) -> list[tuple[str, SecretRecord]]:
        """What this application declared once, and no environment declares now."""
        table, gone = schema.references.c, []
        query = select(schema.references).where(table.secret_alias.is_not(None))
        for row in connection.execute(query).mappings():
            place = row["tenant"], row["secret_alias"], row["environment"]
            own_id = reference_id(self._config.application, *place)
            declared = self._config.declared.has_alias(*place)
            if row["secret_ref_id"] == own_id and not declared:
                record = self._catalog.by_id(connection, row["handle_id"]).record
                gone.append((own_id, record))
        return gone

    def _drop(self, journal: Journal, *, ref_id: str, record: SecretRecord) -> None:
        table = schema.references
        journal.connection.execute(delete(table).where(table.c.secret_ref_id == ref_id))
        journal.log("reference", "removed", **_told(record))


def _told(record: SecretRecord) -> dict[str, Any]:
    return {
        "handle_id": record.handle_id,
        "name": record.name,
        "scope": record.scope,
        "tenant": record.tenant,
    }
