"""Telling the redactor of every value that is stored, so that guards know it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from langchain_tyrum.broker.lease.reading import Tampered, read
from langchain_tyrum.broker.values.asking import Store
from langchain_tyrum.broker.values.changes import note_mark, rotate_outside
from langchain_tyrum.errors import SecretNotFound, TyrumError
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.broker.lease.reading import Reading
    from langchain_tyrum.ledger.secret_rows import Entry

#: How many secrets one query asks for; databases limit the parameters of a statement.
_BATCH = 500


@dataclass(frozen=True)
class Problem:
    """One secret that cannot be resolved now."""

    name: str
    handle_id: str
    error: TyrumError

    def __str__(self) -> str:
        return f"{self.name}: {self.error}"


def arm(
    core: Core, entries: Sequence[Entry], *, unknown_only: bool = False
) -> tuple[int, list[Problem]]:
    """Register the stored versions of these secrets; one ledger row tells of it.

    Values that somebody changed where they live are noticed here as at a lease.

    Args:
        core: The broker's stores.
        entries: The secrets.
        unknown_only: Leave out versions that the redactor has been told of.

    Returns:
        How many secrets are covered, and those that could not be read.
    """
    problems = []
    readings: list[Reading] = []
    read_any = False
    for entry in entries:
        wanted = _wanted(core, entry, unknown_only=unknown_only)
        read_any = read_any or bool(wanted)
        try:
            readings += _arm_one(core, entry, wanted)
        except TyrumError as error:
            record = entry.record
            problems.append(Problem(record.name, record.handle_id, error))
    count = len(entries) - len(problems)
    if read_any or problems or not unknown_only:
        with core.journal() as journal:
            for reading in readings:
                if reading.is_foreign:
                    rotate_outside(core, journal, reading.entry, reading.mark)
                elif reading.is_first:
                    note_mark(core, journal, reading)
            outcome = f"{count} secrets, {len(problems)} problems"
            journal.log("arm", outcome, environment=core.environment)
    return count, problems


def unarmed(
    core: Core, connection: Connection, *where: ColumnElement[bool]
) -> tuple[list[Entry], set[str]]:
    """The secrets with versions that the redactor has not been told of.

    Looks at numbers first: among 100,000 secrets few are new.

    Returns:
        These secrets, and the tenants of all that were looked at.
    """
    columns = schema.secrets.c
    query = select(
        columns.handle_id, columns.first_version, columns.version, columns.tenant
    ).where(*where)
    tenants: set[str] = set()
    new = []
    for handle_id, first, last, tenant in connection.execute(query):
        tenants.add(tenant)
        if any((handle_id, n) not in core.known for n in range(first, last + 1)):
            new.append(handle_id)
    found: list[Entry] = []
    for start in range(0, len(new), _BATCH):
        batch = columns.handle_id.in_(new[start : start + _BATCH])
        found += core.catalog.find(connection, batch)
    return found, tenants


def refuse_unreadable(problems: Sequence[Problem]) -> None:
    """Raise for what may exist and cannot be read: it could not be redacted either.

    Raises:
        TyrumError: The first such failure. A value that is not there is none, and one
            that was overwritten was read: it is covered.
    """
    for problem in problems:
        if not isinstance(problem.error, SecretNotFound | Tampered):
            raise problem.error


def _wanted(core: Core, entry: Entry, *, unknown_only: bool) -> list[int]:
    handle_id = entry.record.handle_id
    versions = range(entry.first_version, entry.record.version + 1)
    return [
        version
        for version in versions
        if not unknown_only or (handle_id, version) not in core.known
    ]


def _arm_one(core: Core, entry: Entry, wanted: Sequence[int]) -> list[Reading]:
    record = entry.record
    store = Store(core, record.provider)
    for version in wanted:
        if version == record.version:
            continue
        # Where others write there are no old versions; one may also be destroyed.
        with suppress(SecretNotFound):
            if store.writable:
                core.cover(record, store.get(entry.ref, version=version))
        core.known.add((record.handle_id, version))
    return [read(core, entry)] if record.version in wanted else []
