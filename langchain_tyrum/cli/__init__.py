"""The command line. No command takes a value as an argument, and none prints one."""

from __future__ import annotations

from langchain_tyrum.cli.app import main

__all__ = ["main"]
