"""Reading a ledger: its last rows, all of them into a file, and whether they hold."""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from langchain_tyrum.errors import ConfigError, LedgerError
from langchain_tyrum.handles import Table
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.signatures import Signatures
from langchain_tyrum.ledger.verify import LedgerHead, LedgerProblem, LedgerReport, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from langchain_tyrum.ledger.catalog import Catalog
    from langchain_tyrum.ledger.data_keys import DataKeys
    from langchain_tyrum.ledger.headfile import HeadFile

_ROWS = schema.ledger
#: How many rows are in memory at a time.
_CHUNK = 1_000
_HASH = re.compile(r"[0-9a-f]{64}")
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def tail_rows(catalog: Catalog, n: int, *, tenant: str | None) -> list[dict[str, Any]]:
    """The last `n` rows, oldest first.

    Raises:
        ConfigError: `n` is no whole number, or below zero, which SQLite reads as all.
    """
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise ConfigError("the number of rows is zero or above: write audit.tail(20)")
    query = select(_ROWS).order_by(_ROWS.c.seq.desc()).limit(n)
    if tenant is not None:
        query = query.where(_ROWS.c.tenant == tenant)
    with catalog.reading() as connection, _any_text(connection):
        rows = [_shown(row) for row in connection.execute(query).mappings()]
    return Table(rows[::-1])


def export_rows(catalog: Catalog, path: Path, *, tenant: str | None) -> int:
    """Write rows as JSON lines into a file that nobody sees half-written.

    Raises:
        ConfigError: The file cannot be made.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    count = 0
    failed = None
    try:
        with (
            os.fdopen(os.open(draft, _DRAFT, 0o600), "w", encoding="utf-8") as file,
            catalog.reading() as connection,
            closing(stream_rows(connection, tenant=tenant)) as rows,
        ):
            for row in rows:
                file.write(json.dumps(_shown(row), sort_keys=True) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink()
        if not isinstance(error, OSError):
            raise
        failed = error.strerror or type(error).__name__
    if failed is None:
        return count
    raise ConfigError(
        f"the ledger cannot be exported to {str(path)!r} ({failed}): name a file in a "
        "folder that exists and is yours"
    )


def stream_rows(
    connection: Connection, *, tenant: str | None = None
) -> Generator[dict[str, Any], None, None]:
    """All rows by rising number, a few at a time."""
    query = select(_ROWS).order_by(_ROWS.c.seq)
    if tenant is not None:
        query = query.where(_ROWS.c.tenant == tenant)
    options = {"yield_per": _CHUNK}
    with (
        _any_text(connection),
        connection.execute(query, execution_options=options) as rows,
    ):
        for row in rows.mappings():
            yield dict(row)


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite hand out cells that are no UTF-8: they are a finding, not an error."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row that can be printed, whatever somebody wrote into its cells."""
    return {name: _printable(cell) for name, cell in row.items()}


def _printable(cell: Any) -> Any:
    if isinstance(cell, str) and not cell.isascii():
        return cell.encode(errors="backslashreplace").decode()
    return repr(cell) if isinstance(cell, bytes) else cell


def verify_rows(
    catalog: Catalog,
    keys: DataKeys,
    *,
    head_file: HeadFile | None,
    expected: LedgerHead | None,
    progress: Callable[[int], None] | None,
) -> LedgerReport:
    """Check every row, from one snapshot; see `Audit.verify`."""
    if expected is not None and not isinstance(expected, LedgerHead):
        raise ConfigError(
            f"verify takes a LedgerHead, not a {type(expected).__name__}: write "
            "audit.verify(expected=head), with what audit.head() gave"
        )
    known, lost = keys.known, False
    if known is None:
        raise LedgerError("the ledger has lost its head: restore a backup")
    if expected is None and head_file:
        # Before the snapshot, which then holds at least what this head tells of.
        expected = head_file.read()
        lost = expected is None
    with catalog.reading() as connection:
        head = head_row(connection)
        # A head that is gone or another ledger's is no error here: it is reported.
        if head is not None and head.ledger_id == known.ledger_id:
            known = keys.load(connection, head)
        walk = Walk(Signatures(known), expected=expected, progress=progress)
        with closing(stream_rows(connection)) as rows:
            walk.take(rows)
        report = walk.report(head_of(head), copied=_copied(connection, walk))
        count = select(func.count()).select_from(schema.ledger_head)
        heads = connection.execute(count).scalar() or 0
    if heads > 1:
        problem = LedgerProblem("head_mismatch", 0, f"there are {heads} heads")
        report = replace(report, problems=(*report.problems, problem))
    if lost and report.rows:
        detail = (
            "the file that keeps the head is gone: restore it; or, if the ledger is "
            "whole, accept it with broker.audit.keep_head()"
        )
        problem = LedgerProblem("head_lost", 0, detail)
        report = replace(report, problems=(*report.problems, problem))
    return report


#: Made once: every row of the ledger executes one of them.
_HEAD = select(schema.ledger_head)
_LOCKED_HEAD = _HEAD.with_for_update()


def head_row(connection: Connection, *, lock: bool = False) -> Row[Any] | None:
    """The row that tells where the chain ends."""
    return connection.execute(_LOCKED_HEAD if lock else _HEAD).first()


def head_of(row: Row[Any] | None) -> LedgerHead | None:
    """The same, for those who keep it elsewhere."""
    return LedgerHead(row.ledger_id, row.seq, row.hash) if row else None


def has_begun(catalog: Catalog) -> bool:
    """Whether the database holds a ledger, which then needs its own key."""
    with catalog.reading() as connection:
        return head_row(connection) is not None


def hash_at(catalog: Catalog, seq: int) -> str | None:
    """The hash of one row."""
    with catalog.reading() as connection:
        found = connection.execute(select(_ROWS.c.hash).where(_ROWS.c.seq == seq))
        return found.scalar()


def _copied(connection: Connection, walk: Walk) -> frozenset[str]:
    """Which of the hashes that do not fit stand in more than one row."""
    odd = {x for x in walk.odd.values() if isinstance(x, str) and _HASH.fullmatch(x)}
    if not odd:
        return frozenset()
    some = select(_ROWS.c.hash).where(_ROWS.c.hash.in_(odd))
    query = some.group_by(_ROWS.c.hash).having(func.count() > 1)
    return frozenset(connection.execute(query).scalars())
