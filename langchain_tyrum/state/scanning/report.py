"""What a scan of durable state found: places, never values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFinding:
    """Where a raw value stands; never the value.

    Attributes:
        table: The table, the file, or what else is read: `writes`, `store`, `line 7`.
        thread: The thread id, or the namespace of a store.
        checkpoint: The checkpoint id, or the key in a store.
        channel: The channel of a write or blob, or the column.
        path: Where in the value.
        name: The secret's name, the kind of shape, or "" for somebody else's value.
        rule: `registered`, the kind of shape, or `unreadable` where nothing could be
            told, so that it counts as a value.
        encoding: In which form the value stands.
        repaired: Markers stand there now. Keys of rows are never rewritten.
    """

    table: str
    thread: str = ""
    checkpoint: str = ""
    channel: str = ""
    path: str = ""
    name: str = ""
    rule: str = ""
    encoding: str = ""
    repaired: bool = False


@dataclass(frozen=True, repr=False)
class ScanReport:
    """What a scan found. Iterating yields the findings.

    Attributes:
        findings: The first ten thousand of them.
        found: How many there are.
        repaired: How many of them have markers now.
        rows: How many rows, items or lines were read.
    """

    findings: tuple[ScanFinding, ...] = field(default=())
    found: int = 0
    repaired: int = 0
    rows: int = 0

    @property
    def ok(self) -> bool:
        """Whether no raw value is left."""
        return self.found == self.repaired

    def __iter__(self) -> Iterator[ScanFinding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        return (
            f"ScanReport(rows={self.rows}, found={self.found}, "
            f"repaired={self.repaired}, ok={self.ok})"
        )
