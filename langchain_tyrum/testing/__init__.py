"""The shipped test kit: the leak matrix, the contract of a provider, stand-ins.

`LeakMatrix` and `assert_no_leaks` run your own graph in every way, with canaries
planted, and tell which surfaces leak. `ProviderContract` needs pytest; the rest
does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.testing.leaks import (
    Leak,
    LeakMatrix,
    LeakReport,
    LeaksFound,
    aassert_no_leaks,
    assert_no_leaks,
)
from langchain_tyrum.testing.stand_ins import FailProvider, NullProvider

if TYPE_CHECKING:
    from langchain_tyrum.testing.provider_contract import ProviderContract

__all__ = [
    "FailProvider",
    "Leak",
    "LeakMatrix",
    "LeakReport",
    "LeaksFound",
    "NullProvider",
    "ProviderContract",
    "aassert_no_leaks",
    "assert_no_leaks",
]


def __getattr__(name: str) -> object:
    """Import the contract only when it is asked for, since it needs pytest."""
    if name != "ProviderContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest  # noqa: PLC0415

    pytest.register_assert_rewrite("langchain_tyrum.testing.provider_contract")
    from langchain_tyrum.testing import provider_contract  # noqa: PLC0415

    return provider_contract.ProviderContract
