"""The shipped test kit: the contract of a provider, and stand-ins.

`ProviderContract` needs pytest; the rest does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.testing.stand_ins import FailProvider, NullProvider

if TYPE_CHECKING:
    from langchain_tyrum.testing.provider_contract import ProviderContract

__all__ = ["FailProvider", "NullProvider", "ProviderContract"]


def __getattr__(name: str) -> object:
    """Import the contract only when it is asked for, since it needs pytest."""
    if name != "ProviderContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest  # noqa: PLC0415

    pytest.register_assert_rewrite("langchain_tyrum.testing.provider_contract")
    from langchain_tyrum.testing import provider_contract  # noqa: PLC0415

    return provider_contract.ProviderContract
