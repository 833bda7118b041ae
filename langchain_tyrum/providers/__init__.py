"""Providers: where raw values live."""

from __future__ import annotations

from langchain_tyrum.providers.base import AsyncProvider, BaseProvider, SecretProvider
from langchain_tyrum.providers.chain import ChainProvider
from langchain_tyrum.providers.database import DatabaseProvider
from langchain_tyrum.providers.dotenv import DotenvProvider
from langchain_tyrum.providers.env import EnvProvider
from langchain_tyrum.providers.keyring import KeyringProvider
from langchain_tyrum.providers.kinds import provider_class, provider_kinds
from langchain_tyrum.providers.memory import MemoryProvider
from langchain_tyrum.providers.onepassword import OnePasswordProvider
from langchain_tyrum.providers.vault import VaultProvider

__all__ = [
    "AsyncProvider",
    "BaseProvider",
    "ChainProvider",
    "DatabaseProvider",
    "DotenvProvider",
    "EnvProvider",
    "KeyringProvider",
    "MemoryProvider",
    "OnePasswordProvider",
    "SecretProvider",
    "VaultProvider",
    "provider_class",
    "provider_kinds",
]
