"""What the parts of the broker stand on, and how each method gets its async twin."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from langchain_tyrum.errors import TyrumError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.broker.lease.leases import Leases
    from langchain_tyrum.broker.values.lifecycle import Lifecycle

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


class Part:
    """Base of the broker's parts; `SecretBroker` fills these in."""

    _core: Core
    _leases: Leases
    _lifecycle: Lifecycle

    def _keep_armed(self) -> None:
        raise NotImplementedError

    def _checked(self, text: str) -> str:
        """Free text for the ledger, which cleans it of values: of those it is told of.

        Where they cannot be read the text is withheld; what it tells of must go on.
        """
        try:
            if text:
                self._keep_armed()
        except TyrumError:
            return "withheld: not every stored value could be read to compare"
        return text


def twin(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """The async twin of a method: the same call, in a worker thread.

    SQL drivers and providers block; a thread keeps the event loop free, and the
    decision itself is written once.
    """

    @functools.wraps(method)
    async def shell(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    shell.__name__ = f"a{method.__name__}"
    shell.__doc__ = f"Async twin of `{method.__name__}`."
    return shell
