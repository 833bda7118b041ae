"""`guard_store`: long-term memory without raw values."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

from langgraph.store.base import (
    BaseStore,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchOp,
    TTLConfig,
)

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.state.guard import Guard, guard_of, may_be_sealed, refuse_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tyrum.redaction import Redactor


class GuardedStore(BaseStore):
    """A store over another one; every operation passes `batch` or `abatch`.

    All else (setup, TTL sweeping, connections, `async with`) is the inner store's.
    """

    __slots__ = ("_inner", "_tyrum_guard")

    def __init__(self, inner: BaseStore, guard: Guard) -> None:
        self._inner = inner
        self._tyrum_guard = guard

    @property
    def supports_ttl(self) -> bool:  # type: ignore[override]
        """As the inner store says."""
        return self._inner.supports_ttl

    @property
    def ttl_config(self) -> TTLConfig | None:  # type: ignore[override]
        """As the inner store says."""
        return self._inner.ttl_config

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations on the inner store, with markers where values stood.

        Raises:
            RawSecretFound: A namespace or key holds a value.
        """
        found = self._inner.batch([_clean(self._tyrum_guard, op) for op in ops])
        return _opened(self._tyrum_guard, found)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do as `batch` does, asynchronously."""
        ops = [_clean(self._tyrum_guard, op) for op in ops]
        return _opened(self._tyrum_guard, await self._inner.abatch(ops))

    def __getattr__(self, name: str) -> Any:
        if name in GuardedStore.__slots__:  # while a copy is being made
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __enter__(self) -> Self:
        self._inner.__enter__()  # type: ignore[attr-defined]
        return self

    def __exit__(self, *failure: object) -> Any:
        return self._inner.__exit__(*failure)  # type: ignore[attr-defined]

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()  # type: ignore[attr-defined]
        return self

    async def __aexit__(self, *failure: object) -> Any:
        return await self._inner.__aexit__(*failure)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"GuardedStore({type(self._inner).__name__})"


def guard_store(store: BaseStore, redactor: Redactor) -> BaseStore:
    """Return a store that keeps what the given one keeps, but no raw value.

    Values, search queries and filters get markers, so neither the disk nor an
    embedding model sees a value. Namespaces and keys that hold one are refused,
    except for deletion: what was stored before the guard must be removable.

    Args:
        store: Any store; it is left as it is.
        redactor: Knows the values; `broker.redactor` knows everybody's.

    Returns:
        The guarded store; a store that this redactor guards already is returned
        itself.

    Raises:
        ConfigError: `store` is no store of LangGraph's.
    """
    if not isinstance(store, BaseStore):
        raise ConfigError(
            f"{type(store).__name__} is no BaseStore: pass the store that goes into "
            "compile(store=...)"
        )
    redactor = redactor_of(redactor)
    known = guard_of(store)
    guard = (known or Guard(())).plus(redactor)
    if guard is known:
        return store
    inner = store._inner if isinstance(store, GuardedStore) else store  # noqa: SLF001
    return GuardedStore(inner, guard)


def _clean(guard: Guard, op: Op) -> Op:
    if isinstance(op, ListNamespacesOp):
        paths = [condition.path for condition in op.match_conditions or ()]
        refuse_each(guard, (("a store namespace", path) for path in paths))
        return op
    if isinstance(op, SearchOp):
        refuse_each(guard, [("a store namespace", op.namespace_prefix)])
        return op._replace(
            query=guard.clean(op.query, "a store query"),
            filter=guard.clean(op.filter, "a store filter"),
        )
    if isinstance(op, PutOp) and op.value is None:
        return op
    refuse_each(guard, [("a store namespace", op.namespace), ("a store key", op.key)])
    if isinstance(op, PutOp):
        return op._replace(value=guard.clean(op.value, "a store value"))
    return op


def _opened(guard: Guard, results: list[Result]) -> list[Result]:
    """Open what was sealed for whom it is read, in the values that were found."""
    return [_opened_result(guard, result) for result in results]


def _opened_result(guard: Guard, result: Any) -> Any:
    if isinstance(result, list):
        return [_opened_result(guard, item) for item in result]
    if isinstance(result, Item) and may_be_sealed(result.value):
        found = copy.copy(result)
        found.value = guard.opened(result.value, "a store value")
        return found
    return result
