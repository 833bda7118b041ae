"""What `doctor` looks at: one check per line, with the mend; never a value."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from langchain_tyrum.errors import SecretNotFound, TyrumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.handles import SecretRecord

#: Who wants traces of every run, by LangSmith's variables.
_TRACING = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: How it is.
        told: What was found.
        mend: What to do about it; empty when nothing.
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    told: str
    mend: str = ""


def check_broker(broker: SecretBroker, *, tenant: str) -> Iterator[Check]:
    """Look at an open store: keys, files, ledger, secrets, leases, policy.

    Args:
        broker: The store.
        tenant: Whose services may be named; others' secrets are told by their handles.

    Yields:
        One check after the other. One that fails itself says so, and the others go on.
    """
    checks: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("catalog", lambda: _catalog(broker)),
        ("key", lambda: _key(broker)),
        ("files", lambda: _files(broker)),
        ("ledger", lambda: _ledger(broker)),
        ("secrets", lambda: _secrets(broker, tenant)),
        ("leases", lambda: _leases(broker)),
        ("policy", lambda: _policy(broker)),
        ("environment", lambda: _environment(broker)),
    ]
    for name, check in checks:
        found: list[Check] = []
        try:
            found += check()
        except TyrumError as error:
            found.append(Check(name, "fail", str(error)))
        except Exception as error:  # its own text may hold anything
            kind = type(error).__name__
            found.append(Check(name, "fail", f"cannot be looked at ({kind})"))
        yield from found


def check_surroundings() -> Iterator[Check]:
    """Look at what needs no store: traces that nobody may guard, the fast engine."""
    wanted = [name for name in _TRACING if os.environ.get(name, "").lower() == "true"]
    if wanted:
        yield Check(
            "traces",
            "warn",
            f"{', '.join(wanted)} is on: every run of every process is traced",
            "see that protect(…) or install_tracing(…) runs in each of them",
        )
    else:
        yield Check("traces", "ok", "no tracing is switched on by the environment")
    try:
        import_module("hyperscan")
    except Exception:  # not installed, or built for another machine
        yield Check(
            "engine",
            "warn",
            "hyperscan cannot be imported: redacting many values is slower",
            "pip install hyperscan",
        )
    else:
        yield Check("engine", "ok", "hyperscan")


def _catalog(broker: SecretBroker) -> Iterator[Check]:
    from langchain_tyrum.ledger import schema  # noqa: PLC0415 - slow to import
    from langchain_tyrum.ledger.engines import shown  # noqa: PLC0415

    where = shown(broker.catalog.engine)  # its query may hold credentials too
    yield Check("catalog", "ok", f"schema {schema.SCHEMA} at {where}")


def _key(broker: SecretBroker) -> Iterator[Check]:
    newest, *older = broker.master_key_ids
    told = f"{newest} in {broker.audit.ring.where}"
    if older:
        yield Check(
            "key",
            "warn",
            f"{told}; {', '.join(older)} is still there too",
            "`langchain-tyrum key rotate` in each store that shares it, then "
            "`langchain-tyrum key drop`",
        )
    else:
        yield Check("key", "ok", told)


def _files(broker: SecretBroker) -> Iterator[Check]:
    """Modes of the files that hold the catalog, the key and the head."""
    url = broker.catalog.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        yield Check("files", "ok", "the catalog is on a server")
        return
    database = Path(url.database)
    keys = database.with_suffix(".keys")
    secret = [path for path in (keys, *sorted(keys.glob("*"))) if path.exists()]
    beside = [Path(f"{database}{end}") for end in ("", "-wal", "-shm")]
    wrong = [(path, "fail") for path in secret if _mode(path) & 0o077]
    wrong += [
        (path, "warn") for path in beside if path.exists() and _mode(path) & 0o077
    ]
    for path, state in wrong:
        mode = "700" if path.is_dir() else "600"
        yield Check(
            "files",
            "fail" if state == "fail" else "warn",
            f"{str(path)!r} is open to others (mode {_mode(path):o})",
            f"chmod {mode} {str(path)!r}",
        )
    if not wrong:
        yield Check("files", "ok", f"{len(secret) + 1} files and folders are yours")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _ledger(broker: SecretBroker) -> Iterator[Check]:
    report = broker.audit.verify()
    if report.ok:
        yield Check("ledger", "ok", f"{report.rows} rows, unbroken")
        return
    kinds = ", ".join(sorted({problem.kind for problem in report.problems}))
    yield Check(
        "ledger",
        "fail",
        f"{len(report.problems)} problems in {report.rows} rows: {kinds}",
        "langchain-tyrum audit verify; keep the database as evidence",
    )


def _secrets(broker: SecretBroker, tenant: str) -> Iterator[Check]:
    problems = broker.verify(tenant=tenant)
    redactor = broker._core.redactor  # noqa: SLF001 - `verify` has just armed it
    records = _records(broker)
    for problem in problems:
        # Perhaps a provider's own words: the values that are known are taken out.
        mend = redactor.redact_text(str(problem.error))
        record = records.get(problem.handle_id)
        told, in_use = problem.name, record is None or record.status == "active"
        if record and record.provider not in broker._core.providers:  # noqa: SLF001
            told = f"{problem.name} is at {record.provider!r}, which is not configured"
            mend = f"add [providers.{record.provider}] to tyrum.toml" + (
                f", or `langchain-tyrum secret revoke {problem.name}`" if in_use else ""
            )
        elif isinstance(problem.error, SecretNotFound) and _is_ours(broker, record):
            mend = f"`langchain-tyrum secret set …`, or at its provider: {mend}"
        if record and not in_use:
            told = f"{told} ({record.status})"
        yield Check("secret", "fail" if in_use else "warn", told, mend)
    if not problems:
        yield Check("secrets", "ok", "every value of this environment can be read")
    yield from _orphans(broker)


def _is_ours(broker: SecretBroker, record: SecretRecord | None) -> bool:
    """Whether a command of ours could put the value there."""
    providers = broker._core.providers  # noqa: SLF001 - its stores
    return record is None or providers[record.provider].writable


def _records(broker: SecretBroker) -> dict[str, SecretRecord]:
    """Everybody's, by handle id: whether one is in use, and where its value is."""
    from langchain_tyrum.ledger import schema  # noqa: PLC0415 - slow to import

    with broker.catalog.reading() as connection:
        found = broker.catalog.find(connection, schema.secrets.c.handle_id.is_not(None))
    return {entry.record.handle_id: entry.record for entry in found}


def _orphans(broker: SecretBroker) -> Iterator[Check]:
    """Values that no secret has: a process that died between the two leaves one."""
    from sqlalchemy import select  # noqa: PLC0415 - slow to import

    from langchain_tyrum.ledger.schema import secrets  # noqa: PLC0415
    from langchain_tyrum.providers import DatabaseProvider  # noqa: PLC0415

    for label, store in broker._core.providers.items():  # noqa: SLF001 - its stores
        if not isinstance(store, DatabaseProvider):
            continue
        query = select(secrets.c.ref).where(secrets.c.provider == label)
        with broker.catalog.reading() as connection:
            known = frozenset(connection.execute(query).scalars())
        if left := [name for name in store.names() if name not in known]:
            yield Check(
                "secrets",
                "warn",
                f"{len(left)} values in {label!r} belong to no secret of this catalog",
                "left by a process that died, or another catalog's: "
                "DatabaseProvider(url, key=…).delete(name) removes one",
            )


def _leases(broker: SecretBroker) -> Iterator[Check]:
    left = broker.unfinished()
    for lease in left:
        yield Check(
            "lease",
            "warn",
            f"row {lease.intent_seq} of the ledger has no outcome: {lease.tool_id!r} "
            f"began at {lease.reserved_at:%Y-%m-%d %H:%M} UTC and its process ended",
            "the value was never handed out: `langchain-tyrum lease settle "
            f"{lease.intent_seq}`",
        )
    if not left:
        yield Check("leases", "ok", "none is unfinished")


def _policy(broker: SecretBroker) -> Iterator[Check]:
    layers = [layer for layer in broker.policy if not layer.is_empty]
    if layers:
        names = ", ".join(layer.name or layer.sha256[:12] for layer in layers)
        yield Check("policy", "ok", f"layers: {names}")
        return
    yield Check(
        "policy",
        "warn",
        "none here: every use asks a person, unless your code passes policy=",
        "write [policy] into tyrum.toml, or SecretBroker(policy=SecretPolicy(…))",
    )


def _environment(broker: SecretBroker) -> Iterator[Check]:
    if broker.environment:
        yield Check("environment", "ok", broker.environment)
        return
    yield Check(
        "environment", "ok", "none: only secrets for any environment can be leased"
    )
