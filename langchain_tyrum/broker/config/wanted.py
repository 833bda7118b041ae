"""What a settings file wants the catalog to hold."""

from __future__ import annotations

import hashlib
import json
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.records.entries import Details, own_ref
from langchain_tyrum.broker.records.names import unknown

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from langchain_tyrum.broker.config.reading import Config
    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.catalog import Catalog
    from langchain_tyrum.ledger.secret_rows import Entry

_BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One secret of the file, as it holds in the active environment.

    Attributes:
        by_handle: Whether the broker chooses what the provider calls it.
        ref: What the provider calls it, where the file says so.
    """

    name: str
    provider: str
    by_handle: bool
    ref: str | None
    details: Details

    def there(self, catalog: Catalog, connection: Connection) -> Entry | None:
        """Its entry in the catalog, if there is one."""
        return catalog.named(
            connection,
            self.name,
            tenant=self.details.tenant,
            owner=self.details.owner or "",
            environment=self.details.environment or "",
        )

    def find(self, catalog: Catalog, connection: Connection) -> SecretRecord:
        """Its record, once it is in the catalog.

        Raises:
            SecretNotFound: It is not there yet.
        """
        entry = self.there(catalog, connection)
        if entry is None:
            raise unknown(self.name, ())
        return entry.record

    def ref_of(self, record: SecretRecord) -> str:
        """What the provider calls it."""
        return self.ref or (own_ref(record) if self.by_handle else self.name)

    def metadata(self) -> dict[str, Any]:
        """The columns in which the file wins."""
        expires_at = self.details.expires_at
        return {
            "scope": self.details.scope or self.name,
            "allowed_hosts": list(self.details.allowed_hosts),
            "expires_at": expires_at.isoformat() if expires_at else None,
        }

    def differs(self, entry: Entry) -> bool:
        """Whether an entry's metadata is other than the file says."""
        record, details = entry.record, self.details
        here = (record.scope, record.allowed_hosts, record.expires_at)
        return here != (
            details.scope or self.name,
            tuple(details.allowed_hosts),
            details.expires_at,
        )

    def lives_elsewhere(self, entry: Entry) -> bool:
        """Whether an entry's value is another one than the file means."""
        here = (entry.record.provider, entry.ref)
        return here != (self.provider, self.ref_of(entry.record))


def wanted_secrets(config: Config, core: Core) -> list[Wanted]:
    """The secrets of the active environment.

    One that the environment's own tables speak of is that environment's; the others
    are for any, so that environments can share a catalog.
    """
    return [
        Wanted(
            name=name,
            provider=table.provider or "",
            by_handle=getattr(core.provider(table.provider or ""), "by_handle", False),
            ref=table.ref,
            details=Details(
                scope=table.scope,
                tenant=table.tenant,
                owner=table.owner,
                environment=config.environment
                if config.view.is_own("secrets", name)
                else None,
                allowed_hosts=table.allowed_hosts,
                expires_at=table.expires_at,
            ),
        )
        for name, table in config.tables.secrets.items()
    ]


def reference_id(
    application: str, tenant: str, alias: str, environment: str = ""
) -> str:
    """The id of a reference that a file declares; by it the file knows its own.

    Args:
        application: Who declares.
        tenant: Whose secret it is.
        alias: What models call it.
        environment: The only one it is declared for; '' is any.
    """
    text = json.dumps([application, tenant, alias, environment])
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    digits = []
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "r_" + "".join(digits)
