"""The part of the broker that lets models name secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, literal, select

from langchain_tyrum.broker.checking import check_texts
from langchain_tyrum.broker.part import Part, twin
from langchain_tyrum.broker.records.names import check_alias, check_title
from langchain_tyrum.broker.records.owning import refuse_foreign
from langchain_tyrum.broker.records.rows import about
from langchain_tyrum.errors import SecretForbidden, SecretNotFound
from langchain_tyrum.handles import HANDLE_TEXT, SCHEME, SecretReference, new_id
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.columns import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from langchain_tyrum.broker.core import Secret
    from langchain_tyrum.handles import SecretRecord

#: A reference, and the handle of the secret that it was made for.
Pair = tuple[str, SecretReference]


class Referencing(Part):
    """References: what models see of secrets, and what they mean by it."""

    def reference(
        self,
        secret: Secret,
        *,
        alias: str | None = None,
        tools: Sequence[str],
        display_name: str | None = None,
        tenant: str | None = None,
        owner: str | None = None,
    ) -> SecretReference:
        """Let models name a secret, for certain tools only.

        Referring to the same secret under the same alias again replaces the tools and
        the display name and keeps the id. A reference stands for the secret's name:
        in each environment it means what that name means there.

        Args:
            secret: Name or handle.
            alias: What models call it; unique among the tenant's names, ids and
                aliases. Users' own names count: what they put first is taken, and
                neither side is told by whom.
            tools: The tool ids that may take it, at least one.
            display_name: What people are shown.
            tenant: Whose name it is; by default the tenant `default`.
            owner: A user whose own names count too.

        Returns:
            The reference: all that a model ever learns.

        Raises:
            SecretExists: The alias is taken.
            ConfigError: The alias, the tools or the display name are malformed.
        """
        check_alias(alias)
        check_title(display_name)
        check_texts("the tools that may take it", tools, "tools=['create_issue']")
        if display_name:
            self._keep_armed()
        self._core.refuse_value_as_name(alias, display_name)
        with self._core.journal() as journal:
            connection = journal.connection
            record = self._core.find(
                connection, secret, tenant=tenant or "default", owner=owner
            ).record
            if tenant or owner:
                user = owner or record.owner
                refuse_foreign(record, tenant=tenant or "default", owner=user)
            columns = schema.references.c
            known = self._core.catalog.references(
                connection,
                columns.handle_id.in_(_namesakes(record)),
                columns.secret_alias.is_not_distinct_from(alias),
                columns.environment == "",
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
            told = {**about(record), "version": None, "environment": None}
            journal.log("reference", "ok", **told)
        return reference

    def references(
        self,
        tool_id: str | None = None,
        *,
        tenant: str = "default",
        owner: str | None = None,
    ) -> list[SecretReference]:
        """The references of a tenant's services; those of other users never show.

        Args:
            tool_id: Only those that this tool may take.
            tenant: Whose references they are.
            owner: A user whose own ones count too.
        """
        with self._core.catalog.reading() as connection:
            found = self._visible(connection, tenant, owner)
        return [reference for _, reference in found if _allows(reference, tool_id)]

    def references_by_handle(
        self, tool_id: str, *, tenant: str = "default", owner: str | None = None
    ) -> dict[str, SecretReference]:
        """The references that a tool may take, by the handle id that each means here.

        Args:
            tool_id: The tool.
            tenant: Whose references they are.
            owner: A user whose own ones count too.
        """
        with self._core.catalog.reading() as connection:
            found = [
                pair
                for pair in self._visible(connection, tenant, owner)
                if _allows(pair[1], tool_id)
            ]
            meant = self._meant(connection, [handle_id for handle_id, _ in found])
        return {meant[handle_id].handle_id: one for handle_id, one in found}

    def resolve_reference(
        self,
        selector: str,
        *,
        tool_id: str,
        tenant: str = "default",
        owner: str | None = None,
    ) -> SecretRecord:
        """The secret that a model chose by reference id, alias or handle.

        Nothing is resolved here: this names the record, for the tool that asks. A
        handle counts only where a reference covers its secret; a secret's name never
        does.

        Args:
            selector: What the model wrote, with or without `tyrum://`.
            tool_id: The tool that wants it.
            tenant: Whose reference it is.
            owner: A user whose own references count too.

        Raises:
            SecretNotFound: There is no such reference, or it is somebody else's.
            SecretForbidden: The reference does not allow this tool.
        """
        wanted = _selector(selector)
        with self._core.catalog.reading() as connection:
            named = self._named(connection, wanted, tenant, owner)
            allowed = [h for h, reference in named if _allows(reference, tool_id)]
            if allowed:
                return self._meant(connection, allowed[:1])[allowed[0]]
        if not named:
            raise SecretNotFound(
                "no reference has that id or alias: choose one that the tool lists",
                tool_id=tool_id,
            )
        raise SecretForbidden(
            f"{SCHEME + wanted!r} may not be used by {tool_id!r}: add the tool with "
            "broker.reference(…, tools=[…])",
            handle=named[0][0],
            tool_id=tool_id,
        )

    def _visible(
        self,
        connection: Connection,
        tenant: str,
        owner: str | None,
        *where: ColumnElement[bool],
    ) -> list[Pair]:
        """The references of a tenant's services, and of one user."""
        table, secrets = schema.references.c, schema.secrets.c
        theirs = select(secrets.handle_id).where(
            secrets.tenant == tenant, secrets.owner.in_({"", owner or ""})
        )
        return self._core.catalog.references(
            connection,
            table.tenant == tenant,
            table.handle_id.in_(theirs),
            _holds_in(self._core.environment or ""),
            *where,
        )

    def _named(
        self, connection: Connection, wanted: str, tenant: str, owner: str | None
    ) -> list[Pair]:
        """The visible references of that id or alias, or of that handle's secret."""
        table, secrets = schema.references.c, schema.secrets.c
        text = literal(wanted, Text)  # longer than an id may be, for all we know
        found = [
            (handle_id, reference)
            for handle_id, reference in self._visible(
                connection,
                tenant,
                owner,
                (table.secret_ref_id == text) | (table.secret_alias == text),
            )
            # Some databases compare without regard to case.
            if wanted in (reference.secret_ref_id, reference.secret_alias)
        ]
        for entry in self._core.catalog.find(connection, secrets.handle_id == text):
            if entry.record.handle_id == wanted:
                same = table.handle_id.in_(_namesakes(entry.record))
                found += self._visible(connection, tenant, owner, same)
        return found

    def _meant(
        self, connection: Connection, handle_ids: Sequence[str]
    ) -> dict[str, SecretRecord]:
        """What the names of these secrets mean in this environment, by handle id."""
        columns, here = schema.secrets.c, self._core.environment
        find = self._core.catalog.find
        own = [e.record for e in find(connection, columns.handle_id.in_(handle_ids))]
        same = find(
            connection,
            columns.name.in_({record.name for record in own}),
            columns.environment.in_({"", here or ""}),
        )
        rows = {
            _key(e.record, e.record.environment): e.record
            for e in same
            if e.record.status != "disabled"
        }
        return {
            record.handle_id: rows.get(_key(record, here))
            or rows.get(_key(record, None))
            or record  # of another environment: a lease will say so
            for record in own
        }

    areference = twin(reference)
    areferences = twin(references)
    areferences_by_handle = twin(references_by_handle)
    aresolve_reference = twin(resolve_reference)


def _selector(selector: str) -> str:
    """What stands after `tyrum://`; nothing that is no id or alias is looked up."""
    text = selector.removeprefix(SCHEME) if isinstance(selector, str) else ""
    return text if HANDLE_TEXT.fullmatch(SCHEME + text) else ""


def _allows(reference: SecretReference, tool_id: str | None) -> bool:
    return tool_id is None or tool_id in reference.allowed_tool_ids


def _holds_in(environment: str) -> ColumnElement[bool]:
    """Those of an environment, and those for any that it has no own alias of."""
    table, own = schema.references, schema.references.alias()
    replaced = exists().where(
        own.c.tenant == table.c.tenant,
        own.c.secret_alias == table.c.secret_alias,
        own.c.environment == environment,
    )
    if not environment:
        return table.c.environment == ""
    return (table.c.environment == environment) | (
        (table.c.environment == "") & ~replaced
    )


def _namesakes(record: SecretRecord) -> Select[tuple[str]]:
    """A query for the handle ids of that name, in every environment."""
    columns = schema.secrets.c
    return select(columns.handle_id).where(
        columns.tenant == record.tenant,
        columns.owner == (record.owner or ""),
        columns.name == record.name,
    )


def _key(record: SecretRecord, environment: str | None) -> tuple[str | None, ...]:
    return record.tenant, record.owner, record.name, environment
