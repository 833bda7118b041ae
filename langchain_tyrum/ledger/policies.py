"""Snapshots of the policies that decided, so that a ledger row can be explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.ledger.catalog import Catalog


class Policies:
    """Canonical forms of policies, by their SHA-256; kept for good.

    Args:
        catalog: Where they are kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def keep(self, snapshots: Mapping[str, str]) -> None:
        """Keep what is not known yet; what is there is never written again.

        Args:
            snapshots: Canonical forms by their hash.
        """
        hashes = schema.policies.c.sha256
        query = select(hashes).where(hashes.in_(snapshots))
        with self._catalog.reading() as connection:
            known = set(connection.execute(query).scalars())
        if known.issuperset(snapshots):
            return
        with self._catalog.transaction() as connection:
            known = set(connection.execute(query).scalars())
            now = self._catalog.clock().isoformat()
            for sha256, policy in snapshots.items():
                if sha256 not in known:
                    row = {"sha256": sha256, "policy": policy, "recorded_at": now}
                    connection.execute(insert(schema.policies).values(**row))

    def find(self, sha256: str) -> Any:
        """The policy of that hash, as plain data; None when it never decided here."""
        table = schema.policies
        query = select(table.c.policy).where(table.c.sha256 == sha256)
        with self._catalog.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else json.loads(found)
