"""Values in a HashiCorp Vault or OpenBao server."""

from __future__ import annotations

from langchain_tyrum.providers.vault.provider import VaultProvider

__all__ = ["VaultProvider"]
