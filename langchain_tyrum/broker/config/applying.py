"""Bringing the catalog to what a settings file says: nothing is written in vain."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from langchain_tyrum.broker.config.places import is_another_file, note_file
from langchain_tyrum.broker.config.pointing import Pointing
from langchain_tyrum.broker.config.wanted import Wanted, wanted_secrets
from langchain_tyrum.broker.records.entries import new_entry
from langchain_tyrum.broker.records.rows import about
from langchain_tyrum.errors import SecretExists
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.secret_rows import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from langchain_tyrum.broker.config.reading import Config
    from langchain_tyrum.broker.core import Core, Journal
    from langchain_tyrum.handles import SecretRecord

    Step = Callable[[Journal], None]


logger = logging.getLogger(__name__)


def apply_config(config: Config, core: Core, *, withdraw: bool = True) -> None:
    """Upsert what a file declares, and disable what it no longer declares.

    Args:
        config: The settings.
        core: The stores of the broker that was opened for them.
        withdraw: Whether anything is disabled.

    Raises:
        ConfigError: Something else in the catalog stands against it; nothing was
            changed.
    """
    secrets = Applying(config, core, withdraw=withdraw)
    references = Pointing(config, core, secrets.wanted, withdraw=withdraw)
    with core.catalog.reading() as connection:
        if not secrets.steps(connection) and not references.steps(connection):
            return
    with core.journal() as journal:
        for step in secrets.steps(journal.connection):
            step(journal)
        for step in references.steps(journal.connection):
            step(journal)


class Applying:
    """The steps from the secrets of a catalog to those of a file.

    Args:
        config: The settings.
        core: The broker's stores.
        withdraw: Whether what is no longer declared is disabled.
    """

    def __init__(self, config: Config, core: Core, *, withdraw: bool = True) -> None:
        self._withdraw = withdraw
        self._config = config
        self._core = core
        self.wanted = wanted_secrets(config, core)

    def __repr__(self) -> str:
        return f"Applying(secrets={len(self.wanted)})"

    def steps(self, connection: Connection) -> list[Step]:
        """What is to be done; nothing when the catalog is as the file says."""
        disabled = self._disabled(connection)
        gone = self._gone(connection, disabled)
        steps: list[Step] = [partial(self._disable, record=record) for record in gone]
        for wanted in self.wanted:
            there = wanted.there(self._core.catalog, connection)
            if there is None:
                steps.append(partial(self._add, wanted=wanted))
            elif columns := self._columns(wanted, there, disabled):
                self._refuse_other_application(wanted, there, disabled)
                change = partial(self._change, wanted=wanted, there=there)
                steps.append(partial(change, columns=columns))
        if steps and self._withdraw:
            steps.append(lambda journal: note_file(self._config, journal.connection))
        return steps

    def _disabled(self, connection: Connection) -> set[str]:
        columns = schema.secrets.c
        query = select(columns.handle_id).where(columns.disabled)
        return set(connection.execute(query).scalars())

    def _columns(
        self, wanted: Wanted, there: Entry, disabled: set[str]
    ) -> dict[str, Any]:
        """The columns that are to change; where the value lives is no column here."""
        columns: dict[str, Any] = {}
        if wanted.differs(there):
            columns |= wanted.metadata()
        if wanted.lives_elsewhere(there):
            columns |= {
                "provider": wanted.provider,
                "ref": wanted.ref_of(there.record),
            }
        if there.record.handle_id in disabled:
            columns |= {"disabled": False, "source": self._config.application}
        elif there.source is None:
            columns["source"] = self._config.application
        return columns

    def _refuse_other_application(
        self, wanted: Wanted, there: Entry, disabled: set[str]
    ) -> None:
        """Two files that fight about one secret would change it at every start."""
        mine = there.source in (None, self._config.application)
        if mine or there.record.handle_id in disabled:
            return
        raise self._config.error(
            ("secrets", wanted.name),
            "another application declares this secret otherwise, in the same catalog; "
            "say the same in both files, or give it another name here",
        )

    def _add(self, journal: Journal, *, wanted: Wanted) -> None:
        core, problem = self._core, ""
        entry = new_entry(
            wanted.name, wanted.provider, wanted.details, now=core.catalog.clock()
        )
        entry = Entry(
            entry.record, wanted.ref_of(entry.record), "", 1, self._config.application
        )
        try:
            core.catalog.add(journal.connection, entry)
        except SecretExists as error:
            problem = str(error)
        if problem:
            raise self._config.error(("secrets", wanted.name), problem)
        journal.log("declare", "ok", **about(entry.record))

    def _change(
        self,
        journal: Journal,
        *,
        wanted: Wanted,
        there: Entry,
        columns: dict[str, Any],
    ) -> None:
        core, connection = self._core, journal.connection
        handle_id = there.record.handle_id
        moved = "provider" in columns
        if moved:  # another value: what was granted for the old one ends
            version = core.catalog.draw_version(connection, handle_id)
            columns = {
                **columns,
                "version": version,
                "first_version": version,
                "fingerprint": "",
            }
        core.catalog.change(connection, handle_id, **columns)
        record = core.catalog.by_id(connection, handle_id).record
        if moved:
            self._end_grants(journal, record)
        if columns.get("disabled") is False:
            journal.log("declare", "enabled", **about(record))
        if moved or wanted.differs(there) or "disabled" not in columns:
            journal.log("declare", "moved" if moved else "changed", **about(record))

    def _gone(self, connection: Connection, disabled: set[str]) -> list[SecretRecord]:
        """What this application declared once, and no environment declares now."""
        if not self._withdraw:
            return []
        found = self._core.catalog.find(
            connection, schema.secrets.c.source == self._config.application
        )
        mine = [e.record for e in found if e.record.handle_id not in disabled]
        gone = [
            record
            for record in mine
            if not self._config.declared.has_secret(
                record.tenant, record.owner, record.name, record.environment
            )
        ]
        if gone and gone == mine and is_another_file(self._config, connection):
            raise self._config.error(
                ("application",),
                "another settings file declares for the same application in this "
                "catalog, and this one would disable all of its secrets: give each "
                "file its own application; if this one replaces the other, declare "
                "one of those secrets here too, for its first start",
            )
        return gone

    def _disable(self, journal: Journal, *, record: SecretRecord) -> None:
        self._core.catalog.change(journal.connection, record.handle_id, disabled=True)
        journal.log("declare", "disabled", **about(record))
        logger.warning(
            "%r is no longer declared in %s: it is disabled until its table is back",
            record.name,
            self._config.file,
        )

    def _end_grants(self, journal: Journal, record: SecretRecord) -> None:
        for grant in self._core.grants.end_for(
            journal.connection, record, keep_always=True
        ):
            journal.log(
                "grant_ended",
                grant.mode,
                tool_id=grant.tool_id,
                thread_id=grant.thread_id,
                **about(record),
            )
