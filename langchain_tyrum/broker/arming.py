"""Telling the redactor of every value that is stored, so that guards know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.errors import SecretNotFound, TyrumError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.ledger.secret_rows import Entry


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

    Args:
        core: The broker's stores.
        entries: The secrets.
        unknown_only: Leave out versions that the redactor has been told of.

    Returns:
        How many secrets are covered, and those that could not be read.
    """
    problems = []
    read = 0
    for entry in entries:
        try:
            read += _arm_one(core, entry, unknown_only=unknown_only)
        except TyrumError as error:
            record = entry.record
            problems.append(Problem(record.name, record.handle_id, error))
    count = len(entries) - len(problems)
    if read or problems or not unknown_only:
        with core.journal() as journal:
            outcome = f"{count} secrets, {len(problems)} problems"
            journal.log("arm", outcome, environment=core.environment)
    return count, problems


def refuse_unreadable(problems: Sequence[Problem]) -> None:
    """Raise for what may exist and cannot be read: it could not be redacted either.

    Raises:
        TyrumError: The first such failure. A value that is not there is none.
    """
    for problem in problems:
        if not isinstance(problem.error, SecretNotFound):
            raise problem.error


def _arm_one(core: Core, entry: Entry, *, unknown_only: bool) -> int:
    record = entry.record
    versions = range(entry.first_version, record.version + 1)
    wanted = [
        version
        for version in versions
        if not unknown_only or (record.handle_id, version) not in core.known
    ]
    if not wanted:
        return 0
    store = core.provider(record.provider)
    for version in wanted:
        try:
            value = store.get(entry.ref, version=version)
        except SecretNotFound:
            if version == record.version:
                raise
            continue  # an old version that was destroyed where it lived
        core.tell(record, value, version=version)
    return len(wanted)
