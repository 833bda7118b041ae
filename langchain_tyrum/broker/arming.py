"""Telling the redactor of every value that is stored, so that guards know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.errors import SecretNotFound, TyrumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.ledger.catalog import Entry


@dataclass(frozen=True)
class Problem:
    """One secret that cannot be resolved now."""

    name: str
    handle_id: str
    error: TyrumError

    def __str__(self) -> str:
        return f"{self.name}: {self.error}"


def arm(core: Core, entries: Sequence[Entry]) -> tuple[int, list[Problem]]:
    """Register the stored versions of these secrets; one ledger row tells of it.

    Returns:
        How many secrets are covered, and those that could not be read.
    """
    problems = []
    for entry in entries:
        try:
            _arm_one(core, entry)
        except TyrumError as error:
            record = entry.record
            problems.append(Problem(record.name, record.handle_id, error))
    count = len(entries) - len(problems)
    with core.journal() as journal:
        outcome = f"{count} secrets, {len(problems)} problems"
        journal.log("arm", outcome, environment=core.environment)
    return count, problems


def _arm_one(core: Core, entry: Entry) -> None:
    record = entry.record
    store = core.provider(record.provider)
    for version in range(entry.first_version, record.version + 1):
        try:
            value = store.get(entry.ref, version=version)
        except SecretNotFound:
            if version == record.version:
                raise
            continue  # an old version that was destroyed where it lived
        core.redactor.register(
            record.name,
            value,
            tenant=record.tenant,
            owner=record.owner,
            allow_short=True,  # what is stored was admitted when it was put
        )
